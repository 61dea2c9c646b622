"""The times of made-up senders: busy and quiet hours, and how bodies spell a time."""

from bisect import bisect_right
from datetime import UTC, datetime
from random import Random

MINUTE = 60
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


def as_time(at: float) -> str:
    """Spell a time (seconds since 1970) as senders do: `2015-09-22T14:38:27Z`."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
