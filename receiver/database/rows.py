"""Inserts rows into DuckDB in bulk, as Arrow tables."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import duckdb
import pandas as pd  # noqa: F401 - DuckDB imports it, for 0.2 s, at the first table: the first rows would wait for it
import pyarrow as pa

from receiver.database.faults import converting
from receiver.database.opening import run
from receiver.notification import Notification, Rejection


def schema(**columns: pa.DataType) -> pa.Schema:
    """Make a table's columns from their names and types."""
    return pa.schema([pa.field(name, kind) for name, kind in columns.items()])


MOMENT = pa.timestamp("us", tz="UTC")
_NOTIFICATIONS = schema(
    seq=pa.int64(),
    id=pa.string(),
    received_at=MOMENT,
    event_type=pa.string(),
    category=pa.string(),
    action=pa.string(),
    account_alias=pa.string(),
    entity_id=pa.string(),
    actor=pa.string(),
    occurred_at=MOMENT,
    signature_status=pa.string(),
    signature=pa.binary(),
    source_ip=pa.string(),
    duplicate_of=pa.string(),
    payload=pa.string(),
    key_fingerprint=pa.string(),
)
_REJECTED = schema(
    id=pa.string(),
    received_at=MOMENT,
    reason=pa.string(),
    path=pa.string(),
    source_ip=pa.string(),
    headers=pa.string(),
    body=pa.binary(),
)


class NumberedNotification(NamedTuple):
    """A notification with what only the store knows: its place in the order, and what it is a copy of."""

    seq: int
    row: Notification
    duplicate_of: UUID | None


def insert_notifications(connection: duckdb.DuckDBPyConnection, rows: Sequence[NumberedNotification]) -> None:
    """Insert notifications; their payloads become JSON, byte for byte as they are."""
    if not rows:
        return
    columns = _by_name(Notification, [each.row for each in rows])
    columns["seq"] = [each.seq for each in rows]
    columns["id"] = [name.hex for name in columns["id"]]
    columns["duplicate_of"] = [each.duplicate_of and str(each.duplicate_of) for each in rows]
    with converting():
        columns["payload"] = [payload.decode() for payload in columns["payload"]]
    _insert_columns(connection, "notifications", _NOTIFICATIONS, columns)


def insert_rejections(connection: duckdb.DuckDBPyConnection, rows: Sequence[Rejection]) -> None:
    """Insert refused notifications."""
    if not rows:
        return
    columns = _by_name(Rejection, rows)
    columns["id"] = [name.hex for name in columns["id"]]
    _insert_columns(connection, "rejected", _REJECTED, columns)


def replace_watermarks(connection: duckdb.DuckDBPyConnection, positions: dict[tuple[str, str], int]) -> None:
    """Note how far the segments are appended.

    Args:
        connection: inside the transaction that appends the rows.
        positions: the last appended position by (segment, kind).
    """
    for (segment, kind), position in positions.items():
        run(connection, "DELETE FROM watermarks WHERE segment = ? AND kind = ?", [segment, kind])
        run(connection, "INSERT INTO watermarks VALUES (?, ?, ?)", [segment, kind, position])


def insert(
    connection: duckdb.DuckDBPyConnection, table: str, columns: pa.Schema, rows: Sequence[tuple[Any, ...]]
) -> None:
    """Insert rows, whose values are in the order of the columns.

    Raises:
        UnstorableError: a value is none of its column's type.
        duckdb.Error: DuckDB refuses the rows, or can't be written.
    """
    if rows:
        _insert_columns(connection, table, columns, dict(zip(columns.names, zip(*rows, strict=True), strict=True)))


def _by_name(kind: type[Notification | Rejection], rows: Sequence[tuple[Any, ...]]) -> dict[str, Sequence[Any]]:
    return dict(zip(kind._fields, zip(*rows, strict=True), strict=True))


def _insert_columns(
    connection: duckdb.DuckDBPyConnection, table: str, columns: pa.Schema, values: Mapping[str, Sequence[Any]]
) -> None:
    with converting():
        arrays = [pa.array(values[column.name], column.type) for column in columns]
    connection.register("incoming", pa.Table.from_arrays(arrays, schema=columns))
    run(connection, f"INSERT INTO {table} BY NAME SELECT * FROM incoming")  # noqa: S608 - a constant
    connection.unregister("incoming")
