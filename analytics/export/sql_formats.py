"""Writes an answer in one of the formats of `clc-analytics sql`; its table for people fits a terminal."""

import base64
import csv
import io
import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count
from math import isfinite
from typing import IO, Any, cast

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from analytics.client.arrow_types import cast_by_duckdb
from analytics.text import ELLIPSIS, make_json_visible, make_visible

ROWS_AT_ONCE = 10_000
LARGEST_JSON_INTEGER = 2**63 - 1
BINARY = ("parquet", "arrow")
SUFFIXES = {
    ".txt": "table", ".csv": "csv", ".json": "json", ".parquet": "parquet", ".arrow": "arrow", ".arrows": "arrow",
}  # fmt: skip
GAP = "  "
LONGEST_WHOLE = 36  # as a UUID
LEAST_OF_LONG_TEXT = 24
WHOLE = sys.maxsize
LONGEST_LOOKED_AT = 2000
MEASURED_ROWS = 1000
SECONDS = pa.timestamp("s")


def list_rows(table: pa.Table) -> Iterator[tuple[Any, ...]]:
    """Yield the rows as tuples; columns with the same name stay separate."""
    for batch in table.to_batches(max_chunksize=ROWS_AT_ONCE):
        yield from zip(*map(list_values, batch.columns), strict=True)


def to_json(value: Any) -> Any:
    """Return a JSON form of a value that has none of its own: base64 for bytes, a number or text for others."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, Decimal):
        if value != value.to_integral_value():
            return float(value)
        return int(value) if abs(value) <= LARGEST_JSON_INTEGER else str(value)
    if isinstance(value, timedelta):
        return format_interval(value)
    return value.isoformat() if isinstance(value, datetime) else str(value)


def format_interval(interval: timedelta) -> str:
    """Return a duration as DuckDB writes it: `6 days 07:26:08`, with the microseconds where there are any."""
    sign = "-" if interval < timedelta(0) else ""
    whole = abs(interval)
    minutes, seconds = divmod(whole.seconds, 60)
    days = f"{sign}{whole.days} day{'' if whole.days == 1 else 's'}" if whole.days else ""
    clock = f"{sign}{minutes // 60:02}:{minutes % 60:02}:{seconds:02}"
    if whole.microseconds:
        clock += f".{whole.microseconds:06}".rstrip("0")
    return " ".join(filter(None, [days, clock if whole.seconds or whole.microseconds or not days else ""]))


def make_storable(table: pa.Table) -> pa.Table:
    """Return rows that Parquet can store: a column that it can't, such as one of empty structs, becomes text."""
    for place, field in enumerate(table.schema):
        try:
            pq.write_metadata(pa.schema([field]), pa.BufferOutputStream())
            if field.type == SECONDS:
                table.column(place).cast(pa.timestamp("ms"))  # as it stores seconds, for which `infinity` is too far
        except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
            texts = [None if value is None else str(as_field(value)) for value in list_values(table.column(place))]
            table = table.set_column(place, field.name, pa.array(texts, pa.string()))
    return table


def make_distinct(names: list[str]) -> list[str]:
    """Number the names that come again, because an object's keys must differ; no number makes another column's name."""
    taken = set(names)
    numbers: dict[str, Iterator[int]] = {}
    result = []
    for name in names:
        distinct = name
        if name in numbers:
            distinct = next(each for number in numbers[name] if (each := f"{name}_{number}") not in taken)
            taken.add(distinct)
        else:
            numbers[name] = count(2)
        result.append(distinct)
    return result


def name_apart(table: pa.Table) -> pa.Table:
    """Return the rows with distinct column names, without which many programs read one column or none."""
    return table.rename_columns(make_distinct(table.column_names))


