"""The condition of appending: whether it works, and when to try again if it does not."""

import logging
import time
from datetime import UTC, datetime
from typing import NamedTuple

_FIRST_SECONDS, _LONGEST_SECONDS = 1.0, 60.0

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
        """Put the next try off no longer."""
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
