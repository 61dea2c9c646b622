"""The time to compare another with, and the difference between their counts in words."""

from datetime import datetime, timedelta
from typing import NamedTuple

USUAL = "automatic"
"""A week before of a day or more, where that was kept, otherwise the period before."""
BEFORE = "the period before"
DAY = "a day before"
WEEK = "a week before"
COMPARISONS = (USUAL, BEFORE, DAY, WEEK)
LEAST_PERCENT = 0.5
"""Less would be rounded to none."""
UNITS = {DAY: (timedelta(days=1), "days"), WEEK: (timedelta(days=7), "weeks")}


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


def find_comparison(since: datetime, until: datetime, how: str, early: timedelta = timedelta()) -> Comparison:
    """Return the time to compare with, of the same length: the previous one, or the same whole days or weeks before.

    Where the time begins earlier than its range, so does the previous one, and ends as much later than the time begins:
    each bin, also the one that still fills, is then compared with the same part of the previous time.

    Args:
        since: the begin.
        until: the end.
        how: one of `COMPARISONS`.
        early: how much earlier it begins than its range, see `Span`; so a week is compared with a week before, and a
            time of day with the same one.
    """
    length = until - since - early
    if how not in UNITS:
        return Comparison(since - length, until - length, length, BEFORE)
    unit, units = UNITS[how]
    # As few as leave no overlap.
    number = max(-(-length // unit), 1)
    shift = number * unit
    return Comparison(since - shift, until - shift, shift, how if number == 1 else f"{number} {units} before")


def format_difference(now: int, before: int) -> str | None:
    """Describe the difference between two counts, absolute and, except from 0, in percent; None where both are 0."""
    if now == before:
        return "±0" if now else None
    return f"{now - before:+,} ({change(now, before)})" if before else f"{now:+,}"


def describe_move(now: int, before: int) -> str | None:
    """Describe whether a count rose or fell, and by how much: `↑ 775 (+197%)`; None where both are 0."""
    if now == before:
        return "±0" if now else None
    return f"{'↑' if now > before else '↓'} {abs(now - before):,} ({change(now, before)})"


def compare(now: int, before: int) -> tuple[str, str]:
    """Compare two counts in words, in two parts: `up 775 (+197%)` and `from 393`."""
    if now == before:
        return "as many", "as"
    way = "up" if now > before else "down"
    percent = f" ({change(now, before)})" if before else ""
    return f"{way} {abs(now - before):,}{percent}", f"from {before:,}"


def change(now: int, before: int) -> str | None:
    """Describe the change of a count since the previous period; None where both are 0."""
    if not before:
        return None if not now else "new"
    percent = (now - before) / before * 100
    if now:
        percent = max(percent, -99)  # rounded to -100%, it would say that nothing is left
    if 0 < abs(percent) <= LEAST_PERCENT:
        return "<1%"
    return f"{percent:+.0f}%" if abs(percent) < 1000 else f"{now / before:,.0f}x"  # noqa: PLR2004 - a factor reads better
