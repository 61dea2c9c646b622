"""The time that a view counts: its begin and end, its bins, and the time to compare it with."""

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
    """A time from `since` to before `until`; to now where that is None. Its text is an interval of ISO 8601 in UTC."""

    since: datetime
    until: datetime | None = None

    def __str__(self) -> str:
        """Return the interval's text."""
        return f"{iso(self.since)}/{iso(self.until) if self.until else '..'}"

    @classmethod
    def parse(cls, text: str | None) -> Self | None:
        """Return the interval of a text; None where the text is not one."""
        begin, _, end = (text or "").partition("/")
        try:
            since, until = moment_of(begin), None if end == ".." else moment_of(end)
        except (ValueError, OverflowError):
            return None
        return cls(since, until) if until is None or until > since else None


def iso(moment: datetime) -> str:
    """Return a moment in UTC as ISO 8601, in its shortest form."""
    text = moment.astimezone(UTC).isoformat().removesuffix("+00:00")
    return f"{text.removesuffix(':00')}Z"


def moment_of(text: str) -> datetime:
    """Return the moment of a text.

    Raises:
        ValueError: it is no moment, or too far from now to be compared with others.
        OverflowError: it is too far from now for UTC.
    """
    parsed = datetime.fromisoformat(text)
    moment = parsed.replace(tzinfo=parsed.tzinfo or UTC).astimezone(UTC)
    if moment.year not in YEARS:
        raise ValueError(f"{text!r} is too far from now.")
    return moment


class Span(NamedTuple):
    """A time in bins of `width` (named `per`); `whole` where nothing before it can be compared."""

    since: datetime
    until: datetime
    width: timedelta
    per: str
    whole: bool
    begins: tuple[datetime, ...]
    now: datetime

    @property
    def ends(self) -> tuple[datetime, ...]:
        """Return the end of each bin, also of a last bin that is not over."""
        return (*self.begins[1:], max(self.begins[-1] + self.width, self.until))

    @property
    def running(self) -> bool:
        """Say whether the last bin is not over yet."""
        return self.until >= self.now

    @property
    def begins_us(self) -> list[int]:
        """Return the begin of each bin, in microseconds since 1970."""
        return [microseconds(begin) for begin in self.begins]

    def around(self, part: Interval) -> Interval:
        """Return the whole bins that a part touches."""
        end = part.until or self.until
        since = max((begin for begin in self.begins if begin <= part.since), default=self.begins[0])
        until = min((until for until in self.ends if until >= end), default=self.ends[-1])
        return Interval(since, max(until, since + MICROSECOND))


def span_of(name: str, own: Interval | None, now: datetime, first: datetime | None, zone: ZoneInfo) -> Span:
    """Return the current time of a range.

    Args:
        name: one of `RANGES`, or `OWN`.
        own: the user's own time, where the range is `OWN`.
        now: the present moment.
        first: the time of the first notification, at which the range `all` begins.
        zone: the time zone of the bins' hours and days.
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
    # A user's own time counts exactly; others count from the begin of their first bin, which then is whole.
    exact = since if name == OWN and own is not None else begins[0]
    return Span(exact, until, fitting.width, fitting.per, whole, begins, now)


class Comparison(NamedTuple):
    """The time to compare figures with, its distance before the other, and its name."""

    since: datetime
    until: datetime
    shift: timedelta
    name: str

    @property
    def phrase(self) -> str:
        """Return the phrase that follows a count of this time."""
        return f"in {self.name}" if self.name == BEFORE else self.name


def find_comparison(since: datetime, until: datetime, how: str) -> Comparison:
    """Return the time to compare with: the previous one, or the same some whole weeks before."""
    length = until - since
    if how == WEEK:
        weeks = max(-(-length // WEEK_LONG), 1)
        name = WEEK if weeks == 1 else f"{weeks} weeks before"
        return Comparison(since - weeks * WEEK_LONG, until - weeks * WEEK_LONG, weeks * WEEK_LONG, name)
    return Comparison(since - length, since, length, BEFORE)
