"""Writes the finished months that the lake lacks, or has otherwise than the store."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from receiver.data_directory.node import read_machine_name
from receiver.database.extent import NOTHING, read_dropped
from receiver.database.reading import ServiceReader
from receiver.errors import ObjectsError, StoreError
from receiver.keeping.lake.closed import ClosedChanges
from receiver.keeping.lake.dropped import LateRows
from receiver.keeping.lake.lost import find_lost, find_lost_whole, is_there
from receiver.keeping.lake.manifest import LakeFile, Manifest, Month, TableFiles, choose_finished, parse_month
from receiver.keeping.lake.parts import CHANGES, NO_ROWS, NOTIFICATIONS, REJECTED, TABLES, LakeTable, Part
from receiver.keeping.lake.place import (
    CheckedRows,
    LakePlace,
    Listed,
    find_month,
    list_months,
    name_manifest,
    read_now,
    sum_up,
)
from receiver.keeping.lake.store import Fingerprint, Measure, StoredMonth, read_heads, read_months

if TYPE_CHECKING:
    import pyarrow as pa

MOST_BYTES_PER_FILE = 1024 * 1024 * 1024
"""Of the text of a file's rows, after which no part is added: some 100 MB of Parquet."""


class Written(NamedTuple):
    """The manifests of the lake after a look, and the months that were written.

    `lost` says what the lake has lost of months that the store has dropped, `lacking` of which months the store has
    less than the lake; `left` are paths of files that were left over.
    """

    manifests: list[Manifest]
    months: list[str]
    lost: list[str]
    lacking: list[str]
    left: list[str]


class _LackingError(StoreError):
    """Raised when the lake has notifications that the store lacks."""


