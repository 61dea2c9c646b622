"""The parts of a sender's simulation: its made-up world, told in scenes and stories, their times, and the bodies."""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from heapq import heappop, heappush
from random import Random
from typing import Any, NamedTuple, Protocol

HOUR = 3600
DAY = 24 * HOUR
HOUR_WEIGHTS = (
    *(0.30, 0.20, 0.14, 0.10, 0.10, 0.12, 0.20, 0.45),
    *(0.80, 1.00, 1.05, 1.00, 0.90, 1.10, 1.45, 1.60),
    *(1.65, 1.55, 1.40, 1.50, 1.45, 1.20, 0.80, 0.45),
)
"""How busy each hour of a working day is, in UTC: Europe's day, then North America's."""
WEEKEND_WEIGHT = 0.16
LEAST_WEIGHT = 0.4
"""An hour of a busy sender has at least this weight: its customers live on all continents."""
HOLIDAY_WEIGHT = 0.2
FIRST_WEEKEND_DAY = 5
DAYS_BETWEEN_HOLIDAYS = 23
GROWTH = 0.3
"""The last day is busier than the middle by this share, and the first day quieter."""
APART_SECONDS = 6.0
"""The least distance between events of one entity: more than deliveries differ, so they arrive in order."""


class Subject(Protocol):
    """An entity of a made-up world as of an event."""

    @property
    def key(self) -> str:
        """Name the entity uniquely: its events keep their order."""

    @property
    def follows(self) -> tuple[str, ...]:
        """Name the entities whose earlier events must come before its next: itself, and those that it needs."""


class Step(NamedTuple):
    """One event of a scene: its delay in seconds from the scene's begin, its type, and its subject at that time.

    The receiver gets `copies` more of it, because a sender may post an event to several addresses.
    """

    delay: float
    event_type: str
    subject: Subject
    copies: int = 0


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


class Bodies(Protocol):
    """Makes bodies, and remembers the times that later ones repeat."""

    def note(self, event_type: str, subject: Any, at: float) -> None:
        """Remember what an event's time means for later ones."""

    def body(self, event_type: str, subject: Any, at: float) -> bytes:
        """Return the body of an event that happens at this time, and remember the time."""


@dataclass(frozen=True, slots=True)
class MadeUp:
    """A sender's made-up content. The worlds are the sender's own: no other code looks into them."""

    headers: Mapping[str, str]
    """The headers that the real sender sets beside `Content-Length` and the signature."""
    new_world: Callable[[Random], Any]
    tell: Callable[[int, Any], Iterator[Scene]]
    """Tells everyday life scene by scene, for ever, by a seed, and changes the world on the way."""
    weight_of: Callable[[int, int], float]
    """Returns the weight of the first so many notifications of a seed."""
    new_bodies: Callable[[], Bodies]
    stories: tuple[str, ...]
    """The names of the stories."""
    plan_story: Callable[[str, int, float, float], PlannedStory]
    """Puts a story on a timetable, by its name and a seed, between two times (seconds since 1970)."""
    subject_for: Callable[[Any, Random, str, str], Subject]
    """Returns the subject of one event by world, chance, event and account; missing entities are made up."""
    read_account: Callable[[str], str]
    """Returns an account's name as the platform spells it; raises ValueError with a sentence where there is none."""
    account: str
    """The account that one event is about by default."""


class Calendar:
    """Maps a share of a story to a time between two others (seconds since 1970)."""

    def __init__(self, rng: Random, start: float, end: float, least: float = 0.0) -> None:
        """Weigh every hour from `start` to `end`, none less than `least` on a usual day."""
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
            weight = max(_weigh_hour(begin), least) * moods[day] * growth * (finish - begin)
            self._edges.append(finish)
            self._weights.append(self._weights[-1] + weight)

    def find_time(self, share: float) -> float:
        """Return the time at which this share (0 to 1) of the story is over."""
        target = min(max(share, 0.0), 1.0) * self._weights[-1]
        cell = min(bisect_right(self._weights, target), len(self._weights) - 1)
        before, after = self._weights[cell - 1], self._weights[cell]
        return self._edges[cell - 1] + (self._edges[cell] - self._edges[cell - 1]) * (target - before) / (
            after - before
        )


def _weigh_hour(at: float) -> float:
    moment = datetime.fromtimestamp(at, UTC)
    return HOUR_WEIGHTS[moment.hour] * (WEEKEND_WEIGHT if moment.weekday() >= FIRST_WEEKEND_DAY else 1)


def find_rate(at: float, a_day: float) -> float:
    """Return the notifications a second of a busy sender at a time, where its history with `a_day` has ended."""
    week = [max(_weigh_hour(hour * HOUR), LEAST_WEIGHT) for hour in range(7 * 24)]
    return a_day / DAY * (1 + GROWTH) * max(_weigh_hour(at), LEAST_WEIGHT) * len(week) / sum(week)


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
