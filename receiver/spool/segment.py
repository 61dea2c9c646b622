"""One segment, open for reading, whatever state its file is in."""

import contextlib
import sqlite3
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

from receiver.notification import Notification, Rejection
from receiver.spool import layout
from receiver.spool.layout import Row, from_microseconds, size_of
from receiver.spool.torn import unreadable_commits

# What passes, or what an operator can put right: the file itself may be as good as ever.
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


class SpooledRow(NamedTuple):
    """A row with its place in the spool: `position` grows by one within (segment, kind)."""

    segment: str
    kind: str
    position: int
    row: Row


class Segment:
    """One segment, open for reading.

    What can't be read is no error: a segment gives the rows that come before its damage, and `damage` says what is
    wrong. What passes by itself (a lock, a full disk) is tried again at the next call.

    While a segment is open here, nothing else in this process may open its files, other than through SQLite: closing
    one would release SQLite's locks, and the writer would delete the WAL under the reader.

    Args:
        path: the file.
        abandoned: its writer is gone; then nobody has it open, and its WAL is looked through first.
    """

    def __init__(self, path: Path, *, abandoned: bool = False) -> None:
        self.path = path
        self.name = path.stem
        self.damage = unreadable_commits(path) if abandoned else None
        self._ends: dict[str, int] = {}
        self._connection: sqlite3.Connection | None = None
        self.refused: str | None = None
        self._is_second_look = False
        self._identity: layout.Identity | None = None

    def read(self, kind: str, after: int, limit: int, max_bytes: int = sys.maxsize) -> list[SpooledRow]:
        """Read at most `limit` rows of a kind that lie after a position, in order, and no more after `max_bytes`."""
        rows: list[SpooledRow] = []
        if after >= self._ends.get(kind, sys.maxsize):
            return rows
        position = after
        try:
            for position, row in self._rows(kind, after, limit):
                if row is not None:
                    rows.append(SpooledRow(self.name, kind, position, row))
                    max_bytes -= size_of(row)
                if max_bytes <= 0:
                    break
        except sqlite3.Error as error:
            if self._is_passing(error):
                return rows
            self.note_damage(f"it can't be read after {kind} {position} ({error})")
            self._ends[kind] = position
        return rows

    def last_position(self, kind: str) -> int | None:
        """Say where the last row of a kind that can be read lies; 0 when there is none, None while it is not known."""
        if kind in self._ends:
            return self._ends[kind]
        query = f"SELECT coalesce(max(position), 0) FROM {kind}"  # noqa: S608 - a constant
        try:
            return int(self._open().execute(query).fetchone()[0])
        except sqlite3.Error as error:
            if not self._is_passing(error):
                self.note_damage(f"it can't be read ({error})")
        return None

    def has_rows(self) -> bool:
        """Tell whether anything was written here."""
        return any(self.last_position(kind) for kind in layout.KINDS.values())

    def is_gone(self) -> bool:
        """Tell whether the file was deleted or replaced while it was open here."""
        return self._identity is not None and layout.identity(self.path) != self._identity

    def note_damage(self, what: str) -> None:
        """Keep the first thing that was found wrong."""
        self.damage = self.damage or what

    def look_again(self) -> bool:
        """Open a damaged file afresh, once: True if there is a chance that more of it can be read now."""
        if not self._ends or self._is_second_look:
            return False
        self._is_second_look = True
        self._ends.clear()
        self.close()
        return True

    def close(self) -> None:
        """Close the file."""
        if self._connection:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
        self._connection = None

    def unlink(self) -> None:
        """Delete the file and its companions."""
        self.close()
        for path in self.files():
            path.unlink(missing_ok=True)

    def files(self) -> list[Path]:
        """List the file and its companions."""
        return [self.path.with_name(self.path.name + suffix) for suffix in ("", "-wal", "-shm")]

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = layout.connect(self.path)
            self._identity = layout.identity(self.path)
        return self._connection

    def _rows(self, kind: str, after: int, limit: int) -> Iterator[tuple[int, Row | None]]:
        query = f"SELECT * FROM {kind} WHERE position > ? ORDER BY position LIMIT ?"  # noqa: S608 - a constant
        cursor = self._open().execute(query, [after, limit])
        try:
            for row in cursor:
                try:
                    yield row[0], _FROM_SQLITE[kind](row[1:])
                except (ValueError, TypeError, OverflowError) as error:
                    self.note_damage(f"{kind} {row[0]} is no row ({error})")
                    yield row[0], None
        finally:
            cursor.close()

    def _is_passing(self, error: sqlite3.Error) -> bool:
        passing = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF in _PASSING
        if passing:
            self.refused = f"it can't be read now ({error})"
        return passing


def _notification(row: Sequence[Any]) -> Notification:
    values = list(row)
    values[0] = UUID(bytes=row[0])
    values[1] = from_microseconds(row[1])
    values[8] = from_microseconds(row[8])
    return Notification(*values)


def _rejection(row: Sequence[Any]) -> Rejection:
    return Rejection(UUID(bytes=row[0]), from_microseconds(row[1]), *row[2:])


_FROM_SQLITE: dict[str, Callable[[Sequence[Any]], Row]] = {"notifications": _notification, "rejected": _rejection}
