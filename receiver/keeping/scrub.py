"""A scrub: reads every block of the database file from the disk, and names the damaged rows and a backup of them."""

import json
import logging
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from receiver.data_directory.incidents import report
from receiver.database.opening import DERIVED_TABLES, run
from receiver.database.reading import Reader, Rows
from receiver.errors import StoreError
from receiver.files import read_sql_file, write_whole
from receiver.keeping.backups import list_backups
from receiver.logs import describe
from receiver.settings import Settings

FILE = "scrub.json"
_TABLES = "SELECT table_name FROM duckdb_tables() WHERE NOT internal AND NOT temporary ORDER BY 1"
_SEQS = "SELECT min(seq), max(seq), count(*) FROM notifications WHERE rowid BETWEEN ? AND ?"
_ROWS = 'SELECT count(*) FROM "{table}" WHERE rowid BETWEEN ? AND ?'
_WHOLE = "SELECT count(*), bit_xor(hash(notifications)) FROM notifications WHERE seq BETWEEN ? AND ?"
_BLOCK_SIZE = "SELECT block_size, total_blocks FROM pragma_database_size()"
_BACKUP_SECONDS = 3600
_EVERY = timedelta(days=7)
_LOOK_SECONDS = 600.0
_BYTES_PER_SECOND = 32 * 2**20

_log = logging.getLogger(__name__)


class DamagedRows(NamedTuple):
    """Rows that lie in damaged blocks.

    `table` is None for the catalogue. `first` and `last` are the `seq` of notifications, else places in the table from
    0; `by_seq` tells which. `backup` is the name of the newest backup that holds the notifications whole.
    """

    blocks: list[int]
    table: str | None
    columns: list[str]
    first: int
    last: int
    by_seq: bool
    backup: str | None

    def __str__(self) -> str:
        """Return it as sentences: what is damaged, and what to do."""
        blocks = f"Block{'s' if len(self.blocks) > 1 else ''} {', '.join(map(str, self.blocks))} of the database"
        if self.table is None:
            return f"{blocks}: the catalogue is damaged. Restore a backup."
        rows = f"{'seq' if self.by_seq else 'rows'} {self.first:,} to {self.last:,}"
        sentence = f"{blocks}: {self.table}, {rows} ({', '.join(self.columns)}) can't be relied on."
        if self.table in DERIVED_TABLES:
            return f"{sentence} `clc-receiver rebuild` derives them again."
        if self.table == "notifications":
            holder = f"The backup {self.backup} holds them." if self.backup else "No backup holds them all."
            return f"{sentence} {holder}"
        return sentence


def find_rows(reader: Reader, blocks: list[int], data_dir: Path) -> list[DamagedRows]:
    """List the rows that lie in damaged blocks; a block that is not in use holds none.

    Args:
        reader: reads the store.
        blocks: the numbers of the damaged blocks.
        data_dir: where the backups lie.

    Raises:
        StoreError: the store can't be read.
    """
    damaged = list(_find_rows_of_tables(reader, blocks))
    catalogue = [number for (number,) in reader.read_rows(read_sql_file(__package__, "catalogue_blocks.sql"), [blocks])]
    if catalogue:
        damaged.append(DamagedRows(catalogue, None, [], 0, 0, by_seq=False, backup=None))
    return [found for each in damaged if (found := _look_up(each, reader, data_dir))]


def _find_rows_of_tables(reader: Reader, blocks: list[int]) -> Iterator[DamagedRows]:
    query = read_sql_file(__package__, "rows_in_blocks.sql")
    for (table,) in reader.read_rows(_TABLES, []):
        for first, last, columns, numbers in reader.read_rows(query, [blocks, table]):
            yield DamagedRows(numbers, table, columns, first, last, by_seq=False, backup=None)


def _look_up(damaged: DamagedRows, reader: Reader, data_dir: Path) -> DamagedRows | None:
    """Give notifications their `seq` if it can be read, and find a backup that holds them.

    None where all these rows are deleted: after rows were put side by side, a checkpoint leaves row groups without any.
    """
    if damaged.table is None:
        return damaged
    if damaged.table != "notifications":
        return damaged if _has_rows(damaged, reader) else None
    try:
        first, last, count = reader.read_rows(_SEQS, [damaged.first, damaged.last])[0]
    except StoreError:
        return damaged
    if not count:
        return None
    holding = (backup.name for backup in list_backups(data_dir) if count_whole(backup, first, last) >= count)
    return damaged._replace(first=first, last=last, by_seq=True, backup=next(holding, None))


def _has_rows(damaged: DamagedRows, reader: Reader) -> bool:
    try:
        return bool(reader.read_rows(_ROWS.format(table=damaged.table), [damaged.first, damaged.last])[0][0])
    except StoreError:
        return True


def count_whole(backup: Path, first: int, last: int) -> int:
    """Read the notifications of a range of `seq` in a backup, in another process, and count them.

    0 if any of them can't be read.
    """
    command = [sys.executable, "-m", "receiver.keeping.scrub", str(backup), str(first), str(last)]
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=_BACKUP_SECONDS)  # noqa: S603
    except subprocess.TimeoutExpired:
        return 0
    return int(done.stdout) if done.returncode == 0 else 0


def _main() -> None:
    """Print how many notifications of a range of `seq` a backup holds; a damaged file may end this process."""
    config: dict[str, str | bool | int | float | list[str]] = {"enable_external_access": "false"}
    file, first, last = sys.argv[1:]
    try:
        with duckdb.connect(file, read_only=True, config=config) as connection:
            rows = connection.execute(_WHOLE, [int(first), int(last)]).fetchall()
    except duckdb.Error as error:
        sys.exit(str(error))
    print(rows[0][0])  # noqa: T201 - the process that started this one reads it


