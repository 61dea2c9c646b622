"""A scrub: reads every block of the database file from the disk, and names the damaged rows and a backup of them."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import duckdb

from receiver.database.faults import is_damage
from receiver.database.opening import DERIVED_TABLES
from receiver.database.reading import Reader
from receiver.errors import StoreError, UndecidedError
from receiver.files import read_sql_file
from receiver.keeping.backups import backups_in, list_backups

_TABLES = "SELECT table_name FROM duckdb_tables() WHERE NOT internal AND NOT temporary ORDER BY 1"
_SEQS = "SELECT min(seq), max(seq), count(*) FROM notifications WHERE rowid BETWEEN ? AND ?"
_ROWS = 'SELECT count(*) FROM "{table}" WHERE rowid BETWEEN ? AND ?'
_WHOLE = "SELECT count(*), bit_xor(hash(notifications)) FROM notifications WHERE seq BETWEEN ? AND ?"
_BLOCK_SIZE = "SELECT block_size, total_blocks FROM pragma_database_size()"
_BACKUP_SECONDS = 3600


class DamagedRows(NamedTuple):
    """Rows that lie in damaged blocks.

    `table` is None for the catalogue. `first` and `last` are the `seq` of notifications, else places in the table from
    0; `by_seq` tells which. `backup` is the name of the newest backup that holds the notifications whole, and
    `unknown` are those of newer ones, or their directory, that could not be read for another reason than damage.
    """

    blocks: list[int]
    table: str | None
    columns: list[str]
    first: int
    last: int
    by_seq: bool
    backup: str | None
    unknown: list[str]

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
            return f"{sentence} {self._name_holder()}"
        return sentence

    def _name_holder(self) -> str:
        if self.backup:
            return f"The backup {self.backup} holds them."
        if self.unknown:
            return f"No backup that can be read holds them all; {', '.join(self.unknown)} could not be read."
        return "No backup holds them all."


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
        damaged.append(DamagedRows(catalogue, None, [], 0, 0, by_seq=False, backup=None, unknown=[]))
    return [found for each in damaged if (found := _look_up(each, reader, data_dir))]


def _find_rows_of_tables(reader: Reader, blocks: list[int]) -> Iterator[DamagedRows]:
    query = read_sql_file(__package__, "rows_in_blocks.sql")
    for (table,) in reader.read_rows(_TABLES, []):
        for first, last, columns, numbers in reader.read_rows(query, [blocks, table]):
            yield DamagedRows(numbers, table, columns, first, last, by_seq=False, backup=None, unknown=[])


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
    return _find_backup(damaged._replace(first=first, last=last, by_seq=True), count, data_dir)


def _find_backup(damaged: DamagedRows, count: int, data_dir: Path) -> DamagedRows:
    """Find the newest backup that holds all of so many notifications."""
    try:
        backups = list_backups(data_dir)
    except UndecidedError:
        return damaged._replace(unknown=[f"the directory {backups_in(data_dir).name}"])
    for backup in backups:
        whole = count_whole(backup, damaged.first, damaged.last)
        if whole is None:
            damaged.unknown.append(backup.name)
        elif whole >= count:
            return damaged._replace(backup=backup.name)
    return damaged


def _has_rows(damaged: DamagedRows, reader: Reader) -> bool:
    try:
        return bool(reader.read_rows(_ROWS.format(table=damaged.table), [damaged.first, damaged.last])[0][0])
    except StoreError:
        return True


def count_whole(backup: Path, first: int, last: int) -> int | None:
    """Read the notifications of a range of `seq` in a backup, in another process, and count them.

    0 if any of them is damaged; None if they can't be read for another reason.
    """
    command = [sys.executable, "-m", "receiver.keeping.scrub", str(backup), str(first), str(last)]
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=_BACKUP_SECONDS)  # noqa: S603
    except subprocess.TimeoutExpired:
        return None
    if done.returncode < 0 and done.returncode != -signal.SIGKILL:  # DuckDB may abort a process that reads damage
        return 0
    return int(done.stdout) if done.returncode == 0 else None


def _main() -> None:
    """Print how many notifications of a range of `seq` a backup holds; a damaged file may end this process."""
    config: dict[str, str | bool | int | float | list[str]] = {"enable_external_access": "false"}
    file, first, last = sys.argv[1:]
    try:
        with duckdb.connect(file, read_only=True, config=config) as connection:
            rows = connection.execute(_WHOLE, [int(first), int(last)]).fetchall()
    except duckdb.Error as error:
        if not is_damage(error):
            sys.exit(str(error))
        rows = [(0,)]
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
    suspects = _find_damaged_blocks(database, size, range(total), bytes_per_second, lambda done: advance(done, total))
    # A checkpoint writes into blocks that are not in use, and such a block may be read half written; and it cuts off
    # those at the end: a block counts as damaged only if it is in use and fails a second time.
    held = find_rows(reader, suspects, database.parent) if suspects else []
    in_use = sorted({number for each in held for number in each.blocks})
    damaged = _find_damaged_blocks(database, size, in_use, 0.0, lambda _done: None) if in_use else []
    return find_rows(reader, damaged, database.parent) if damaged else []


def _find_damaged_blocks(
    database: Path, size: int, numbers: Iterable[int], bytes_per_second: float, advance: Callable[[int], None]
) -> list[int]:
    command = [sys.executable, "-m", "receiver.keeping.blocks", str(database), str(size), str(bytes_per_second)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:  # noqa: S603
        if process.stdin:
            with suppress(BrokenPipeError), process.stdin:  # it has ended, and says why
                json.dump(list(numbers), process.stdin)
        for line in process.stdout or ():
            message = json.loads(line)
            if "damaged" in message:
                return list(message["damaged"])
            advance(message["read"])
        why = (process.stderr.read() if process.stderr else "").strip().splitlines()
    raise StoreError(f"{database} can't be read block by block: {why[-1] if why else 'the reading process ended'}")


if __name__ == "__main__":
    _main()
