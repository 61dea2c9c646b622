"""Opens the store, whatever the state of its files: the recovery ladder.

From the top, each rung is taken only if the one above does not hold; an interrupted checkpoint is undone before:

1. The database opens, and its WAL replays. If it replays short, which DuckDB does without an error, the spool fills the
   gap, and the WAL is kept aside.
2. The WAL does not replay: it goes aside. The file then is the last checkpoint, and the spool holds all later rows,
   because segments go only when a completed checkpoint holds them.
3. The file does not open, or a checkpoint met a block that can't be read: it goes aside with its WAL, and the newest
   backup whose notifications can be read takes its place; the spool fills in the rows it still holds, and an incident
   names the missing ones.
4. There is no such backup: an empty database takes its place.

A file that can't be opened or read goes aside only if a new, empty database can be used. If that can't be either, a
setting or this machine is at fault: the start fails, and nothing is moved.

If only tables that are derived from the notifications can't be read, nothing goes aside: all of them are derived again.
The same goes for a backup that takes the database's place.

A damaged file may also crash the process that opens it. So if an opening ended its process (the directory `opening` is
still there), the next start tries the file out in another process first.
"""

import contextlib
import errno
import logging
import shutil
import sqlite3
from pathlib import Path

import duckdb

from receiver.data_directory.access import check_database
from receiver.data_directory.incidents import Incident, make_incident, report, set_aside
from receiver.database.appended import FILE as APPENDED
from receiver.database.appended import parse_appended, read_appended
from receiver.database.checkpoints import checkpoint, undo_interrupted
from receiver.database.faults import (
    check_fault_is_of,
    crashes,
    has_whole_derived,
    is_damage,
    is_whole,
    read_suspicion,
    read_through,
    settle,
    suspect,
    suspect_derived,
)
from receiver.database.opening import (
    DERIVED_TABLES,
    bring_up_to_date,
    connect,
    create_anew,
    make_opening_error,
    run,
    transaction,
)
from receiver.database.replacing import STAGED, clear_staged, finish, replace
from receiver.deriving.tables import derive_account_states, derive_delivery_ids
from receiver.errors import StoreError
from receiver.files import copy_whole, find_lack_of_room, make_directory
from receiver.keeping.backups import list_backups
from receiver.settings import Settings
from receiver.store.loss import describe_loss, notice_loss
from receiver.store.staging import stage_backup

_OPENING = "opening"
_WAL_SUFFIXES = (".wal", ".wal.checkpoint", ".wal.recovery")

_log = logging.getLogger(__name__)


class EmptiedError(Exception):
    """Raised when the file that DuckDB opened is new, though there was one with rows.

    Where it can't look at a file because of a disk's error, DuckDB takes the file for missing, and begins it anew.
    """


def open_store(settings: Settings) -> duckdb.DuckDBPyConnection:
    """Open the store's database, ready for use, going down the ladder as far as need be.

    Raises:
        StoreError: the database can't be used at the moment (another process has it, the disk is full, a newer program
            wrote it), but may be whole; nothing was moved.
    """
    waiting = settings.data_dir / _OPENING
    try:
        check_database(settings.database)
        _finish_replacement(settings)
        undo_interrupted(settings.database)
        happened = _settle_the_last_run(settings, waiting)
        connection = _connect_somehow(settings, happened)
        connection = bring_up_to_date(connection, settings.database, settings.database_memory)
        if not happened:
            happened += notice_loss(settings, connection, kept=list(waiting.glob(f"{settings.database.name}*")))
        if suspected := read_suspicion(settings.data_dir):  # of derived tables alone: no other sign is left by now
            happened.append(_derive_again(settings, connection, suspected))
            settle(settings.data_dir)
    except duckdb.Error as error:
        raise make_opening_error(settings.database, error) from None
    except OSError as error:
        raise StoreError(
            f"{error.filename or settings.data_dir} can't be read or written ({error.strerror}), and the store needs "
            "that: make room, or let the user who runs `serve` use it."
        ) from None
    if happened:  # so that a torn WAL is no longer needed
        try:
            checkpoint(connection)
        except duckdb.Error as error:
            suspect(settings.data_dir, error)
            _log.warning("no checkpoint yet: %s", error)
    shutil.rmtree(waiting, ignore_errors=True)
    return connection


