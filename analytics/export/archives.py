"""Reads notifications in parts of bounded size, and writes any number of them as an archive, CSV or Parquet."""

import base64
import csv
import io
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from functools import partial
from typing import IO, Any, NamedTuple, TypeVar

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from analytics import queries
from analytics.client.client import Client
from analytics.errors import NotAQueryError, NotRunningError, QueryError, TooManyBytesError, TooManyRowsError
from analytics.export.sorted_lake import UTC_MOMENT, SortedLake
from analytics.export.sql_formats import as_field
from analytics.senders import find_sender_of, list_shipped

ROWS_OF_A_PART = 10_000
BYTES_OF_A_PART = 32 * 1024 * 1024
WIDEST = 2_000_000
PATIENCE_SECONDS = 60.0
PAUSE_SECONDS = 0.5

T = TypeVar("T")
NOT_BASE64 = "(no base64, and so not kept)"
TOLD_BY_HEADERS = (
    "category", "action", "account_alias", "entity_id", "actor", "occurred_at",
    "signature_status", "signature", "key_fingerprint", "proof", "signature_detail", "delivery_id",
)  # fmt: skip
"""The columns of other senders' notifications that can't be derived from the body alone."""
ROWS_AT_ONCE = 1_000
ROWS_OF_A_GROUP = 100_000
BYTES_OF_A_GROUP = 64 * 1024 * 1024


class ExportFilter(NamedTuple):
    """Notifications from `since` to before `until`, by account, event or category, and sender; None is all."""

    since: datetime | None = None
    until: datetime | None = None
    accounts: list[str] | None = None
    events: list[str] | None = None
    senders: list[str] | None = None


class SeqRange(NamedTuple):
    """The first and the last `seq` of some notifications; `first` is after `last` where there are none."""

    first: int
    last: int


class ExportPart(NamedTuple):
    """Notifications in order of `seq`; with them, everything up to `reached` is read."""

    table: pa.Table
    reached: int


def find_range(client: Client, chosen: ExportFilter) -> SeqRange:
    """Return the range of `seq` in which the chosen notifications lie now.

    Raises:
        AnalyticsError: no answer.
    """
    (row,) = client.sql(*queries.make_query("export_extent", chosen._asdict())).to_pylist()
    return SeqRange(1, 0) if row["first"] is None else SeqRange(row["first"], row["last"])


def count_chosen(client: Client, chosen: ExportFilter) -> int:
    """Return the number of the chosen notifications.

    Raises:
        AnalyticsError: no answer.
    """
    (row,) = client.sql(*queries.make_query("export_count", chosen._asdict())).to_pylist()
    return int(row["rows"])


def read_lake(location: str, chosen: ExportFilter) -> Iterator[pa.Table]:
    """Yield the chosen notifications of a lake with all columns, in at least one part, which may have no rows.

    Raises:
        AnalyticsError: the lake can't be read.
    """
    lake = SortedLake(location)
    try:
        query = queries.make_query("export_month", chosen._asdict())
        yield from map(convert_to_utc, lake.read_notifications(*query, chosen.since, chosen.until))
    finally:
        lake.close()


