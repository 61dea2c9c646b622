"""Writes the spool: rows that come together, or arrive during one commit, share the next one."""

import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from receiver.spool.layout import Row
from receiver.spool.segment_writer import SegmentWriter
from receiver.spool.sent import Place

Done = Callable[[Exception | None], None]
Deliver = Callable[[Callable[[], None]], object]
WaitingRow = tuple[Row | None, Done]
"""A row, or None to try a write; and the callback, which gets None or the error."""

_SLOW_SECONDS = 0.03
_TIMES_AS_LONG = 100

_log = logging.getLogger(__name__)


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
