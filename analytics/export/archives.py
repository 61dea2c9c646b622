"""Writes notifications, a table at a time, as an archive, CSV or Parquet."""

import base64
import csv
import io
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import IO, Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from analytics.export.formats import as_field
from analytics.senders import sender_of

NOT_BASE64 = "(no base64, and so not kept)"
ROWS_AT_ONCE = 1_000
ROWS_OF_A_GROUP = 100_000
BYTES_OF_A_GROUP = 64 * 1024 * 1024


def as_utc(moment: datetime) -> str:
    """Return a moment in ISO 8601, to the microsecond, in UTC."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def archive_line(row: dict[str, Any]) -> bytes:
    """Return a notification as a line of an archive; `clc-receiver import` makes the same notification of it.

    The store keeps no header that was not base64; another text that is not base64 replaces it, so the verdict stays.
    """
    headers = {}
    if row["signature_status"] != "missing":
        signature = row["signature"]
        header = sender_of(row["category"]).signature_header
        headers[header] = NOT_BASE64 if signature is None else base64.b64encode(signature).decode()
    line = {
        "received_at": as_utc(row["received_at"]),
        "event": row["event_type"] or row["category"],
        "source_ip": row["source_ip"],
        "headers": headers,
        "body": row["payload"],
    }
    return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)


def rows_of(table: pa.Table) -> Iterator[dict[str, Any]]:
    """Yield the rows as Python's objects, made a few at a time."""
    for batch in table.to_batches(max_chunksize=ROWS_AT_ONCE):
        yield from batch.to_pylist()


def write_archive(tables: Iterable[pa.Table], out: IO[bytes]) -> int:
    """Write an archive and return its number of lines."""
    count = 0
    for table in tables:
        out.writelines(map(archive_line, rows_of(table)))
        count += table.num_rows
    return count


def write_csv(tables: Iterable[pa.Table], out: IO[bytes]) -> int:
    """Write the names, then a line for each notification (RFC 4180, UTF-8), and return the number of notifications."""
    count = None
    for table in tables:
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        if count is None:
            count = 0
            writer.writerow(table.column_names)
        writer.writerows(map(as_field, row.values()) for row in rows_of(table))
        out.write(text.getvalue().encode())
        count += table.num_rows
    return count or 0


def write_parquet(tables: Iterable[pa.Table], out: IO[bytes]) -> int:
    """Write a Parquet file of at least one table, and return its number of rows."""
    groups = group_tables(tables)
    first = next(groups)
    count = first.num_rows
    with pq.ParquetWriter(out, first.schema, compression="zstd") as writer:
        writer.write_table(first)
        for group in groups:
            writer.write_table(group)
            count += group.num_rows
    return count


def group_tables(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """Join tables until they fill a row group, and yield each group."""
    waiting: list[pa.Table] = []
    for table in tables:
        waiting.append(table)
        rows, size = sum(each.num_rows for each in waiting), sum(each.nbytes for each in waiting)
        if rows >= ROWS_OF_A_GROUP or size >= BYTES_OF_A_GROUP:
            yield pa.concat_tables(waiting)
            waiting = []
    if waiting:
        yield pa.concat_tables(waiting)


WRITERS: dict[str, Callable[[Iterable[pa.Table], IO[bytes]], int]] = {
    "jsonl": write_archive,
    "csv": write_csv,
    "parquet": write_parquet,
}
