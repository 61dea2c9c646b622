"""Reads a spool from outside while others work on it, and changes nothing, not even a file's companions.

If a segment were opened as a writer or the store opens it, closing it would fold its WAL into it, and the evidence in a
damaged WAL would be gone.
"""

import sqlite3
import struct
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

from receiver.files import list_files
from receiver.notification import Notification
from receiver.spool.columns import DamagedRowError, SegmentColumns, tolerate_any_text
from receiver.spool.layout import (
    CANNOT_READ,
    KINDS,
    READER_SECONDS,
    Watermarks,
    from_microseconds,
    is_segment,
    name_writer,
    writer_is_gone,
)

_WAL_HEADER = 32
_FRAME_HEADER = 24
_WAL_SALT = 16
_INDEX_MAX_FRAME = 16
_INDEX_SALT = 32
_INDEX_BACKFILLED = 96
_MAGIC_LITTLE_ENDIAN = 0x377F0682
_MAGIC_BIG_ENDIAN = 0x377F0683


class SeenRow(NamedTuple):
    """A spooled row's place and bytes; `damage` says why it is not as it was written."""

    position: int
    id: UUID
    received_at: datetime
    body: bytes
    damage: str | None


class Backlog(NamedTuple):
    """The rows of a spool that the store does not hold, and since when the oldest waits. Bytes and files are of all.

    `unreadable` are the segments that can't be read, each with the reason: their number of rows is not known.
    """

    rows: int
    since: datetime | None
    bytes: int
    segments: int
    unreadable: tuple[str, ...] = ()


class SegmentView:
    """One segment, open for a look."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.name = path.stem
        self._connection = connection

    def read(self, kind: str, after: int, limit: int) -> list[SeenRow]:
        """Read at most `limit` rows of a kind that lie after a position, in order.

        Raises:
            sqlite3.Error: the file is damaged.
        """
        columns = SegmentColumns(self._connection, kind)
        query = f"SELECT {columns.selected} FROM {columns.table} WHERE position > ? ORDER BY position LIMIT ?"  # noqa: S608 - our own names
        tolerate_any_text(self._connection)
        return [self._make_seen(columns, values) for values in self._connection.execute(query, [after, limit])]

    def _make_seen(self, columns: SegmentColumns, values: tuple[Any, ...]) -> SeenRow:
        (position, *_), damage = values, None
        try:
            row = columns.make_row(position, values)
        except DamagedRowError as error:
            row, damage = columns.keep_damaged(self.name, position, values), str(error)
        body = row.payload if isinstance(row, Notification) else row.body
        return SeenRow(position, row.id, row.received_at, body, damage)

    def count_waiting(self, kind: str, after: int) -> tuple[int, datetime | None]:
        """Count the rows of a kind beyond a position; return the time of receipt of the first, None if it is damaged.

        Raises:
            sqlite3.Error: the file is damaged.
        """
        query = f"SELECT position, received_at FROM {kind} WHERE position > ? ORDER BY position LIMIT 1"  # noqa: S608
        first = self._connection.execute(query, [after]).fetchone()
        if first is None:
            return 0, None
        position, received_at = first
        (last,) = self._connection.execute(f"SELECT max(position) FROM {kind}").fetchone()  # noqa: S608 - a constant
        try:
            return last - position + 1, from_microseconds(received_at)
        except (OverflowError, TypeError):
            return last - position + 1, None


def list_segment_paths(directory: Path) -> list[Path]:
    """List a spool's segments, oldest first.

    Raises:
        OSError: the directory can't be listed.
    """
    return [path for path in list_files(directory) if is_segment(path)]


@contextmanager
def view(path: Path, *, in_store: bool = False) -> Iterator[SegmentView]:
    """Open a segment for the length of a block.

    Args:
        path: the file.
        in_store: this is the store's process, which has the file open itself: SQLite applies the limits of this
            connection to that one, too.

    Raises:
        sqlite3.Error: it can't be opened.
    """
    with closing(
        sqlite3.connect(_make_uri(path, in_store=in_store), uri=True, isolation_level=None, timeout=READER_SECONDS)
    ) as connection:
        yield SegmentView(path, connection)


def find_damage(path: Path) -> str | None:
    """Describe the loss in a segment's WAL, if its writer is gone; while the writer lives, the WAL changes."""
    return find_unreadable_commits(path) if writer_is_gone(path.parent, name_writer(path)) else None


def count_backlog(directory: Path, watermarks: Watermarks, *, in_store: bool = False) -> Backlog:
    """Count the rows beyond the segments' watermarks. Segments that can't be read are named, and never count as 0."""
    try:
        paths = list_segment_paths(directory)
    except OSError as error:
        return Backlog(0, None, 0, 0, (f"{directory} ({error.strerror})",))
    rows, since, size, unreadable = 0, None, 0, []
    for path in paths:
        size += _measure_bytes(path)
        try:
            count, began = _count_backlog_of(path, watermarks, in_store=in_store)
        except (*CANNOT_READ, OSError) as error:
            if path.exists():  # else the store has deleted it meanwhile
                unreadable.append(f"{path.name} ({error})")
            continue
        rows += count
        since = min(since or began, began) if began else since
    return Backlog(rows, since, size, len(paths), tuple(unreadable))


