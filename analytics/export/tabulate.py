"""Lays rows out as a table that fits a terminal."""

import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

import duckdb
import pyarrow as pa

from analytics.text import ELLIPSIS, make_visible

GAP = "  "
NARROWEST = 6
LONGEST_LOOKED_AT = 2000
MEASURED_ROWS = 1000


def as_cell(value: Any) -> str:
    """Return a value's text in a table: one line, without anything that moves the cursor."""
    if value is None:
        return "NULL"
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"
    if isinstance(value, bool):
        return str(value).lower()
    return make_visible(str(value)[:LONGEST_LOOKED_AT])


def columns_of(text: str) -> int:
    """Return the width of the text in columns of a terminal."""
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    narrow = sum(unicodedata.combining(character) != 0 for character in text)
    return len(text) + wide - narrow


def cut(text: str, width: int) -> str:
    """Cut a text that is wider, with an ellipsis."""
    if columns_of(text) <= width:
        return text
    while columns_of(text) > width - 1:
        text = text[: max(width - 1, 0)] if len(text) >= width else text[:-1]
    return text + ELLIPSIS


def fit(wishes: Sequence[int], width: int) -> list[int]:
    """Return the columns' widths: their wishes, or less for the widest until all fit or are narrow."""
    widths = list(wishes)
    room = width - len(GAP) * (len(widths) - 1)
    while sum(widths) > room:
        widest = max(widths)
        if widest <= NARROWEST:
            break
        second = max((each for each in widths if each < widest), default=NARROWEST)
        share = widths.count(widest)
        excess = sum(widths) - room
        smaller = max(second, NARROWEST, widest - -(-excess // share))
        widths = [smaller if each == widest else each for each in widths]
    return widths


def columns_that_fit(columns: int, width: int) -> int:
    """Return the number of columns that fit side by side, each at its narrowest."""
    return min(columns, max((width + len(GAP)) // (NARROWEST + len(GAP)), 1))


def is_number(kind: pa.DataType) -> bool:
    """Say whether a column holds numbers, which align right."""
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def table_lines(table: pa.Table, width: int) -> Iterable[str]:
    """Yield the lines of a table: names, a rule, then a line for each row. Columns that can't fit are left out."""
    table = table.select(range(columns_that_fit(table.num_columns, width)))
    names = [make_visible(name) for name in table.column_names]
    if not names:
        return
    first = [[as_cell(value) for value in values_of(column)] for column in table.slice(0, MEASURED_ROWS).columns]
    wishes = [max([columns_of(name), *map(columns_of, cells)]) for name, cells in zip(names, first, strict=True)]
    widths = fit(wishes, width)
    right = [is_number(field.type) for field in table.schema]

    def line(cells: Iterable[str]) -> str:
        padded = []
        for cell, size, to_right in zip(cells, widths, right, strict=True):
            text = cut(cell, size)
            space = " " * (size - columns_of(text))
            padded.append(space + text if to_right else text + space)
        return GAP.join(padded).rstrip()

    yield line(names)
    yield GAP.join("─" * size for size in widths)
    for batch in table.to_batches(max_chunksize=MEASURED_ROWS):
        for row in zip(*map(values_of, batch.columns), strict=True):
            yield line(map(as_cell, row))


def values_of(column: "pa.Array[Any] | pa.ChunkedArray[Any]") -> list[Any]:
    """Return a column's values; one that Python can't represent, such as the moment `infinity`, as DuckDB's text."""
    try:
        return column.to_pylist()
    except (OverflowError, ValueError):
        return [value_of(column.slice(place, 1)) for place in range(len(column))]


def value_of(single: "pa.Array[Any] | pa.ChunkedArray[Any]") -> Any:
    """Return the one value of an array."""
    try:
        return single[0].as_py()
    except (OverflowError, ValueError):
        with duckdb.connect() as connection:
            return connection.from_arrow(pa.table([single], names=["value"])).project("value::VARCHAR").fetchall()[0][0]