def write_json(table: pa.Table, out: IO[bytes], width: int) -> None:  # noqa: ARG001 - all writers have one signature
    """Write an array of objects, one a line."""
    names = make_distinct(table.column_names)
    separator = b"[\n"
    for row in list_rows(table):
        out.write(separator)
        line = orjson.dumps(dict(zip(names, row, strict=True)), default=to_json, option=orjson.OPT_NON_STR_KEYS)
        out.write(make_json_visible(line))
        separator = b",\n"
    out.write(b"[]\n" if separator == b"[\n" else b"\n]\n")


class PlainDecimal(Decimal):
    """A number whose text has no exponent; that of a small decimal would be `0E-9`."""

    def __str__(self) -> str:
        """Return its digits."""
        return f"{self:f}"


def as_field(value: Any) -> Any:
    """Return a value as a field of CSV: times as ISO 8601, lists and structs as JSON, NULL as nothing."""
    if isinstance(value, Decimal):
        return PlainDecimal(value)
    if value is None or isinstance(value, (str, int, float)):
        return value
    if isinstance(value, datetime):
        # One form in a column, or pandas reads it as text. A column with nanoseconds has values of pandas.
        return value.isoformat(timespec="nanoseconds" if hasattr(value, "nanosecond") else "microseconds")
    if isinstance(value, (list, dict)):
        return orjson.dumps(name_no_numbers(value), default=to_json, option=orjson.OPT_NON_STR_KEYS).decode()
    return to_json(value)


def name_no_numbers(value: Any) -> Any:
    """Return a list or struct with texts for NaN and infinity, which JSON would write as null."""
    if isinstance(value, float) and not isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {name: name_no_numbers(part) for name, part in value.items()}
    return [*map(name_no_numbers, value)] if isinstance(value, (list, tuple)) else value


def write_csv(table: pa.Table, out: IO[bytes], width: int) -> None:  # noqa: ARG001
    """Write a line of names, then a line for each row (RFC 4180, UTF-8)."""
    text = io.TextIOWrapper(out, encoding="utf-8", newline="", write_through=False)
    try:
        writer = csv.writer(text)
        writer.writerow(make_distinct(table.column_names))
        for row in list_rows(table):
            writer.writerow(map(as_field, row))
        text.flush()
    finally:
        text.detach()


def write_table(table: pa.Table, out: IO[bytes], width: int) -> None:
    """Write a table for people, cut to `width` columns."""
    out.writelines(line.encode() + b"\n" for line in format_table(table, width))


def write_parquet(table: pa.Table, out: IO[bytes], width: int) -> None:  # noqa: ARG001
    """Write a Parquet file."""
    pq.write_table(make_storable(name_apart(table)), out, compression="zstd")


def write_arrow(table: pa.Table, out: IO[bytes], width: int) -> None:  # noqa: ARG001
    """Write an Arrow IPC stream."""
    table = name_apart(table)
    with pa.ipc.new_stream(pa.PythonFile(cast("io.IOBase", out), mode="w"), table.schema) as writer:
        writer.write_table(table)


def as_cell(value: Any) -> str:
    """Return a value's text in a table: one line, without anything that moves the cursor."""
    if value is None:
        return "NULL"
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, timedelta):
        return format_interval(value)
    text = str(as_field(value) if isinstance(value, (Decimal, list, dict)) else value)
    return make_visible(text[:LONGEST_LOOKED_AT])


def count_columns(text: str) -> int:
    """Return the width of the text in columns of a terminal."""
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    narrow = sum(unicodedata.combining(character) != 0 for character in text)
    return len(text) + wide - narrow


def cut(text: str, width: int) -> str:
    """Cut a text that is wider, with an ellipsis."""
    if count_columns(text) <= width:
        return text
    while count_columns(text) > width - 1:
        text = text[: max(width - 1, 0)] if len(text) >= width else text[:-1]
    return text + ELLIPSIS


