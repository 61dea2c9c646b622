"""Replaces the database by a backup, and counts the notifications that this would lose; the spool stays."""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime
from functools import partial
from itertools import chain, product
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import duckdb

from receiver.data_directory.accounts import learn_accounts, read_learned_accounts
from receiver.data_directory.incidents import Incident, aside_in, read_incidents
from receiver.database.appended import FILE as APPENDED_NOTE
from receiver.database.appended import read_appended
from receiver.database.extent import read_watermarks
from receiver.database.faults import suspect_derived
from receiver.database.opening import run
from receiver.database.replacing import STAGED, STAGED_ACCOUNTS, clear_staged, replace
from receiver.errors import SharedSpoolError, StoreError
from receiver.files import copy_whole, list_files, read_sql_file, sync_directory, sync_file
from receiver.keeping import backup_file
from receiver.settings import LEARNED_ACCOUNTS, Settings
from receiver.spool import Watermarks
from receiver.spool.layout import KINDS, from_microseconds
from receiver.spool.looking import Backlog, list_segment_paths, view
from receiver.spool.owners import count_whole_backlog, describe_doubt, list_former_spools, list_readable

# A WAL left behind would be replayed into the restored file; the note is of the old database.
_PATTERNS = ("clc.duckdb", "clc.duckdb.*", f"{LEARNED_ACCOUNTS}*", "last_bodies.sqlite*", APPENDED_NOTE)
_ROWS_PER_STEP = 1_000
_ID_BYTES = 16
_CONFIG: dict[str, str | bool | int | float | list[str]] = {"memory_limit": "2GB", "threads": 2}


class LeftOut(NamedTuple):
    """How many notifications are left out, and when the first and last were received; `seq` is the database's last.

    `number` is None where the present database can't be read. `doubts` say which spools may hold some of those that are
    counted, because they can't be read, and why. `refused` is how many refused notifications are left out.
    """

    number: int | None
    first: datetime | None
    last: datetime | None
    seq: int
    doubts: tuple[str, ...] = ()
    refused: int = 0

    def __str__(self) -> str:
        """Return it as a sentence without its end."""
        if self.number is None:
            return "How many of its notifications neither the backup nor the spool holds is not known"
        times = ""
        if self.first and self.last:
            times = f", received from {self.first:%Y-%m-%d %H:%M:%S} to {self.last:%Y-%m-%d %H:%M:%S} UTC"
        return self._say_where(f"{self.number:,} of its notifications{times},")

    def describe_refused(self) -> str:
        """Return the refused ones as a sentence without its end."""
        return self._say_where(f"{self.refused:,} of its refused notifications")

    def _say_where(self, which: str) -> str:
        counted = f"{which} are neither in the backup nor in the spool"
        return ", and ".join([f"{counted} of this machine", *self.doubts]) if self.doubts else counted


def count_left_out(settings: Settings, backup: Path, database: Path | None = None) -> LeftOut:
    """Compare a database, the present one by default, with a backup, the spool, and the shared one if there is one.

    This runs in another process: the database may be damaged, and reading it may end that process.
    """
    former = list_former_spools(settings)
    shared, doubt = _read_shared_ids(settings, backup)
    doubts = tuple(each for each in (doubt, describe_doubt(former)) if each)
    paths = [database or settings.database, backup, *list_readable(settings, former)]
    done = subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-m", "receiver.keeping.restoring", *map(str, paths)],
        check=False,
        capture_output=True,
        input=b"".join(shared),
    )
    if done.returncode:
        return LeftOut(None, None, None, 0)
    number, first, last, seq, refused = json.loads(done.stdout)
    first, last = (None if each is None else from_microseconds(each) for each in (first, last))
    return LeftOut(number, first, last, seq, doubts, refused)


def _read_shared_ids(settings: Settings, backup: Path) -> tuple[list[bytes], str | None]:
    """Read the ids that come in again from the shared spool; return, too, that it is not known which these are."""
    if settings.shared_spool is None:
        return [], None
    from receiver.shared_spool import list_ids_ahead  # noqa: PLC0415 - psycopg belongs to an extra

    try:
        return list_ids_ahead(settings.shared_spool, backup_file.read_backup_watermarks(backup)), None
    except SharedSpoolError as error:
        return [], f"whether the shared spool holds them is not known ({str(error).rstrip('.')})"


def find_made_whole(settings: Settings, backup: Path) -> list[Incident]:
    """Find the restores that left out notifications, all of which a backup and the spool hold.

    The database that went aside tells. That of a recovery is damaged, so what it has is not all that is missing.
    """
    return [
        incident
        for incident in read_incidents(settings.data_dir)
        if incident.left_out is not None
        and (before := _find_database_before(incident, settings))
        and count_left_out(settings, backup, before).number == 0
    ]


def _find_database_before(incident: Incident, settings: Settings) -> Path | None:
    file = aside_in(settings.data_dir) / Path(incident.moved_to or "").name / settings.database.name
    return file if incident.moved_to and file.is_file() else None


