"""The steps of scenes and stories: events of the world, and the timetable on which they wait."""

from collections.abc import Iterator
from copy import copy
from heapq import heappop, heappush
from typing import NamedTuple

from receiver.senders.centurylink.made_up.world import WorldSubject

APART_SECONDS = 6.0
"""The least distance between events of one entity: more than deliveries differ, so they arrive in order."""


class Step(NamedTuple):
    """One event of a scene: its delay in seconds from the scene's begin, its type, and its subject at that time.

    The receiver gets `copies` more of it, because a sender may post an event to several addresses.
    """

    delay: float
    event_type: str
    subject: WorldSubject
    copies: int = 0


def step(delay: float, event_type: str, subject: WorldSubject) -> Step:
    """Return an event with a copy of its subject, which later changes do not alter."""
    return Step(delay, event_type, copy(subject))


class Scene(NamedTuple):
    """Steps that belong together. `weight` is the working time that passes, in usual notifications."""

    steps: list[Step]
    weight: float


class PlannedStory(NamedTuple):
    """A story on a timetable: when it begins (seconds since 1970), and each step with its time, in order.

    Earlier steps are the everyday life of its cast.
    """

    begins: float
    steps: Iterator[tuple[float, Step]]


class Timetable:
    """Steps waiting for their time; those of one entity keep their order and come after their account and actor."""

    def __init__(self) -> None:
        """Start empty."""
        self._waiting: list[tuple[float, int, Step]] = []
        self._latest: dict[str, float] = {}
        self._added = 0

    def add(self, start: float, steps: list[Step], end: float | None = None) -> None:
        """Add a scene that begins at `start`; with an `end` it is shortened where it would last longer."""
        pace = 1.0
        if end is not None and steps and start + steps[-1].delay > end:
            pace = (end - start) / steps[-1].delay
        for step in steps:
            subject = step.subject
            at = max(start + step.delay * pace, *(self._latest.get(k, 0.0) + APART_SECONDS for k in subject.follows))
            at = at if end is None else min(at, end)
            self._latest[subject.key] = at
            self._added += 1
            heappush(self._waiting, (at, self._added, step))

    def take_until(self, at: float) -> Iterator[tuple[float, Step]]:
        """Yield the steps that are due by a time, in order, and take them out."""
        while self._waiting and self._waiting[0][0] <= at:
            due, _, step = heappop(self._waiting)
            yield due, step
