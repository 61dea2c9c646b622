"""The page Alerts: the present alarms, the alarms of a time range, and the flapping metrics."""

from datetime import datetime
from typing import Any

import pandas as pd
import streamlit as st

from analytics.charts import alarms
from analytics.pages.alerts.lists import (
    draw_alarm_list,
    draw_flapping_list,
    draw_in_alarm_list,
    find_deleted,
    leave_deleted_out,
    to_alarm,
    turn_to,
)
from analytics.pages.shared import address
from analytics.pages.shared.accounts import load_accounts
from analytics.pages.shared.answers import read_now
from analytics.pages.shared.completeness import draw_complete_since, draw_store_empty, is_store_empty, read_freshness
from analytics.pages.shared.components import draw_chart
from analytics.pages.shared.filters import (
    choose_account,
    draw_chips,
    draw_filters,
    list_alerting,
    list_chips,
    list_chosen,
)
from analytics.pages.shared.formatting import find_viewer_zone
from analytics.pages.shared.frame import draw_page, is_dark
from analytics.pages.shared.known.alarms import load_alarms
from analytics.pages.shared.leafing import IN_ORDER, NEWEST_FIRST, read_until, to_first_pages
from analytics.pages.shared.ranges import draw_range
from analytics.pages.shared.store import to_moment
from analytics.senders import find_sender, label_alerts, list_alert_senders, list_alerts, list_titles
from analytics.text import as_markdown, format_count, join_names, shorten
from analytics.times import RANGES, Period, label_zone, make_period

LEAST_FLAPPING, DEFAULT_FLAPPING, MOST_FLAPPING = 1, 3, 1_000
LONGEST_NAME = 48
RECENT, LONGEST = "Latest first", "Longest first"
FILTERS: dict[str, Any] = {"entity": "", "flapping": DEFAULT_FLAPPING, "order": RECENT}


def show() -> None:
    """Draw the page."""
    chosen: dict[str, Any] = {}
    draw_page(
        "Alerts",
        "Current alarms, and each alarm from start to finish. A click shows its notification and the changes before.",
        lambda: chosen.update(choose_filters()),
        lambda: draw_body(chosen),
    )


def to_first() -> None:
    """Go to the first page of each list, up to now, because another filter makes other lists."""
    address.put(**to_first_pages())


def clear() -> None:
    """Remove all filters of the card; range and account have fields of their own."""
    st.session_state.update(FILTERS)
    to_first()


def choose_filters() -> dict[str, Any]:
    """Draw the filters and return their values."""
    length = draw_range(to_first)
    bound: dict[str, Any] = {"bind": "query-params", "on_change": to_first}
    account = choose_account(senders=list_alert_senders())
    with draw_filters(FILTERS, clear):
        named = st.text_input(f"{label_alerts()} contains", key="entity", placeholder="part of its name", **bound)
        least = st.number_input(
            "Flapping threshold",
            LEAST_FLAPPING,
            MOST_FLAPPING,
            DEFAULT_FLAPPING,
            key="flapping",
            help="A metric with at least this many alarms in the time range is flapping.",
            **bound,
        )
        order = st.segmented_control("Order", (RECENT, LONGEST), default=RECENT, key="order", required=True, **bound)
    values = {
        "entity": (label_alerts(), named),
        "flapping": ("Flapping threshold", str(least) if least != DEFAULT_FLAPPING else ""),
        "order": ("Order", order if order and order != RECENT else ""),
    }
    draw_chips(list_chips(values, FILTERS, to_first))
    return {**account, "range": length, "entity": named or None, "least": least, "order": order or RECENT}


def draw_body(chosen: dict[str, Any]) -> None:
    """Draw the alarms."""
    length, until = RANGES[chosen["range"]], read_until() or read_now()
    draw_complete_since(until - length if length else None)
    if is_store_empty():
        draw_store_empty()
        return
    everything = load_alarms()
    if everything is None or everything.empty:
        draw_without_alarms(some=everything is not None)
        return
    shown = alarms.filter_alarms(everything, list_alerting(list_chosen(chosen)), chosen["entity"])
    span = find_period(chosen["range"], until, None if shown.empty else to_moment(shown["begin"].min()))
    lasting_of_all = alarms.select_lasting(shown)
    lasting = leave_deleted_out(lasting_of_all)
    inside = alarms.clip_alarms(shown, span.since, span.until)
    rows = alarms.group_by_metric(inside)
    flapping = turn_to("flaps", rank(rows[rows["times"] >= chosen["least"]], ["times", "last"]))
    in_range = turn_to("page", rank(inside, list_order_columns(chosen["order"], ["begin"])))
    deleted = find_deleted(flapping.rows, in_range.rows)
    others = len(leave_deleted_out(alarms.select_lasting(everything.drop(shown.index))))
    left_out = describe_left_out(len(lasting_of_all) - len(lasting), others)
    draw_in_alarm(lasting, describe_none(chosen, len(shown), others), left_out, chosen["order"])
    if inside.empty:
        draw_nothing_in_range(shown, chosen["account"] or chosen["account_tree"], until)
        return
    draw_over_time(inside, rows, span, chosen["order"])
    left, right = st.columns([12, 9], gap="small")
    with left, st.container(key="alarms-card", gap="small"):
        st.markdown(f"**{format_count(len(inside), 'alarm')}** in this time range")
        draw_alarm_list(in_range, until, deleted, IN_ORDER if chosen["order"] == LONGEST else NEWEST_FIRST)
    with right, st.container(key="flapping-card", gap="small"):
        least = format_count(chosen["least"], "alarm")
        st.markdown(f"**{flapping.page.total:,} flapping**: at least {least} in this time range; total time within it")
        if flapping.page.total:
            draw_flapping_list(flapping, until, deleted)
        else:
            longer = " or a longer time range" if length else ""
            st.caption(f"None. Try a lower number{longer}.")


