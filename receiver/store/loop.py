"""The appender's thread: appends, derives again, checkpoints, and stands still while a backup is copied."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import duckdb

from receiver.database.extent import Count, count_notifications
from receiver.database.faults import NEEDS_NEW_PROCESS, suspect
from receiver.database.open_file import OpenFile
from receiver.database.opening import has_wal, run
from receiver.deriving.tables import Rebuild
from receiver.errors import StoreError
from receiver.logs import describe
from receiver.processes.heartbeat import Pulse
from receiver.senders import Senders
from receiver.spool import RowSource
from receiver.store.appending.appender import Appender
from receiver.store.appending.condition import Condition, Pace, Retry
from receiver.store.arranging import Arranger, Counter

# A transaction costs the same for one row as for a thousand: single rows go in ten times a second, and a thousand rows
# at once.
_TURN_SECONDS = 0.1
_MANY_ROWS = 1_000
_CHECKPOINT_SECONDS = 5.0
_ROWS_BETWEEN_CHECKPOINTS = 20_000
# Without merging a checkpoint takes 30 ms, with it up to two seconds: so one in ten minutes merges. Beside an older
# transaction, of a reader say, it merges nothing, without an error: so several in a row try it.
_CHECKPOINTS_BETWEEN_MERGES = 120
_MERGES_TRIED = 4
_RETRY_SECONDS, _CHECKPOINT_TRIES = 1.0, 20
_LAST_SECONDS, _WORRYING_SECONDS = 10.0, 60.0

_log = logging.getLogger(__name__)


class AppendLoop:
    """Runs the appender in a thread of its own until it is stopped.

    Args:
        connection: the store; the loop takes a cursor of its own.
        source: where rows come from; it is closed at the end.
        duplicate_window_seconds: see `DuplicateFinder`.
        on_fatal: called when only a new process can go on.
        data_dir: where the note of what was appended is kept.
        senders: whose notifications they may be; by default all that the program knows.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        source: RowSource,
        duplicate_window_seconds: float,
        on_fatal: Callable[[], None],
        data_dir: Path,
        senders: Senders | None = None,
    ) -> None:
        self.pulse = Pulse()
        """Beats with each turn of the thread."""
        self._connection = connection.cursor()
        self._data_dir = data_dir
        self._source = source
        self._on_fatal = on_fatal
        self._stopping = threading.Event()
        self._last_seconds = _LAST_SECONDS
        self._busy = threading.Lock()
        # Held by the thread that wants `_busy` next: else the appender's would, while rows come, never let it go.
        self._gate = threading.Lock()
        self._arranging = threading.Lock()
        self._appender = Appender(
            self._connection, source, data_dir, duplicate_window_seconds=duplicate_window_seconds, senders=senders
        )
        self._file = OpenFile(self._connection)
        self._retry = Retry()
        self._rebuild = Rebuild(self._connection, senders)
        self.pace = Pace()
        self.arranger = Arranger(connection, self.alone, self.pace.keeps_up)
        self.counter = Counter(connection, self.alone)
        self._checkpointed_at = self._tried_at = time.monotonic()
        self._written_at_checkpoint = 0
        self._unmerged = 0  # checkpoints since the last of those that merged
        self._thread = threading.Thread(target=self._run, name="appender", daemon=True)

    def start(self) -> None:
        """Begin to append."""
        self._thread.start()

    def stop(self, seconds: float = _LAST_SECONDS) -> None:
        """Append the spool's rows, for so many seconds at most, checkpoint, and end; the rest waits."""
        self._last_seconds = seconds
        self._stopping.set()
        self._thread.join()
        self._source.close()

    def read_figures(self) -> dict[str, int]:
        """Return how many rows were appended and set aside, and how many other tasks failed, since the start."""
        failures = self._appender.housekeeping.failures
        return {"appended": self._appender.appended, "set_aside": self._appender.set_aside, "tasks_failed": failures}

    def read_condition(self) -> Condition:
        """Return whether appending works, and which other tasks fail."""
        failing = dict(self._appender.housekeeping.failing)
        if self._rebuild.failure:
            failing["deriving changes again"] = self._rebuild.failure
        return Condition(self._retry.failure, self._retry.since, failing)

    def begin_rebuild(self) -> None:
        """Derive the changes of all notifications again, from now on between appends; go on if a rebuild runs."""
        with self.alone():
            self._rebuild.begin()

    def get_rebuild_progress(self) -> tuple[int, int] | None:
        """Return the `seq` up to which changes are derived again, and the last one; None if no rebuild runs."""
        done = self._rebuild.done
        return None if done is None else (done, self._appender.last_seq)

    def rebuild_failure(self) -> str | None:
        """Return the reason why the last rebuild failed, if it did."""
        return self._rebuild.failure

    @contextmanager
    def pause(self) -> Iterator[Count]:
        """Append the spool's rows, checkpoint, and append nothing more for the length of a block.

        Yields:
            How many notifications the database file holds, and the last `seq`.

        Raises:
            duckdb.Error, StoreError: the store can't take the spool's rows.
        """
        with self._arranging, self.alone():
            self._retry.try_now()
            left = self._appender.count_backlog()
            while left > 0:
                moved = self._turn()
                if not moved:
                    raise StoreError("rows wait in the spool that the store can't take, its log says why.")
                left -= moved
            self._insist_on_checkpoint()
            yield count_notifications(partial(run, self._connection))

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Append nothing for the length of a block."""
        with self._gate, self._busy:
            yield

    @contextmanager
    def may_arrange(self, seconds: float = 0.0) -> Iterator[bool]:
        """Wait so many seconds at most, and tell whether rows may change places in a block. No backup copies then."""
        if not self._arranging.acquire(timeout=seconds):
            yield False
            return
        try:
            yield self._rebuild.done is None
        finally:
            self._arranging.release()

    def note_dropped(self) -> None:
        """Load the appender's state again, and soon merge what is left; call it in `alone`."""
        self._appender.load_again()
        self._unmerged = _CHECKPOINTS_BETWEEN_MERGES
        self._written_at_checkpoint -= _ROWS_BETWEEN_CHECKPOINTS

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                ends = time.monotonic() + _TURN_SECONDS
                with self._own_turn():
                    moved = self._turn()
                    is_rebuilding = self._rebuild_a_part()
                if moved < _MANY_ROWS and not is_rebuilding:
                    self._stopping.wait(ends - time.monotonic())
            with self._own_turn():
                ends = time.monotonic() + self._last_seconds
                self._retry.try_now()
                while self._turn() and time.monotonic() < ends:
                    pass
                if self._file.is_in_place():
                    self._try_checkpoint()
        except Exception as error:  # noqa: BLE001 - whatever it is, the thread can't end in silence
            _log.exception("the appender can't go on in this process")
            suspect(self._data_dir, error)
            self._on_fatal()

    @contextmanager
    def _own_turn(self) -> Iterator[None]:
        """Wait until no other thread wants to write, and let none write for the length of a block."""
        with self.pulse.busy("waiting for a backup, or for rows that are put side by side"):
            with self._gate:
                pass
            self._busy.acquire()
        try:
            yield
        finally:
            self._busy.release()

    def _turn(self) -> int:
        """Append new rows if it is time to try, then do other due work, and return how many rows were appended."""
        moved = self._append() if self._retry.is_due() else 0
        is_due = False
        with self._appender.housekeeping.task("looking through the spool"):
            is_due = self._file.is_in_place() and self._checkpoint_is_due()
        if is_due:
            with self._appender.housekeeping.task("the checkpoint"):
                self._try_checkpoint()
        return moved

    def _append(self) -> int:
        try:
            if not self._file.is_in_place():
                with self.pulse.busy("writing the database file anew"):
                    while self._appender.append_new():  # the spool may have been moved, too
                        pass
                    self._appender.tidy()
                    self._file.put_back(self._data_dir)
                self._on_fatal()
            with self.pulse.busy("appending what is new in the spool"):
                self.pace.begin()
                moved = self._appender.append_new()
                self.pace.end(moved)
        except NEEDS_NEW_PROCESS:
            raise
        except Exception as error:  # noqa: BLE001 - the disk's, too: the rows wait in the spool, and the status says why
            suspect(self._data_dir, error)
            self._retry.fail(describe(error))
            return 0
        self._retry.succeed()
        return moved

    def _rebuild_a_part(self) -> bool:
        """Derive a part of the changes again if a rebuild runs, and tell whether one does."""
        if self._rebuild.done is None:
            return False
        try:
            with self.pulse.busy("deriving changes again"):
                self._rebuild.step()
            if self._rebuild.done is None:
                self._appender.load_again()  # entities' last notifications may be others
        except duckdb.FatalException:
            raise
        except Exception as error:  # noqa: BLE001 - even of the disk: it must not keep back what is received, and is logged
            suspect(self._data_dir, error)
            self._rebuild.put_off(describe(error))
            _log.error("changes could not be derived again, which is left to the next start: %s", describe(error))
        return True

    @property
    def _written(self) -> int:
        return self._appender.appended + self._rebuild.derived + self.arranger.arranged + self.counter.counted

    def _checkpoint_is_due(self) -> bool:
        since = self._written - self._written_at_checkpoint
        if since >= _ROWS_BETWEEN_CHECKPOINTS:
            return True
        if time.monotonic() - self._tried_at < _CHECKPOINT_SECONDS:
            return False
        self._tried_at = time.monotonic()
        self._appender.tidy()
        return has_wal(self._connection) or bool(self._appender.list_done())

    def _try_checkpoint(self) -> None:
        try:
            self._checkpoint()
        except duckdb.TransactionException as error:
            self._tried_at = time.monotonic()
            self._written_at_checkpoint = self._written - 1  # not due at once for the number of rows
            waited = time.monotonic() - self._checkpointed_at
            if waited < _WORRYING_SECONDS:
                _log.info("no checkpoint yet: %s", error)
            else:
                _log.warning(
                    "no checkpoint for %.0f s, the WAL and the spool grow: is a reader's query running? %s",
                    waited,
                    error,
                )

    def _insist_on_checkpoint(self) -> None:
        for _ in range(_CHECKPOINT_TRIES):
            try:
                self._checkpoint()
            except duckdb.TransactionException as error:
                _log.warning("no checkpoint yet: %s", error)
                self._stopping.wait(_RETRY_SECONDS)
            else:
                return
        self._checkpoint()

    def _checkpoint(self) -> None:
        self._unmerged += 1
        with self.pulse.busy("a checkpoint"):
            self._appender.checkpoint(merging=self._unmerged > _CHECKPOINTS_BETWEEN_MERGES)
        if self._unmerged == _CHECKPOINTS_BETWEEN_MERGES + _MERGES_TRIED:
            self._unmerged = 0
        self._checkpointed_at = self._tried_at = time.monotonic()
        self._written_at_checkpoint = self._written
