"""Tells whether the appender keeps up with new rows, so that other work gives way to it."""

import threading
import time
from collections.abc import Callable

import duckdb

_KEEPS_UP_SECONDS = 1.0
_MANY_ROWS = 5_000
_LOOK_SECONDS = 0.05
_LONGEST_PAUSE_SECONDS = 10.0
_PATIENCE_SECONDS = 600.0


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
        while not self._keeps_up() and time.monotonic() < ends:
            if self._ended.wait(_LOOK_SECONDS):
                raise duckdb.InterruptException("The store stops.")

    def end(self) -> None:
        """Let nothing wait any more."""
        self._ended.set()