class LakeWriter:
    """Writes months.

    Args:
        reader: asks the store.
        place: where the lake is.
        most_rows: the most rows that the store answers with.
        check: raises an error if this machine may no longer write.
        tell: called with the number of rows of each part that was written.
    """

    def __init__(
        self,
        reader: ServiceReader,
        place: LakePlace,
        most_rows: int,
        check: Callable[[], None],
        tell: Callable[[int], None],
    ) -> None:
        self._reader = reader
        self._place = place
        self._most_rows = most_rows
        self._check = check
        self._tell = tell
        self._objects: dict[str, Listed] = {}
        self._dropped = NOTHING
        self._new: list[LakeFile] = []
        """The files that were written for a month and that no manifest names yet."""

    def write_finished(self) -> Written:
        """Write each finished month that the lake lacks, or has otherwise, and remove what is left over.

        Raises:
            ReceiverError: it failed; the months before are written.
        """
        self._objects, self._dropped = self._place.list_objects(), read_dropped(self._reader.read_rows)
        manifests = {month: self._place.read_manifest(month) for month in map(parse_month, list_months(self._objects))}
        left = self._place.find_left(self._objects, list(manifests.values()), read_now())
        left = [path for path in left if not self._is_last_of_month(path, manifests)]
        stored = read_months(self._reader)
        lost = find_lost(self._dropped, manifests, self._objects, list(map(parse_month, stored)))
        lost_whole = find_lost_whole(self._dropped, manifests)
        written, lacking = [], []
        for month in choose_finished(stored, read_now()):
            if month in lost or (lost_whole and month not in manifests and self._has_dropped(month)):
                continue
            try:
                manifest = self._write_month(month, manifests.get(month))
            except _LackingError as error:
                lacking.append(str(error))
                continue
            if manifest:
                manifests[month] = manifest
                written.append(str(month))
        said = list(lost.values()) or ([lost_whole] if lost_whole else [])
        return Written([manifests[month] for month in sorted(manifests)], written, said, lacking, left)

    def _write_month(self, month: Month, old: Manifest | None) -> Manifest | None:
        """Write a month and its manifest; None if the lake has it as it is, or a newer program wrote it."""
        last_seq, schema_version = read_heads(self._reader)
        if old and old.schema_version > schema_version:
            return None
        stored = StoredMonth(self._reader, month, last_seq, self._most_rows)
        self._new = []
        try:
            tables = {table.name: self._write_table(table, stored, old) for table in TABLES}
            if old and tables == old.tables:
                return None
            self._check()
        except BaseException:
            self._forget_new()
            raise
        manifest = Manifest(month, read_now().isoformat(), read_machine_name(), schema_version, tables)
        self._place.write_manifest(manifest)
        self._remove_old(old, manifest)
        return manifest

    def _write_table(self, table: LakeTable, stored: StoredMonth, old: Manifest | None) -> TableFiles:
        """Write the files of a table; return the old ones if they hold all that the store has."""
        found = stored.take_fingerprint(table)
        before = old.tables[table.name] if old else None
        if before is None:
            return _make(found, self._write_parts(table, stored))
        there = [file for file in before.files if is_there(file, self._objects)]
        is_whole = len(there) == len(before.files)
        if is_whole and found == (before.rows, before.fingerprint):
            return before
        if table is not REJECTED and self._has_dropped(stored.month):
            return self._add_rows(table, stored, before, found.rows)
        if table is CHANGES and self._dropped.is_something:
            return self._write_changes(stored, before, there)
        if table is NOTIFICATIONS and found.rows < before.rows:
            raise _lacks(stored.month, before.rows - found.rows)
        if table is REJECTED and is_whole and not self._find_missing(table, stored, found.rows, there).num_rows:
            return before
        files = self._write_parts(table, stored)
        if table is NOTIFICATIONS and there and (lacking := self._place.read_missing(there, files).num_rows):
            raise _lacks(stored.month, lacking)
        if table is REJECTED and there:  # the store deletes the oldest of them; the lake keeps them
            files += self._write_kept(table, stored, there, files)
        return _make(found, files)

    def _has_dropped(self, month: Month) -> bool:
        return month.begins < self._dropped.before

    def _is_last_of_month(self, path: str, manifests: Mapping[Month, Manifest]) -> bool:
        """Tell whether a file is of a month without a manifest, which the store has dropped."""
        month = find_month(path)
        return month is not None and month not in manifests and self._has_dropped(month)

    def _add_rows(self, table: LakeTable, stored: StoredMonth, before: TableFiles, rows: int) -> TableFiles:
        """Add the notifications that the lake lacks of a month that the store has dropped; its changes stay."""
        if table is CHANGES:
            return before
        missing = self._find_missing(table, stored, rows, before.files)
        if not missing.num_rows:
            return before
        late = LateRows(table, (stored.read(table, part) for part, _ in stored.find_parts(table)), missing)
        file = self._write_file(late.read(), table, stored.month, len(before.files))
        return late.add_to(before, file)

    def _write_changes(self, stored: StoredMonth, before: TableFiles, there: Sequence[LakeFile]) -> TableFiles:
        """Write the changes of a month, and keep those in the lake that the store can no longer derive."""
        closed = ClosedChanges(stored, self._place, there)
        found = closed.take_fingerprint()
        if len(there) == len(before.files) and found == (before.rows, before.fingerprint):
            return before
        files = self._write_parts(closed.others, stored)
        kept = closed.read()
        if kept:
            files.append(self._write_file(kept, CHANGES, stored.month, len(files)))
        return _make(found, files)

    def _find_missing(self, table: LakeTable, stored: StoredMonth, rows: int, files: Sequence[LakeFile]) -> "pa.Table":
        """Find the ids that the store has, and files of the lake lack."""
        return self._place.find_missing(stored.read_ids(table, rows), files)

    def _write_parts(self, table: LakeTable, stored: StoredMonth) -> list[LakeFile]:
        """Write the store's rows of a table; without any a file that shows its columns."""
        files: list[LakeFile] = []
        parts = stored.find_parts(table)
        for first in parts:
            rows = self._read_parts(table, stored, chain([first], parts))
            files.append(self._write_file(rows, table, stored.month, len(files)))
        nothing = CheckedRows(stored.read(table, NO_ROWS), "0")
        return files or [self._write_file([nothing], table, stored.month, 0)]

    def _read_parts(
        self, table: LakeTable, stored: StoredMonth, parts: Iterator[tuple[Part, Measure]]
    ) -> Iterator[CheckedRows]:
        """Read parts for one file, until it is large enough."""
        size = 0
        for part, measure in parts:
            yield CheckedRows(stored.read(table, part), measure.checksum)
            self._tell(measure.rows)
            size += measure.bytes
            if size >= MOST_BYTES_PER_FILE:
                return

    def _write_kept(
        self, table: LakeTable, stored: StoredMonth, there: list[LakeFile], files: list[LakeFile]
    ) -> list[LakeFile]:
        """Write the rows of old files that are in none of the new ones."""
        rows = self._place.read_missing(there, files)
        if not rows.num_rows:
            return []
        _, checksum = sum_up(rows)
        return [self._write_file([CheckedRows(rows, checksum)], table, stored.month, len(files))]

    def _write_file(self, parts: Iterable[CheckedRows], table: LakeTable, month: Month, number: int) -> LakeFile:
        file = self._place.write_file(parts, table.name, month, number)
        self._new.append(file)
        return file

    def _remove_old(self, old: Manifest | None, manifest: Manifest) -> None:
        """Remove the files of the manifest before; what can't be removed is left over."""
        paths = {file.path for file in old.list_files()} & self._objects.keys() if old else set()
        with suppress(ObjectsError):
            self._place.delete(sorted(paths - {file.path for file in manifest.list_files()}))

    def _forget_new(self) -> None:
        with suppress(ObjectsError):
            self._place.delete([file.path for file in self._new])


def _make(found: Fingerprint, files: list[LakeFile]) -> TableFiles:
    return TableFiles(found.rows, found.fingerprint, tuple(files))


def _lacks(month: Month, rows: int) -> _LackingError:
    return _LackingError(
        f"The lake has {rows:,} notifications of {month} that this store lacks, so the month stays there as it is. Is "
        "CLC_OBJECTS that of another receiver? Set another. Was an older backup restored? Restore a later one, or move "
        f"lake/{name_manifest(month)} and lake/*/month={month} elsewhere, and the month is written anew."
    )
