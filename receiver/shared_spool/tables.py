"""The shared spool's tables: made at first use, and brought to this program's version."""

from typing import Any

import psycopg

from receiver.errors import SharedSpoolError
from receiver.files import sql_file
from receiver.shared_spool.rows import declare_columns

VERSION = 2
LOCK = 0x436C6353
"""The advisory lock under which they are made."""
# Not `to_regclass`, whose answer may be of before the wait for the lock.
_ARE_THERE = "SELECT EXISTS (SELECT FROM pg_tables WHERE schemaname = 'clc_spool' AND tablename = 'about')"
_VERSION = "SELECT max(version) FROM clc_spool.about"


def prepare(connection: psycopg.Connection[tuple[Any, ...]]) -> None:
    """Make the tables if there are none, and bring those of an older program to this version, keeping their rows.

    Raises:
        SharedSpoolError: a newer program made them.
        psycopg.Error: they can't be made or read.
    """
    if _read_version(connection) < VERSION:
        with connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
            for version in range(_read_version(connection) + 1, VERSION + 1):  # none, if another node was first
                bring_to(connection, version)
    check_version(connection)


def check_version(connection: psycopg.Connection[tuple[Any, ...]]) -> int:
    """Return the version of the tables, 0 if there are none.

    Raises:
        SharedSpoolError: a newer program made them.
    """
    version = _read_version(connection)
    if version > VERSION:
        raise SharedSpoolError(
            f"its tables have version {version}, and this program knows {VERSION}: install a newer one"
        )
    return version


def bring_to(connection: psycopg.Connection[tuple[Any, ...]], version: int) -> None:
    """Turn tables of the version before into those of a version."""
    statements = sql_file(__package__, f"version_{version}.sql")
    connection.execute(statements.replace("{columns}", declare_columns()).encode())


def _read_version(connection: psycopg.Connection[tuple[Any, ...]]) -> int:
    if not _read(connection, _ARE_THERE):
        return 0
    return int(_read(connection, _VERSION))


def _read(connection: psycopg.Connection[tuple[Any, ...]], query: str) -> Any:
    (value,) = connection.execute(query.encode()).fetchone() or (None,)
    return value
