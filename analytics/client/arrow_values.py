"""Values of Arrow columns as Python has them."""

from typing import Any

import duckdb
import pyarrow as pa


def values_of(column: "pa.Array[Any] | pa.ChunkedArray[Any]") -> list[Any]:
    """Return the values of a column; those that Python has no form for, as the moment `infinity`, as DuckDB's text."""
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
