"""The segments of a spool as sources of rows: each open for reading, whatever state its file is in."""

import contextlib
import sqlite3
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

from receiver.files import sync_directory
from receiver.notification import DAMAGED_IN_SPOOL
from receiver.spool import layout, ledger
from receiver.spool.columns import DamagedRowError, SegmentColumns, read_sealed_counts, tolerate_any_text
from receiver.spool.layout import KINDS, Row, Watermarks, count_bytes

# Errors that pass, or that an operator can put right: the file itself may be whole.
_PASSING = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_INTERRUPT,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_READONLY,
}
CANNOT_READ = (*layout.CANNOT_READ, OSError)
_ROWS_PER_TURN = 5_000


class SpooledRow(NamedTuple):
    """A row with its place in the spool: `position` grows by one within (segment, kind), from 1.

    In the place of a damaged row there is a `Rejection` with the reason `damaged_in_spool`.
    """

    segment: str
    kind: str
    position: int
    row: Row


class Segment:
    """One segment, open for reading.

    Damage is no error: a segment gives the rows before it, and `damage` says what is wrong. After an error that passes
    by itself (a lock, a full disk), the next call tries again.

    While a segment is open here, nothing else in this process may open its files, other than through SQLite: closing
    one would release SQLite's locks, and the writer would delete the WAL under the reader.

    Args:
        path: the file.
        before_opening: called each time before the file is opened, and may find damage in it or refuse.
    """

    def __init__(self, path: Path, before_opening: "Callable[[Segment], None]" = lambda _: None) -> None:
        self.path = path
        self.name = path.stem
        self.damage: str | None = None
        self.missing: str | None = None
        """The acknowledged rows that can't be read any more."""
        self.refused: str | None = None
        """Why it can't be read at the moment, though it may be whole."""
        self._before_opening = before_opening
        self._ends: dict[str, int] = {}
        """The last readable position of each kind, where it is known."""
        self._connection: sqlite3.Connection | None = None
        self._columns: dict[str, SegmentColumns] = {}
        self._counts_rows = False
        """Whether rows are counted to know their places, because the positions in the file may be damaged."""
        self._is_settled = False
        self._is_cut = False
        """Whether rows after a damaged place can't be read."""
        self._is_second_look = False
        self._has_sign = False
        """Whether SQLite has reported damage before."""
        self._identity: layout.Identity | None = None

    def read(self, kind: str, after: int, limit: int, max_bytes: int = sys.maxsize) -> list[SpooledRow]:
        """Read at most `limit` rows of a kind that lie after a position, in order, and no more after `max_bytes`."""
        rows: list[SpooledRow] = []
        if after >= self._ends.get(kind, sys.maxsize):
            return rows
        position = after
        try:
            for position, row in self._read_rows(kind, after, limit):
                rows.append(SpooledRow(self.name, kind, position, row))
                max_bytes -= count_bytes(row)
                if max_bytes <= 0:
                    break
        except CANNOT_READ as error:
            if self._is_passing(error):
                return rows
            if self._is_first_sign():
                return rows + self.read(kind, position, limit - len(rows), max_bytes)
            self.note_damage(
                f"it can't be read after {kind} {position} ({error})", f"what came after {kind} {position}"
            )
            self._ends[kind], self._is_cut = position, True
        return rows

    def find_last_position(self, kind: str) -> int | None:
        """Return the position of the last readable row of a kind; 0 if there is none, None while it is not known."""
        if kind in self._ends:
            return self._ends[kind]
        try:
            return self._count(kind) if self._counts_rows else self._read_last(kind)
        except CANNOT_READ as error:
            if not self._is_passing(error):
                if self._is_first_sign():
                    return self.find_last_position(kind)
                self.note_damage(f"it can't be read ({error})")
        return None

    def settle_count(self) -> None:
        """Check once whether all rows can be read, in a segment without a writer.

        Damage can make the last rows vanish without an error. Where the writer could not note how many rows there are,
        SQLite looks through the whole file.
        """
        if self._is_settled:
            return
        try:
            self._settle_count(read_sealed_counts(self._open()))
            ends = {kind: self._count(kind) if self._counts_rows else self._read_last(kind) for kind in KINDS.values()}
            self._ends = ends | self._ends
            self._is_settled = True
        except CANNOT_READ as error:
            self._is_settled = not self._is_passing(error)  # any other error is reported where rows are read

    def _settle_count(self, expected: dict[str, int]) -> None:
        if not expected:
            (result,) = self._open().execute("PRAGMA quick_check(1)").fetchone()
            if result != "ok":
                self.note_damage(f"SQLite finds in it: {result}")
        for kind in KINDS.values():
            last = self._read_last(kind)
            if expected and last == expected.get(kind):
                continue
            count = self._count(kind)
            if count < expected.get(kind, 0):
                lost = f"{expected[kind] - count} {kind}"
                self.note_damage(f"of its {expected[kind]} {kind} only {count} are found", lost)
            if count != last:
                self._begin_to_count(f"the last of its {kind} is not in its place")

    def has_rows(self) -> bool:
        """Tell whether anything was written here."""
        return any(self.find_last_position(kind) for kind in KINDS.values())

    def is_gone(self) -> bool:
        """Tell whether the file was deleted or replaced while it was open here."""
        return self._identity is not None and layout.read_identity(self.path) != self._identity

    def note_damage(self, what: str, missing: str | None = None) -> None:
        """Keep the first fault, and what is missing because of it."""
        self.damage = self.damage or what
        self.missing = self.missing or missing

    def look_again(self) -> bool:
        """Open a damaged file again, once: True if more of it may be readable now."""
        if not self._is_cut or self._is_second_look:
            return False
        self._is_second_look = True
        self._is_settled = False
        self._ends.clear()
        self.close()
        return True

    def _is_first_sign(self) -> bool:
        """Open the file again at the first sign of damage: SQLite says "malformed" also after a disk's read error."""
        if self._has_sign:
            return False
        self._has_sign = True
        self.close()
        return True

    @property
    def is_open(self) -> bool:
        """Whether it occupies descriptors."""
        return self._connection is not None

    def close(self) -> None:
        """Close the file until the next call that reads it."""
        if self._connection:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
        self._connection = None
        self._columns.clear()

    def unlink(self) -> None:
        """Delete the file and its companions; after a crash, its `name_taken_mark` shows that the rest may go."""
        self.close()
        mark = layout.name_taken_mark(self.path)
        with contextlib.suppress(FileNotFoundError):
            self.path.rename(mark)
        sync_directory(self.path.parent)
        for path in (*self.list_files(), mark):
            path.unlink(missing_ok=True)

    def list_files(self) -> list[Path]:
        """List the file and its companions."""
        return [self.path.with_name(self.path.name + suffix) for suffix in ("", "-wal", "-shm")]

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self._before_opening(self)
            connection = layout.connect(self.path, layout.READER_SECONDS)
            if self._counts_rows:
                tolerate_any_text(connection)
            self._connection, self._identity = connection, layout.read_identity(self.path)
            self.refused = None
        return self._connection

    def _read_rows(self, kind: str, after: int, limit: int) -> Iterator[tuple[int, Row]]:
        """Yield rows with their places, and damaged ones as refusals."""
        place = after
        if not self._counts_rows:
            try:
                for place, row in self._read_whole_rows(kind, after, limit):
                    yield place, row
            except DamagedRowError:
                pass
            except sqlite3.OperationalError as error:
                if hasattr(error, "sqlite_errorcode"):  # SQLite's own; Python's, for a text that is no UTF-8, has none
                    raise
            else:
                return
            self._begin_to_count(f"{kind} {place + 1} is not as it was written")
        yield from self._read_counted_rows(kind, place, limit - (place - after))

    def _read_whole_rows(self, kind: str, after: int, limit: int) -> Iterator[tuple[int, Row]]:
        columns = self._find_columns(kind)
        query = f"SELECT {columns.selected} FROM {columns.table} WHERE position > ? ORDER BY position LIMIT ?"  # noqa: S608 - our own names
        with contextlib.closing(self._open().execute(query, [after, limit])) as cursor:
            for place, values in enumerate(cursor, after + 1):
                yield place, columns.make_row(place, values)

    def _read_counted_rows(self, kind: str, after: int, limit: int) -> Iterator[tuple[int, Row]]:
        columns = self._find_columns(kind)
        query = f"SELECT {columns.selected} FROM {columns.table} LIMIT ? OFFSET ?"  # noqa: S608 - our own names
        with contextlib.closing(self._open().execute(query, [limit, after])) as cursor:
            for place, values in enumerate(cursor, after + 1):
                try:
                    yield place, columns.make_row(place, values)
                except DamagedRowError as error:
                    self.note_damage(f"{kind} {place} is damaged: {error}")
                    yield place, columns.keep_damaged(self.name, place, values)

    def _begin_to_count(self, why: str) -> None:
        self._counts_rows = True
        tolerate_any_text(self._open())
        what = f"{why}; such rows are kept in the table rejected as {DAMAGED_IN_SPOOL}"
        self.note_damage(what)
        with contextlib.suppress(OSError):  # then only this process knows it
            ledger.note_damage(self.path, what)

    def _find_columns(self, kind: str) -> SegmentColumns:
        if kind not in self._columns:
            self._columns[kind] = SegmentColumns(self._open(), kind)
        return self._columns[kind]

    def _count(self, kind: str) -> int:
        query = f"SELECT count(*) FROM {self._find_columns(kind).table}"  # noqa: S608 - our own names
        return int(self._open().execute(query).fetchone()[0])

    def _read_last(self, kind: str) -> int:
        query = f"SELECT coalesce(max(position), 0) FROM {self._find_columns(kind).table}"  # noqa: S608 - our own names
        return int(self._open().execute(query).fetchone()[0])

    def _is_passing(self, error: Exception) -> bool:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        passing = isinstance(error, OSError) or code in _PASSING
        if passing:
            self.refused = f"it can't be read now ({error})"
        return passing


