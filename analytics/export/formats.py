"""Writes an answer in one of the formats of `clc-analytics sql`."""

import base64
import csv
import io
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import IO, Any, cast

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from analytics.export.tabulate import table_lines, values_of
from analytics.text import make_json_visible

ROWS_AT_ONCE = 10_000
LARGEST_JSON_INTEGER = 2**63 - 1
BINARY = ("parquet", "arrow")
SUFFIXES = {".csv": "csv", ".json": "json", ".parquet": "parquet", ".arrow": "arrow", ".arrows": "arrow"}


def rows_of(table: pa.Table) -> Iterator[tuple[Any, ...]]:
    """Yield the rows as tuples; columns with the same name stay separate."""
    for batch in table.to_batches(max_chunksize=ROWS_AT_ONCE):
        yield from zip(*map(values_of, batch.columns), strict=True)


def jsonable(value: Any) -> Any:
    """Return a JSON form of a value that has none of its own: base64 for bytes, a number or text for others."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, Decimal):
        if value != value.to_integral_value():
            return float(value)
        return int(value) if abs(value) <= LARGEST_JSON_INTEGER else str(value)
    if isinstance(value, timedelta):
        return value.total_seconds()
    return str(value)


def make_distinct(names: list[str]) -> list[str]:
    """Number the names that come again, because an object's keys must differ."""
    seen: dict[str, int] = {}
    result = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        result.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return result


def write_json(table: pa.Table, out: IO[bytes], width: int) -> None:  # noqa: ARG001 - all writers have one signature
    """Write an array of objects, one a line."""
    names = make_distinct(table.column_names)
    separator = b"[\n"
    for row in rows_of(table):
        out.write(separator)
        line = orjson.dumps(dict(zip(names, row, strict=True)), default=jsonable, option=orjson.OPT_NON_STR_KEYS)
        out.write(make_json_visible(line))
        separator = b",\n"
    out.write(b"[]\n" if separator == b"[\n" else b"\n]\n")


def as_field(value: Any) -> Any:
    """Return a value as a field of CSV: times as ISO 8601, lists and structs as JSON, NULL as nothing."""
    if value is None or isinstance(value, (str, int, float, Decimal)):
        return value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, (list, dict)):
        return orjson.dumps(value, default=jsonable, option=orjson.OPT_NON_STR_KEYS).decode()
    return jsonable(value)


def write_csv(table: pa.Table, out: IO[bytes], width: int) -> None:  # noqa: ARG001
    """Write a line of names, then a line for each row (RFC 4180, UTF-8)."""
    text = io.TextIOWrapper(out, encoding="utf-8", newline="", write_through=False)
    try:
        writer = csv.writer(text)
        writer.writerow(table.column_names)
        for row in rows_of(table):
            writer.writerow(map(as_field, row))
        text.flush()
    finally:
        text.detach()


def write_table(table: pa.Table, out: IO[bytes], width: int) -> None:
    """Write a table for people, cut to `width` columns."""
    for line in table_lines(table, width):
        out.write(line.encode() + b"\n")


def write_parquet(table: pa.Table, out: IO[bytes], width: int) -> None:  # noqa: ARG001
    """Write a Parquet file."""
    pq.write_table(table, out, compression="zstd")


def write_arrow(table: pa.Table, out: IO[bytes], width: int) -> None:  # noqa: ARG001
    """Write an Arrow IPC stream."""
    with pa.ipc.new_stream(pa.PythonFile(cast("io.IOBase", out), mode="w"), table.schema) as writer:
        writer.write_table(table)


WRITERS: dict[str, Callable[[pa.Table, IO[bytes], int], None]] = {
    "table": write_table,
    "csv": write_csv,
    "json": write_json,
    "parquet": write_parquet,
    "arrow": write_arrow,
}