def _count_backlog_of(path: Path, watermarks: Watermarks, *, in_store: bool) -> tuple[int, datetime | None]:
    rows, since = 0, None
    with view(path, in_store=in_store) as segment:
        for kind in KINDS.values():
            count, received_at = segment.count_waiting(kind, watermarks.get((path.stem, kind), 0))
            rows += count
            if count:
                began = (UUID(name_writer(path)).int >> 80) / 1000  # the name is a UUID of version 7
                waits_since = _find_begin_of_waiting(received_at, datetime.fromtimestamp(began, UTC))
                since = min(since or waits_since, waits_since)
    return rows, since


def _find_begin_of_waiting(received_at: datetime | None, writer_began: datetime) -> datetime:
    """Find since when a row waits: one that is imported was received long ago, and spooled after its writer began."""
    now = datetime.now(UTC)
    if received_at is None:
        return min(writer_began, now)
    return received_at if writer_began > now else max(received_at, writer_began)  # a wrong clock may date it ahead


def _make_uri(path: Path, *, in_store: bool) -> str:
    uri = f"{path.absolute().as_uri()}?mode=ro"
    if in_store:
        return uri
    wal, index = (path.with_name(path.name + suffix) for suffix in ("-wal", "-shm"))
    if index.exists():
        return f"{uri}&readonly_shm=1"
    return uri if wal.exists() and wal.stat().st_size else f"{uri}&immutable=1"


def _measure_bytes(path: Path) -> int:
    size = 0
    for file in (path, path.with_name(path.name + "-wal")):
        try:
            size += file.stat().st_size
        except OSError:
            continue
    return size


def find_unreadable_commits(segment: Path) -> str | None:
    """Describe the part of a segment's WAL that is lost, or that SQLite would delete; None if it is whole.

    SQLite reads up to the first bad frame, without an error. The format is its own
    (https://www.sqlite.org/fileformat2.html#walformat). A writer killed in the middle of a commit leaves frames behind
    that were never acknowledged; those are no damage, as nothing follows them.

    Args:
        segment: its file, which nobody has open.

    Raises:
        OSError: one of its files can't be read now.
    """
    wal = _read_if_there(segment.with_name(segment.name + "-wal"))
    index = _read_if_there(segment.with_name(segment.name + "-shm"))
    expected = _count_frames_not_in_main(index)
    if not wal:
        return f"its WAL is missing, with {expected} frames" if expected else None
    if not segment.stat().st_size:
        return "its main file is empty, and the WAL beside it is not"  # SQLite would delete that
    try:
        good, follows = _count_commits(wal)
    except ValueError:
        return "the head of its WAL is damaged"
    if follows:
        return f"its WAL is damaged after frame {good}, and a commit follows there"
    if good < expected and not _is_of_earlier_run(index, wal):
        return f"its WAL ends after frame {good} of {expected}"
    return None


def _count_frames_not_in_main(index: bytes) -> int:
    """Read from a WAL's index how many frames the WAL has; 0 if the main file holds all of them."""
    if len(index) < _INDEX_BACKFILLED + 4:
        return 0
    (frames,) = struct.unpack_from("=I", index, _INDEX_MAX_FRAME)
    (backfilled,) = struct.unpack_from("=I", index, _INDEX_BACKFILLED)
    return int(frames) if backfilled < frames else 0


def _is_of_earlier_run(index: bytes, wal: bytes) -> bool:
    """Tell whether a WAL was begun anew since its index was written, which SQLite never syncs: a power cut leaves that.

    Each time SQLite adds one to the first part of the salt in both.
    """
    if len(wal) < _WAL_HEADER:
        return False
    salts = wal[_WAL_SALT : _WAL_SALT + 4], index[_INDEX_SALT : _INDEX_SALT + 4]
    of_wal, of_index = (int.from_bytes(salt, "big") for salt in salts)
    return 0 < (of_wal - of_index) % 2**32 < 2**31  # it may run over


def _read_if_there(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def _count_commits(wal: bytes) -> tuple[int, bool]:
    """Count the frames up to the last commit that SQLite sees, and tell whether it ignores a later commit.

    Raises:
        ValueError: the WAL's head is damaged.
    """
    if len(wal) < _WAL_HEADER:  # its writer was killed while it began, before the first frame
        return 0, False
    magic, _, page_size = struct.unpack_from(">III", wal)
    order = ">" if magic == _MAGIC_BIG_ENDIAN else "<"
    sums = _compute_checksum(wal[:24], order, (0, 0))
    if magic not in (_MAGIC_LITTLE_ENDIAN, _MAGIC_BIG_ENDIAN) or sums != struct.unpack_from(">II", wal, 24):
        raise ValueError("checksum")
    good = 0
    whole = True
    size = _FRAME_HEADER + page_size
    for number, offset in enumerate(range(_WAL_HEADER, len(wal) - size + 1, size), start=1):
        head = wal[offset : offset + _FRAME_HEADER]
        of_this_run = head[8:16] == wal[16:24]  # others are left over from before the WAL was begun anew
        sums = _compute_checksum(head[:8] + wal[offset + _FRAME_HEADER : offset + size], order, sums) if whole else sums
        whole = whole and of_this_run and sums == struct.unpack_from(">II", head, 16)
        is_commit = head[4:8] != b"\0\0\0\0"
        if whole and is_commit:
            good = number
        elif of_this_run and is_commit:
            return good, True
    return good, False


def _compute_checksum(data: bytes, order: str, sums: tuple[int, int]) -> tuple[int, int]:
    first, second = sums
    words = struct.unpack(f"{order}{len(data) // 4}I", data)
    for index in range(0, len(words), 2):
        first = (first + words[index] + second) & 0xFFFFFFFF
        second = (second + words[index + 1] + first) & 0xFFFFFFFF
    return first, second
