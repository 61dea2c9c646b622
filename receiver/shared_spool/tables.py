"""The shared spool's tables, made at first use, and their version."""

from typing import Any

import psycopg

from receiver.errors import SharedSpoolError
from receiver.files import sql_file
from receiver.shared_spool.rows import declare_columns

VERSION = 1
LOCK = 0x436C6353
"""The advisory lock under which they are made."""
# Not `to_regclass`, whose answer may be of before the wait for the lock.
_ARE_THERE = "SELECT EXISTS (SELECT FROM pg_tables WHERE schemaname = 'clc_spool' AND tablename = 'about')"


def prepare(connection: psycopg.Connection[tuple[Any, ...]]) -> None:
    """Make the tables if there are none.

    Raises:
        SharedSpoolError: a newer program made them.
        psycopg.Error: they can't be made or read.
    """
    if not _read(connection, _ARE_THERE):
        with connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
            if not _read(connection, _ARE_THERE):  # another node was first
                tables = sql_file(__package__, "tables.sql").format(columns=declare_columns(), version=VERSION)
                connection.execute(tables.encode())
    version = _read(connection, "SELECT max(version) FROM clc_spool.about")
    if version > VERSION:
        raise SharedSpoolError(
            f"its tables have version {version}, and this program knows {VERSION}: install a newer one"
        )


def _read(connection: psycopg.Connection[tuple[Any, ...]], query: str) -> Any:
    (value,) = connection.execute(query.encode()).fetchone() or (None,)
    return value
