"""Compares the definitions in a database file with those of its version's schema.

A file that somebody else has written is opened read-only and without access to anything outside. Still, a view or macro
in it would run in the store later, behind the query service's guard, which looks at the query alone. So nothing in the
file is used before every definition in it is known to be ours.
"""

from typing import NamedTuple

import duckdb

from receiver.database.migrations import migrations, newest_version
from receiver.errors import StoreError
from receiver.program import sql_file

_BACKUP_INFO = (
    "CREATE OR REPLACE TABLE backup_info (made_at TIMESTAMPTZ, program_version VARCHAR, schema_version INTEGER, "
    "key_fingerprint VARCHAR, notifications BIGINT, last_seq BIGINT)"
)
BACKUP_TABLES = (_BACKUP_INFO, "CREATE OR REPLACE TABLE learned_accounts (alias VARCHAR)")
"""The tables that a backup has besides the schema."""

Definitions = dict[tuple[str, str], str | None]

_VERSIONS = ("table", "schema_version")


class Foreign(NamedTuple):
    """A definition that differs from the schema of the file's version."""

    kind: str
    name: str
    how: str

    def __str__(self) -> str:
        """Return it as a part of a sentence."""
        return f"the {self.kind} {self.name} {self.how}"


def check_catalogue(connection: duckdb.DuckDBPyConnection, name: str) -> int:
    """Compare a file's definitions with those of its version, and return that version; 0 for a file with no schema.

    If this program does not know the version, nothing else in the file may be used.

    Args:
        connection: the file, open; nothing in it was used yet.
        name: the file's name in an error.

    Raises:
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
    if version > newest_version():
        return version
    expected = _build_definitions(version, backup=("table", "backup_info") in definitions)
    foreign = [
        *(Foreign(*key, "is foreign") for key in sorted(definitions.keys() - expected.keys())),
        *(
            Foreign(*key, "is altered")
            for key in sorted(definitions.keys() & expected.keys())
            if definitions[key] != expected[key]
        ),
        *(Foreign(*key, "is missing") for key in sorted(expected.keys() - definitions.keys())),
    ]
    if foreign:
        more = f", and {len(foreign) - 3} more" if len(foreign) > 3 else ""  # noqa: PLR2004 - enough to look for
        listed = "; ".join(map(str, foreign[:3]))
        raise StoreError(f"{name} is not used, as its schema is not that of version {version}: {listed}{more}.")
    return version


def _read_definitions(connection: duckdb.DuckDBPyConnection) -> Definitions:
    rows = connection.execute(sql_file(__package__, "catalogue.sql")).fetchall()
    return {(kind, name): sql for kind, name, sql in rows}


def _build_definitions(version: int, *, backup: bool = False) -> Definitions:
    """Build the schema of a version, and return its definitions."""
    steps = ["CREATE TABLE schema_version (version INTEGER NOT NULL)"]
    steps += [sql for number, sql in sorted(migrations().items()) if number <= version]
    with duckdb.connect(":memory:") as connection:
        for step in [*steps, *(BACKUP_TABLES if backup else ())]:
            for statement in connection.extract_statements(step):
                connection.execute(statement).fetchall()
        return _read_definitions(connection)