def _finish_replacement(settings: Settings) -> None:
    """Finish an interrupted `restore` or recovery."""
    try:
        finish(settings.data_dir)
        clear_staged(settings.data_dir)
    except OSError as error:
        raise StoreError(
            f"The replacement of {settings.database} was interrupted and can't be finished ({error}): make room."
        ) from None


def _settle_the_last_run(settings: Settings, waiting: Path) -> list[Incident]:
    """Go down the ladder for damage that ended a process; the sign stays only if derived tables can't be read."""
    suspected = read_suspicion(settings.data_dir)
    incidents = _notice_damaged_note(settings)
    if not _has_database(settings) and (incidents or _was_used(settings)):
        incidents.append(_go_down(settings, "it is missing", set(), keeps_database=False))
    elif suspected and not is_whole(settings.database):
        incidents.append(_go_down(settings, suspected, set(), keeps_database=False))
    elif not (suspected and not has_whole_derived(settings.database)):
        settle(settings.data_dir)
        if waiting.exists() and crashes(settings.database):
            incidents.append(_go_down(settings, "opening it ends the process", set()))
    return incidents


def _notice_damaged_note(settings: Settings) -> list[Incident]:
    """Put the note of how far the store came aside if it is empty or damaged, perhaps by a power cut."""
    note = settings.data_dir / APPENDED
    try:
        with contextlib.suppress(FileNotFoundError):
            parse_appended(note.read_bytes())
    except ValueError:
        what = f"{APPENDED} is empty or damaged: a WAL that replays short since can't be told, and it is made anew."
        return [report(settings.data_dir, what, moved_to=set_aside([note], settings.data_dir))]
    return []


def _derive_again(settings: Settings, connection: duckdb.DuckDBPyConnection, why: str) -> Incident:
    """Replace the derived tables by empty ones, and derive them again from the notifications."""
    with transaction(connection):
        create_anew(connection, DERIVED_TABLES)
        run(connection, "DELETE FROM rebuilding")
        run(connection, "INSERT INTO rebuilding VALUES (0)")  # with the rest: empty tables leave no sign after a kill
        derive_account_states(connection)
        derive_delivery_ids(connection)
    what = f"Changes or accounts in {settings.database.name} can't be read ({why}): they are derived again."
    return report(settings.data_dir, what)


def _connect_somehow(settings: Settings, happened: list[Incident]) -> duckdb.DuckDBPyConnection:
    tried: set[Path] = set()
    while True:
        existed = _has_database(settings)
        _keep_wal(settings)
        try:
            return _connect_and_read(settings, holds_rows=existed and _was_used(settings))
        except EmptiedError as error:
            # No backup that was tried is at fault: the one that is in place now may have been emptied.
            happened.append(_go_down(settings, str(error), set(), keeps_database=False))
        except Exception as error:  # noqa: BLE001 - a damaged file raises whatever it makes of its bytes
            if not existed or not is_damage(error):
                raise make_opening_error(settings.database, error) from None
            check_fault_is_of(settings.database, settings.database_memory)
            happened.append(_go_down(settings, str(error).splitlines()[0], tried))


def _has_database(settings: Settings) -> bool:
    """Tell whether there is a database; one that can't be looked at is not missing.

    Raises:
        StoreError: that can't be told.
    """
    try:
        settings.database.stat()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise make_opening_error(settings.database, error) from None
    return True


def _was_used(settings: Settings) -> bool:
    return bool(read_appended(settings.data_dir).seq or list_backups(settings.data_dir))


