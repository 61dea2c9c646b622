"""The rows of the list of notifications: up to which one, of which page, and how many there are.

The list follows new notifications, or stays the same: paused, on an older page, or with an open item. The notification
before or after a page identifies it, so pages can be at any depth.
"""

import time
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

import pandas as pd
import streamlit as st

from analytics.charts.histogram import Bins
from analytics.pages.shared import address
from analytics.pages.shared.answers import read_now, read_silence, skip_unanswered
from analytics.pages.shared.completeness import read_freshness
from analytics.pages.shared.known.memory import read_memory
from analytics.pages.shared.leafing import ListPage
from analytics.pages.shared.open_item import OpenItem, as_seq, read_open_item
from analytics.pages.shared.store import ask, to_moment

DOWNLOAD = "download"
DRAWN = "_list_drawn"
HELD = "_list_held"
AROUND = "_list_around"
PAGE_ROWS = 50
MEMO = "_list_found"
IDLE = 3.0
LONG_SECONDS = 1.0


class ReceivedRange(NamedTuple):
    """A range of times of receipt, from `since` to before `until`; None means no end."""

    since: datetime | None = None
    until: datetime | None = None


class Point(NamedTuple):
    """The end of the list: its last notification (by `seq`), and the moment of that."""

    upto: int
    at: datetime


def find_newest() -> Point:
    """Return the current end of the store."""
    return Point(int(ask("tail_end").iloc[0]["last"]), read_now())


def read_pause() -> Point | None:
    """Return the point in the address at which the list is paused; None where it is not."""
    upto = as_seq(address.get("paused"))
    return None if upto is None else Point(upto, address.read_moment("at") or read_now())


def is_held() -> bool:
    """Say whether the list stays the same because of the user's place on the page."""
    downloading = bool(st.session_state.get(DOWNLOAD))
    return downloading or read_open_item() != OpenItem() or read_begin() is not None


def find_point() -> Point:
    """Return the current end of the list."""
    if point := read_pause():
        return point
    if not is_held():
        read_memory().pop(HELD, None)
        read_memory()[DRAWN] = find_newest()
        return read_drawn()
    if HELD not in read_memory():
        read_memory()[HELD] = read_drawn()
    held: Point = read_memory()[HELD]
    return held


def read_drawn() -> Point:
    """Return the end of the list at its last drawing."""
    last: Point | None = read_memory().get(DRAWN)
    return last or find_newest()


def forget() -> None:
    """Forget the drawing from before the page was left."""
    read_memory().pop(DRAWN, None)
    read_memory().pop(AROUND, None)


def pause() -> None:
    """Let the list stay the same."""
    here = find_point() if is_held() else read_drawn()
    address.put(paused=str(here.upto), at=here.at.isoformat())


def resume() -> None:
    """Let the list follow new notifications, from its first page on."""
    read_memory().pop(HELD, None)
    read_memory().pop(DRAWN, None)
    leave_around()
    address.put(paused=None, at=None, before=None)


@skip_unanswered
def catch_up() -> None:
    """Show the notifications since the list stopped; it stops there again while something still holds it."""
    read_memory().pop(HELD, None)
    read_memory()[DRAWN] = here = find_newest()
    leave_around()
    if read_pause():
        address.put(paused=str(here.upto), at=here.at.isoformat(), before=None)
    else:
        address.put(before=None)


class Around(NamedTuple):
    """The page that was chosen for an open notification: before which one it begins, and by which filters."""

    seq: int | None
    filters: object
    before: int | None


def describe_filters() -> list[tuple[str, list[str]]]:
    """Return what the address says about the listed notifications."""
    return [(name, values) for name, values in address.describe_view() if name not in {"refresh", "paused", "at"}]


def read_begin() -> int | None:
    """Return the notification before which the page begins, by the address or for an open one; None for the newest."""
    around: Around | None = read_memory().get(AROUND)
    chosen = around.before if around and around.filters == describe_filters() else None
    return as_seq(address.get("before")) or chosen


def leave_around() -> None:
    """Leave the page that was chosen for an open notification."""
    if around := read_memory().get(AROUND):
        read_memory()[AROUND] = around._replace(before=None)


