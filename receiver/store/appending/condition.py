"""The condition of appending: whether it works and keeps up, when to try again, and which tasks beside it fail.

Other tasks give way to it.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import NamedTuple

import duckdb

from receiver.database.faults import NEEDS_NEW_PROCESS
from receiver.logs import describe

_FIRST_SECONDS, _LONGEST_SECONDS = 1.0, 60.0
_KEEPS_UP_SECONDS = 1.0
_MANY_ROWS = 5_000
_LOOK_SECONDS = 0.05
_LONGEST_PAUSE_SECONDS = 10.0
_PATIENCE_SECONDS = 600.0

_log = logging.getLogger(__name__)


class Condition(NamedTuple):
    """`failure` is why appending stands still, None while it works; `failing` are other tasks, and why they fail."""

    failure: str | None
    since: datetime | None
    failing: dict[str, str]


class Retry:
    """Remembers why appending stands still, and puts off the next try: one second at first, then twice as long."""

    def __init__(self) -> None:
        self.failure: str | None = None
        """Why the last try failed; None if it did not."""
        self.since: datetime | None = None
        """The time of the first of the latest failures in a row."""
        self._seconds = _FIRST_SECONDS
        self._next_at = 0.0

    def is_due(self) -> bool:
        """Tell whether it is time to try."""
        return time.monotonic() >= self._next_at

    def try_now(self) -> None:
        """Make the next try due now."""
        self._next_at = 0.0

    def fail(self, failure: str) -> None:
        """Note that a try failed, and why."""
        _log.error("rows wait in the spool, the store can't take them, again in %.0f s: %s", self._seconds, failure)
        self.since = self.since or datetime.now(UTC)
        self.failure = failure
        self._next_at = time.monotonic() + self._seconds
        self._seconds = min(2 * self._seconds, _LONGEST_SECONDS)

    def succeed(self) -> None:
        """Note that a try succeeded."""
        if self.failure:
            _log.info("the store takes rows again")
        self.failure = self.since = None
        self._seconds, self._next_at = _FIRST_SECONDS, 0.0


class Housekeeping:
    """Runs tasks whose errors are logged, counted, shown by `status`, and tried again at the task's next turn."""

    def __init__(self) -> None:
        self.failures = 0
        """How often tasks failed in this process."""
        self.failing: dict[str, str] = {}
        """The errors of tasks that failed at their last turn."""

    @contextmanager
    def task(self, name: str) -> Iterator[None]:
        """Run a task in a block; its errors end here, except those that need a new process."""
        try:
            yield
        except NEEDS_NEW_PROCESS:
            raise
        except Exception as error:  # noqa: BLE001 - the rows are stored, whatever this is
            self.note(name, error)
        else:
            self.failing.pop(name, None)

    def note(self, name: str, error: Exception) -> None:
        """Log, count and keep why a task failed."""
        self.failures += 1
        reason = describe(error)
        if self.failing.get(name) != reason:
            _log.warning("%s failed and is tried again: %s", name, reason)
        self.failing = {**self.failing, name: reason}


class Pace:
    """Measures the longest wait of a row before it is stored, by the appender's turns and not by the rows' times."""

    def __init__(self) -> None:
        self._began = self._before = time.monotonic()
        self._waited = 0.0
        self._left_rows = False

    def begin(self) -> None:
        """Note that the appender looks for new rows now."""
        self._before, self._began = self._began, time.monotonic()

    def end(self, moved: int) -> None:
        """Note that so many rows are stored, which all came after the previous look."""
        self._waited = time.monotonic() - self._before
        self._left_rows = moved >= _MANY_ROWS

    def keeps_up(self) -> bool:
        """Tell whether rows are stored within a second."""
        since = time.monotonic() - self._began
        return not self._left_rows and max(self._waited, since) < _KEEPS_UP_SECONDS


class GivesWay:
    """Puts work off while the appender does not keep up, though never for ever.

    Work that has not begun waits for ten minutes at most: so a step is done every ten minutes even if the appender has
    no time for hours. Work that has begun waits for ten seconds at most at each of its breaks, because there is no
    checkpoint while its transaction is open.

    Args:
        keeps_up: tells whether the appender keeps up.
    """

    def __init__(self, keeps_up: Callable[[], bool]) -> None:
        self._keeps_up = keeps_up
        self._refused_at: float | None = None
        self._ended = threading.Event()

    def may_begin(self) -> bool:
        """Tell whether work may begin."""
        now = time.monotonic()
        if self._refused_at is None:
            self._refused_at = now
        if not self._keeps_up() and now - self._refused_at < _PATIENCE_SECONDS:
            return False
        self._refused_at = None
        return True

    def take_break(self) -> None:
        """Wait until the appender keeps up, ten seconds at most.

        Raises:
            duckdb.InterruptException: the work must end.
        """
        ends = time.monotonic() + _LONGEST_PAUSE_SECONDS
        while not self._ended.is_set():
            if self._keeps_up() or time.monotonic() >= ends:
                return
            self._ended.wait(_LOOK_SECONDS)
        raise duckdb.InterruptException("The store stops.")

    def end(self) -> None:
        """Let nothing wait any more."""
        self._ended.set()
