"""The page Activity: notifications by time, kind, place and actor, compared with another time."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from analytics import senders
from analytics.charts import histogram
from analytics.pages.activity import filters
from analytics.pages.activity.chart import describe_chart, draw_over_time, draw_part, draw_see_these, select_types
from analytics.pages.activity.filters import CHANGES, NOTIFICATIONS, ActivityFilters, Measure, read_filters
from analytics.pages.activity.kept.counts import Kept, add_counts, is_long, read_kept
from analytics.pages.activity.lists import accounts, ranked
from analytics.pages.activity.signs import begin_signs, draw_signs, make_kept_refused
from analytics.pages.activity.time_range import (
    When,
    choose_comparison,
    draw_since_visit,
    draw_time_controls,
    keep_visit,
    read_time,
)
from analytics.pages.shared.answers import read_now
from analytics.pages.shared.completeness import (
    describe_too_early,
    draw_complete_since,
    draw_only_one,
    draw_store_empty,
    is_store_empty,
)
from analytics.pages.shared.components import draw_chart
from analytics.pages.shared.filters import (
    ACCOUNT,
    ACTOR,
    ALONE,
    TYPES,
    choose_account,
    choose_sender,
    draw_chips,
    draw_filters_button,
)
from analytics.pages.shared.formatting import find_viewer_zone, format_range
from analytics.pages.shared.frame import draw_page, find_bar, is_dark
from analytics.pages.shared.ranges import draw_reversed, is_own_reversed
from analytics.pages.shared.store import ask_together
from analytics.times import label_zone

NUMBER, CHANGE = "number", "change"
VIEW = "view-popover"
SHORTEST_WEEK = timedelta(days=2)
CHANGED_FIELDS = (
    "Rows of `changes` with `NOT noise AND path <> ''`. Links and dates of change are noise. "
    "An entity that appears, disappears or changes unseen is not a field."
)
RANK_HINT = "By the number, or by the size of the change: rises (↑) and falls (↓) together, the largest first."


def show() -> None:
    """Draw the page."""
    draw_page("Activity", "Counts of notifications, without copies of the same one.", keep_visit, draw_body)


def draw_body() -> None:
    """Draw everything that a click changes; also the filters, because a click in a list is one."""
    with find_bar():
        draw_time_controls()
        choose_account(alone=ALONE)
        choose_sender()
        measure = choose_measure()
        with st.container(key=VIEW, width="content"), st.popover("View", icon=":material/tune:"):
            draw_since_visit()
            how = choose_comparison()
            by_change = choose_rank()
            logarithmic = st.toggle("Logarithmic scale", key="log", bind="query-params")
        chosen = read_filters()
        chips = list(filters.list_filter_chips(chosen))
        draw_filters_button(len(chips))
        draw_chips(chips, filters.clear)
        time = read_time(read_now(), chosen, how, measure)
        # With a filter it stays in sight where one scrolls; without one the bar has no line for it.
        with st.container(key="see-these-place", width="content"):
            if chips and not is_own_reversed():
                draw_see_these(chosen, time)
    if is_own_reversed():
        draw_reversed()
        return
    draw(chosen, time, measure, by_change=by_change, logarithmic=logarithmic, is_filtered=bool(chips))


def choose_measure() -> Measure:
    """Draw the choice of what is counted, and return it."""
    names = {measure.name: measure for measure in (NOTIFICATIONS, CHANGES)}
    chosen = st.segmented_control(
        "Count", list(names), default=NOTIFICATIONS.name, key="count", bind="query-params", required=True,
        label_visibility="collapsed",
    )  # fmt: skip
    return names.get(chosen or "", NOTIFICATIONS)


def choose_rank() -> bool:
    """Draw the choice of the lists' order, and say whether they are in that of their changes."""
    names = [NUMBER, CHANGE]
    chosen = st.segmented_control("Rank by", names, default=NUMBER, key="rank", bind="query-params", required=True,
                                  help=RANK_HINT)  # fmt: skip
    return chosen == CHANGE


