"""Chooses which of the page's queries read the counts that the store keeps, and what these count from rows.

The counts hold the notifications up to a `seq`, by quarter hour and by month of UTC. A time that begins or ends within
a quarter hour or a month cuts it: that part is counted from rows, and so are the notifications after the last counted.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from analytics.errors import QueryError
from analytics.pages.shared.store import ask, to_moment
from analytics.times import A_QUARTER, EPOCH, MICROSECOND, floor, to_microseconds

LONG = timedelta(days=28)
"""Shorter ranges are counted from rows, which takes no longer."""
ROWS_PER_COUNT = {"notifications": 4, "changes": 1}
"""A count takes as long to read as three notifications take to count, or the changed fields of half a notification.

Where few come, each has a count of its own.
"""
MOST_CUTS = 4
BY_QUARTER = frozenset({"activity_types", "activity_other", "activity_bins", "activity_before", "activity_hours"})
BY_MONTH = frozenset({"activity_accounts", "activity_actors", "activity_entities"})
FILTERS = (
    *("account", "accounts", "actor", "entity", "kind", "centre"),
    *("without_accounts", "without_actors", "without_entities", "without_centres"),
)
ENDS = ("since", "until", "before_since", "before_until")


class Kept(NamedTuple):
    """The extent of the counts: notifications up to `last_seq`; `newest` is their latest receipt.

    `quarters` and `years` are the numbers of counts by quarter hour and by year.
    """

    last_seq: int
    newest: datetime
    quarters: int = 0
    years: int = 0

    def is_short(self, counts: int, measure: str) -> bool:
        """Say whether so many counts are so few that reading them is quicker than counting from the rows."""
        return counts * ROWS_PER_COUNT[measure] <= self.last_seq


def read_kept() -> Kept | None:
    """Ask what the counts hold; None where there are none, or the store is of an older program."""
    try:
        rows = ask("kept")
    except QueryError:
        return None
    return None if rows.empty else make_kept(rows.iloc[0])


def make_kept(row: Any) -> Kept:
    """Make the extent of the counts from the row that tells it."""
    return Kept(int(row["last_seq"]), to_moment(row["newest"]) or EPOCH, int(row["quarters"]), int(row["years"]))


def is_long(values: Mapping[str, Any]) -> bool:
    """Say whether a query's time is so long that counts are quicker than rows."""
    return bool(values["counted_until"] - values["counted_since"] >= LONG)


def add_counts(name: str, values: dict[str, Any], kept: Kept | None) -> dict[str, Any]:
    """Return the parameters of a query, with those that make it read the counts where these can answer it."""
    if kept is None or "counted_since" not in values or not is_long(values):
        return values
    if any(values.get(each) is not None for each in FILTERS):
        return values
    measure = "notifications" if "notifications" in values else "changes"
    if name in BY_QUARTER and kept.is_short(kept.quarters, measure) and fits_quarters(values):
        return values | leave_to_rows(measure, values, kept, floor_quarter, lambda begin: begin + A_QUARTER)
    counts_all = measure == "notifications" and not (values.get("event_types") or values.get("without_types"))
    if name in BY_MONTH and kept.is_short(kept.years, measure) and counts_all:
        rows = leave_to_rows(measure, values, kept, floor_month, find_next_month)
        return values | rows | choose_months(values, set(rows["cut_begins"]))
    return values


def fits_quarters(values: Mapping[str, Any]) -> bool:
    """Say whether the bins of a query begin at quarter hours, and are moved by whole ones. Other clocks fit always."""
    quarter_us = A_QUARTER // MICROSECOND
    moved = values.get("shift_us", 0) % quarter_us
    return not moved and ("ahead_us" in values or not any(begin % quarter_us for begin in values.get("begins", ())))


def leave_to_rows(
    measure: str,
    values: Mapping[str, Any],
    kept: Kept,
    begin_of: Callable[[datetime], datetime],
    next_of: Callable[[datetime], datetime],
) -> dict[str, Any]:
    """Return the parameters that say what is counted from rows: the periods that an end of the time cuts.

    An end after the newest counted notification cuts nothing.
    """
    ends = [values[end] for end in ENDS if values.get(end) is not None]
    cut = sorted({begin_of(end) for end in ends if end <= kept.newest and begin_of(end) != end})
    return {
        measure: None,
        f"left_{measure}": True,
        "kept": True,
        "kept_seq": kept.last_seq,
        "cut": True if cut else None,
        "uncut": None if cut else True,
        "cut_begins": pad(cut),
        "cut_ends": pad(map(next_of, cut)),
    }


def pad(moments: Iterable[datetime]) -> list[int]:
    """Return as many moments as there can be cuts, in microseconds since 1970."""
    numbers = list(map(to_microseconds, moments))
    return numbers + [0] * (MOST_CUTS - len(numbers))


def choose_months(values: Mapping[str, Any], cut: set[int]) -> dict[str, Any]:
    """Return the parameters that say of each year which months count, and which count for the time to compare with."""
    years = range(values["counted_since"].astimezone(UTC).year, values["counted_until"].astimezone(UTC).year + 1)

    def mask(since: datetime, until: datetime) -> list[list[int]]:
        return [
            [int(since <= begin < until and to_microseconds(begin) not in cut) for begin in list_months(year)]
            for year in years
        ]

    compared = values.get("before_since") is not None
    return {
        "first_year": years.start,
        "months_now": mask(values["since"], values["until"]),
        "months_before": mask(values["before_since"], values["before_until"]) if compared else None,
        "nothing_before": None if compared else True,
    }


def list_months(year: int) -> list[datetime]:
    """Return the begins of a year's months in UTC."""
    return [datetime(year, month, 1, tzinfo=UTC) for month in range(1, 13)]


def floor_quarter(at: datetime) -> datetime:
    """Return the begin of the quarter hour that contains a moment."""
    return floor(at, A_QUARTER)


def floor_month(at: datetime) -> datetime:
    """Return the begin of the month of UTC that contains a moment."""
    return at.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def find_next_month(begin: datetime) -> datetime:
    """Return the begin of the month after one that begins then."""
    return floor_month(begin + timedelta(days=31))
