"""Replaces the types of an Arrow answer that other programs can't take: intervals, unions, and BIGNUM.

DuckDB sends an INTERVAL as months, days and nanoseconds. Parquet and pandas have no such type, and nothing sorts it.
"""

from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeAlias

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from duckdb.sqltypes import VARCHAR, DuckDBPyType

if TYPE_CHECKING:
    import pandas as pd

DURATION = pa.duration("us")
PARTS_OF_INTERVAL = np.dtype([("months", "<i4"), ("days", "<i4"), ("nanoseconds", "<i8")])
"""The layout of Arrow's interval. Source: Arrow's Schema.fbs, `IntervalUnit.MONTH_DAY_NANO`."""
MICROSECONDS_OF_A_DAY = 86_400_000_000
ONE_DAY = {"us": MICROSECONDS_OF_A_DAY, "ns": 1_000 * MICROSECONDS_OF_A_DAY}
INFINITY = 2**63 - 1
"""DuckDB's moment `infinity`, in any unit. Python has no such year, but takes that many nanoseconds for one in 2262."""
LARGEST_EXACT = 2**53
"""Up to here a double holds every whole number. pandas has doubles where whole numbers stand beside NULL."""
MOST_DAYS = 100_000_000  # in microseconds, 64 bits hold no more than 106,751,991 days
_NOT_REPRESENTED = (pa.ArrowInvalid, pa.ArrowNotImplementedError, ValueError, OverflowError)
CHANGED = frozenset({"bit", "time with time zone", "uhugeint", "variant"})
"""Types without a form in Arrow, whose values DuckDB changes as it sends them, or sends as its own bytes."""
NESTED = frozenset({"array", "list", "map", "struct", "tuple", "union"})
AS_TEXT = CHANGED | {"bignum", "interval", "tuple", "union"}
TIMES = frozenset({"time", "time_ns"})
NANOSECONDS = frozenset({"timestamp_ns", "timestamptz_ns"})

Column: TypeAlias = "pa.ChunkedArray[Any]"
IsSought: TypeAlias = Callable[[pa.DataType], bool]


def convert_types(table: pa.Table) -> pa.Table:
    """Return an answer with durations for its intervals, and with text for the values of types that only DuckDB has.

    A column of intervals becomes `duration[us]`, a day being 24 hours. If one of them has months, the whole column
    becomes DuckDB's text, because months have no fixed length. Intervals in lists, structs and maps become text, too.
    In a column with the time `24:00:00`, which Arrow, Parquet and Python lack, all times become text; so do moments
    in nanoseconds where one is `infinity`.
    """
    for place, field in enumerate(table.schema):
        if pa.types.is_interval(field.type):
            converted = convert_intervals(table.column(place))
        elif lacking := find_lacking(table.column(place)):
            converted = convert_to_text(table.column(place), AS_TEXT | lacking)
        elif needs_text(field.type):
            converted = convert_to_text(table.column(place))
        else:
            continue
        table = table.set_column(place, field.name, converted)
    return table


def needs_text(kind: pa.DataType) -> bool:
    """Say whether a type is a union or a BIGNUM, or contains one of them or an interval."""
    return has_part(
        kind, lambda part: pa.types.is_interval(part) or pa.types.is_union(part) or isinstance(part, pa.OpaqueType)
    )


def has_part(kind: pa.DataType, is_sought: IsSought) -> bool:
    """Say whether a type, or a part of it at any depth, is sought."""
    if is_sought(kind):
        return True
    return pa.types.is_nested(kind) and any(
        has_part(kind.field(place).type, is_sought) for place in range(kind.num_fields)
    )


def find_lacking(column: Column) -> frozenset[str]:
    """Return DuckDB's names of the types of which a column has, at any depth, a value that Arrow lacks."""
    times = find_bounds(column, pa.types.is_time64)
    moments = find_bounds(column, is_in_nanoseconds)
    has_end_of_day = any(last >= ONE_DAY[kind.unit] for kind, _, last in times)
    has_infinity = any(INFINITY in (-first, last) for _, first, last in moments)
    return (TIMES if has_end_of_day else frozenset()) | (NANOSECONDS if has_infinity else frozenset())


def is_in_nanoseconds(kind: pa.DataType) -> bool:
    """Say whether a type is a moment in nanoseconds."""
    return pa.types.is_timestamp(kind) and kind.unit == "ns"


def find_bounds(column: Column, is_sought: IsSought) -> list[tuple[Any, int, int]]:
    """Return type, smallest and largest number of each array of a sought type in a column that has any value."""
    bounds = []
    for part in list_parts(column, is_sought):
        numbers = part.cast(pa.int64())
        if numbers.null_count < len(numbers):
            bounds.append((part.type, pc.min(numbers).as_py(), pc.max(numbers).as_py()))
    return bounds


def list_parts(column: Column, is_sought: IsSought) -> "Iterator[pa.Array[Any]]":
    """Yield the arrays of a sought type in a column, those in lists, structs and maps too."""
    if has_part(column.type, is_sought):
        for values in column.chunks:
            yield from _list_parts(values, is_sought)


