"""Replaces values of an answer that other programs can't take, and makes DataFrames of answers.

DuckDB sends an INTERVAL as months, days and nanoseconds. Parquet and pandas have no such type, and nothing sorts it.
"""

from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeAlias

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from duckdb.sqltypes import DuckDBPyType

if TYPE_CHECKING:
    import pandas as pd

DURATION = pa.duration("us")
PARTS_OF_INTERVAL = np.dtype([("months", "<i4"), ("days", "<i4"), ("nanoseconds", "<i8")])
"""The layout of Arrow's interval. Source: Arrow's Schema.fbs, `IntervalUnit.MONTH_DAY_NANO`."""
MICROSECONDS_OF_A_DAY = 86_400_000_000
INFINITY = 2**63 - 1
"""DuckDB's moment `infinity`, in any unit. Python has no such year, but takes that many nanoseconds for one in 2262."""
LARGEST_EXACT = 2**53
"""Up to here a double holds every whole number. pandas has doubles where whole numbers stand beside NULL."""
MOST_DAYS = 100_000_000  # in microseconds, 64 bits hold no more than 106,751,991 days
_NOT_REPRESENTED = (pa.ArrowInvalid, pa.ArrowNotImplementedError, ValueError, OverflowError)
AS_TEXT = frozenset({"bignum", "bit", "time with time zone", "time_ns", "uhugeint", "union", "variant"})
"""Types that Arrow lacks: DuckDB's export changes their values, or sends its own bytes."""
AS_TEXT_IN_PARTS = AS_TEXT | {"interval", "time", "timestamp_ns", "timestamp_s", "timestamptz_ns"}
"""Types that Arrow has, without some of their values, such as `24:00:00` and `infinity`."""
NESTED = frozenset({"array", "list", "map", "struct", "tuple"})

Column: TypeAlias = "pa.ChunkedArray[Any]"


def cast_to_text(relation: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """Return a query with text for its columns of types that Arrow lacks, as the query service does."""
    if not any(map(comes_as_text, relation.types)):
        return relation
    columns = []
    for place, (name, kind) in enumerate(zip(relation.columns, relation.types, strict=True), 1):
        quoted = name.replace('"', '""')
        columns.append(f'#{place}{"::VARCHAR" if comes_as_text(kind) else ""} AS "{quoted}"')
    return relation.project(", ".join(columns))


def comes_as_text(kind: DuckDBPyType, *, is_part: bool = False) -> bool:
    """Tell whether Arrow lacks a type, or values of a part of it."""
    if kind.id in NESTED:
        return any(comes_as_text(part, is_part=True) for _, part in kind.children if isinstance(part, DuckDBPyType))
    return kind.id in (AS_TEXT_IN_PARTS if is_part else AS_TEXT)


def convert_types(table: pa.Table) -> pa.Table:
    """Return an answer with durations for its intervals, and text for columns with a value that Python would change.

    A column of intervals becomes `duration[us]`, a day being 24 hours. If one of them has months, the whole column
    becomes DuckDB's text, because months have no fixed length.
    """
    for place, field in enumerate(table.schema):
        column = table.column(place)
        if pa.types.is_interval(field.type):
            table = table.set_column(place, field.name, convert_intervals(column))
        elif has_changing_value(column):
            table = table.set_column(place, field.name, cast_by_duckdb(column))
    return table


def has_changing_value(column: Column) -> bool:
    """Tell whether a column has the time `24:00:00`, or `infinity` in nanoseconds: Python takes them for others."""
    if pa.types.is_time64(column.type):
        least = MICROSECONDS_OF_A_DAY
    elif pa.types.is_timestamp(column.type) and column.type.unit == "ns":
        least = INFINITY
    else:
        return False
    return find_largest(column.cast(pa.int64())) >= least


def find_largest(column: Column) -> int:
    """Return the largest absolute value of whole numbers; 0 where there are none."""
    bounds: list[int] = [find(column).as_py() or 0 for find in (pc.min, pc.max)]
    return max(map(abs, bounds))


def convert_intervals(column: Column) -> Column:
    """Return intervals as durations, or as text if one of them has months or is too long."""
    chunks = []
    for chunk in column.chunks:
        data = chunk.buffers()[1]
        if data is None or not len(chunk):
            continue
        begin = chunk.offset * PARTS_OF_INTERVAL.itemsize
        parts = np.frombuffer(memoryview(data), PARTS_OF_INTERVAL, len(chunk), begin)
        missing = chunk.is_null().to_numpy(zero_copy_only=False)
        if (~missing & ((parts["months"] != 0) | (np.abs(parts["days"].astype(np.int64)) > MOST_DAYS))).any():
            return cast_by_duckdb(column)
        microseconds = parts["days"].astype(np.int64) * MICROSECONDS_OF_A_DAY + parts["nanoseconds"] // 1_000
        chunks.append(pa.array(microseconds, pa.int64(), mask=missing).cast(DURATION))
    return pa.chunked_array(chunks, DURATION)


def cast_by_duckdb(column: "Column | pa.Array[Any]") -> Column:
    """Return a column as DuckDB writes its values."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")  # it writes times as text in the machine's otherwise
        values = connection.from_arrow(pa.table([column], names=["value"]))
        table: pa.Table = values.project("value::VARCHAR AS value").to_arrow_table()
        return table.column(0)


def make_frame(table: pa.Table) -> "pd.DataFrame":
    """Return an answer as a DataFrame; a column with a value that pandas can't represent becomes text.

    Whole numbers beside NULL are doubles, as pandas has them; Python's own where one in their column has too many
    digits.
    """
    with suppress(*_NOT_REPRESENTED):
        return _convert(table)
    for place, field in enumerate(table.schema):
        try:
            _convert(table.select([place]))
        except _NOT_REPRESENTED:
            table = table.set_column(place, field.name, cast_by_duckdb(table.column(place)))
    return _convert(table)


def check_times(column: Column) -> None:
    """Check that Python can represent all times of a column: pandas takes others, and then can't show them.

    Raises:
        ValueError: it can't, as the moment `infinity`.
        OverflowError: it can't.
    """
    if pa.types.is_timestamp(column.type):
        pc.min_max(column).as_py()


def loses_digits(column: Column) -> bool:
    """Say whether pandas may round whole numbers of a column, because they stand beside NULL."""
    if pa.types.is_integer(column.type):
        return bool(column.null_count) and find_largest(column) > LARGEST_EXACT
    return pa.types.is_nested(column.type)


def _convert(table: pa.Table) -> "pd.DataFrame":
    for column in table.itercolumns():
        check_times(column)
    # Waking Arrow's threads takes longer than converting ten thousand rows, and saves nothing with a million.
    frame = table.to_pandas(use_threads=False)
    for place, column in enumerate(table.itercolumns()):
        if loses_digits(column):
            frame.isetitem(place, column.to_pandas(integer_object_nulls=True).to_numpy())
    return frame