def scrub(
    reader: Reader,
    database: Path,
    *,
    advance: Callable[[int, int], None] = lambda _done, _total: None,
    bytes_per_second: float = 0.0,
) -> list[DamagedRows]:
    """Compare every block with its checksum, and list the rows in damaged ones.

    Args:
        reader: reads the store.
        database: its file; the backups lie in `backups` beside it.
        advance: called with the number of blocks read, and of all.
        bytes_per_second: how fast the file is read; 0 for as fast as the disk gives it.

    Raises:
        StoreError: the store or the file can't be read.
    """
    size, total = reader.read_rows(_BLOCK_SIZE, [])[0]
    suspects = _find_damaged_blocks(database, size, None, bytes_per_second, lambda done: advance(done, total))
    # A checkpoint writes into blocks that are not in use, and such a block may be read half written: a block counts as
    # damaged only if it is in use and fails a second time.
    in_use = _list_blocks(find_rows(reader, suspects, database.parent)) if suspects else []
    damaged = _find_damaged_blocks(database, size, in_use, 0.0, lambda _done: None) if in_use else []
    return find_rows(reader, damaged, database.parent) if damaged else []


def _list_blocks(damaged: list[DamagedRows]) -> list[int]:
    return sorted({number for each in damaged for number in each.blocks})


def _find_damaged_blocks(
    database: Path, size: int, numbers: list[int] | None, bytes_per_second: float, advance: Callable[[int], None]
) -> list[int]:
    command = [sys.executable, "-m", "receiver.keeping.blocks", str(database), "--block-size", str(size)]
    command += ["--bytes-per-second", str(bytes_per_second)]
    if numbers is not None:
        command += ["--blocks", ",".join(map(str, numbers))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:  # noqa: S603
        for line in process.stdout or ():
            message = json.loads(line)
            if "damaged" in message:
                return list(message["damaged"])
            advance(message["read"])
        why = (process.stderr.read() if process.stderr else "").strip().splitlines()
    raise StoreError(f"{database} can't be read block by block: {why[-1] if why else 'the reading process ended'}")


class ScrubNote(NamedTuple):
    """The time at which the last scrub ended, and a sentence for each damage; `failure` says why a later one failed.

    `at` is None if none has ended yet.
    """

    at: datetime | None
    damages: list[str]
    failure: str | None = None


def read_scrub_note(data_dir: Path) -> ScrubNote | None:
    """Read the note; None if there is none, or it is damaged."""
    try:
        note = json.loads((data_dir / FILE).read_bytes())
        at = datetime.fromisoformat(note["at"]) if note["at"] is not None else None
        damages, failure = [str(damage) for damage in note["damages"]], note.get("failure")
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
    if at and at.tzinfo is None:
        return None
    return ScrubNote(at, damages, None if failure is None else str(failure))


def write_scrub_note(data_dir: Path, damaged: list[DamagedRows]) -> None:
    """Note that a scrub has ended.

    Raises:
        OSError: it can't be written.
    """
    _write_note(data_dir, ScrubNote(datetime.now(UTC), [str(each) for each in damaged]))


def _write_note(data_dir: Path, note: ScrubNote) -> None:
    fields = {**note._asdict(), "at": note.at.isoformat() if note.at else None}
    write_whole(data_dir / FILE, json.dumps(fields, indent=1))


class ScrubLoop:
    """Re-reads the file once a week, until it is stopped; damage is noted, reported and red in the status.

    Args:
        settings: where things lie.
        connection: the store; the loop takes a cursor of its own.
    """

    def __init__(self, settings: Settings, connection: duckdb.DuckDBPyConnection) -> None:
        self._settings = settings
        self._cursor = connection.cursor()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="scrub", daemon=True)

    def start(self) -> None:
        """Begin to scrub when it is due."""
        self._thread.start()

    def stop(self) -> None:
        """Begin no other scrub; a running one ends with the process."""
        self._stopping.set()

    def read_rows(self, sql: str, parameters: list[Any]) -> Rows:
        """Run a query; see `receiver.database.reading.Reader`."""
        try:
            return run(self._cursor, sql, parameters)
        except duckdb.Error as error:
            raise StoreError(str(error).splitlines()[0]) from None

    def scrub_if_due(self) -> bool:
        """Scrub if the last scrub is a week old, and tell whether it was.

        Raises:
            StoreError, OSError: the file can't be read, or the note can't be written.
        """
        note = read_scrub_note(self._settings.data_dir)
        # A time in the future, which a wrong clock gave, keeps back no scrub.
        if note and note.at and timedelta() <= datetime.now(UTC) - note.at < _EVERY:
            return False
        damaged = scrub(self, self._settings.database, bytes_per_second=_BYTES_PER_SECOND)
        known = note.damages if note else []
        for each in damaged:
            if str(each) not in known:
                report(self._settings.data_dir, str(each))
        write_scrub_note(self._settings.data_dir, damaged)
        return True

    def _run(self) -> None:
        while not self._stopping.wait(_LOOK_SECONDS):
            try:
                self.scrub_if_due()
            except (StoreError, OSError) as error:
                _log.error("the database could not be scrubbed: %s", error)
                self._note_failure(error)
            except Exception as error:  # noqa: BLE001 - without the thread no damage would be found any more
                _log.exception("the database could not be scrubbed by an error in this program")
                self._note_failure(error)

    def _note_failure(self, error: Exception) -> None:
        note = read_scrub_note(self._settings.data_dir) or ScrubNote(None, [])
        with suppress(OSError):
            _write_note(self._settings.data_dir, note._replace(failure=describe(error)))


if __name__ == "__main__":
    _main()