def _list_parts(values: "pa.Array[Any]", is_sought: IsSought) -> "Iterator[pa.Array[Any]]":
    if is_sought(values.type):
        yield values
    elif isinstance(values, pa.StructArray):
        for part in values.flatten():
            yield from _list_parts(part, is_sought)
    elif isinstance(values, pa.MapArray):
        yield from _list_parts(values.keys, is_sought)
        yield from _list_parts(values.items, is_sought)
    elif isinstance(values, (pa.ListArray, pa.LargeListArray, pa.FixedSizeListArray)):
        yield from _list_parts(values.flatten(), is_sought)


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
            return convert_to_text(column)
        microseconds = parts["days"].astype(np.int64) * MICROSECONDS_OF_A_DAY + parts["nanoseconds"] // 1_000
        chunks.append(pa.array(microseconds, pa.int64(), mask=missing).cast(DURATION))
    return pa.chunked_array(chunks, DURATION)


def convert_to_text(column: Column, replaced: Collection[str] = AS_TEXT) -> Column:
    """Return a column with DuckDB's text for values of some types, and for such parts of a list, struct or map."""
    return cast_by_duckdb(column, lambda kind: replace_types(kind, replaced))


def widen_floats(column: "Column | pa.Array[Any]") -> Any:
    """Return a column with doubles of the same digits in place of FLOATs, those in lists, structs and maps too."""
    if not has_part(column.type, pa.types.is_float32):
        return column
    return column.cast(replace_floats(column.type, pa.string())).cast(replace_floats(column.type, pa.float64()))


def replace_floats(kind: pa.DataType, by: pa.DataType) -> pa.DataType:
    """Return Arrow's type with another one in the places of FLOAT."""
    if pa.types.is_float32(kind):
        return by
    if not has_part(kind, pa.types.is_float32):
        return kind
    if isinstance(kind, pa.MapType):
        return pa.map_(replace_floats(kind.key_type, by), replace_floats(kind.item_type, by))
    parts = [part.with_type(replace_floats(part.type, by)) for part in map(kind.field, range(kind.num_fields))]
    if pa.types.is_struct(kind):
        return pa.struct(parts)
    if isinstance(kind, pa.FixedSizeListType):
        return pa.list_(parts[0], kind.list_size)
    return pa.large_list(parts[0]) if pa.types.is_large_list(kind) else pa.list_(parts[0])


def cast_by_duckdb(
    column: "Column | pa.Array[Any]", choose: Callable[[DuckDBPyType], DuckDBPyType] = lambda _: VARCHAR
) -> Column:
    """Cast a column to the type that is chosen for DuckDB's type of it: to text, unless another is chosen."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")  # it writes times as text in the machine's otherwise
        values = connection.from_arrow(pa.table([column], names=["value"]))
        table: pa.Table = values.project(f"value::{choose(values.types[0])} AS value").to_arrow_table()
        return table.column(0)


def cast_changed(relation: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """Return a query with text for the values that DuckDB would change as it sends them through Arrow."""
    kinds = relation.types
    if not any(map(is_changed, kinds)):
        return relation
    columns = []
    for place, (name, kind) in enumerate(zip(relation.columns, kinds, strict=True), 1):
        quoted = name.replace('"', '""')
        columns.append(f'#{place}::{replace_types(kind) if is_changed(kind) else kind} AS "{quoted}"')
    return relation.project(", ".join(columns))


def is_changed(kind: DuckDBPyType) -> bool:
    """Say whether DuckDB changes values of a type, or parts of them, on their way through Arrow."""
    if kind.id not in NESTED:
        return kind.id in CHANGED
    return any(is_changed(child) for _, child in kind.children if isinstance(child, DuckDBPyType))


def replace_types(kind: DuckDBPyType, replaced: Collection[str] = AS_TEXT) -> DuckDBPyType:
    """Return DuckDB's type with VARCHAR in the places of others."""
    if kind.id in replaced:
        return VARCHAR
    if kind.id not in ("list", "array", "map", "struct"):
        return kind
    children: dict[str, Any] = dict(kind.children)
    if kind.id == "list":
        return duckdb.list_type(replace_types(children["child"], replaced))
    if kind.id == "array":
        return duckdb.array_type(replace_types(children["child"], replaced), children["size"])
    if kind.id == "map":
        return duckdb.map_type(*(replace_types(children[part], replaced) for part in ("key", "value")))
    return duckdb.struct_type({name: replace_types(of, replaced) for name, of in children.items()})


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
    for part in list_parts(column, pa.types.is_timestamp):
        pc.min_max(part).as_py()


def loses_digits(column: Column) -> bool:
    """Say whether pandas would round whole numbers of a column, because they stand beside NULL."""
    parts = [part for part in list_parts(column, pa.types.is_integer) if part.null_count]
    return any(abs(find(part).as_py() or 0) > LARGEST_EXACT for part in parts for find in (pc.min, pc.max))


def _convert(table: pa.Table) -> "pd.DataFrame":
    for column in table.itercolumns():
        check_times(column)
    # Waking Arrow's threads takes longer than converting ten thousand rows, and saves nothing with a million.
    frame = table.to_pandas(use_threads=False)
    for place, column in enumerate(table.itercolumns()):
        if loses_digits(column):
            frame.isetitem(place, column.to_pandas(integer_object_nulls=True).to_numpy())
    return frame