def read_parts(
    client: Client,
    chosen: ExportFilter,
    extent: SeqRange,
    *,
    most_rows: int = ROWS_OF_A_PART,
    most_bytes: int = BYTES_OF_A_PART,
) -> Iterator[ExportPart]:
    """Yield the chosen notifications with all columns, in at least one part, which may have no rows.

    Args:
        client: asks for one part at a time.
        chosen: which notifications.
        extent: the range of `seq`.
        most_rows: the most rows of a part.
        most_bytes: a part ends after so many bytes of bodies; its last body may exceed them.

    Raises:
        AnalyticsError: no answer, even after a while.
    """
    reached, width = extent.first - 1, most_rows
    while True:
        upto = min(reached + width, extent.last)
        bounds = {"first": reached + 1, "last": upto, "page_rows": most_rows, "most": most_bytes}
        query = queries.make_query("export_part", chosen._asdict() | bounds)
        table = convert_to_utc(insist(partial(client.sql, *query)))
        reached = find_reached(table, upto, most_rows, most_bytes)
        yield ExportPart(table, reached)
        if reached >= extent.last:
            return
        if reached < upto:
            width = max(width // 2, most_rows)
        elif table.num_rows < most_rows // 2:
            width = min(width * 2, WIDEST)


def find_reached(table: pa.Table, upto: int, most_rows: int, most_bytes: int) -> int:
    """Return the last `seq` of a part: the end of the range, or that of the last row where it was cut."""
    body_bytes = pc.sum(pc.binary_length(table.column("payload"))).as_py() or 0
    if table.num_rows and (table.num_rows >= most_rows or body_bytes >= most_bytes):
        return int(table.column("seq")[-1].as_py())
    return upto


def insist(ask: Callable[[], T], patience: float = PATIENCE_SECONDS) -> T:
    """Return an answer; ask again for a while where the receiver is busy or restarts.

    Raises:
        AnalyticsError: the receiver stayed away, or the question can't be answered.
    """
    deadline = time.monotonic() + patience
    while True:
        try:
            return ask()
        except (NotAQueryError, TooManyBytesError, TooManyRowsError):
            raise
        except (NotRunningError, QueryError):
            if time.monotonic() > deadline:
                raise
            time.sleep(PAUSE_SECONDS)


def convert_to_utc(table: pa.Table) -> pa.Table:
    """Convert the moments of a table to UTC, whatever the time zone of the answer."""
    for place, field in enumerate(table.schema):
        if pa.types.is_timestamp(field.type) and field.type != UTC_MOMENT:
            table = table.set_column(place, field.name, table.column(place).cast(UTC_MOMENT))
    return table


def as_utc(moment: datetime) -> str:
    """Return a moment in ISO 8601, to the microsecond, in UTC."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def write_archive_line(row: dict[str, Any]) -> bytes:
    """Return a notification as a line of an archive; `clc-receiver import` makes the same notification of it.

    The store keeps no header that was not base64; another text that is not base64 replaces it, so the verdict stays.
    """
    if row.get("sender") not in {None, *(sender.name for sender in list_shipped())}:
        return _write_line_of_another_sender(row)
    headers = {}
    if row["signature_status"] != "missing":
        header = find_sender_of(row["category"], row.get("sender")).signature_header
        headers[header] = write_signature(row["signature"])
    line = {
        "received_at": as_utc(row["received_at"]),
        "event": row["event_type"] or row["category"],
        "source_ip": row["source_ip"],
        "headers": headers,
        "body": row["payload"],
    }
    return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)


def write_signature(signature: bytes | None) -> str:
    """Return the value of a signature's header; `NOT_BASE64` replaces a value that was not base64 and not kept."""
    return NOT_BASE64 if signature is None else base64.b64encode(signature).decode()


def _write_line_of_another_sender(row: dict[str, Any]) -> bytes:
    """Return a line with the columns that headers may have told, because the store keeps no headers."""
    signature = row["signature"]
    columns = {name: row[name] for name in TOLD_BY_HEADERS} | {
        "occurred_at": as_utc(row["occurred_at"]),
        "signature": None if signature is None else base64.b64encode(signature).decode(),
    }
    line = {
        "received_at": as_utc(row["received_at"]),
        "sender": row["sender"],
        "event": row["event_type"],
        "source_ip": row["source_ip"],
        "headers": {},
        "body": row["payload"],
        "row": columns,
    }
    return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)


def list_rows(table: pa.Table) -> Iterator[dict[str, Any]]:
    """Yield the rows as Python's objects, made a few at a time."""
    for batch in table.to_batches(max_chunksize=ROWS_AT_ONCE):
        yield from batch.to_pylist()


def write_archive(tables: Iterable[pa.Table], out: IO[bytes]) -> int:
    """Write an archive and return its number of lines."""
    count = 0
    for table in tables:
        out.writelines(map(write_archive_line, list_rows(table)))
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
        writer.writerows(map(as_field, row.values()) for row in list_rows(table))
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
    rows = size = 0
    for table in tables:
        waiting.append(table)
        rows, size = rows + table.num_rows, size + table.nbytes
        if rows >= ROWS_OF_A_GROUP or size >= BYTES_OF_A_GROUP:
            yield pa.concat_tables(waiting)
            waiting, rows, size = [], 0, 0
    if waiting:
        yield pa.concat_tables(waiting)


WRITERS: dict[str, Callable[[Iterable[pa.Table], IO[bytes]], int]] = {
    "jsonl": write_archive,
    "csv": write_csv,
    "parquet": write_parquet,
}
