"""The big chart of the page Activity, and the button that leads to the notifications that it counts.

The chart's brush selects a part of the time, and fields do the same by keyboard.
"""

from datetime import timedelta
from typing import Any, NamedTuple

import pandas as pd
import streamlit as st

from analytics import senders
from analytics.charts.charts import read_marked
from analytics.charts.events import describe_events, draw_events
from analytics.comparison import compare
from analytics.pages.activity import filters
from analytics.pages.activity.filters import ActivityFilters, Measure, read_filters
from analytics.pages.activity.time_range import When
from analytics.pages.shared import going
from analytics.pages.shared.components import draw_chart
from analytics.pages.shared.formatting import find_viewer_zone, format_minute, format_range, format_type, map_types
from analytics.pages.shared.frame import is_dark
from analytics.pages.shared.going import on_leaving
from analytics.pages.shared.ranges import draw_ends
from analytics.text import as_markdown, format_count
from analytics.times import Interval, format_seconds

BRUSH = "_brush"
SAME = timedelta(seconds=1)


class Brush(NamedTuple):
    """The part that the chart's brush marks, and the number of times that it was set from elsewhere, on a new chart."""

    part: Interval | None = None
    turn: int = 0
    first: Interval | None = None


def make_brush(part: Interval | None) -> Brush:
    """Return the chart's brush; a part that was selected by other means is marked on a new chart."""
    last: Brush = st.session_state.get(BRUSH, Brush())
    if last.part != part:
        last = Brush(part, last.turn + 1, part)
        st.session_state[BRUSH] = last
    return last


def leave_chart() -> None:
    """Forget the brush's part, so that the next chart marks it: this one goes, with what was brushed on it."""
    if last := st.session_state.get(BRUSH):
        st.session_state[BRUSH] = Brush(turn=last.turn)


def draw_total(types: pd.DataFrame, chosen: ActivityFilters, measure: Measure, time: When) -> None:
    """Draw the total, and the fields that select a part of the time.

    Args:
        types: the counts of the filtered event types in the part: columns `events`, `events_before`.
        chosen: the filters.
        measure: what is counted.
        time: the time counted.
    """
    st.markdown(describe_total(types, measure, time), width="content")
    with st.popover("Select a part", icon=":material/date_range:", key="part-popover"):
        st.caption("The same as dragging across the chart, for the keyboard.")
        draw_ends("part", chosen.part, filters.select_part)
        st.button("Whole range", key="part-all", on_click=filters.select_part, args=(None,), disabled=not chosen.part)


def draw_over_time(
    bins: pd.DataFrame,
    before: pd.DataFrame | None,
    time: When,
    part: Interval | None,
    measure: Measure,
    *,
    logarithmic: bool,
) -> None:
    """Draw the counts over time, with a brush that selects a part of it.

    Args:
        bins: columns `bin_us`, `event_type`, `events`.
        before: columns `bin_us`, `events`, of the time to compare with, if there is one.
        time: the time counted.
        part: the selected part.
        measure: what is counted.
        logarithmic: whether the scale is logarithmic.
    """
    on_leaving("brush", leave_chart)
    brush = make_brush(part)
    key = f"chart-over-time-{brush.turn}"

    def select() -> None:
        marked = read_marked(st.session_state[key].selection.get("brush"))
        last: Brush = st.session_state.get(BRUSH, Brush())
        # A chart also reports its first part, perhaps late, after another selection by other means.
        stale = last.turn != brush.turn or read_filters().part != last.part
        if stale or (marked and any(known and is_same(marked, known) for known in (last.part, brush.first))):
            return
        selected = time.span.widen_to_bins(marked) if marked else None
        st.session_state[BRUSH] = last._replace(part=selected)
        filters.select_part(selected)

    line = time.line
    names = {name: format_type(name) for name in bins["event_type"].unique()}
    chart = draw_events(
        bins.assign(event_type=bins["event_type"].map(names)),
        before,
        time.span,
        what=measure.name,
        zone=find_viewer_zone(),
        name=line.name if line else "",
        selected=brush.first,
        dark=is_dark(),
        logarithmic=logarithmic,
    )
    # The numbers stand above it in words: a text that changes would draw the chart anew.
    marks = "Lines" if logarithmic else "Stacked bars"
    alt = f"{marks}: {measure.unit}s per {time.span.per}, by event type."
    draw_chart(chart, key=key, on_select=select, selection_mode=["brush"], alt=alt)
    compared = line.name if line and before is not None else ""
    st.caption(describe_events(time.span, compared, zone=find_viewer_zone(), logarithmic=logarithmic))
    # A link of an hour of today is opened tomorrow, too.
    if part and time.span.misses(part):
        with st.container(key="part-elsewhere"):
            st.caption("This chart does not show all of the selected time. Choose a longer range to see it.")


def is_same(part: Interval, other: Interval) -> bool:
    """Say whether two parts are the same within the accuracy of a brush."""
    ends_differ = abs((part.until or part.since) - (other.until or part.since))
    return abs(part.since - other.since) < SAME and ends_differ < SAME


def select_types(rows: pd.DataFrame, chosen: ActivityFilters) -> pd.DataFrame:
    """Return the counts of the filtered event types; the list has the others too."""
    return rows[rows["name"].isin(chosen.types)] if chosen.types else rows


def describe_total(rows: pd.DataFrame, measure: Measure, time: When) -> str:
    """Return the total and its comparison, as Markdown."""
    count, before = int(rows["events"].sum()), int(rows["events_before"].sum())
    total = f"**{format_count(count, measure.unit)}**"
    if time.compared:
        then = format_range(time.compared.since, time.compared.until)
        return f"{total}, {as_markdown(compare(count, before))} {time.compared.phrase} ({as_markdown(then)})"
    if time.complete_since and not time.span.whole:
        since = as_markdown(format_minute(time.complete_since))
        return f"{total}; no comparison, because the store is complete only since {since}"
    if time.first and not time.span.whole:
        other = time.find_other(time.part.since, time.part.until or time.span.until)
        first = as_markdown(format_minute(time.first))
        is_cut = time.first < other.until
        why = f"{other.name} was kept only from {first} on" if is_cut else f"nothing was kept before {first}"
        return f"{total}; no comparison, because {why}"
    return total


def draw_see_these(chosen: ActivityFilters, time: When) -> None:
    """Draw the way to the counted notifications."""

    def go() -> None:
        going.to_page("notifications", **make_notifications_address(chosen, time))

    st.button("See these notifications", key="see-these", on_click=go, icon=":material/list_alt:", type="primary")


def make_notifications_address(chosen: ActivityFilters, time: When) -> dict[str, Any]:
    """Return the values of the page Notifications' address for the same filters."""
    since, until = time.asked if time.asked and time.is_before_all else time.part
    runs = until is None or (time.span.running and until >= time.span.until)
    return {
        "events": list_event_types(chosen) or None,
        "sender": chosen.any_sender,
        "account": chosen.account,
        "below": "false" if chosen.alone else None,
        **chosen.make_name_filters(),
        "from": None if time.span.whole and not (chosen.part or time.complete_since) else format_seconds(since),
        "to": None if runs or until is None else format_seconds(until),
    }


def list_event_types(chosen: ActivityFilters) -> list[str]:
    """Return the texts of the event types for the page Notifications: of an entity or a place only its own."""
    where = senders.find_place() if chosen.centre else None
    kind = chosen.entity[0] if chosen.entity else where.kind if where else ""
    categories = senders.list_categories_of(kind)
    names = chosen.types or {*senders.list_event_types_of(categories), *categories}
    return [text for text, name in map_types().items() if name in names]
