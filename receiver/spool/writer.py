"""Writes the spool: rows that come together, or arrive during one commit, share the next one."""

import contextlib
import logging
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
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
Done = Callable[[Exception | None], None]
Deliver = Callable[[Callable[[], None]], object]
WaitingRow = tuple[Row | None, Done]
"""A row, or None to try a write; and the callback, which gets None or the error."""

_SLOW_SECONDS = 0.03
_TIMES_AS_LONG = 100

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


class SpoolWriter:
    """One writer's segments and the thread that commits to them, for callers on any thread.

    Args:
        directory: where the segments lie; made if need be.
        deliver: runs the callbacks of a group; an event loop's `call_soon_threadsafe`, say, moves them to the loop's
            thread. By default they run on the writer's own. Not for `append_here`.
        rows_per_segment: a new segment begins after so many rows,
        bytes_per_segment: or so many bytes of bodies: only a finished segment can be deleted.
        patient: if the directory can't be written, try again with each group, whose senders get the error.
        mark: see `SegmentWriter`.

    Raises:
        DataDirectoryError: the directory can't be written, and the writer is not patient.
    """

    def __init__(
        self,
        directory: Path,
        *,
        deliver: Deliver = lambda tell: tell(),
        rows_per_segment: int = 50_000,
        bytes_per_segment: int = 64 * 1024 * 1024,
        patient: bool = False,
        mark: Callable[[], None] = lambda: None,
    ) -> None:
        self._deliver = deliver
        self._segments = SegmentWriter(
            directory,
            rows_per_segment=rows_per_segment,
            bytes_per_segment=bytes_per_segment,
            patient=patient,
            mark=mark,
        )
        self.place: Place | None = None
        """Where the last notification of a group is: for the callbacks of that group's rows, while they are called."""
        self._waiting: list[WaitingRow] = []
        self._changed = threading.Condition()
        self._in_use = False
        """Whether a thread is using the segments."""
        self._spare_is_due = False
        self._slow_until = 0.0
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="spool", daemon=True)
        self._thread.start()

    def append(self, row: Row | None, done: Done) -> None:
        """Commit a row with the next group; None only tries a write.

        `done` is called with None once the row is synced to disk, or with the error if it could not be written.
        """
        self._wait([(row, done)])

    def append_here(self, group: Sequence[WaitingRow]) -> None:
        """Commit rows together, on the caller's own thread while the disk is quick, and call back at once.

        Handing them to another thread and back takes Python longer than a commit. But after a commit of more than
        30 ms, the writer's thread does the commits for a hundred times as long: so the caller waits for a slow disk
        for no more than a hundredth of its time.
        """
        if not self._take():
            self._wait(group)
            return
        began = time.monotonic()
        error = self._commit(group)
        took = time.monotonic() - began
        if took > _SLOW_SECONDS:
            self._slow_until = began + took * _TIMES_AS_LONG
        place = self._segments.place
        self._leave()
        self._tell([done for _, done in group], error, place)

    def append_all(self, rows: Sequence[Row]) -> None:
        """Commit rows together, all or none of them, and wait until they are on disk.

        Raises:
            OSError, sqlite3.Error: they could not be written.
        """
        outcomes: queue.SimpleQueue[Exception | None] = queue.SimpleQueue()
        self._wait([(row, outcomes.put) for row in rows])
        failed = [error for error in (outcomes.get() for _ in rows) if error]
        if failed:
            raise failed[0]

    def close(self) -> None:
        """Commit what waits, then give the segments up to the store."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()
        self._segments.close()

    def _wait(self, group: Sequence[WaitingRow]) -> None:
        with self._changed:
            if not self._closing:
                self._waiting += group
                self._changed.notify()
                return
        self._tell([done for _, done in group], OSError("the spool is closed"), None)

    def _take(self) -> bool:
        """Take the segments for a caller's thread, if no thread uses or awaits them and the disk is quick."""
        with self._changed:
            free = not (self._in_use or self._waiting or self._closing) and time.monotonic() >= self._slow_until
            self._in_use = self._in_use or free
        return free

    def _leave(self) -> None:
        with self._changed:
            self._in_use = False
            if self._has_work() or self._closing:
                self._changed.notify()

    def _run(self) -> None:
        while (group := self._take_next_group()) is not None:
            if group:
                error = self._commit(group)
            else:
                self._prepare_spare()
            place = self._segments.place
            self._leave()
            if group:
                self._deliver(partial(self._tell, [done for _, done in group], error, place))

    def _take_next_group(self) -> list[WaitingRow] | None:
        """Wait for work and take the segments for it; an empty group means that a spare is due, None the end."""
        with self._changed:
            self._changed.wait_for(lambda: not self._in_use and (self._has_work() or self._closing))
            if not self._has_work():
                return None
            self._in_use = True
            if self._spare_is_due:
                self._spare_is_due = False
                return []
            group, self._waiting = self._waiting, []
            return group

    def _has_work(self) -> bool:
        return bool(self._waiting) or self._spare_is_due

    def _prepare_spare(self) -> None:
        try:
            self._segments.prepare_spare()
        except Exception:  # noqa: BLE001 - without the thread nobody would be answered any more
            _log.exception("the next segment could not be made")

    def _commit(self, group: Sequence[WaitingRow]) -> Exception | None:
        try:
            error = self._segments.commit([row for row, _ in group if row])
            self._spare_is_due = error is None and self._segments.wants_spare
        except Exception as failure:  # noqa: BLE001 - whoever waits must hear of it, and the segments be left to the next
            _log.exception("rows could not be committed by an error in this program")
            return failure
        return error

    def _tell(self, group: list[Done], error: Exception | None, place: Place | None) -> None:
        self.place = place
        for done in group:
            try:
                done(error)
            except Exception:  # noqa: BLE001 - one that fails must not leave the others without their answers
                _log.exception("a row is done with, but whoever waits for it could not be told")
