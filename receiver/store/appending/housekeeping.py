"""Tasks that follow what is stored: where one fails, nothing may look as if it had not been stored."""

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
        """How many times a task failed in this process."""
        self.failing: dict[str, str] = {}
        """Why each task failed that failed at its last turn."""

    @contextmanager
    def task(self, name: str) -> Iterator[None]:
        """Run a task in a block; what it raises ends here, but for what only a new process survives."""
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