def find_around(seq: int, values: Mapping[str, Any]) -> int | None:
    """Return the notification before which the page begins that has one in its middle; None for the newest page."""
    later = ask("later_notifications", after=seq, page_rows=PAGE_ROWS, **values)["seq"]
    return None if len(later) < PAGE_ROWS else int(later.iloc[PAGE_ROWS // 2 - 1]) + 1


def begin_of_previous(search: "Search") -> int | None:
    """Return the notification before which the next newer page begins; None for the newest page."""
    rows = ask("later_notifications", after=int(search.rows["seq"].max()), page_rows=PAGE_ROWS, **search.values)
    is_newest = len(rows) < PAGE_ROWS or search.count_list().page.first <= PAGE_ROWS
    return None if is_newest else int(rows["seq"].max()) + 1


def begin_of_number(number: int, values: Mapping[str, Any]) -> int | None:
    """Return the notification before which the page of a number begins; None for the newest page."""
    if number <= 1:
        return None
    rows = ask("seq_at_position", position=(number - 1) * PAGE_ROWS, **values)
    return int(rows.iloc[0]["before"]) if len(rows) else None


class ListCounts(NamedTuple):
    """The page, the number of newer notifications that the list does not show, and the histogram's bins and counts."""

    page: ListPage
    fresh: int
    bins: Bins
    counts: pd.DataFrame


class Search(NamedTuple):
    """A search: its parameters, the rows before a notification, and the function that counts the list after these."""

    values: dict[str, Any]
    rows: pd.DataFrame
    count_list: Callable[[], ListCounts]
    before: int | None = None


class Memo(NamedTuple):
    """A search that was done: its question, its result, its time, and its seconds."""

    question: Any
    search: Search
    at: float
    seconds: float


def find(chosen: dict[str, Any], span: ReceivedRange, here: Point, before: int | None) -> Search:
    """Ask the store for the rows of the page before a notification (by `seq`), or of the newest page.

    For one that has just been opened and is not among them, ask for the rows around it.
    """
    values = {**chosen, **span._asdict(), "upto": here.upto}
    rows = ask("newest_notifications", before=before, page_rows=PAGE_ROWS, **values)
    seq, last = read_open_item().seq, read_memory().get(AROUND)
    if seq is not None and (last is None or last.seq != seq) and seq not in set(rows["seq"]):
        before = find_around(seq, values)
        rows = ask("newest_notifications", before=before, page_rows=PAGE_ROWS, **values)
    if seq is not None or last:
        read_memory()[AROUND] = Around(seq, describe_filters(), before)

    @cache
    def count_list() -> ListCounts:
        bins = choose_bins(span, here, values)
        # All after this one are newer than the page.
        first = int(rows["seq"].max()) if len(rows) else (before or 0)
        counts = ask("notifications_over_time", first=first, bin_us=bins.bin_us, **values)
        position, total, fresh = (int(counts[name].sum()) for name in ("newer", "events", "fresh"))
        return ListCounts(ListPage(position, total, PAGE_ROWS), fresh, bins, counts)

    return Search(values, rows, count_list, before)


def choose_bins(span: ReceivedRange, here: Point, values: dict[str, Any]) -> Bins:
    """Return the bins of the histogram: they fit the range, or begin at the first notification.

    None lies before the store is complete, unless all of the range does.
    """
    until = min(span.until, here.at) if span.until else here.at
    since = span.since
    if since is None:
        # The search for the first body with a text would take too long, so the first of all notifications counts.
        filters = {} if values.get("text") else values
        since = to_moment(ask("notifications_extent", **filters).iloc[0]["first"]) or until
    complete_since = read_freshness().complete_since
    begin = max(since, complete_since) if complete_since and complete_since < until else since
    return Bins(begin, until, is_over=span.until is not None and span.until <= here.at)


def find_seldom(question: Any, look: Callable[[], Search]) -> Search:
    """Return a search's result, perhaps a kept one: bodies are slow to search, and refreshes must not load the store.

    Args:
        question: the question; a new question is searched for at once.
        look: does the search.
    """
    memo: Memo | None = st.session_state.get(MEMO)
    begin = time.monotonic()
    if memo and memo.question == question and (read_silence() or begin - memo.at < IDLE * memo.seconds):
        return memo.search
    search = look()
    search.count_list()
    end = time.monotonic()
    st.session_state[MEMO] = Memo(question, search, end, end - begin)
    return search


def describe_delay() -> str | None:
    """Return the age of a slow search's list in words; None for a fast search."""
    memo: Memo | None = st.session_state.get(MEMO)
    if memo is None or memo.seconds < LONG_SECONDS:
        return None
    wait = (1 + IDLE) * memo.seconds
    return f"Searching all bodies takes {memo.seconds:.1f} s, so this list is at most {wait:.0f} s old."
