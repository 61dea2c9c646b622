"""The big chart of the page Activity, its legend, and the button that leads to the notifications that it counts.

The chart's brush selects a part of the time, and fields do the same by keyboard. An address may open the series that
the chart joins: then it draws these, again with the rarest joined.
"""

from datetime import timedelta
from typing import Any, NamedTuple

import pandas as pd
import streamlit as st

from analytics import senders
from analytics.charts.charts import OTHER_TYPES, choose_series, choose_type_colours, join_types, read_marked
from analytics.charts.events import describe_events, draw_events
from analytics.pages.activity import filters
from analytics.pages.activity.filters import OTHERS, ActivityFilters, Measure, read_filters
from analytics.pages.activity.time_range import When
from analytics.pages.shared import address, going
from analytics.pages.shared.components import draw_chart, register_script
from analytics.pages.shared.filters import ALONE, CENTRE, EXACT, TYPES, read_names, toggle
from analytics.pages.shared.formatting import find_viewer_zone, format_type, map_types
from analytics.pages.shared.frame import is_dark
from analytics.pages.shared.going import on_leaving
from analytics.pages.shared.known.memory import read_trigger
from analytics.pages.shared.open_item import as_seq
from analytics.pages.shared.ranges import draw_ends
from analytics.times import Interval, format_seconds

LEGEND_HTML = '<div class="legend" role="group" aria-label="Legend"></div><div class="menu" popover role="menu"></div>'
BRUSH = "_brush"
SAME = timedelta(seconds=1)
MOST_OPENED = 99


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


def draw_part(chosen: ActivityFilters) -> None:
    """Draw the fields that select a part of the time."""
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
    """Draw the legend and the counts over time, with a brush that selects a part of it.

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

    names = {format_type(name): name for name in bins["event_type"].unique()}
    bins = bins.assign(event_type=bins["event_type"].map(format_type))
    shown, others = choose_series(bins)
    for _ in range(read_opened()):
        if others:
            bins = bins[bins["event_type"].isin(others)]
            shown, others = choose_series(bins)
    draw_legend({name: names[name] for name in shown}, len(others))
    chart = draw_events(
        join_types(bins, others),
        None if read_opened() else before,
        time.span,
        what=measure.name,
        zone=find_viewer_zone(),
        name=time.line.name if time.line else "",
        selected=brush.first,
        dark=is_dark(),
        logarithmic=logarithmic,
    )
    # The numbers stand above it in words: a text that changes would draw the chart anew.
    marks = "Lines" if logarithmic else "Stacked bars"
    alt = f"{marks}: {measure.unit}s per {time.span.per}, by event type."
    draw_chart(chart, key=key, on_select=select, selection_mode=["brush"], alt=alt)
    # A link of an hour of today is opened tomorrow, too.
    if part and time.span.misses(part):
        with st.container(key="part-elsewhere"):
            st.caption("This chart does not show all of the selected time. Choose a longer range to see it.")


def read_opened() -> int:
    """Return how often the joined series of the chart were opened."""
    return min(as_seq(address.get(OTHERS)) or 0, MOST_OPENED)


def draw_legend(shown: dict[str, str], others: int) -> None:
    """Draw the chart's legend, where each series can be chosen or left out, and the joined ones opened.

    Args:
        shown: the names of the event types, by what the chart calls them.
        others: the number of those that it joins.
    """
    colours, opened = choose_type_colours(is_dark()), read_opened()
    entries = [("", "← All", "", True)] if opened else []
    ordered = [text for text in dict.fromkeys((*colours, *shown)) if text in shown]
    entries += [(shown[text], text, colours.get(text, ""), False) for text in ordered]
    entries += [(str(opened + 1), f"Other ({others})", colours[OTHER_TYPES], True)] if others else []

    def choose() -> None:
        click = read_trigger("legend", "choose")
        if not isinstance(click, dict):
            return
        if not click["way"]:
            address.put(**{OTHERS: click["id"] or None})
        elif click["way"] == "Without" or read_names(TYPES) != (click["id"],):
            toggle(TYPES, click["id"], without=click["way"] == "Without")

    legend = register_script("legend", LEGEND_HTML, folder="analytics.pages.activity.browser")
    legend(key="legend", data={"entries": entries}, on_choose_change=choose)


def is_same(part: Interval, other: Interval) -> bool:
    """Say whether two parts are the same within the accuracy of a brush."""
    ends_differ = abs((part.until or part.since) - (other.until or part.since))
    return abs(part.since - other.since) < SAME and ends_differ < SAME


def select_types(rows: pd.DataFrame, chosen: ActivityFilters) -> pd.DataFrame:
    """Return the counts of the filtered event types; the list has the others too."""
    return rows[rows["name"].isin(chosen.types)] if chosen.types else rows


def describe_chart(time: When, *, logarithmic: bool) -> str:
    """Return the units of the chart, and what its lines are."""
    compared = time.line.name if time.line and not read_opened() else ""
    return describe_events(time.span, compared, zone=find_viewer_zone(), logarithmic=logarithmic)


def draw_see_these(chosen: ActivityFilters, time: When) -> None:
    """Draw the way to the counted notifications."""

    def go() -> None:
        going.to_page("notifications", **make_notifications_address(chosen, time))

    st.button("See these notifications", key="see-these", on_click=go, icon=":material/list_alt:", type="primary")


def make_notifications_address(chosen: ActivityFilters, time: When) -> dict[str, Any]:
    """Return the values of the page Notifications' address for the same filters."""
    since, until = time.asked if time.asked and time.is_before_all else time.part
    left_out = {name: address.get(name) for name in EXACT if read_names(name, without=True)}
    runs = until is None or (time.span.running and until >= time.span.until)
    return {
        "events": list_event_types(chosen) or None,
        "sender": chosen.any_sender,
        "account": chosen.account,
        "below": "false" if chosen.alone else None,
        **chosen._replace(centre=None).make_name_filters(),
        CENTRE: chosen.centre,
        ALONE: "yes" if chosen.alone else None,
        **left_out,
        "from": None if time.span.whole and not (chosen.part or time.complete_since) else format_seconds(since),
        "to": None if runs or until is None else format_seconds(until),
    }


def list_event_types(chosen: ActivityFilters) -> list[str]:
    """Return the texts of the event types for the page Notifications: of an entity or a place only its own."""
    where = senders.find_place() if chosen.centre else None
    kind = chosen.entity[0] if chosen.entity else where.kind if where else ""
    categories = senders.list_categories_of(kind)
    names = chosen.types or {*senders.list_event_types_of(categories), *categories}
    texts = map_types()
    unknown = [name for name in chosen.types if name not in texts.values()]
    known = [text for text, name in texts.items() if name in names]
    return [*known, *unknown] or ([kind] if kind else [])