def find_period(name: str, until: datetime, first: datetime | None) -> Period:
    """Return the period of a range, from when on all alerts are here; the range `all` begins with the `first` alarm."""
    span, fresh = make_period(name, until, first), read_freshness()
    return make_period("all", until, fresh.complete_since) if fresh.lacks(span.since) else span


def rank(rows: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """Return rows with the largest values first."""
    return rows.sort_values(columns, ascending=False, kind="stable")


def list_order_columns(order: str, latest: list[str]) -> list[str]:
    """Return the columns of the chosen order; `latest` are the columns with times."""
    return ["time", *latest] if order == LONGEST else [*latest, "time"]


def describe_none(chosen: dict[str, Any], alarm_count: int, others: int) -> str:
    """Return that nothing is in alarm that the filters let through, why, and whether others are, as Markdown.

    Args:
        chosen: the filters.
        alarm_count: the number of alarms of all time that they let through.
        others: the number of present alarms of existing entities that they leave out.
    """
    texts = (shorten(chosen[key] or "", LONGEST_NAME) for key in ("account", "account_tree", "entity"))
    account, tree, name = map(as_markdown, texts)
    of = f" of {account}" if account else f" of {tree} and its sub-accounts" if tree else ""
    named = f" with “{name}” in its name" if name else ""
    what = f"No {label_alerts().lower()}{of}{named}" if of or named else "Nothing"
    why = "each metric is below its threshold again, or its server is deleted"
    metrics = f"{format_count(others, 'metric')} {'is' if others == 1 else 'are'}"
    elsewhere = f" Outside these filters, {metrics} in alarm." if others else ""
    return f"**{what} is in alarm now**: {why if alarm_count else 'none ever was'}.{elsewhere}"


def describe_left_out(deleted: int, others: int) -> str:
    """Return what follows the number of present alarms: how many are of deleted servers, or outside the filters."""
    of_deleted = f", without {deleted:,} of deleted servers" if deleted else ""
    return of_deleted + (f"; the filters leave out {others:,} more" if others else "")


def draw_in_alarm(lasting: pd.DataFrame, none: str, left_out: str, order: str) -> None:
    """Draw the present alarms, or that there are `none`."""
    with st.container(key="in-alarm-card", gap="small"):
        if lasting.empty:
            st.markdown(none)
            return
        st.markdown(f"**{format_count(len(lasting), 'metric')} in alarm now**{left_out}")
        draw_in_alarm_list(lasting.iloc[::-1] if order == LONGEST else lasting)


def draw_over_time(inside: pd.DataFrame, rows: pd.DataFrame, span: Period, order: str) -> None:
    """Draw the chart."""
    with st.container(key="alarms-over-time", border=True, gap="xsmall"):
        drawn = rows.nlargest(alarms.MOST_ROWS, list_order_columns(order, ["lasts", "last"]))
        first = "the longest in alarm first" if order == LONGEST else "active alarms first"
        what, place = label_alerts().lower(), label_zone(find_viewer_zone())
        st.markdown("**Alarms over time**")
        st.caption(
            f"One row per {what} and metric; {first}. Right: number of alarms and time in alarm within this range. "
            f"Times in {place}. A click opens the alarm."
        )
        chart = alarms.draw_alarms(inside, drawn, span, place=place, dark=is_dark())

        def open_alarm() -> None:
            row = alarms.read_click(st.session_state["chart-alarms"].selection, inside)
            if row is not None:
                to_alarm(row)

        draw_chart(chart, key="chart-alarms", on_select=open_alarm, selection_mode=alarms.CLICKS)
        if len(rows) > len(drawn):
            st.caption(f"Showing {len(drawn)} of {len(rows):,} rows. Use filters to see the others.")


def draw_without_alarms(*, some: bool) -> None:
    """Say that no alarm came yet, and how to get some."""
    with st.container(key="nothing", border=True):
        st.subheader("No alarm yet", anchor=False)
        if some:
            st.caption("Alerts came in, but none reported a metric above its threshold.")
            return
        others = [as_markdown(title) for name, title in list_titles().items() if name not in list_alert_senders()]
        silent = f"{join_names(others, 'or')} sends none; {join_names([*list_alert_senders().values()], 'or')} does."
        why = [silent] if len(others) == len(list_titles()) else []
        st.caption(" ".join(["No alert came yet.", *why, *(alert.how_to for alert in list_alerts())]))


def draw_nothing_in_range(shown: pd.DataFrame, account: str | None, until: datetime) -> None:
    """Say that the time range or the filters leave nothing, and why, if the account's sender sends no alerts."""
    accounts = load_accounts()
    sender = accounts.find_sender(account) if account and account not in accounts.shared else None
    with st.container(key="nothing", border=True):
        if account and sender and sender not in list_alert_senders():
            st.subheader("No alarms of this account", anchor=False)
            what = as_markdown(f"{account} is an account of {find_sender(sender).title}")
            st.caption(f"{what}, which sends no alerts.")
            return
        st.subheader("No alarm in this time range", anchor=False)
        if shown.empty:
            st.caption("None matches these filters. Clear the filters to see more.")
        elif shown["begin"].max() > until:
            st.caption("The latest alarm began after it. Choose a time range above: each of them ends now.")
        else:
            st.caption("The latest alarm ended before it. Choose a longer time range to see it.")
