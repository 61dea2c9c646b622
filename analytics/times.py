"""Time ranges with their bins, and moments in time zones."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Self
from zoneinfo import ZoneInfo

UTC_NAMES = frozenset({"UTC", "Etc/UTC", "Etc/UCT", "Etc/Universal", "Etc/Zulu", "UCT", "Zulu", "Universal"})
MICROSECOND = timedelta(microseconds=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MONDAY = datetime(1970, 1, 5)  # noqa: DTZ001 - a wall clock's, of no zone
MOST_BINS = 100
A_QUARTER = timedelta(minutes=15)

RANGES: dict[str, timedelta | None] = {
    "15 min": timedelta(minutes=15),
    "1 h": timedelta(hours=1),
    "6 h": timedelta(hours=6),
    "24 h": timedelta(hours=24),
    "7 d": timedelta(days=7),
    "28 d": timedelta(days=28),
    "30 d": timedelta(days=30),
    "90 d": timedelta(days=90),
    "year": timedelta(days=365),
    "all": None,
}
FORMER_RANGE = "30 d"
"""A range that addresses of earlier versions name. 28 days have as many of each weekday as those before."""
OFFERED = tuple(name for name in RANGES if name != FORMER_RANGE)
DEFAULT_RANGE = "24 h"

WIDTHS = {
    "5 s": timedelta(seconds=5),
    "10 s": timedelta(seconds=10),
    "30 s": timedelta(seconds=30),
    "minute": timedelta(minutes=1),
    "5 min": timedelta(minutes=5),
    "15 min": timedelta(minutes=15),
    "hour": timedelta(hours=1),
    "3 h": timedelta(hours=3),
    "12 h": timedelta(hours=12),
    "day": timedelta(days=1),
    "7 days": timedelta(days=7),
    "28 days": timedelta(days=28),
    "84 days": timedelta(days=84),
}
OWN = "own"
YEARS = range(2000, 2100)


class Period(NamedTuple):
    """A time from `since` to before `until`, in bins of `width`; `per` is the name of that width."""

    since: datetime
    until: datetime
    width: timedelta
    per: str

    @property
    def bin_us(self) -> int:
        """Return the width of a bin in microseconds."""
        return self.width // MICROSECOND

    def widen_to_bins(self, first: datetime, last: datetime) -> tuple[datetime, datetime]:
        """Return the start and end of the bins that contain two moments, at the earliest the period's own start."""
        begin, end = max(min(first, last), self.since), max(first, last)
        return floor(begin, self.width), floor(end - MICROSECOND, self.width) + self.width


def floor(moment: datetime, width: timedelta) -> datetime:
    """Return the begin of the bin that contains a moment; bins begin at whole multiples of their width since 1970."""
    return EPOCH + (moment - EPOCH) // width * width


def to_microseconds(moment: datetime) -> int:
    """Return a moment in microseconds since 1970."""
    return (moment - EPOCH) // MICROSECOND


def list_offsets(since: datetime, until: datetime, zone: ZoneInfo) -> list[tuple[datetime, timedelta]]:
    """Return a time zone's offsets from UTC between two moments, each with its begin, a quarter hour."""

    def find_offset(moment: datetime) -> timedelta:
        return moment.astimezone(zone).utcoffset() or timedelta()

    shifts = [(since, find_offset(since))]
    day = since
    while day < until:
        following = min(day + timedelta(days=1), until)
        if find_offset(following) != shifts[-1][1]:
            # In St. John's, Adelaide and on Lord Howe, clocks change at half an hour of UTC.
            change = floor(day, A_QUARTER)
            while find_offset(change) == shifts[-1][1]:
                change += A_QUARTER
            shifts.append((change, find_offset(change)))
        day = following
    return shifts


def choose_width(length: timedelta) -> tuple[str, timedelta]:
    """Return the name and the width of the narrowest bins of which `MOST_BINS` last so long, else of the widest."""
    fitting = ((per, width) for per, width in WIDTHS.items() if length / width <= MOST_BINS)
    return next(fitting, list(WIDTHS.items())[-1])


def make_period(name: str, now: datetime, first: datetime | None) -> Period:
    """Return the current period of a range.

    Args:
        name: one of `RANGES`.
        now: the moment at which it ends.
        first: the time of the first notification, at which the range `all` begins.
    """
    length = RANGES[name]
    since = now - length if length is not None else min(first or now, now - timedelta(minutes=1))
    per, width = choose_width(now - since)
    return Period(floor(since, width), now, width, per)


def is_of_clock(width: timedelta) -> bool:
    """Say whether bins of a width follow the wall clock: bins longer than an hour vary in length over the year."""
    return width > timedelta(hours=1)


