"""Keeps `account_states`: what the latest notification of each account tells of its place in the tree."""

from collections.abc import Mapping

import duckdb

from receiver.database.opening import run


def replace_account_states(connection: duckdb.DuckDBPyConnection, latest: Mapping[str, int]) -> None:
    """Take over what accounts' latest notifications tell.

    Args:
        connection: inside the transaction that stores those notifications, after it stored them.
        latest: the `seq` of the latest notification by account alias.
    """
    if not latest:
        return
    run(connection, "DELETE FROM account_states WHERE alias IN (SELECT unnest(?))", [list(latest)])
    insert = "INSERT INTO account_states FROM account_bodies WHERE seq IN (SELECT unnest(?))"
    run(connection, insert, [list(latest.values())])


def derive_account_states(connection: duckdb.DuckDBPyConnection) -> None:
    """Derive all of it again from the notifications, inside a transaction."""
    run(connection, "DELETE FROM account_states")
    run(
        connection,
        "INSERT INTO account_states FROM account_bodies "
        "WHERE seq IN (SELECT last_seq FROM entities WHERE category = 'Account')",
    )
