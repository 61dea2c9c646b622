"""Replaces the database by a backup; the old files are moved aside, and the spool stays."""

import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import duckdb

from receiver.data_directory.incidents import Incident
from receiver.database.appended import read_appended
from receiver.database.replacing import STAGED, STAGED_ACCOUNTS, clear_staged, replace
from receiver.errors import StoreError
from receiver.files import copy_whole, sync_directory, sync_file
from receiver.keeping import backup_file
from receiver.settings import Settings
from receiver.spool.looking import Backlog
from receiver.spool.owners import count_whole_backlog, list_former_spools

_ACCOUNTS = "accounts.sqlite"
# A WAL left behind would be replayed into the restored file; the note is of the old database.
_PATTERNS = ("clc.duckdb", "clc.duckdb.*", f"{_ACCOUNTS}*", "last_bodies.sqlite*", "appended.json")


def list_data_files(data_dir: Path) -> list[Path]:
    """List the files that a restore moves aside."""
    return [file for pattern in _PATTERNS for file in sorted(data_dir.glob(pattern)) if file.is_file()]


def install(
    backup: Path,
    settings: Settings,
    advance: Callable[[int], None],
    *,
    seq: int = 0,
    incident: Incident | None = None,
) -> Path | None:
    """Make a backup the database, and return the directory that holds the old one.

    Args:
        backup: a file that `inspect` has checked.
        settings: where the database lies; nobody has it open.
        advance: called with the number of bytes copied since the last call.
        seq: the highest number that the database before it gave to a notification, as far as that is known.
        incident: recorded if the backup leaves notifications out.

    Raises:
        StoreError: it failed: nothing has changed, or the next start goes on with it.
    """
    copy, accounts = settings.data_dir / STAGED, settings.data_dir / STAGED_ACCOUNTS
    try:
        clear_staged(settings.data_dir)
        copy_whole(backup, copy, advance)
        backup_file.unseal(copy, accounts)
        _learn_too(accounts, settings.data_dir / _ACCOUNTS)
        puts = {STAGED: settings.database.name}
        sync_file(copy)
        if accounts.exists():
            sync_file(accounts)
            puts[STAGED_ACCOUNTS] = _ACCOUNTS
        sync_directory(settings.data_dir)
        files = list_data_files(settings.data_dir)
        used = max(read_appended(settings.data_dir).seq, seq)
        aside = replace(settings.data_dir, files, puts, used, incident)
    except (duckdb.Error, sqlite3.Error, OSError) as error:
        raise StoreError(f"{backup} can't be restored to {settings.data_dir}: {error}.") from None
    return aside if files else None


def count_rows_waiting(settings: Settings) -> Backlog:
    """Count the spool's rows that the database does not hold."""
    with duckdb.connect(str(settings.database), read_only=True) as database:
        rows = database.execute("SELECT segment, kind, position FROM watermarks").fetchall()
    watermarks = {(segment, kind): position for segment, kind, position in rows}
    return count_whole_backlog(settings, list_former_spools(settings), watermarks)


def _learn_too(accounts: Path, present: Path) -> None:
    """Add the accounts learned since the backup: they stay valid."""
    with suppress(sqlite3.DatabaseError):
        learned = backup_file.read_learned_accounts(present)
        if learned:
            backup_file.learn(accounts, learned)
