"""When made-up events happen: at the times at which people work, and in order for each entity."""

from bisect import bisect_right
from collections.abc import Iterator
from datetime import UTC, datetime
from heapq import heappop, heappush
from random import Random

from receiver.senders.made_up import Step

HOUR = 3600
DAY = 24 * HOUR
HOUR_WEIGHTS = (
    *(0.30, 0.20, 0.14, 0.10, 0.10, 0.12, 0.20, 0.45),
    *(0.80, 1.00, 1.05, 1.00, 0.90, 1.10, 1.45, 1.60),
    *(1.65, 1.55, 1.40, 1.50, 1.45, 1.20, 0.80, 0.45),
)
"""How busy each hour of a working day is, in UTC: Europe's day, then North America's."""
WEEKEND_WEIGHT = 0.16
HOLIDAY_WEIGHT = 0.2
FIRST_WEEKEND_DAY = 5
DAYS_BETWEEN_HOLIDAYS = 23
GROWTH = 0.3
"""The last day is busier than the middle by this share, and the first day quieter."""
APART_SECONDS = 6.0
"""The least distance between events of one entity: more than deliveries differ, so they arrive in order."""


class Calendar:
    """Maps a share of a story to a time between two others (seconds since 1970)."""

    def __init__(self, rng: Random, start: float, end: float) -> None:
        """Weigh every hour from `start` to `end`."""
        self._edges = [start]
        self._weights = [0.0]
        holiday = rng.randrange(DAYS_BETWEEN_HOLIDAYS)
        moods: dict[int, float] = {}
        while (begin := self._edges[-1]) < end:
            finish = min(end, (begin // HOUR + 1) * HOUR)
            day = int((begin - start) // DAY)
            if day not in moods:
                quiet = HOLIDAY_WEIGHT if day % DAYS_BETWEEN_HOLIDAYS == holiday else 1.0
                moods[day] = quiet * rng.lognormvariate(0, 0.12)
            growth = 1 + GROWTH * (2 * (begin - start) / (end - start) - 1)
            weight = _hour_weight(begin) * moods[day] * growth * (finish - begin)
            self._edges.append(finish)
            self._weights.append(self._weights[-1] + weight)

    def at(self, share: float) -> float:
        """Return the time at which this share (0 to 1) of the story is over."""
        target = min(max(share, 0.0), 1.0) * self._weights[-1]
        cell = min(bisect_right(self._weights, target), len(self._weights) - 1)
        before, after = self._weights[cell - 1], self._weights[cell]
        return self._edges[cell - 1] + (self._edges[cell] - self._edges[cell - 1]) * (target - before) / (
            after - before
        )


def _hour_weight(at: float) -> float:
    moment = datetime.fromtimestamp(at, UTC)
    return HOUR_WEIGHTS[moment.hour] * (WEEKEND_WEIGHT if moment.weekday() >= FIRST_WEEKEND_DAY else 1)


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