def draw(
    chosen: ActivityFilters, time: When, measure: Measure, *, by_change: bool, logarithmic: bool, is_filtered: bool
) -> None:
    """Ask for all figures at once, and draw them."""
    draw_complete_since(time.asked_since, what="Counted")
    most = filters.read_most_rows()
    kept = read_kept() if is_long(time.bin_values) else None
    queries = list_queries(chosen, time, find_viewer_zone(), measure, by_change=by_change, most=most, kept=kept)
    rows = ask_together(queries)
    begin_signs()
    is_empty = is_store_empty()
    if is_empty:
        draw_store_empty()
    signs = draw_figures(rows, chosen, time, measure)
    # All of the time may be before the store is complete.
    bins, before = rows("activity_bins"), rows("activity_before") if time.line else pd.DataFrame()
    has_bars = time.span.since < time.span.until and bool(len(bins) or len(before))
    if has_bars and not draw_only_one():
        with st.container(key="over-time", border=True, gap="small"):
            with st.container(horizontal=True, vertical_alignment="center", gap="small", key="chart-head"):
                st.caption(describe_chart(time, logarithmic=logarithmic), width="content")
                st.space("stretch")
                draw_part(chosen)
                if not is_filtered:
                    draw_see_these(chosen, time)
            draw_over_time(bins, before if time.line else None, time, chosen.part, measure, logarithmic=logarithmic)
    if not is_empty:
        draw_lists(rows, chosen, time, measure, by_change=by_change)
    draw_signs(signs, chosen, time, make_kept_refused(rows("activity_refused")))


def list_queries(
    chosen: ActivityFilters,
    time: When,
    zone: ZoneInfo,
    measure: Measure = NOTIFICATIONS,
    *,
    by_change: bool = False,
    most: int = filters.MOST_ROWS,
    kept: Kept | None = None,
) -> dict[str, dict[str, Any]]:
    """Return the queries with their values, in the order of asking.

    They come in the order of drawing, but the slowest list comes first of the lists. They read the counts that are
    `kept` where these can answer them.
    """
    ranked = {"by_change": True if by_change else None, "most": most}
    by_type = bool(chosen.types or chosen.without.get("without_types"))
    typed, counted = measure.list_parameters(typed=True), measure.list_parameters(typed=by_type)
    other = measure.other.list_parameters(typed=by_type)
    queries = {
        "activity_types": {**time.part_values, **typed, **chosen.make_parameters(TYPES)},
        "activity_other": {**time.other_values, **other, **chosen.make_parameters()},
        "activity_refused": time.other_values,
        "activity_bins": {**time.bin_values, **typed, **chosen.make_parameters()},
    }
    if time.line:
        shift = {"shift_us": time.shift_us}
        queries["activity_before"] = {**time.bin_values, **counted, **shift, **chosen.make_parameters()}
    if measure is CHANGES:
        queries["activity_fields"] = {**time.part_values, **counted, **ranked, **chosen.make_parameters()}
    queries |= {
        "activity_entities": {**time.part_values, **counted, **ranked, **chosen.make_entity_parameters()},
        "activity_accounts": {**time.part_values, **counted, **chosen.make_parameters(ACCOUNT)},
        "activity_actors": {**time.part_values, **counted, **ranked, **chosen.make_parameters(ACTOR)},
    }
    if has_week(time):
        clocks = time.list_clocks(zone)
        queries["activity_hours"] = {**time.part_values, **counted, **clocks, **chosen.make_parameters()}
    return {name: add_counts(name, values, kept) for name, values in queries.items()}


def has_week(time: When) -> bool:
    """Say whether a time is long enough for the hours of the week to be useful."""
    return time.span.until - time.span.since >= SHORTEST_WEEK


def draw_figures(
    rows: Callable[[str], pd.DataFrame], chosen: ActivityFilters, time: When, measure: Measure
) -> DeltaGenerator:
    """Draw the figures of the chosen time and filters; return the place of the signs beside them."""
    drawn, other = (
        (int(counted["events"].sum()), int(counted["events_before"].sum()))
        for counted in (select_types(rows("activity_types"), chosen), rows("activity_other"))
    )
    counts = {measure: drawn, measure.other: other}
    with st.container(key="live"):
        places = st.columns([3, 3, 4], gap="small")
        with places[0]:
            draw_figure(NOTIFICATIONS.name, *counts[NOTIFICATIONS], time)
        with places[1]:
            draw_figure(CHANGES.name, *counts[CHANGES], time, hint=CHANGED_FIELDS)
        return places[2].container(key="signs", border=True, height="stretch", gap=None)


