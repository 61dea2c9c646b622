"""When each step is due, so that the events of one entity arrive in their order."""

from collections.abc import Iterator
from heapq import heappop, heappush

from receiver.simulator.world import Account, Server, Step, account_key, user_key

APART_SECONDS = 6.0
"""Events of one entity keep this distance: more than deliveries differ, so that they arrive in order."""


class Timetable:
    """Steps waiting for their time; those of one entity keep their order and come after their account and actor."""

    def __init__(self) -> None:
        """Start empty."""
        self._waiting: list[tuple[float, int, Step]] = []
        self._latest: dict[str, float] = {}
        self._added = 0

    def add(self, start: float, steps: list[Step], end: float | None = None) -> None:
        """Add a scene that begins at `start`; with an `end` it is told faster where it would last longer."""
        pace = 1.0
        if end is not None and steps and start + steps[-1].delay > end:
            pace = (end - start) / steps[-1].delay
        for step in steps:
            key = step.subject.key
            at = max(start + step.delay * pace, *(self._latest.get(k, 0.0) + APART_SECONDS for k in _after(step)))
            at = at if end is None else min(at, end)
            self._latest[key] = at
            self._added += 1
            heappush(self._waiting, (at, self._added, step))

    def until(self, at: float) -> Iterator[tuple[float, Step]]:
        """Yield the steps that are due by then, in order."""
        while self._waiting and self._waiting[0][0] <= at:
            due, _, step = heappop(self._waiting)
            yield due, step


def _after(step: Step) -> list[str]:
    subject = step.subject
    keys = [subject.key]
    if isinstance(subject, Account):
        keys.append(account_key(subject.parent_alias))
    else:
        keys.append(account_key(subject.account_alias))
    if isinstance(subject, Server):
        keys.append(user_key(subject.modified_by))
    return keys
