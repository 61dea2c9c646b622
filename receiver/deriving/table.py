"""The tables that are derived from notifications, read and written: `changes` and `account_states`."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

import duckdb

from receiver.database.damage import read_or
from receiver.database.opening import run
from receiver.database.rows import insert
from receiver.deriving.deriver import Derived, DerivedChange, Read
from receiver.senders import SENDER

Table = Literal["changes", "changes_rebuilt"]


class _UnderivedRow(NamedTuple):
    """A row of `underived`."""

    notification_id: str
    seq: int
    error: str
    failed_at: datetime


def make_read(connection: duckdb.DuckDBPyConnection) -> Read:
    """Make a deriver's `read` of a store; rows in a damaged block are left out."""

    def read(sql: str, parameters: list[Any]) -> list[tuple[Any, ...]]:
        return read_or(connection, sql, [], "what changed since then is not told", parameters)

    return read


def write_changes(connection: duckdb.DuckDBPyConnection, table: Table, derived: Derived) -> None:
    """Write derived changes and failures, in the transaction that stores their notifications."""
    missing = "underived" if table == "changes" else "underived_rebuilt"
    if derived.stale:
        for name in (table, missing):
            run(connection, f"DELETE FROM {name} WHERE seq IN (SELECT unnest(?))", [derived.stale])  # noqa: S608 - constants
    insert(connection, table, DerivedChange, derived.rows)
    now = datetime.now(UTC)
    insert(
        connection,
        missing,
        _UnderivedRow,
        [_UnderivedRow(each.id, each.seq, each.error, now) for each in derived.failed],
    )


def replace_account_states(connection: duckdb.DuckDBPyConnection, latest: Mapping[str, int]) -> None:
    """Replace the states of accounts by those of their latest notifications.

    Args:
        connection: inside the transaction that stores those notifications, after it stored them.
        latest: the `seq` of the latest notification by account alias.
    """
    if not latest:
        return
    run(connection, "DELETE FROM account_states WHERE alias IN (SELECT unnest(?))", [list(latest)])
    statement = "INSERT INTO account_states FROM account_bodies WHERE seq IN (SELECT unnest(?))"
    run(connection, statement, [list(latest.values())])


def derive_account_states(connection: duckdb.DuckDBPyConnection) -> None:
    """Derive `account_states` again from all notifications, inside a transaction."""
    run(connection, "DELETE FROM account_states")
    run(
        connection,
        "INSERT INTO account_states FROM account_bodies "
        "WHERE seq IN (SELECT last_seq FROM entities WHERE category = ?)",
        [SENDER.account_category],
    )
