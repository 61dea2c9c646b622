"""Inserts rows into DuckDB in bulk, as Arrow tables, and reads them; both by the names of their columns."""

from array import array
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cache
from itertools import accumulate
from operator import itemgetter
from typing import Any, TypeVar
from uuid import UUID

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from receiver.database.faults import UnstorableError
from receiver.database.opening import run
from receiver.notification import Column, Notification, NumberedNotification, Rejection, list_columns
from receiver.spool.layout import from_microseconds

AnyRow = TypeVar("AnyRow", bound=tuple[Any, ...])

_ARROW_TYPES: dict[type, pa.DataType] = {
    UUID: pa.string(),
    datetime: pa.timestamp("us", tz="UTC"),
    str: pa.string(),
    bytes: pa.binary(),
    int: pa.int64(),
    bool: pa.bool_(),
}

_ROWS_AT_ONCE = 2_500
"""How many bodies are copied at once: to clear the memory for those of a batch takes longer than to copy them."""
_REFUSED_VALUE = b"Conversion Error"
"""The begin of DuckDB's message where it refuses a value, as a `duckdb.ConversionException` has it."""


@cache
def make_schema(kind: type[tuple[Any, ...]]) -> pa.Schema:
    """Return the Arrow schema of a kind of rows, a NamedTuple; DuckDB converts its types."""
    return pa.schema([(column.name, _choose_arrow_type(column)) for column in list_columns(kind)])


def _choose_arrow_type(column: Column) -> pa.DataType:
    return pa.string() if column.is_json else _ARROW_TYPES[column.type]


def insert_notifications(connection: duckdb.DuckDBPyConnection, rows: Sequence[NumberedNotification]) -> None:
    """Insert notifications; their payloads become JSON, byte for byte as they are."""
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        _insert_some(connection, rows[start : start + _ROWS_AT_ONCE])


def _insert_some(connection: duckdb.DuckDBPyConnection, rows: Sequence[NumberedNotification]) -> None:
    columns = _list_by_name(Notification, [each.row for each in rows])
    columns["seq"] = [each.seq for each in rows]
    columns["id"] = [name.hex for name in columns["id"]]
    columns["duplicate_of"] = [each.duplicate_of and str(each.duplicate_of) for each in rows]
    schema = make_schema(Notification).append(pa.field("seq", pa.int64())).append(pa.field("duplicate_of", pa.string()))
    insert_table(connection, "notifications", _fill_schema(schema, columns))


def insert_rejections(connection: duckdb.DuckDBPyConnection, rows: Sequence[Rejection]) -> None:
    """Insert refused notifications."""
    if not rows:
        return
    columns = _list_by_name(Rejection, rows)
    columns["id"] = [name.hex for name in columns["id"]]
    insert_table(connection, "rejected", _fill_schema(make_schema(Rejection), columns))


def select_numbered(query: str) -> str:
    """Replace `/* columns */ *` in a query by the columns that `make_numbered` takes.

    Times are counted in microseconds, and ids are texts, so that every reader gets the same values.
    """
    columns = map(_select, list_columns(Notification))
    return query.replace("/* columns */ *", f"seq, duplicate_of::VARCHAR AS duplicate_of, {', '.join(columns)}")


def make_numbered(row: tuple[Any, ...]) -> NumberedNotification:
    """Make a notification of a row from a query of `select_numbered`."""
    seq, duplicate_of, *columns = row
    for at, read in _READ:
        columns[at] = read(columns[at])
    return NumberedNotification(seq, Notification._make(columns), duplicate_of and UUID(duplicate_of))


def _select(column: Column) -> str:
    name = column.name
    if column.type is datetime:
        return f"epoch_us({name}) AS {name}"
    if column.type is UUID:
        return f"{name}::VARCHAR AS {name}"
    return f"encode({name}::VARCHAR) AS {name}" if column.is_json and column.type is bytes else name


_READERS: dict[type, Callable[[Any], Any]] = {UUID: UUID, datetime: from_microseconds}
_READ = [(at, _READERS[column.type]) for at, column in enumerate(list_columns(Notification)) if column.type in _READERS]
"""The places of a notification's values that a query gives in another form, and how they are read."""


def insert(connection: duckdb.DuckDBPyConnection, table: str, kind: type[AnyRow], rows: Sequence[AnyRow]) -> None:
    """Insert rows of a kind, a NamedTuple whose fields are the table's columns.

    Raises:
        UnstorableError: a value does not have its column's type.
        duckdb.Error: DuckDB refuses the rows, or can't be written.
    """
    if rows:
        insert_table(connection, table, make_table(kind, rows))


def make_table(kind: type[AnyRow], rows: Sequence[AnyRow]) -> pa.Table:
    """Make an Arrow table of rows of a kind, a NamedTuple.

    Raises:
        UnstorableError: a value does not have its column's type.
    """
    return _fill_schema(make_schema(kind), _list_by_name(kind, rows))


def insert_table(connection: duckdb.DuckDBPyConnection, table: str, rows: pa.Table) -> None:
    """Insert an Arrow table whose columns are the table's.

    Raises:
        UnstorableError: DuckDB refuses a value, and names it by a part of a character.
        duckdb.Error: DuckDB refuses the rows, or can't be written.
    """
    connection.register("incoming", rows)
    try:
        run(connection, f"INSERT INTO {table} BY NAME SELECT * FROM incoming")  # noqa: S608 - a constant
    except UnicodeDecodeError as error:
        # DuckDB quotes the begin of the value that it refuses, and may cut that within a character.
        if not error.object.startswith(_REFUSED_VALUE):
            raise
        raise UnstorableError(error.object.decode(errors="replace")) from error
    connection.unregister("incoming")


def _list_by_name(kind: type[tuple[Any, ...]], rows: Sequence[tuple[Any, ...]]) -> dict[str, Sequence[Any]]:
    # Half the time of `zip(*rows)`.
    return {name: list(map(itemgetter(at), rows)) for at, name in enumerate(make_schema(kind).names)}


def _fill_schema(schema: pa.Schema, columns: Mapping[str, Sequence[Any]]) -> pa.Table:
    try:
        arrays = [_make_array(columns[field.name], field.type) for field in schema]
        return pa.Table.from_arrays(arrays, schema=schema)
    except (ValueError, TypeError, OverflowError) as error:
        raise UnstorableError(str(error)) from error


def _make_array(values: Sequence[Any], kind: pa.DataType) -> "pa.Array[Any]":
    if values and all(type(value) is bytes for value in values):
        # `pa.array` does not know the length in advance: it takes new memory again and again, which takes longer than
        # to copy the bodies.
        ends = array("i", accumulate(map(len, values), initial=0))
        buffers = [None, pa.py_buffer(ends), pa.py_buffer(b"".join(values))]
        return pc.cast(pa.Array.from_buffers(pa.binary(), len(values), buffers), kind)
    return pa.array(values, kind)
