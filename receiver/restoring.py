"""Puts a backup in the place of the database; what was there is moved aside, and the spool stays."""

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import duckdb

from receiver import backup_file
from receiver.errors import StoreError
from receiver.incidents import set_aside
from receiver.settings import Settings
from receiver.spool.layout import sync_directory
from receiver.spool.looking import waiting_in
from receiver.store.appended import Appended, read_appended, write_appended

_BYTES_PER_STEP = 4 * 1024 * 1024
# A WAL left behind would be replayed into the restored file; the note tells how far the database before it was.
_PATTERNS = ("clc.duckdb", "clc.duckdb.*", "accounts.sqlite*", "last_bodies.sqlite*", "appended.json")


def existing_data(data_dir: Path) -> list[Path]:
    """List the files of a database that is there already."""
    found = [file for pattern in _PATTERNS for file in sorted(data_dir.glob(pattern)) if file.is_file()]
    return found if any(file.name.startswith("clc.duckdb") for file in found) else []


def install(backup: Path, settings: Settings, advance: Callable[[int], None]) -> Path | None:
    """Make a backup the database, and return where the one before it was put.

    Args:
        backup: a file that `inspect` has found to be whole.
        settings: where the database lies; nobody has it open.
        advance: called with the number of bytes copied since the last call.

    Raises:
        StoreError: it can't be done, and all is as it was, but for what was moved aside already.
    """
    copy = settings.data_dir / "restoring.duckdb"
    try:
        copy.unlink(missing_ok=True)
        _copy(backup, copy, advance)
        found = existing_data(settings.data_dir)
        accounts = settings.data_dir / "restoring.sqlite"
        accounts.unlink(missing_ok=True)
        backup_file.unseal(copy, accounts)
        _sync(copy)
        used = read_appended(settings.data_dir).seq
        aside = set_aside(found, settings.data_dir) if found else None
        if accounts.exists():
            accounts.rename(settings.data_dir / "accounts.sqlite")
        # No number is given twice; but how far the spool was appended is what the backup says.
        write_appended(settings.data_dir, Appended(used, 0, {}))
        copy.rename(settings.database)
        sync_directory(settings.data_dir)
    except (duckdb.Error, sqlite3.Error, OSError) as error:
        copy.unlink(missing_ok=True)
        raise StoreError(f"{backup} can't be restored to {settings.data_dir}: {error}.") from None
    return aside


def rows_waiting(settings: Settings) -> int:
    """Count the spooled rows that the database does not hold."""
    with duckdb.connect(str(settings.database), read_only=True) as database:
        rows = database.execute("SELECT segment, kind, position FROM watermarks").fetchall()
    watermarks = {(segment, kind): position for segment, kind, position in rows}
    return waiting_in(settings.spool_directory, watermarks).rows


def _copy(source: Path, target: Path, advance: Callable[[int], None]) -> None:
    with source.open("rb") as reading, target.open("xb") as writing:
        while piece := reading.read(_BYTES_PER_STEP):
            writing.write(piece)
            advance(len(piece))


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
