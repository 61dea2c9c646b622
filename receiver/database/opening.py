"""Opens the DuckDB file: locked down for queries, its definitions known, its schema brought up to date."""

import logging
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import duckdb

from receiver.database.checkpoints import checkpoint
from receiver.database.migrations import find_newest_version, read_migrations
from receiver.errors import NewerStoreError, StoreError
from receiver.files import copy_whole, find_lack_of_room, read_sql_file

# 1 TB: only the appender makes checkpoints, at moments of its choosing.
_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "checkpoint_threshold": "1TB",
    # Each checkpoint says whether it merges row groups, see `Appender.checkpoint`.
    "max_vacuum_tasks": 0,
}
# These need an open connection.
_LOCK_DOWN = (
    # A connection that is closed because something is wrong with the file must not write to it.
    "PRAGMA disable_checkpoint_on_shutdown",
    "SET GLOBAL python_enable_replacements = false",
    "SET GLOBAL TimeZone = 'UTC'",
    "SET allowed_configs = ['max_vacuum_tasks']",
    "SET lock_configuration = true",
)

_MOST_SPILLED, _LEAST_SPILLED = 10 * 1000**3, 1000**3

_BACKUP_INFO = (
    "CREATE OR REPLACE TABLE backup_info (made_at TIMESTAMPTZ, program_version VARCHAR, schema_version INTEGER, "
    "key_fingerprint VARCHAR, notifications BIGINT, last_seq BIGINT)"
)
BACKUP_TABLES = (_BACKUP_INFO, "CREATE OR REPLACE TABLE learned_accounts (alias VARCHAR)")
"""The tables that a backup has besides the schema."""

DERIVED_TABLES = frozenset(
    {"changes", "changes_rebuilt", "underived", "underived_rebuilt", "account_states", "delivery_ids"}
    | {"counts_by_quarter", "counts_by_year", "counted"}
)
"""The tables that are derived from `notifications`, and can be again."""

Read = Callable[[str, list[Any]], list[tuple[Any, ...]]]
"""Runs a query with its parameters, and returns all its rows."""
Definitions = dict[tuple[str, str], str | None]
_VERSIONS = ("table", "schema_version")

_log = logging.getLogger(__name__)


def connect(path: Path, memory_limit: str) -> duckdb.DuckDBPyConnection:
    """Open the file, locked down, with whatever schema it has.

    Raises:
        duckdb.Error: it can't be opened.
    """
    connection = duckdb.connect(str(path), config={**_CONFIG, "memory_limit": memory_limit})
    for statement in (f"SET max_temp_directory_size = '{_choose_most_spilled(path.parent)}B'", *_LOCK_DOWN):
        run(connection, statement)
    return connection


