"""Writes the spool: rows that arrive during one commit share the next one."""

import contextlib
import logging
import queue
import sqlite3
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import IO, NamedTuple

import uuid_utils

from receiver.errors import DataDirectoryError
from receiver.spool import layout
from receiver.spool.layout import Row

Done = Callable[[Exception | None], None]
Deliver = Callable[[Callable[[], None]], object]

_QUIET_SECONDS = 10

_log = logging.getLogger(__name__)


class SpoolWriter:
    """One writer's segments and the thread that commits to them.

    Args:
        directory: where the segments lie; made if need be.
        deliver: runs what tells a whole group of its commit; an event loop's `call_soon_threadsafe`, say, moves it to
            the loop's thread. By default it runs on the writer's own.
        rows_per_segment: a fresh segment is begun after so many rows,
        bytes_per_segment: or so many bytes of bodies: only a segment that is done with can be deleted.
        patient: where the directory can't be written, try again with each group, whose senders hear of the error.

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
    ) -> None:
        self._directory = directory
        self._deliver = deliver
        self._rows_per_segment = rows_per_segment
        self._bytes_per_segment = bytes_per_segment
        self._fill = 0.0
        self._lock: IO[bytes] | None = None
        self._segment: _Open | None = None
        self._spare: _Open | None = None
        self._complained = False
        self._quiet_until = 0.0
        self._waiting: list[tuple[Row | None, Done]] = []
        self._arrived = threading.Condition()
        self._closing = False
        try:
            self._begin()
        except (OSError, sqlite3.Error) as error:
            if not patient:
                raise DataDirectoryError(
                    f"The spool directory {directory} can't be written ({error}): "
                    "make it writable or set CLC_SPOOL_DIR."
                ) from None
            _log.error("the spool in %s can't be written yet: %s", directory, error)
        self._thread = threading.Thread(target=self._run, name="spool", daemon=True)
        self._thread.start()

    def append(self, row: Row | None, done: Done) -> None:
        """Commit a row with the next group; None only tries whether the spool takes writes.

        `done` is called with None once the row is synced to disk, or with the error if it could not be written.
        """
        with self._arrived:
            if not self._closing:
                self._waiting.append((row, done))
                self._arrived.notify()
                return
        done(OSError("the spool is closed"))

    def append_all(self, rows: list[Row]) -> None:
        """Commit rows and wait until they are on disk.

        Raises:
            Exception: some could not be written.
        """
        outcomes: queue.SimpleQueue[Exception | None] = queue.SimpleQueue()
        for row in rows:
            self.append(row, outcomes.put)
        failed = [error for error in (outcomes.get() for _ in rows) if error]
        if failed:
            raise failed[0]

    def close(self) -> None:
        """Commit what waits, then give the segments up to the store."""
        with self._arrived:
            self._closing = True
            self._arrived.notify()
        self._thread.join()
        self._close_segments()
        self._close_lock()

    def _begin(self) -> None:
        """Take a name that was never used, its lock, and a first segment."""
        if not self._directory.exists():
            self._directory.mkdir(parents=True, exist_ok=True)
            layout.sync_directory(self._directory.parent)
        self._name = str(uuid_utils.uuid7()).replace("-", "")
        self._number = 0
        self._lock = layout.lock(self._directory / f"{self._name}.lock")
        self._segment, self._fill = self._make_segment(), 0.0

    def _run(self) -> None:
        while group := self._next_group():
            error = self._commit([row for row, _ in group if row])
            self._deliver(partial(_tell, [done for _, done in group], error))
            if error is None and self._spare is None and self._fill > 1 / 2:
                self._prepare_spare()

    def _next_group(self) -> list[tuple[Row | None, Done]]:
        with self._arrived:
            self._arrived.wait_for(lambda: self._waiting or self._closing)
            group, self._waiting = self._waiting, []
        return group

    def _commit(self, rows: list[Row]) -> Exception | None:
        try:
            segment = self._writable_segment()
            segment.execute("BEGIN IMMEDIATE")
            if rows:
                layout.insert(segment, rows)
            else:
                segment.execute("DELETE FROM probe")  # whoever asks `/readyz` again and again fills no disk
                segment.execute("INSERT INTO probe VALUES (?)", [time.time_ns() // 1000])
            segment.execute("COMMIT")
        except Exception as error:  # noqa: BLE001 - whatever it is, the thread lives on and the senders hear of it
            self._complain(error)
            # After a failed sync the kernel may hold pages that never reach the disk: nothing more goes in here.
            self._close_segments()
            return error
        if self._complained:
            self._complained = False
            _log.info("the spool takes writes again")
        self._fill += len(rows) / self._rows_per_segment
        self._fill += sum(map(layout.size_of, rows)) / self._bytes_per_segment
        return None

    def _complain(self, error: Exception) -> None:
        """Log a failure, but not each of thousands: the log may lie on the disk that is full."""
        if time.monotonic() >= self._quiet_until:
            self._quiet_until = time.monotonic() + _QUIET_SECONDS
            self._complained = True
            _log.error("the spool could not be written: %s", error)

    def _writable_segment(self) -> sqlite3.Connection:
        if not self._is_in_place():
            if self._lock:
                _log.error("the spool in %s was deleted or replaced while in use: it is begun anew", self._directory)
            self._close_segments()
            self._close_lock()
            self._begin()
        if self._segment is None or self._fill >= 1:
            fresh, self._spare = self._spare or self._make_segment(), None
            if self._segment:
                self._segment.connection.close()
            self._segment, self._fill = fresh, 0.0
        return self._segment.connection

    def _is_in_place(self) -> bool:
        """Tell whether others see what is written here, and that it is written: a deleted file takes writes, too."""
        if self._lock is None or not (self._directory / f"{self._name}.lock").exists():
            return False
        return self._segment is None or layout.identity(self._segment.path) == self._segment.identity

    def _close_lock(self) -> None:
        if self._lock:
            self._lock.close()
        self._lock = None

    def _close_segments(self) -> None:
        for segment in (self._segment, self._spare):
            if segment:
                with contextlib.suppress(sqlite3.Error):
                    segment.connection.close()
        self._segment = self._spare = None

    def _prepare_spare(self) -> None:
        try:
            self._spare = self._make_segment()
        except (OSError, sqlite3.Error) as error:
            _log.warning("the next segment could not be made: %s", error)

    def _make_segment(self) -> "_Open":
        self._number += 1
        path = layout.segment_path(self._directory, self._name, self._number)
        try:
            connection = layout.create(path)
            layout.sync_directory(self._directory)
        except (OSError, sqlite3.Error):
            path.with_suffix(".new").unlink(missing_ok=True)
            raise
        return _Open(path, connection, layout.identity(path))


class _Open(NamedTuple):
    path: Path
    connection: sqlite3.Connection
    identity: layout.Identity | None


def _tell(group: list[Done], error: Exception | None) -> None:
    for done in group:
        done(error)
