"""The time of the page Activity: a range, the user's own time, since the last visit, and the selected part of it."""

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import streamlit as st

from analytics import comparison
from analytics.comparison import BEFORE, USUAL, WEEK, Comparison, find_comparison
from analytics.pages.activity.filters import CHANGES, ActivityFilters, Measure, read_filters, select_part
from analytics.pages.shared.completeness import Freshness, read_freshness
from analytics.pages.shared.components import register_script
from analytics.pages.shared.formatting import find_viewer_zone, format_minute
from analytics.pages.shared.ranges import choose_own, draw_own_range, draw_range, read_own
from analytics.pages.shared.store import ask, to_moment
from analytics.times import (
    DEFAULT_RANGE,
    EPOCH,
    MICROSECOND,
    OWN,
    RANGES,
    Interval,
    Span,
    list_offsets,
    make_span,
    to_microseconds,
)

COOKIE = "clc_visit"
ENDS_AFTER = timedelta(minutes=30)
LATEST_SECONDS = 10**11
A_DAY = timedelta(days=1)


class When(NamedTuple):
    """The time to draw, the part of it to count, and the time to compare that part with.

    There is no such time for all of time, none that begins before the `first` notification, and none from before all is
    here: that is `complete_since`, where months were dropped. `asked` is the part that was asked for, and `asked_since`
    the begin of all that was; only what is complete of it is counted. `name` is that of the range.
    """

    span: Span
    part: Interval
    compared: Comparison | None
    how: str
    first: datetime | None = None
    name: str = DEFAULT_RANGE
    complete_since: datetime | None = None
    asked: Interval | None = None
    asked_since: datetime | None = None

    @property
    def is_before_all(self) -> bool:
        """Say whether the part to count is before all is here, so that nothing of it is counted."""
        until = self.part.until or self.span.until
        return self.complete_since is not None and until <= self.complete_since

    @property
    def part_values(self) -> dict[str, Any]:
        """Return the parameters of queries that count the part and the time to compare it with."""
        return self._make_values(self.part.since, self.part.until or self.span.until, self.compared)

    @property
    def bin_values(self) -> dict[str, Any]:
        """Return the parameters of queries that count the bins of the whole time."""
        values = self._make_values(self.span.since, self.span.until, self.line)
        return values | {"begins": self.span.begins_us}

    @property
    def range_values(self) -> dict[str, str]:
        """Return the range of the time to count for an address of the page Audit; a part is a range of one's own."""
        if self.name != OWN and self.part == Interval(self.span.since, self.span.until):
            return {"range": self.name}
        asked = self.asked or self.part
        until = asked.until or self.span.until
        return {"range": OWN, OWN: str(Interval(asked.since, until if until < self.span.now else None))}

    def list_ends(self, at: datetime) -> tuple[datetime | None, datetime | None]:
        """Return when the range of `range_values` begins and ends, as the page that it leads to has it.

        Args:
            at: the present moment.
        """
        if own := Interval.parse(self.range_values.get(OWN)):
            return own.since, own.until
        length = RANGES[self.name]
        return at - length if length else None, None

    @property
    def line(self) -> Comparison | None:
        """Return the time to compare the whole time with."""
        return None if self.span.whole else self.compare(self.span.since, self.span.until)

    def compare(self, since: datetime, until: datetime) -> Comparison | None:
        """Return the time to compare an interval with; None where not all of it was kept."""
        compared = self.find_other(since, until)
        begin = max(self.first, self.complete_since or self.first) if self.first else None
        return compared if begin and begin <= compared.since else None

    def choose_usual(self) -> "When":
        """Return it compared with a week before, where it lasts a day and that was kept, or with the period before."""
        weekly, whole = self._replace(how=WEEK), self.part if self.span.whole else self.span
        is_long = (whole.until or self.span.until) - whole.since >= A_DAY
        is_kept = weekly.compare(whole.since, whole.until or self.span.until) is not None
        return weekly if is_long and is_kept else self._replace(how=BEFORE)

    def compare_part(self) -> Comparison | None:
        """Return the time to compare the part with: as much of it as has lasted by now, where the part is not over."""
        until, now = self.part.until or self.span.until, self.span.now
        return self.compare(self.part.since, now if self.part.since < now < until else until)

    def find_other(self, since: datetime, until: datetime) -> Comparison:
        """Return the time that an interval is compared with, whether it was kept or not.

        A part lies as far from its other time as the whole, whose other time the chart draws.
        """
        span = self.span
        whole = find_comparison(span.since, span.until, self.how, span.early)
        if span.whole:
            whole = find_comparison(since, until, self.how)
        return whole._replace(since=since - whole.shift, until=until - whole.shift)

    @property
    def shift_us(self) -> int:
        """Return the distance from the whole time back to the other, in microseconds."""
        return self.line.shift // MICROSECOND if self.line else 0

    @property
    def other_values(self) -> dict[str, Any]:
        """Return the parameters of the queries that count in the part what the page does not draw.

        All of time begins with the first of what is drawn; the other may have begun before.
        """
        values = self.part_values
        if not self.span.whole or self.part != Interval(self.span.since, self.span.until):
            return values
        since = min(self.complete_since or EPOCH, self.part.since)
        return values | {"since": since, "counted_since": since}

    def _make_values(self, since: datetime, until: datetime, compared: Comparison | None) -> dict[str, Any]:
        values: dict[str, Any] = {"since": since, "until": until}
        if compared is None:
            return values | {"alone": True, "counted_since": since, "counted_until": until}
        return values | {
            "before_since": compared.since,
            "before_until": compared.until,
            "counted_since": min(since, compared.since),
            "counted_until": max(until, compared.until),
        }

    def list_clocks(self, zone: ZoneInfo) -> dict[str, list[int]]:
        """Return the zone's offsets from UTC in the part, each with its begin, as parameters of queries."""
        shifts = list_offsets(self.part.since, self.part.until or self.span.until, zone)
        return {
            "begins": [to_microseconds(since) for since, _ in shifts],
            "ahead_us": [ahead // MICROSECOND for _, ahead in shifts],
        }

    def compare_counts(self, count: int, before: int) -> tuple[str, str]:
        """Return in words how much a count differs, and from what or why it is compared with nothing."""
        if self.compared:
            differs, than = comparison.compare(count, before)
            return differs, f"{than} {self.compared.phrase}"
        if self.span.whole or not self.first:
            return "", ""
        if self.complete_since:
            return "", f"no comparison: complete only since {format_minute(self.complete_since)}"
        other = self.find_other(self.part.since, self.part.until or self.span.until)
        first = format_minute(self.first)
        why = f"{other.name} was kept only from {first} on" if self.first < other.until else f"no data before {first}"
        return "", f"no comparison: {why}"


def draw_time_controls() -> None:
    """Draw the choice of the range, whether a part of it is selected, and for the user's own time its ends."""
    # A fixed place, as of what comes and goes in `choose_account`.
    with st.container(key="part-of", width="content"):
        if read_filters().part:
            st.markdown("part of", width="content")
    # A selected part belongs to the range before.
    draw_own_range(draw_range(partial(select_part, None), own=True))


def draw_since_visit() -> None:
    """Draw the way to the time since the last visit."""
    last_end = read_last_visit()
    st.button(
        "Since my last visit",
        key="last-visit",
        on_click=choose_own,
        args=(Interval(last_end),) if last_end else (),
        disabled=last_end is None,
        help="This browser has no earlier visit on record." if last_end is None else None,
    )


def choose_comparison() -> str:
    """Draw the choice of the time to compare with, and return it."""
    chosen = st.segmented_control(
        "Compare with", comparison.COMPARISONS, default=USUAL, key="compare", bind="query-params", required=True,
        help="Automatic: of a day or more a week before, as far as there are data.",
    )  # fmt: skip
    return chosen or USUAL


def read_time(at: datetime, chosen: ActivityFilters, how: str, measure: Measure) -> When:
    """Return the current time of the page's controls and address."""
    name = st.session_state["range"] or DEFAULT_RANGE
    own = read_own()
    fresh = read_freshness()
    complete_since = fresh.complete_since or EPOCH
    first = find_first(fresh, measure) if name == "all" else None
    whole = make_span(name, own, at, first, find_viewer_zone())
    span = begin_at(whole, complete_since, find_viewer_zone())
    asked = chosen.part or Interval(whole.since)
    asked = Interval(asked.since, asked.until or whole.until)
    asked_since = None if whole.whole else min(asked.since, whole.since)
    named = OWN if name == OWN and own else name if name in RANGES else DEFAULT_RANGE
    part = cut(asked, complete_since)
    time = When(span, part, None, how, fresh.first, named, fresh.complete_since, asked, asked_since)
    if how == USUAL:
        time = time.choose_usual()
    if span.whole and not chosen.part:
        return time
    return time._replace(compared=time.compare_part())


def find_first(fresh: Freshness, measure: Measure) -> datetime | None:
    """Return the moment at which all of time begins: a body may say that its changes happened before it came."""
    if measure is not CHANGES or fresh.begin is None:
        return fresh.begin
    changed = to_moment(ask("first_change").iloc[0]["first"])
    return max(min(fresh.begin, changed or fresh.begin), fresh.complete_since or EPOCH)


def begin_at(span: Span, moment: datetime, zone: ZoneInfo) -> Span:
    """Return the part of a time that is not before a moment, in bins that fit it; its end where all of it is before."""
    if moment <= span.since:
        return span
    later = cut(Interval(span.since, span.until), moment)
    return make_span(OWN, later, span.now, None, zone)._replace(whole=span.whole)


def cut(interval: Interval, moment: datetime) -> Interval:
    """Return the part of an interval that is not before a moment; its end where all of it is before."""
    since = max(interval.since, moment)
    return Interval(min(since, interval.until or since), interval.until)


def parse_seconds(seconds: str) -> datetime | None:
    """Return the moment of a number of seconds since 1970; None where the text is no such number."""
    if not (seconds.isascii() and seconds.isdigit()) or int(seconds) > LATEST_SECONDS:
        return None
    return datetime.fromtimestamp(int(seconds), UTC)


def find_last_end(cookie: str, now: datetime) -> datetime | None:
    """Return the end of the visit before this one.

    Args:
        cookie: the end of the visit before the latest one, a dot, and the last sign of the latest one, each in seconds
            since 1970.
        now: the present moment. Half an hour after its last sign, a visit is over.
    """
    before, _, seen = cookie.partition(".")
    last = parse_seconds(seen)
    if last is not None and now - last > ENDS_AFTER:
        return last
    return parse_seconds(before)


def read_last_visit() -> datetime | None:
    """Return the end of the visit before this one; None where none is known. It stays the same for the session."""
    if "_last_visit" not in st.session_state:
        st.session_state["_last_visit"] = find_last_end(str(st.context.cookies.get(COOKIE) or ""), datetime.now(UTC))
    last_end: datetime | None = st.session_state["_last_visit"]
    return last_end


def keep_visit() -> None:
    """Let the browser note that the visit goes on."""
    data = {"cookie": COOKIE, "seconds": int(ENDS_AFTER.total_seconds())}
    register_script("visit")(key="visit", data=data, height=1)
