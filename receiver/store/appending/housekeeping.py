"""Tasks after rows are stored: if one fails, the rows must not look as if they had not been stored."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from receiver.database.faults import NEEDS_NEW_PROCESS
from receiver.logs import describe

_log = logging.getLogger(__name__)


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
