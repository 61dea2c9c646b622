"""Months that the store drops: which ones may go, and what comes late for those that are gone.

An old month may go when the lake holds it now, and each of its files was read again. Late notifications of a month that
is gone are added to the lake: the files that are there stay.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import duckdb

from receiver.database.extent import read_dropped
from receiver.database.reading import ServiceReader
from receiver.errors import ReceiverError
from receiver.files import read_sql_file
from receiver.keeping.lake.closed import ClosedChanges
from receiver.keeping.lake.manifest import LakeFile, Manifest, Month, TableFiles, find_first_kept, parse_month
from receiver.keeping.lake.parts import CHANGES, NOTIFICATIONS, LakeTable
from receiver.keeping.lake.place import CheckedRows, LakePlace, list_months, query_tables, sum_up, take_fingerprint
from receiver.keeping.lake.store import StoredMonth, read_heads

if TYPE_CHECKING:
    import pyarrow as pa


class Droppable(NamedTuple):
    """The begin of the month before which all may go, and the last number when that was found out; None if nothing may.

    `obstacle` is why some that is old must stay.
    """

    before: datetime | None
    last_seq: int
    obstacle: str | None

    def as_json(self) -> dict[str, Any]:
        """Return it as a part of the process's last line."""
        drop = {"before": self.before.isoformat(), "last_seq": self.last_seq} if self.before else None
        return {"drop": drop, "not_dropped": self.obstacle}


class DropCheck:
    """Compares old months of the store with the lake.

    Args:
        reader: asks the store.
        place: where the lake is.
        most_rows: the most rows that the store answers with.
        tell: called with the number of rows of each file that was read back.
    """

    def __init__(self, reader: ServiceReader, place: LakePlace, most_rows: int, tell: Callable[[int], None]) -> None:
        self._reader = reader
        self._place = place
        self._most_rows = most_rows
        self._tell = tell
        self._dropped = read_dropped(reader.read_rows)
        self._last_seq, _ = read_heads(reader)
        self._in_lake: list[str] = []

    def find(self, now: datetime, months_kept: int) -> Droppable:
        """Find out what may go, so that so many months before the present one stay.

        Raises:
            StoreError: the store does not answer.
        """
        before = max(find_first_kept(now, months_kept).begins, self._dropped.before)
        stored = self._count_by_month(before)
        if not self._is_due(stored):
            return Droppable(None, self._last_seq, None)
        month, obstacle = self._find_obstacle(list(stored))
        if month and month.begins < self._dropped.before:
            return Droppable(None, self._last_seq, obstacle)
        before = month.begins if month else before
        may_go = self._is_due({each: rows for each, rows in stored.items() if each.begins < before})
        return Droppable(before if may_go else None, self._last_seq, obstacle)

    def _count_by_month(self, before: datetime) -> dict[Month, int]:
        rows = self._reader.read_rows(read_sql_file(__package__, "old_months.sql"), {"before": before.isoformat()})
        return {parse_month(month): number for month, number in rows}

    def _is_due(self, stored: dict[Month, int]) -> bool:
        """Tell whether there are months that were never dropped, or rows that came since that."""
        return sum(stored.values()) > self._dropped.kept

    def _find_obstacle(self, months: list[Month]) -> tuple[Month | None, str | None]:
        """Find the first of some months that the lake does not hold as the store does, and say why."""
        for month in months:
            try:
                self._in_lake = self._in_lake or list_months(self._place.list_objects())
                obstacle = self._compare(month)
            except (ReceiverError, duckdb.Error, OSError) as error:
                obstacle = f"{month} can't be read back from the lake: {str(error).splitlines()[0]}"
            if obstacle:
                return month, obstacle
        return None, None

    def _compare(self, month: Month) -> str | None:
        if str(month) not in self._in_lake:
            return f"The lake has no manifest of {month}."
        manifest = self._place.read_manifest(month)
        stored = StoredMonth(self._reader, month, self._last_seq, self._most_rows)
        if month.begins < self._dropped.before:
            return self._compare_rest(stored, manifest)
        for file in manifest.list_files():
            self._place.check_file(file)
            self._tell(file.rows)
        return self._compare_whole(stored, manifest)

    def _compare_whole(self, stored: StoredMonth, manifest: Manifest) -> str | None:
        for table in (NOTIFICATIONS, CHANGES):
            there = manifest.tables[table.name]
            is_same = stored.take_fingerprint(table) == (there.rows, there.fingerprint)
            if not is_same and table is CHANGES and self._dropped.is_something:
                closed = ClosedChanges(stored, self._place, there.files)
                is_same = closed.take_fingerprint() == (there.rows, there.fingerprint)
            if not is_same:
                return f"The lake has other {table.name} of {stored.month} than this store."
        return None

    def _compare_rest(self, stored: StoredMonth, manifest: Manifest) -> str | None:
        """Compare what the store has of a month that it has dropped before."""
        rows = stored.take_fingerprint(NOTIFICATIONS).rows
        files = manifest.tables[NOTIFICATIONS.name].files
        missing = self._place.find_missing(stored.read_ids(NOTIFICATIONS, rows), files).num_rows
        return f"The lake lacks {missing:,} notifications of {stored.month} that came late." if missing else None


class LateRows:
    """The rows of parts that have some ids.

    Args:
        table: their table.
        parts: rows of the store.
        ids: the ids.
    """

    def __init__(self, table: LakeTable, parts: Iterable["pa.Table"], ids: "pa.Table") -> None:
        self._table = table
        self._parts = parts
        self._ids = ids
        self._fingerprint = 0

    def read(self) -> Iterator[CheckedRows]:
        """Read them, part by part."""
        for part in self._parts:
            rows = query_tables("late_rows.sql", file=part, ids=self._ids)
            self._fingerprint += take_fingerprint(rows, self._table)
            if rows.num_rows:
                yield CheckedRows(rows, sum_up(rows)[1])

    def add_to(self, before: TableFiles, file: LakeFile) -> TableFiles:
        """Return the files of a table with the one into which all these rows were written."""
        fingerprint = str(int(before.fingerprint) + self._fingerprint)
        return TableFiles(before.rows + file.rows, fingerprint, (*before.files, file))
