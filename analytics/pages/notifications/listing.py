"""The list of accepted notifications: its histogram, the rows of a page, and the ways to other pages."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from analytics.charts.histogram import BRUSH, Bins, draw_histogram, read_brush
from analytics.pages.notifications import paging
from analytics.pages.notifications.download import draw_download
from analytics.pages.notifications.filters import choose_span, find_range, narrow_to, read_own_range, to_newest
from analytics.pages.notifications.paging import ReceivedRange, Search
from analytics.pages.notifications.what import describe_rows
from analytics.pages.shared import address, going
from analytics.pages.shared.accounts import Accounts, label_account, load_accounts
from analytics.pages.shared.address import is_refreshing
from analytics.pages.shared.answers import find_oldest, read_now, skip_unanswered
from analytics.pages.shared.changes import What, make_event_column
from analytics.pages.shared.completeness import (
    describe_too_early,
    draw_complete_since,
    draw_only_one,
    draw_store_empty,
    is_store_empty,
    read_freshness,
)
from analytics.pages.shared.components import Cell, Column, Line, draw_chart, draw_table
from analytics.pages.shared.filters import read_sender, title_accounts
from analytics.pages.shared.formatting import find_viewer_zone, format_event
from analytics.pages.shared.frame import find_bar, is_dark
from analytics.pages.shared.leafing import draw_pager
from analytics.pages.shared.open_item import as_seq, close, open_notification, read_open_item
from analytics.pages.shared.ranges import draw_reversed
from analytics.pages.shared.store import ask, find_sender_of_row, list_rows, null_to_none, to_moment
from analytics.senders import colours, has_several_senders, list_titles, name_unknown_type
from analytics.senders.marks import choose_mark
from analytics.text import format_count, make_visible, shorten
from analytics.times import label_zone, to_microseconds

LIST_PIXELS = 640
LIST_FIRST_SECONDS = 0.1
"""The delay of a new page's chart after its list. A browser draws together what it gets together, and the chart takes
0.2 s; with the delay the list appears that much sooner, and the chart no later."""


def list_columns(*, named: bool) -> tuple[Column, ...]:
    """Return the columns of the list; `named` says whether accounts have business names."""
    sender = (Column("Sender", "11.6rem", rank=2, marks=True),) if has_several_senders() else ()
    return (
        Column("Received", "6.4rem", opens=True, time=True, days=True),
        *sender,
        make_event_column(read_sender()),
        Column("Entity", "42%", opens=True, names=True),
        Column("Actor", "13.9rem", opens=True, rank=1),
        Column("What changed", "58%", says=True),
        Column(title_accounts(), "16rem" if named else "8rem", opens=True, rank=3),
    )


def draw_accepted(chosen: dict[str, Any], beside: Callable[[], None] | None, split: Callable[..., Any]) -> None:
    """Draw the accepted notifications.

    Args:
        chosen: parameters of the queries, besides those of time.
        beside: draws the open item beside the list; None without one.
        split: gives the places of the list and of the item.
    """
    with find_bar():  # before the first query, which may fail
        length = choose_span()
    here = paging.find_point()
    span = find_range(length, here)
    draw_complete_since(span.since)
    before = paging.read_begin()
    look = partial(paging.find, chosen, span, here, before)
    if chosen["text"]:
        stays = here.upto if paging.read_pause() or paging.is_held() else None
        question = (chosen, st.session_state.get("when"), read_own_range(), before, stays)
        search = paging.find_seldom(question, look)
    else:
        search = look()
    # Fixed places, so that nothing below them moves; the chart comes last, because it keeps the browser busy longest.
    follow = st.container(key="follow-place")
    above = st.container(key="histogram-place")
    left, right = split()
    with left:
        if not search.rows.empty:
            draw_rows(search.rows, search.before)
        page, fresh, bins, counts = search.count_list()
        if search.rows.empty:
            draw_nothing(chosen, fresh, span)
        else:
            draw_ways(search, narrow=beside is not None)
    with follow, st.container(horizontal=True, horizontal_alignment="right", vertical_alignment="center", gap="small"):
        with st.container(key="list-total", width="content"):
            st.markdown(f"**{format_count(page.total, 'notification')}**", width="content")
        draw_follow_buttons(fresh)
        draw_download(page.total, search.values)
    with right:
        if beside:
            beside()
    if find_oldest() is None and page.total:
        time.sleep(LIST_FIRST_SECONDS)
    with above:
        if page.total and not is_before_complete(bins) and not draw_only_one():
            with st.container(key="histogram", border=True):
                draw_counts(counts, bins)
        if chosen["text"] and (delay := paging.describe_delay()):
            st.caption(delay)


def is_before_complete(bins: Bins) -> bool:
    """Say whether all bins are of a time before the store is complete, of which no chart is drawn."""
    complete_since = read_freshness().complete_since
    return complete_since is not None and bins.end <= complete_since


def draw_counts(counts: pd.DataFrame, bins: Bins) -> None:
    """Draw the histogram; a brush narrows the range."""
    # Another range is another chart: a brush that led to it is not drawn over it.
    key = f"histogram-{address.get('from') or ''}-{address.get('to') or ''}"

    def narrow() -> None:
        selection = st.session_state[key].selection.get(BRUSH)
        if ends := read_brush(selection, bins):
            narrow_to(*ends)

    shown = counts[(counts["events"] > 0) & (counts["bin_us"] >= to_microseconds(bins.since))]
    shown = shown.assign(event_type=shown["event_type"].map(make_visible))
    chart = draw_histogram(shown, bins, label_zone(find_viewer_zone()), dark=is_dark())
    draw_chart(chart, key=key, on_select=narrow, selection_mode=BRUSH)


def draw_follow_buttons(fresh: int) -> None:
    """Draw the buttons that pause the list, show new notifications, and let the list follow again."""
    # The button comes and goes in a fixed place, so that its neighbours keep theirs.
    with st.container(key="fresh", width="content"):
        if fresh:
            st.button(f"{fresh:,} new", key="show-new", on_click=paging.catch_up, type="primary",
                      icon=":material/arrow_upward:")  # fmt: skip
    if paging.read_pause():
        st.button("Resume", key="follow", on_click=paging.resume, icon=":material/play_arrow:")
    else:
        st.button("Pause", key="follow", on_click=paging.pause, icon=":material/pause:")


def draw_nothing(chosen: dict[str, Any], fresh: int, span: ReceivedRange) -> None:
    """Say that there is no notification to show, and give advice."""
    if is_store_empty():
        draw_store_empty()
        return
    own = read_own_range()
    if own.since and own.until and own.until <= own.since:
        draw_reversed()
        return
    is_filtered = any(value for name, value in chosen.items() if name != "without_copies")
    with st.container(key="nothing", border=True):
        st.subheader("No notification", anchor=False)
        why = "None matches these filters. Clear them, or " if is_filtered else "None came in this time range. You can "
        too_early = None if fresh else describe_too_early(span.until)
        st.caption(too_early or f"{why}{advise(fresh, span)}.")


def advise(fresh: int, span: ReceivedRange) -> str:
    """Return what else may bring notifications; waiting helps only a page that refreshes, in a range that goes on."""
    if fresh:
        return "show the new ones above"
    if is_refreshing() and (span.until is None or span.until > read_now()):
        return "wait: this page refreshes by itself"
    return "choose a longer time range" if any(span) else "turn on the refresh above to wait for new ones"


@skip_unanswered
def open_named(seq: str, column: str) -> None:
    """Open the target of a click on a notification's column."""
    number = as_seq(seq)
    if number is None:
        return
    rows = ask("names_of_notification", seq=number)
    row: Any = rows.iloc[0] if len(rows) else {}
    if column == "Entity" and null_to_none(row.get("entity_id")):
        going.to_entity(row["category"], row["entity_id"], sender=row["sender"])
    elif column == title_accounts() and null_to_none(row.get("account_alias")):
        going.to_account(row["account_alias"], row["sender"])
    elif column == "Actor" and null_to_none(row.get("actor")):
        going.to_actor(row["actor"], row["sender"])
    else:
        open_notification(number)