def _choose_most_spilled(directory: Path) -> int:
    """Choose how many bytes queries may spill: half of the disk's room, because what is received needs some, too."""
    try:
        free = shutil.disk_usage(directory).free
    except OSError:  # the appender's sorts need little
        free = 0
    return min(_MOST_SPILLED, max(_LEAST_SPILLED, free // 2))


def make_opening_error(path: Path, error: Exception) -> StoreError:
    """Make the sentence for a file that can't be opened."""
    return StoreError(f"{path} can't be opened: {str(error).splitlines()[0]}")


def bring_up_to_date(connection: duckdb.DuckDBPyConnection, path: Path, memory_limit: str) -> duckdb.DuckDBPyConnection:
    """Give the database the newest schema, and return the connection to go on with.

    Raises:
        NewerStoreError: a newer program wrote it.
        StoreError: it can't be kept as it is before its schema changes.
    """
    version = _read_schema_version(connection)
    newest = find_newest_version()
    _refuse_newer(version, str(path))
    if 0 < version < newest:
        checkpoint(connection)
        connection.close()
        kept = path.with_name(f"{path.stem}-before-schema-{newest}.duckdb")
        _log.info("schema version %d becomes %d; the database before it is kept as %s", version, newest, kept)
        _keep(path, kept)
        connection = connect(path, memory_limit)
    _migrate(connection, version)
    return connection


def _refuse_newer(version: int, name: str) -> None:
    newest = find_newest_version()
    if version > newest:
        raise NewerStoreError(
            f"{name} has schema version {version}, but this program knows versions up to {newest}: install the newer "
            "program."
        )


def _keep(path: Path, kept: Path) -> None:
    """Copy a database whose schema changes next.

    Raises:
        StoreError: it can't be copied.
    """
    try:
        why = find_lack_of_room(kept.parent, path.stat().st_size)
        if not why:
            copy_whole(path, kept)
    except OSError as error:
        why = str(error)
    if why:
        raise StoreError(f"{path} is kept as {kept.name} before its schema changes, and can't be copied: {why}.")


def run(
    connection: duckdb.DuckDBPyConnection, sql: str, parameters: list[Any] | Mapping[str, Any] | None = None
) -> list[tuple[Any, ...]]:
    """Run a statement to its end and return all its rows."""
    return connection.execute(sql, parameters).fetchall()


def has_wal(connection: duckdb.DuckDBPyConnection) -> bool:
    """Tell whether the database's WAL holds anything that no checkpoint holds."""
    query = "SELECT wal_size <> '0 bytes' FROM pragma_database_size() WHERE database_name = current_database()"
    return bool(run(connection, query)[0][0])


@contextmanager
def transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Commit the writes of a block, or none of them if it raises.

    Raises:
        duckdb.Error: it could not be committed.
    """
    run(connection, "BEGIN")
    try:
        yield
        run(connection, "COMMIT")
    except BaseException:
        with suppress(duckdb.Error):  # a COMMIT that fails has rolled back already
            run(connection, "ROLLBACK")
        raise


def create_anew(connection: duckdb.DuckDBPyConnection, tables: Collection[str], version: int | None = None) -> None:
    """Replace tables by empty ones of a version, the newest by default, whatever they hold."""
    # Several migrations may have shaped a table, and DuckDB can't alter one in the transaction that renamed another.
    definitions = _build_definitions(find_newest_version() if version is None else version)
    for table in tables:
        run(connection, f"DROP TABLE IF EXISTS {table}")
        run(connection, definitions["table", table] or "")


def _read_schema_version(connection: duckdb.DuckDBPyConnection) -> int:
    if not run(connection, "SELECT 1 FROM duckdb_tables() WHERE table_name = 'schema_version'"):
        return 0
    return int(run(connection, "SELECT max(version) FROM schema_version")[0][0])


def _migrate(connection: duckdb.DuckDBPyConnection, version: int) -> None:
    steps = {number: sql for number, sql in sorted(read_migrations().items()) if number > version}
    if not steps:
        return
    run(connection, "BEGIN")
    run(connection, "CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL)")
    for number, sql in steps.items():
        for statement in connection.extract_statements(sql):
            connection.execute(statement).fetchall()
        run(connection, "INSERT INTO schema_version VALUES (?)", [number])
    run(connection, "COMMIT")
    checkpoint(connection)


def check_catalogue(connection: duckdb.DuckDBPyConnection, name: str) -> int:
    """Compare a file's definitions with those of its version, and return that version; 0 for a file with no schema.

    A file that somebody else has written is opened read-only and without access to anything outside. Still, a view or
    macro in it would run in the store later, behind the query service's guard, which looks at the query alone. So
    nothing in the file is used before every definition in it is known to be ours.

    Args:
        connection: the file, open; nothing in it was used yet.
        name: the file's name in an error.

    Raises:
        NewerStoreError: a newer program wrote it.
        StoreError: something in it is foreign, altered or missing, and is named.
        duckdb.Error: the file can't be read.
    """
    definitions = _read_definitions(connection)
    # So far nothing in the file was run. A table without a default or constraint of its own can be read.
    if definitions.get(_VERSIONS) != _build_definitions(0)[_VERSIONS]:
        if not definitions:
            return 0
        raise StoreError(f"{name} is not of this program: it tells no version of its schema.")
    versions = connection.execute("SELECT version FROM main.schema_version ORDER BY 1 DESC").fetchall()
    version = int(versions[0][0]) if versions else 0
    _refuse_newer(version, name)
    expected = _build_definitions(version, backup=("table", "backup_info") in definitions)
    differing = [
        *((key, "is foreign") for key in sorted(definitions.keys() - expected.keys())),
        *((key, "is altered") for key in sorted(expected) if definitions.get(key, expected[key]) != expected[key]),
        *((key, "is missing") for key in sorted(expected.keys() - definitions.keys())),
    ]
    if differing:
        more = f", and {len(differing) - 3} more" if len(differing) > 3 else ""  # noqa: PLR2004 - enough to look for
        listed = "; ".join(f"the {kind} {name} {how}" for (kind, name), how in differing[:3])
        raise StoreError(f"{name} is not used, as its schema is not that of version {version}: {listed}{more}.")
    return version


def _read_definitions(connection: duckdb.DuckDBPyConnection) -> Definitions:
    rows = connection.execute(read_sql_file(__package__, "catalogue.sql")).fetchall()
    return {(kind, name): sql for kind, name, sql in rows}


def _build_definitions(version: int, *, backup: bool = False) -> Definitions:
    """Build the schema of a version, and return its definitions."""
    steps = ["CREATE TABLE schema_version (version INTEGER NOT NULL)"]
    steps += [sql for number, sql in sorted(read_migrations().items()) if number <= version]
    with duckdb.connect(":memory:") as connection:
        for step in [*steps, *(BACKUP_TABLES if backup else ())]:
            for statement in connection.extract_statements(step):
                connection.execute(statement).fetchall()
        return _read_definitions(connection)