def _compare(database: Path, backup: Path, spools: list[Path], shared: bytes) -> tuple[int | None, ...]:
    """Return what `left_out.sql` selects."""
    watermarks = backup_file.read_backup_watermarks(backup)
    with duckdb.connect(":memory:", config=_CONFIG) as connection:
        for name, path in (("present", database), ("backup", backup)):
            quoted = str(path).replace("'", "''")
            connection.execute(f"ATTACH '{quoted}' AS {name} (READ_ONLY)")
        connection.execute("SET enable_external_access = false")
        connection.execute("CREATE TABLE spooled (id UUID)")
        for ids in chain(_read_spooled_ids(spools, watermarks), _split_ids(shared)):
            connection.execute("INSERT INTO spooled SELECT unnest(?::UUID[])", [ids])
        (counted,) = connection.execute(read_sql_file(__package__, "left_out.sql")).fetchall()
        return tuple(counted)


def _read_spooled_ids(spools: list[Path], watermarks: Watermarks) -> Iterator[list[str]]:
    """Read the ids that a store with these watermarks would still take from spools."""
    for path, kind in product(chain.from_iterable(map(list_segment_paths, spools)), KINDS.values()):
        with view(path) as segment:
            position = watermarks.get((segment.name, kind), 0)
            while rows := segment.read(kind, position, _ROWS_PER_STEP):
                position = rows[-1].position
                yield [str(row.id) for row in rows]


def _split_ids(ids: bytes) -> Iterator[list[str]]:
    step = _ROWS_PER_STEP * _ID_BYTES
    for begin in range(0, len(ids), step):
        piece = ids[begin : begin + step]
        yield [str(UUID(bytes=piece[at : at + _ID_BYTES])) for at in range(0, len(piece), _ID_BYTES)]


def _main() -> None:
    """Compare the database, the backup and the spools of the command line, and ids as bytes, and print JSON."""
    database, backup, *spools = map(Path, sys.argv[1:])
    json.dump(_compare(database, backup, spools, sys.stdin.buffer.read()), sys.stdout)


def list_data_files(data_dir: Path) -> list[Path]:
    """List the files that a restore moves aside.

    Raises:
        OSError: they can't be listed.
    """
    files = list_files(data_dir)
    return [file for pattern in _PATTERNS for file in files if file.match(pattern) and file.is_file()]


def install(
    backup: Path,
    settings: Settings,
    advance: Callable[[int], None],
    *,
    seq: int = 0,
    incident: Incident | None = None,
    moving: bool = False,
    has_whole_derived: bool = True,
    has_whole_refused: bool = True,
) -> Path | None:
    """Make a backup the database, and return the directory that holds the old one.

    Args:
        backup: a file that `inspect` has checked.
        settings: where the database lies; nobody has it open.
        advance: called with the number of bytes copied since the last call.
        seq: the highest number that the database before it gave to a notification, as far as that is known.
        incident: recorded if the backup leaves notifications out.
        moving: whether the backup, a file in the data directory, may be moved.
        has_whole_derived: whether its derived tables can be read; if not, the next start derives them again.
        has_whole_refused: whether its refused notifications can be read; if not, they are left out.

    Raises:
        StoreError: it failed: nothing has changed, or the next start goes on with it.
    """
    copy, accounts = settings.data_dir / STAGED, settings.data_dir / STAGED_ACCOUNTS
    try:
        clear_staged(settings.data_dir)
        if moving:
            backup.rename(copy)
        else:
            copy_whole(backup, copy, advance)
        backup_file.unseal(copy, accounts, emptying_refused=not has_whole_refused)
        _learn_too(accounts, settings.learned_accounts)
        puts = {STAGED: settings.database.name}
        sync_file(copy)
        if accounts.exists():
            sync_file(accounts)
            puts[STAGED_ACCOUNTS] = settings.learned_accounts.name
        sync_directory(settings.data_dir)
        files = list_data_files(settings.data_dir)
        if not has_whole_derived:
            suspect_derived(settings.data_dir)
        used = max(read_appended(settings.data_dir).seq, seq)
        aside = replace(settings.data_dir, files, puts, used, incident)
    except (duckdb.Error, sqlite3.Error, OSError) as error:
        raise StoreError(f"{backup} can't be restored to {settings.data_dir}: {error}.") from None
    return aside if files else None


def count_rows_waiting(settings: Settings) -> Backlog:
    """Count the spool's rows that the database does not hold."""
    with duckdb.connect(str(settings.database), read_only=True) as database:
        watermarks = read_watermarks(partial(run, database))
    return count_whole_backlog(settings, list_former_spools(settings), watermarks)


def _learn_too(accounts: Path, present: Path) -> None:
    """Add the accounts learned since the backup: they stay valid."""
    with suppress(sqlite3.DatabaseError):
        learned = read_learned_accounts(present)
        if learned:
            learn_accounts(accounts, learned)


if __name__ == "__main__":
    _main()
