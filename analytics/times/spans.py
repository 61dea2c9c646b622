"""What a view of a time counts: from when to when, in which bins, and beside which other time."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Self
from zoneinfo import ZoneInfo

from analytics.times.periods import MICROSECOND, RANGES, edges, microseconds, period

OWN = "own"
BEFORE = "the period before"
WEEK = "a week before"
COMPARISONS = (BEFORE, WEEK)
WEEK_LONG = timedelta(days=7)
YEARS = range(2000, 2100)


class Interval(NamedTuple):
    """From `since` to before `until`, or to now where that is None. As text it is one of ISO 8601, in UTC."""

    since: datetime
    until: datetime | None = None

    def __str__(self) -> str:
        """Return it as text."""
        return f"{iso(self.since)}/{iso(self.until) if self.until else '..'}"

    @classmethod
    def parse(cls, text: str | None) -> Self | None:
        """Return what a text says; None where it says no interval."""
        begin, _, end = (text or "").partition("/")
        try:
            since, until = moment_of(begin), None if end == ".." else moment_of(end)
        except (ValueError, OverflowError):
            return None
        return cls(since, until) if until is None or until > since else None


def iso(moment: datetime) -> str:
    """Return a moment in UTC as ISO 8601, as short as it can be said."""
    text = moment.astimezone(UTC).isoformat().removesuffix("+00:00")
    return f"{text.removesuffix(':00')}Z"


def moment_of(text: str) -> datetime:
    """Return the moment of a text.

    Raises:
        ValueError: it is none, or so far from now that what is compared with it could not be said.
        OverflowError: it is too far from now to be one of UTC.
    """
    parsed = datetime.fromisoformat(text)
    moment = parsed.replace(tzinfo=parsed.tzinfo or UTC).astimezone(UTC)
    if moment.year not in YEARS:
        raise ValueError(f"{text!r} is too far from now.")
    return moment


class Span(NamedTuple):
    """A time in bins of `width`, which people call `per`; `whole` where there is nothing before it to compare with."""

    since: datetime
    until: datetime
    width: timedelta
    per: str
    whole: bool
    begins: tuple[datetime, ...]
    now: datetime

    @property
    def ends(self) -> tuple[datetime, ...]:
        """Return when each bin ends; the last one where the bin does, also if that is still to come."""
        return (*self.begins[1:], max(self.begins[-1] + self.width, self.until))

    @property
    def running(self) -> bool:
        """Say whether the last bin is not over yet."""
        return self.until >= self.now

    @property
    def begins_us(self) -> list[int]:
        """Return when each bin begins, in microseconds since 1970."""
        return [microseconds(begin) for begin in self.begins]

    def around(self, part: Interval) -> Interval:
        """Return the whole bins that a part of it touches."""
        end = part.until or self.until
        since = max((begin for begin in self.begins if begin <= part.since), default=self.begins[0])
        until = min((until for until in self.ends if until >= end), default=self.ends[-1])
        return Interval(since, max(until, since + MICROSECOND))


def span_of(name: str, own: Interval | None, now: datetime, first: datetime | None, zone: ZoneInfo) -> Span:
    """Return what a range means now.

    Args:
        name: one of `RANGES`, or `OWN`.
        own: the time that was chosen, where the range is `OWN`.
        now: the present moment.
        first: when the first notification was received, at which the range `all` begins.
        zone: whose hours and days its bins are.
    """
    if name == OWN and own is not None:
        until = own.until or now
        fitting = period("all", until, min(own.since, until))
        since, whole = own.since, False
    else:
        usual = name if name in RANGES else "24 h"
        until = now
        fitting = period(usual, now, first)
        length = RANGES[usual]
        since, whole = (fitting.since if length is None else now - length), length is None
    begins = tuple(edges(since, until, fitting.width, zone))
    # An own time is counted as it was typed; others from the begin of their first bin, which then is whole.
    exact = since if name == OWN and own is not None else begins[0]
    return Span(exact, until, fitting.width, fitting.per, whole, begins, now)


class Comparison(NamedTuple):
    """The time that figures are compared with, how long before it lies, and what it is called."""

    since: datetime
    until: datetime
    shift: timedelta
    name: str

    @property
    def phrase(self) -> str:
        """Return how it is said of a count that it is of this time."""
        return f"in {self.name}" if self.name == BEFORE else self.name


def find_comparison(since: datetime, until: datetime, how: str) -> Comparison:
    """Return what to compare a time with: the one just before, or the same some whole weeks before."""
    length = until - since
    if how == WEEK:
        weeks = max(-(-length // WEEK_LONG), 1)
        name = WEEK if weeks == 1 else f"{weeks} weeks before"
        return Comparison(since - weeks * WEEK_LONG, until - weeks * WEEK_LONG, weeks * WEEK_LONG, name)
    return Comparison(since - length, since, length, BEFORE)
