"""Commits rows to one writer's segments, one segment after the other."""

import contextlib
import logging
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, NamedTuple

import uuid_utils

from receiver.errors import DataDirectoryError
from receiver.files import make_directory, sync_directory
from receiver.notification import Notification
from receiver.spool import columns, layout, ledger
from receiver.spool.layout import KINDS, Row
from receiver.spool.sent import Place

_QUIET_SECONDS = 10

_log = logging.getLogger(__name__)


class SegmentWriter:
    """The segments that one writer fills, for one thread at a time.

    Args:
        directory: where the segments lie; made if need be.
        rows_per_segment: a new segment begins after so many rows,
        bytes_per_segment: or so many bytes of bodies: only a finished segment can be deleted.
        patient: if the directory can't be written, try again with each commit.
        mark: called before the first file of this writer, also in a directory that took the place of the first one.

    Raises:
        DataDirectoryError: the directory can't be written, and the writer is not patient.
    """

    def __init__(
        self,
        directory: Path,
        *,
        rows_per_segment: int,
        bytes_per_segment: int,
        patient: bool,
        mark: Callable[[], None],
    ) -> None:
        self._directory = directory
        self._mark = mark
        self._rows_per_segment = rows_per_segment
        self._bytes_per_segment = bytes_per_segment
        self._fill = 0.0
        self._last: dict[str, int] = {}
        """The last position in the segment by kind of row. After a failed commit the segment is given up."""
        self._unnoted: dict[Path, dict[str, int]] = {}
        """The acknowledged rows of segments that get no more, while the ledger can't be told of them."""
        self._lock: IO[bytes] | None = None
        self._segment: _OpenSegment | None = None
        self._spare: _OpenSegment | None = None
        self._complained = False
        self._quiet_until = 0.0
        try:
            self._begin()
        except (OSError, sqlite3.Error) as error:
            if not patient:
                raise DataDirectoryError(
                    f"The spool directory {directory} can't be written ({error}): "
                    "make room, make it writable, or set CLC_SPOOL_DIR to another."
                ) from None
            _log.error("the spool in %s can't be written yet: %s", directory, error)

    def commit(self, rows: list[Row]) -> Exception | None:
        """Sync rows to disk, or try a write if there are none; return the error if it failed."""
        acknowledged = dict(self._last)
        try:
            path, segment, _ = self._find_writable_segment()
            acknowledged = dict(self._last)
            if rows and not self._last:
                self._note_ends()
                ledger.note_begin(path)
            segment.execute("BEGIN IMMEDIATE")
            if rows:
                columns.insert(segment, rows, self._last)
            else:
                segment.execute("DELETE FROM probe")  # repeated requests for `/readyz` fill no disk
                segment.execute("INSERT INTO probe VALUES (?)", [time.time_ns() // 1000])
            segment.execute("COMMIT")
        except Exception as error:  # noqa: BLE001 - whatever it is, the writer lives on and the senders hear of it
            self._complain(error)
            # After a failed sync the kernel may hold pages that never reach the disk: nothing more goes in here.
            if self._segment and acknowledged:
                self._unnoted[self._segment.path] = acknowledged
            self._close_segments()
            self._note_ends()
            return error
        if self._complained:
            self._complained = False
            _log.info("the spool takes writes again")
        self._fill += len(rows) / self._rows_per_segment
        self._fill += sum(map(layout.count_bytes, rows)) / self._bytes_per_segment
        return None

    @property
    def place(self) -> Place | None:
        """The place of the last notification that was committed; None if there is none in this segment."""
        position = self._last.get(KINDS[Notification])
        return Place(self._segment.path.stem, position) if self._segment and position else None

    @property
    def wants_spare(self) -> bool:
        """Whether the next segment should be made, because this one is half full."""
        return self._segment is not None and self._spare is None and self._fill > 1 / 2

    def prepare_spare(self) -> None:
        """Make the next segment beforehand."""
        try:
            self._spare = self._make_segment()
        except (OSError, sqlite3.Error) as error:
            _log.warning("the next segment could not be made: %s", error)

    def close(self) -> None:
        """Give the segments up to the store."""
        self._seal_segment()
        self._close_segments()
        self._close_lock()

    def _begin(self) -> None:
        """Take a new name, its lock, and a first segment."""
        make_directory(self._directory)
        self._mark()
        self._name = str(uuid_utils.uuid7()).replace("-", "")
        self._number = 0
        self._lock_path = layout.name_lock(self._directory, self._name)
        self._lock = layout.lock(self._lock_path)
        self._segment, self._fill, self._last = self._make_segment(), 0.0, {}
        self._unnoted = {}  # of a ledger that is gone

    def _complain(self, error: Exception) -> None:
        """Log a failure, but not each of thousands: the log may lie on the disk that is full."""
        if time.monotonic() >= self._quiet_until:
            self._quiet_until = time.monotonic() + _QUIET_SECONDS
            self._complained = True
            _log.error("the spool could not be written: %s", error)

    def _find_writable_segment(self) -> "_OpenSegment":
        if not self._is_in_place():
            if self._lock:
                _log.error("the spool in %s was deleted or replaced while in use: it is begun anew", self._directory)
            self._close_segments()
            self._close_lock()
            self._begin()
        if self._segment is None or self._fill >= 1:
            fresh, self._spare = self._take_spare() or self._make_segment(), None
            self._seal_segment()
            self._segment, self._fill, self._last = fresh, 0.0, {}
        return self._segment

    def _take_spare(self) -> "_OpenSegment | None":
        """Return the spare, unless somebody deleted or replaced its file: a deleted file takes writes, too."""
        if self._spare and layout.read_identity(self._spare.path) != self._spare.identity:
            with contextlib.suppress(sqlite3.Error):
                self._spare.connection.close()
            return None
        return self._spare

    def _is_in_place(self) -> bool:
        """Tell whether lock and segment are still at their paths: a deleted file takes writes, too."""
        if self._lock is None or not self._lock_path.exists():
            return False
        return self._segment is None or layout.read_identity(self._segment.path) == self._segment.identity

    def _close_lock(self) -> None:
        if self._lock:
            self._lock.close()
        self._lock = None

    def _seal_segment(self) -> None:
        if self._segment:
            with contextlib.suppress(sqlite3.Error):  # the store then counts the rows itself
                columns.seal(self._segment.connection, self._last)
            with contextlib.suppress(sqlite3.Error):
                self._segment.connection.close()
            if self._last:
                self._unnoted[self._segment.path] = self._last
                self._note_ends()
        self._segment = None

    def _note_ends(self) -> None:
        """Tell the ledger of the segments that get no more rows; later, if it can't be written now."""
        for path, rows in list(self._unnoted.items()):
            with contextlib.suppress(OSError):
                ledger.note_end(path, rows)
                del self._unnoted[path]

    def _close_segments(self) -> None:
        for segment in (self._segment, self._spare):
            if segment:
                with contextlib.suppress(sqlite3.Error):
                    segment.connection.close()
        self._segment = self._spare = None

    def _make_segment(self) -> "_OpenSegment":
        self._number += 1
        path = layout.name_segment(self._directory, self._name, self._number)
        try:
            connection = layout.create(path)
            sync_directory(self._directory)
        except (OSError, sqlite3.Error):
            path.with_suffix(".new").unlink(missing_ok=True)
            raise
        return _OpenSegment(path, connection, layout.read_identity(path))


class _OpenSegment(NamedTuple):
    path: Path
    connection: sqlite3.Connection
    identity: layout.Identity | None
