"""Time ranges of the dashboard: their start and end, the width of their bins, and moments in time zones."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

UTC_NAMES = frozenset({"UTC", "Etc/UTC", "Etc/UCT", "Etc/Universal", "Etc/Zulu", "UCT", "Zulu", "Universal"})
MICROSECOND = timedelta(microseconds=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MONDAY = datetime(1970, 1, 5)  # noqa: DTZ001 - a wall clock's, of no zone
MOST_BINS = 100

RANGES: dict[str, timedelta | None] = {
    "15 min": timedelta(minutes=15),
    "1 h": timedelta(hours=1),
    "6 h": timedelta(hours=6),
    "24 h": timedelta(hours=24),
    "7 d": timedelta(days=7),
    "30 d": timedelta(days=30),
    "90 d": timedelta(days=90),
    "year": timedelta(days=365),
    "all": None,
}
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
}


class Period(NamedTuple):
    """A time from `since` to before `until`, in bins of `width`; `per` is the name of that width."""

    since: datetime
    until: datetime
    width: timedelta
    per: str
    whole: bool

    @property
    def bin_us(self) -> int:
        """Return the width of a bin in microseconds."""
        return self.width // MICROSECOND

    @property
    def before_since(self) -> datetime:
        """Return the begin of the previous period, which has the same length."""
        return self.since - (self.until - self.since)


def floor(moment: datetime, width: timedelta) -> datetime:
    """Return the begin of the bin that contains a moment; bins begin at whole multiples of their width since 1970."""
    return EPOCH + (moment - EPOCH) // width * width


def microseconds(moment: datetime) -> int:
    """Return a moment in microseconds since 1970."""
    return (moment - EPOCH) // MICROSECOND


def offsets(since: datetime, until: datetime, zone: ZoneInfo) -> list[tuple[datetime, timedelta]]:
    """Return a time zone's offsets from UTC between two moments, each with its begin; clocks change on whole hours."""

    def ahead(moment: datetime) -> timedelta:
        return moment.astimezone(zone).utcoffset() or timedelta()

    shifts = [(since, ahead(since))]
    day = since
    while day < until:
        following = min(day + timedelta(days=1), until)
        if ahead(following) != shifts[-1][1]:
            hour = floor(day, timedelta(hours=1))
            while ahead(hour) == shifts[-1][1]:
                hour += timedelta(hours=1)
            shifts.append((hour, ahead(hour)))
        day = following
    return shifts


def period(name: str, now: datetime, first: datetime | None) -> Period:
    """Return the current period of a range.

    Args:
        name: one of `RANGES`.
        now: the moment at which it ends.
        first: the time of the first notification, at which the range `all` begins.
    """
    length = RANGES[name]
    since = now - length if length is not None else min(first or now, now - timedelta(minutes=1))
    per, width = next(
        ((per, width) for per, width in WIDTHS.items() if (now - since) / width <= MOST_BINS), list(WIDTHS.items())[-1]
    )
    return Period(floor(since, width), now, width, per, whole=length is None)


def is_of_clock(width: timedelta) -> bool:
    """Say whether bins of a width follow the wall clock: bins longer than an hour vary in length over the year."""
    return width > timedelta(hours=1)


def edges(since: datetime, until: datetime, width: timedelta, zone: ZoneInfo) -> list[datetime]:
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


def describe_age(moment: datetime | None, now: datetime) -> str:
    """Return the age of a moment in words."""
    if moment is None:
        return "never"
    seconds = max(int((now - moment).total_seconds()), 0)
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit} ago"
    return f"{seconds} s ago"


def stamp(moment: datetime | None) -> str:
    """Return a moment as date and time of day in UTC, to the second."""
    return "" if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def difference(now: int, before: int) -> str | None:
    """Describe the difference between two counts, absolute and in percent; None where both are 0."""
    if now == before:
        return "±0" if now else None
    percent = change(now, before)
    return percent if percent is None or not before else f"{now - before:+,} ({percent})"


def change(now: int, before: int) -> str | None:
    """Describe the change of a count since the previous period; None where both are 0."""
    if not before:
        return None if not now else "new"
    percent = (now - before) / before * 100
    return f"{percent:+.0f} %" if abs(percent) < 1000 else f"{now / before:.0f} times"  # noqa: PLR2004 - a factor reads better


def zone_of(name: str | None) -> ZoneInfo:
    """Return the time zone of an IANA name; UTC where no zone has that name."""
    try:
        return ZoneInfo("UTC" if not name or name in UTC_NAMES else name)
    except (ValueError, OSError, KeyError):
        return ZoneInfo("UTC")


def zone_label(zone: ZoneInfo) -> str:
    """Return the short name of a time zone: `UTC`, or the place at the end of its name."""
    return zone.key.rpartition("/")[2].replace("_", " ")


def local_text(moment: datetime | None, zone: ZoneInfo) -> str:
    """Return a moment as date and time of day in a time zone, to the second."""
    return "" if moment is None else moment.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")


def utc_text(moment: datetime | None) -> str:
    """Return a moment as date and time of day, followed by `UTC`."""
    return "" if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