def fit(wishes: Sequence[int], leasts: Sequence[int], width: int) -> list[int]:
    """Return the columns' widths: their wishes, or less for the widest until all fit or have their least."""
    widths = list(wishes)
    room = width - len(GAP) * (len(widths) - 1)
    while (excess := sum(widths) - room) > 0:
        wider = [size for size, least in zip(widths, leasts, strict=True) if size > least]
        if not wider:
            break
        widest = max(wider)
        second = max((size for size in wider if size < widest), default=0)
        smaller = max(second, widest - -(-excess // wider.count(widest)))
        widths = [
            max(smaller, least) if least < size == widest else size for size, least in zip(widths, leasts, strict=True)
        ]
    return widths


def choose_widths(table: pa.Table, width: int) -> list[tuple[int, int]]:
    """Return the widths of the first columns that fit side by side: one at least, names and all but long text whole.

    With each comes the width at which a cell is cut. Numbers and names in rows that are not measured may be wider.
    """
    wishes: list[int] = []
    leasts: list[int] = []
    limits: list[int] = []
    for name, column in zip(table.column_names, table.slice(0, MEASURED_ROWS).columns, strict=True):
        header = count_columns(make_visible(name))
        wish = max([header, *(count_columns(as_cell(value)) for value in list_values(column))])
        is_text = pa.types.is_string(column.type) or pa.types.is_nested(column.type)
        is_long = is_text and wish > LONGEST_WHOLE
        least = max(header, LEAST_OF_LONG_TEXT) if is_long else wish
        if leasts and sum(leasts) + least + len(GAP) * len(leasts) > width:
            break
        wishes.append(wish)
        leasts.append(min(least, width))
        limits.append(0 if is_long else min(LONGEST_WHOLE, width) if is_text else WHOLE)
    return [(size, max(size, limit)) for size, limit in zip(fit(wishes, leasts, width), limits, strict=True)]


def is_number(kind: pa.DataType) -> bool:
    """Say whether a column holds numbers, which align right."""
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def format_table(table: pa.Table, width: int) -> Iterable[str]:
    """Yield the lines of a table: names, a rule, then a line for each row. Columns that can't fit are left out."""
    widths = choose_widths(table, width)
    table = table.select(range(len(widths)))
    names = [make_visible(name) for name in table.column_names]
    if not names:
        return
    right = [is_number(field.type) for field in table.schema]

    def format_line(cells: Iterable[str]) -> str:
        padded = []
        for cell, (size, limit), to_right in zip(cells, widths, right, strict=True):
            text = cut(cell, limit)
            space = " " * (size - count_columns(text))
            padded.append(space + text if to_right else text + space)
        return GAP.join(padded).rstrip()

    yield format_line(names)
    yield GAP.join("─" * size for size, _ in widths)
    for row in list_rows(table):
        yield format_line(map(as_cell, row))


def list_values(column: "pa.Array[Any] | pa.ChunkedArray[Any]") -> list[Any]:
    """Return a column's values; one that Python can't represent, such as the moment `infinity`, as DuckDB's text.

    A FLOAT is the double with the same digits: 0.1, where its own value is 0.10000000149011612.
    """
    column = widen_floats(column)
    try:
        return column.to_pylist()
    except (OverflowError, ValueError):
        texts = cast_by_duckdb(column).to_pylist()
        return [read_value(value, text) for value, text in zip(column, texts, strict=True)]


def widen_floats(column: "pa.Array[Any] | pa.ChunkedArray[Any]") -> Any:
    """Return a column of FLOAT as doubles of the same digits; any other column as it is."""
    return column.cast(pa.string()).cast(pa.float64()) if pa.types.is_float32(column.type) else column


def read_value(value: "pa.Scalar[Any]", text: str | None) -> Any:
    """Return a value of an array; where Python can't represent it, its text."""
    try:
        return value.as_py()
    except (OverflowError, ValueError):
        return text


WRITERS: dict[str, Callable[[pa.Table, IO[bytes], int], None]] = {
    "table": write_table, "csv": write_csv, "json": write_json, "parquet": write_parquet, "arrow": write_arrow,
}  # fmt: skip
