"""Finds the rows in damaged blocks, and the backup that still holds them."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from receiver.database.reading import Reader
from receiver.errors import StoreError
from receiver.program import sql_file

_TABLES = "SELECT table_name FROM duckdb_tables() WHERE NOT internal AND NOT temporary ORDER BY 1"
_SEQS = "SELECT min(seq), max(seq), count(*) FROM notifications WHERE rowid BETWEEN ? AND ?"
_DERIVED = frozenset({"changes", "changes_rebuilt", "account_states"})
_BACKUP_SECONDS = 3600


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
        if self.table in _DERIVED:
            return f"{sentence} `clc-receiver rebuild` derives them again."
        if self.table == "notifications":
            holder = f"The backup {self.backup} holds them." if self.backup else "No backup holds them all."
            return f"{sentence} {holder}"
        return sentence


def find_rows(reader: Reader, blocks: list[int], backups: Path) -> list[DamagedRows]:
    """List the rows that lie in damaged blocks; a block that is not in use holds none.

    Args:
        reader: reads the store.
        blocks: the numbers of the damaged blocks.
        backups: the directory of the backups.

    Raises:
        StoreError: the store can't be read.
    """
    damaged = list(_rows_of_tables(reader, blocks))
    catalogue = [number for (number,) in reader.rows(sql_file(__package__, "catalogue_blocks.sql"), [blocks])]
    if catalogue:
        damaged.append(DamagedRows(catalogue, None, [], 0, 0, by_seq=False, backup=None))
    return [_add_backup(each, reader, backups) for each in damaged]


def _rows_of_tables(reader: Reader, blocks: list[int]) -> Iterator[DamagedRows]:
    query = sql_file(__package__, "rows_in_blocks.sql")
    for (table,) in reader.rows(_TABLES, []):
        for first, last, columns, numbers in reader.rows(query, [blocks, table]):
            yield DamagedRows(numbers, table, columns, first, last, by_seq=False, backup=None)


def _add_backup(damaged: DamagedRows, reader: Reader, backups: Path) -> DamagedRows:
    """Give notifications their `seq` if it can be read, and find a backup that holds them."""
    if damaged.table != "notifications":
        return damaged
    try:
        first, last, count = reader.rows(_SEQS, [damaged.first, damaged.last])[0]
    except StoreError:
        return damaged
    newest_first = sorted(backups.glob("clc-*.duckdb"), reverse=True)
    holding = (backup.name for backup in newest_first if count_whole(backup, first, last) >= count)
    return damaged._replace(first=first, last=last, by_seq=True, backup=next(holding, None))


def count_whole(backup: Path, first: int, last: int) -> int:
    """Read the notifications of a range of `seq` in a backup, in another process, and count them.

    0 if any of them can't be read.
    """
    command = [sys.executable, "-m", "receiver.keeping.scrub.backup_rows", str(backup), str(first), str(last)]
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=_BACKUP_SECONDS)  # noqa: S603
    except subprocess.TimeoutExpired:
        return 0
    return int(done.stdout) if done.returncode == 0 else 0