def choose_colour(row: Any) -> str:
    """Return the text of the event type whose colour marks a notification."""
    return make_visible(null_to_none(row.event_type) or name_unknown_type(row.category))


def as_line(row: Any, accounts: Accounts, what: What) -> Line:
    """Return a notification as a row of the table."""
    event = format_event(row)
    sender, alias = find_sender_of_row(row), null_to_none(row.account_alias)
    cells: list[Cell] = [
        to_moment(row.received_at),
        *([list_titles().get(sender, sender)] if sender else []),
        f"{event} (copy)" if null_to_none(row.duplicate_of) else event,
        shorten(what.entity, 80),
        shorten(null_to_none(row.actor) or "", 60),
    ]
    before: list[None] = [None] * len(cells)
    cells += [what.text, label_account(alias, accounts.name_of(alias, sender)) if alias else ""]
    mark = choose_mark(sender, dark=is_dark()) if sender else None
    return Line(str(row.seq), cells, choose_colour(row), [*before, what.tone], [*before, what.hover], mark=mark)


def draw_rows(rows: pd.DataFrame, before: int | None) -> None:
    """Draw the rows of the page before a notification; names open their entity, account or user, other cells the row's.

    The address need not name that notification, but the page of another one is another list.
    """
    accounts, said = load_accounts(), describe_rows(rows)
    seq = read_open_item().seq
    draw_table(
        list_columns(named=accounts.have_names(read_sender())),
        [as_line(row, accounts, said[row.seq]) for row in list_rows(rows)],
        key="notifications",
        alt="Notifications, newest first",
        on_open=open_named,
        on_close=close,
        height=LIST_PIXELS,
        chosen=None if seq is None else str(seq),
        colours=colours(is_dark()),
        steady=(before, address.describe_view()),
    )


def draw_ways(search: Search, *, narrow: bool) -> None:
    """Draw the page's place in the list, and the ways to other pages."""

    def go_to_older() -> None:
        go_to(int(search.rows["seq"].min()))

    def go_to_newer() -> None:
        go_to(paging.begin_of_previous(search))

    def go_to_number(number: int) -> None:
        go_to(paging.begin_of_number(number, search.values))

    page = search.count_list().page
    draw_pager(
        page,
        {"Newest": to_newest, "Newer": go_to_newer},
        {"Older": go_to_older, "Oldest": partial(go_to_number, page.pages)},
        go_to_number,
        noun="" if narrow else "notification",
        narrow=narrow,
    )


def go_to(before: int | None) -> None:
    """Go to the page that begins before a notification; None for the newest."""
    paging.leave_around()
    address.put(before=None if before is None else str(before))