def _connect_and_read(settings: Settings, *, holds_rows: bool) -> duckdb.DuckDBPyConnection:
    """Open the database and read what the store needs of it.

    Raises:
        EmptiedError: it is new, though it must hold rows.
        Exception: it can't be opened or read.
    """
    connection = connect(settings.database, settings.database_memory)
    try:
        is_new = not read_through(connection)
    except Exception:
        connection.close()
        raise
    if is_new and holds_rows:
        connection.close()
        raise EmptiedError("it is empty")
    return connection


def _go_down(settings: Settings, why: str, tried: set[Path], *, keeps_database: bool = True) -> Incident:
    """Put the WAL aside if there is one, else the database; both if the database is known to be damaged."""
    try:
        if keeps_database and any(path.exists() and path.stat().st_size for path in _list_wal_files(settings)):
            return _put_wal_aside(settings, why)
        return _replace_database(settings, why, tried)
    except (OSError, sqlite3.Error) as error:
        raise StoreError(
            f"{settings.database} is damaged ({why}) and can't be moved aside ({error}): make room or move it yourself."
        ) from None


def _put_wal_aside(settings: Settings, why: str) -> Incident:
    moved_to = set_aside(_list_wal_files(settings), settings.data_dir)
    if moved_to:
        _keep_what_waits(settings, moved_to)
    what = (
        f"{settings.database.name} does not open with its WAL ({why}): the WAL is put aside, and the spool fills in "
        "what came since the last checkpoint."
    )
    return report(settings.data_dir, what, moved_to=moved_to)


def _replace_database(settings: Settings, why: str, tried: set[Path]) -> Incident:
    staged = stage_backup(settings, tried)
    instead = f"the backup {staged.backup.name}" if staged else "as there is no backup, an empty database"
    what = f"{settings.database.name} does not open ({why}). In its place: {instead}."
    missing = describe_loss(settings, staged.extent if staged else None)
    if staged and not staged.has_whole_refused:
        refused = f"All refused notifications of the backup {staged.backup.name}, and what was set aside among them."
        missing = f"{refused} {missing or ''}".rstrip()
    incident = make_incident(what, missing=missing)
    puts = {STAGED: settings.database.name} if staged else {}
    derives_again = staged is not None and not staged.has_whole_derived
    if derives_again:  # before it counts, so that no kill leaves damaged tables without a sign
        suspect_derived(settings.data_dir)
    moved_to = replace(settings.data_dir, [settings.database, *_list_wal_files(settings)], puts, None, incident)
    if not derives_again:
        settle(settings.data_dir)  # a sign was of the database that went aside
    _keep_what_waits(settings, moved_to)
    return incident._replace(moved_to=str(moved_to))


def _list_wal_files(settings: Settings) -> list[Path]:
    return [settings.database.with_name(settings.database.name + suffix) for suffix in _WAL_SUFFIXES]


def _keep_wal(settings: Settings) -> None:
    """Copy the WAL, which DuckDB truncates in place, and leave the sign that an opening has begun."""
    waiting = settings.data_dir / _OPENING
    try:
        make_directory(waiting)
        for path in filter(Path.exists, _list_wal_files(settings)):
            kept, size = waiting / path.name, path.stat().st_size
            # After an opening that ended its process, the copy made before it is the one to keep.
            if size and not kept.exists() and not find_lack_of_room(waiting, size):
                copy_whole(path, kept)
    except OSError as error:
        # A full disk must not keep readers out. The spool holds all rows of the WAL, too.
        if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
            raise make_opening_error(settings.database, error) from None


def _keep_what_waits(settings: Settings, directory: Path) -> None:
    """Add the copies made before opening, if the files differ from them."""
    for path in (settings.data_dir / _OPENING).glob(f"{settings.database.name}*"):
        moved = directory / path.name
        if not moved.exists() or moved.stat().st_size != path.stat().st_size:
            with contextlib.suppress(OSError):
                path.rename(moved.with_name(f"{moved.name}.before") if moved.exists() else moved)