def draw_figure(label: str, count: int, before: int, time: When, *, hint: str | None = None) -> None:
    """Draw a count, and how it differs from that of the time to compare with, or why there is none."""
    differs, than = time.compare_counts(count, before)
    if time.compared:
        since, until = time.compared.since, time.compared.until
        day = since.astimezone(find_viewer_zone())
        hint = f"{hint or ''} Compared with {format_range(since, until)}, which begins on a {day:%A}."
    st.metric(label, f"{count:,}", differs, delta_color="off", delta_arrow="off", delta_description=than, border=True,
              height="stretch", help=hint)  # fmt: skip


def draw_lists(
    rows: Callable[[str], pd.DataFrame], chosen: ActivityFilters, time: When, measure: Measure, *, by_change: bool
) -> None:
    """Draw the lists, or say that there is nothing to list."""
    if all(rows(f"activity_{what}").empty for what in ("types", "accounts", "entities")):
        draw_nothing(chosen, measure, time)
        return
    with st.container(key="lists"):
        with make_card("types-card"):
            st.markdown("**Event types**")
            ranked.draw_types(rows("activity_types"), chosen, time, by_change=by_change)
        if measure is CHANGES:
            with make_card("fields-card"):
                st.markdown("**Fields** (list items counted together)")
                ranked.draw_fields(rows("activity_fields"), chosen, time, by_change=by_change)
        with make_card("accounts-card"):
            accounts.draw_accounts(rows("activity_accounts"), chosen, time, by_change=by_change)
        with make_card("entities-card"):
            total = int(select_types(rows("activity_types"), chosen)["events"].sum())
            count = ranked.count_entities(rows("activity_entities"), chosen, total)
            st.markdown(f"**Entities**: {count:,} with at least one {measure.unit}")
            ranked.draw_entities(rows("activity_entities"), chosen, time, by_change=by_change)
        with make_card("actors-card"):
            st.markdown("**Actors** (if named)")
            ranked.draw_actors(rows("activity_actors"), chosen, time, by_change=by_change)
        if where := senders.find_place():
            with make_card("centres-card"):
                st.markdown(f"**{where.name}s**, {where.source}")
                ranked.draw_centres(where, rows("activity_entities"), chosen, time, by_change=by_change)
        with make_card("hours-card"):
            draw_hours(rows("activity_hours") if has_week(time) else None, measure)


def make_card(key: str) -> Any:
    """Return the container of one list."""
    return st.container(key=key, border=True, gap="small", height="stretch")


def draw_hours(rows: pd.DataFrame | None, measure: Measure) -> None:
    """Draw the heat map of hours by weekday."""
    if rows is None or rows.empty:
        longer = "Choose a range of two days or more to see at which hours of the week most happens."
        st.markdown("**Hours of the week**")
        st.caption(longer if rows is None else histogram.describe_busiest(rows, measure.unit))
        return
    place = label_zone(find_viewer_zone())
    alt = "Heat map: number by hour and weekday."
    draw_chart(histogram.draw_heat_map(rows, place, dark=is_dark()), key="chart-hours", alt=alt)
    st.caption(histogram.describe_busiest(rows, measure.unit))


def draw_nothing(chosen: ActivityFilters, measure: Measure, time: When) -> None:
    """Say that the range is empty, and give advice."""
    with st.container(key="nothing", border=True):
        st.subheader("Nothing in this time range", anchor=False)
        longer, longer_one = (
            ("", "") if time.span.whole else (", or choose a longer time range", " Choose a longer one above.")
        )
        if too_early := describe_too_early(time.part.until or time.span.until):
            st.caption(too_early)
        elif chosen != ActivityFilters():
            st.caption(f"No {measure.unit} matches. Remove a filter above{longer}.")
        else:
            st.caption(f"There is no {measure.unit} in this time range.{longer_one}")