class RowSource(Protocol):
    """A source of rows: the segments of a spool directory, or the shared spool."""

    def read_new(self, watermarks: Watermarks, rows: int, size: int) -> Iterator[SpooledRow]:
        """Read new rows, so many or so many bytes at most: those of each writer in order, the writers by turns."""

    def count_left(self, watermarks: Watermarks) -> int:
        """Count the rows that are not taken."""

    def list_names(self) -> set[str]:
        """Return the names of the segments that are there."""

    def tidy(self, watermarks: Watermarks) -> None:
        """Report faults."""

    def list_taken(self, watermarks: Watermarks) -> list[Segment]:
        """List the segments that can go, because all of their rows are taken and no more will come."""

    def free_taken(self, watermarks: Watermarks) -> None:
        """Delete these segments."""

    def close(self) -> None:
        """Close all that is open."""


class Readable(Protocol):
    """A segment, wherever its rows lie."""

    @property
    def name(self) -> str:
        """Its name."""

    def read(self, kind: str, after: int, limit: int, max_bytes: int) -> list[SpooledRow]:
        """Read at most `limit` rows of a kind that lie after a position, in order, and no more after `max_bytes`."""


class _Place(NamedTuple):
    """The place in a segment after which rows of a kind are new."""

    segment: Readable
    kind: str
    after: int


def read_by_turns(segments: Iterable[Readable], watermarks: Watermarks, rows: int, size: int) -> Iterator[SpooledRow]:
    """Read new rows of segments: those of each writer in the order in which it wrote them, the writers by turns.

    Args:
        segments: of all writers, oldest first.
        watermarks: how many rows of each segment and kind are taken.
        rows: the most rows.
        size: no more rows are read after so many bytes of bodies.
    """
    by_writer: dict[str, deque[_Place]] = {}
    for segment in segments:
        places = by_writer.setdefault(segment.name.rpartition("-")[0], deque())
        places += (_Place(segment, kind, watermarks.get((segment.name, kind), 0)) for kind in KINDS.values())
    turns = deque(by_writer.values())
    while turns and rows > 0 and size > 0:
        places = turns.popleft()
        place = places.popleft()
        limit = min(rows, _ROWS_PER_TURN)
        read = place.segment.read(place.kind, place.after, limit, size)
        rows -= len(read)
        size -= sum(count_bytes(each.row) for each in read)
        yield from read
        if len(read) == limit:
            places.appendleft(place._replace(after=read[-1].position))
        if places:
            turns.append(places)