def list_edges(since: datetime, until: datetime, width: timedelta, zone: ZoneInfo) -> list[datetime]:
    """Return the begins of the bins of a time in a time zone, the first at or before `since`.

    Days begin at midnight there and weeks on Monday. A bin may be shorter or longer when clocks change.
    """
    if not is_of_clock(width):
        offset = since.astimezone(zone).utcoffset() or timedelta()
        begin = floor(since + offset, width) - offset
        return [begin + width * place for place in range(max(-((begin - until) // width), 1))]
    naive = since.astimezone(zone).replace(tzinfo=None)
    wall = MONDAY + (naive - MONDAY) // width * width
    begins: list[datetime] = []
    while True:
        edge = wall.replace(tzinfo=zone).astimezone(UTC)
        if begins and edge >= until:
            return begins
        if not begins or edge > begins[-1]:
            begins.append(edge)
        wall += width


def stamp(moment: datetime | None) -> str:
    """Return a moment as date and time of day in UTC, to the second."""
    return "" if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def find_zone(name: str | None) -> ZoneInfo:
    """Return the time zone of an IANA name; UTC where no zone has that name."""
    try:
        return ZoneInfo("UTC" if not name or name in UTC_NAMES else name)
    except (ValueError, OSError, KeyError):
        return ZoneInfo("UTC")


def label_zone(zone: ZoneInfo) -> str:
    """Return the short name of a time zone: `UTC`, or the place at the end of its name."""
    return zone.key.rpartition("/")[2].replace("_", " ")


def format_in_utc(moment: datetime | None) -> str:
    """Return a moment as date and time of day, followed by `UTC`."""
    return "" if moment is None else f"{stamp(moment)} UTC"


class Interval(NamedTuple):
    """A time from `since` to before `until`; to now where that is None. Its text is an interval of ISO 8601 in UTC."""

    since: datetime
    until: datetime | None = None

    def __str__(self) -> str:
        """Return the interval's text."""
        return f"{format_iso(self.since)}/{format_iso(self.until) if self.until else '..'}"

    @classmethod
    def parse(cls, text: str | None) -> Self | None:
        """Return the interval of a text; None where the text is not one, or its end is not after its begin."""
        ends = cls.parse_ends(text)
        return None if ends is None or ends.is_reversed else ends

    @classmethod
    def parse_ends(cls, text: str | None) -> Self | None:
        """Return the two ends of a text, in whatever order; None where the text has no such ends."""
        begin, _, end = (text or "").partition("/")
        try:
            since, until = parse_moment(begin), None if end == ".." else parse_moment(end)
        except (ValueError, OverflowError):
            return None
        return cls(since, until)

    @property
    def is_reversed(self) -> bool:
        """Say whether it ends before it lasts any time."""
        return self.until is not None and self.until <= self.since


def format_iso(moment: datetime) -> str:
    """Return a moment in UTC as ISO 8601, in its shortest form."""
    text = moment.astimezone(UTC).isoformat().removesuffix("+00:00")
    return f"{text.removesuffix(':00')}Z"


def format_seconds(moment: datetime) -> str:
    """Return a moment in UTC as ISO 8601 to the second, without a zone, as addresses of pages have it."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds")


def parse_moment(text: str) -> datetime:
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
    """A time in bins of `width` (named `per`); `whole` where nothing before it can be compared.

    `end` is that of its last bin, and `early` is how much longer it is than its range, because its first bin is whole.
    """

    since: datetime
    until: datetime
    width: timedelta
    per: str
    whole: bool
    begins: tuple[datetime, ...]
    end: datetime
    now: datetime
    early: timedelta

    @property
    def ends(self) -> tuple[datetime, ...]:
        """Return the end of each bin, also of a last bin that is not over."""
        return (*self.begins[1:], self.end)

    @property
    def running(self) -> bool:
        """Say whether it is not over yet."""
        return self.until >= self.now

    @property
    def begins_us(self) -> list[int]:
        """Return the begin of each bin, in microseconds since 1970."""
        return [to_microseconds(begin) for begin in self.begins]

    def misses(self, part: Interval) -> bool:
        """Say whether a part begins before this time or after it."""
        return part.since < self.since or part.since >= self.until

    def widen_to_bins(self, part: Interval) -> Interval:
        """Return the whole bins that a part touches, as far as they lie in this time; a last bin may still fill."""
        end = part.until or self.until
        since = max((begin for begin in self.begins if begin <= part.since), default=self.begins[0])
        until = min((until for until in self.ends if until >= end), default=self.ends[-1])
        latest = until if self.until == self.now else self.until
        since, until = max(since, self.since), min(until, latest)
        return Interval(since, max(until, since + MICROSECOND))


def make_span(name: str, own: Interval | None, now: datetime, first: datetime | None, zone: ZoneInfo) -> Span:
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
        fitting = make_period("all", until, min(own.since, until))
        since, whole = own.since, False
    else:
        usual = name if name in RANGES else DEFAULT_RANGE
        until = now
        fitting = make_period(usual, now, first)
        length = RANGES[usual]
        since, whole = (fitting.since if length is None else now - length), length is None
    begins = tuple(list_edges(since, until, fitting.width, zone))
    end = begins[-1] + fitting.width
    if is_of_clock(fitting.width):
        end = list_edges(begins[-1], end + fitting.width, fitting.width, zone)[1]
    # A user's own time counts exactly; others count from the begin of their first bin, which then is whole.
    exact = since if name == OWN and own is not None else begins[0]
    return Span(exact, until, fitting.width, fitting.per, whole, begins, end, now, since - exact)
