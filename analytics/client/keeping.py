"""Keeps an answer that takes seconds: a thread of its own computes it, and readers wait as long as they like."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import UTC, datetime
from threading import Lock
from typing import Any, Generic, Protocol, TypeVar

from analytics.errors import SilentError

R = TypeVar("R")


class Dated(Protocol):
    """An answer that holds for everything in the store up to a moment, in UTC."""

    @property
    def upto(self) -> datetime:
        """Return the moment."""
        ...


T = TypeVar("T", bound=Dated)


def begin(threads: ThreadPoolExecutor, work: Callable[..., R], *arguments: Any) -> Future[R]:
    """Let a thread do some work; where the program is about to end, its result is an error.

    Python takes no more work from then on, while other threads, such as one that draws a page, may go on for a moment.
    """
    try:
        return threads.submit(work, *arguments)
    except RuntimeError:
        refused: Future[R] = Future()
        refused.set_exception(SilentError("This program is ending."))
        return refused


class KeptAnswer(ABC, Generic[T]):
    """Computes an answer anew where a reader needs a later one.

    Args:
        name: the name of the thread.
    """

    def __init__(self, name: str) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._lock = Lock()
        self._looking: Future[None] | None = None

    @property
    @abstractmethod
    def snapshot(self) -> T | None:
        """The answer that was computed last, however long ago; None before the first time."""

    @abstractmethod
    def _look(self) -> None:
        """Compute the answer."""

    def read_up_to(self, patience: float, upto: datetime) -> T | None:
        """Return the answer up to a moment or later; None while it is being computed.

        Args:
            patience: the longest wait, in seconds.
            upto: the moment, with a time zone. A future moment means now.

        Raises:
            AnalyticsError: it can't be computed now.
        """
        end = time.monotonic() + patience
        while True:
            upto, snapshot = min(upto, datetime.now(UTC)), self.snapshot
            # An answer from ahead is one from before the clock went back.
            if snapshot is not None and upto <= snapshot.upto <= datetime.now(UTC):
                return snapshot
            looking = self._begin()
            if not wait([looking], max(end - time.monotonic(), 0)).done:
                return None
            looking.result()

    def _begin(self) -> Future[None]:
        """Return the run that goes on, or begin one; the result of an ended run is too old for a new question."""
        with self._lock:
            if self._looking is None or self._looking.done():
                self._looking = begin(self._thread, self._look)
            return self._looking
