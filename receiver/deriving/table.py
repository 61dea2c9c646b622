"""The tables that changes are derived into: read for it, and written."""

from datetime import UTC, datetime
from typing import Any, Literal

import duckdb
import pyarrow as pa

from receiver.database.damage import read_or
from receiver.database.opening import run
from receiver.database.rows import MOMENT, insert, schema
from receiver.deriving.deriver import Derived, Read

Table = Literal["changes", "changes_rebuilt"]

_COLUMNS = schema(
    notification_id=pa.string(),
    seq=pa.int64(),
    changed_at=MOMENT,
    category=pa.string(),
    entity_id=pa.string(),
    account_alias=pa.string(),
    actor=pa.string(),
    path=pa.string(),
    kind=pa.string(),
    noise=pa.bool_(),
    old_value=pa.string(),
    new_value=pa.string(),
)
_UNDERIVED = schema(notification_id=pa.string(), seq=pa.int64(), error=pa.string(), failed_at=MOMENT)


def reads(connection: duckdb.DuckDBPyConnection) -> Read:
    """Make a deriver's `read` of a store; what lies in a damaged block is not there."""

    def read(sql: str, parameters: list[Any]) -> list[tuple[Any, ...]]:
        return read_or(connection, sql, [], "what changed since then is not told", parameters)

    return read


def write_changes(connection: duckdb.DuckDBPyConnection, table: Table, derived: Derived) -> None:
    """Write what was derived, and what could not be, in the transaction that stores what it was derived from."""
    missing = "underived" if table == "changes" else "underived_rebuilt"
    if derived.stale:
        for name in (table, missing):
            run(connection, f"DELETE FROM {name} WHERE seq IN (SELECT unnest(?))", [derived.stale])  # noqa: S608 - constants
    insert(connection, table, _COLUMNS, derived.rows)
    now = datetime.now(UTC)
    insert(connection, missing, _UNDERIVED, [(*failed, now) for failed in derived.failed])
