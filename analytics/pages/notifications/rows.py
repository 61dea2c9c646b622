"""The contents of the list of notifications: the rows of a page, the histogram's counts, and the total."""

import time
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import pandas as pd
import streamlit as st

from analytics.charts.histogram import Bins
from analytics.pages.notifications import paging
from analytics.pages.notifications.filters import ReceivedRange
from analytics.pages.notifications.following import Point
from analytics.pages.shared.answers import read_silence
from analytics.pages.shared.store import ask, moment

MEMO = "_list_found"
IDLE = 3.0
LONG_SECONDS = 1.0


class ListCounts(NamedTuple):
    """The page with its position in the list, and the bins of the histogram with their counts."""

    page: paging.ListPage
    bins: Bins
    counts: pd.DataFrame


class Search(NamedTuple):
    """A search: its parameters, its rows, and the function that counts the list after the rows are drawn."""

    values: dict[str, Any]
    rows: pd.DataFrame
    count_list: Callable[[], ListCounts]


class Memo(NamedTuple):
    """A search that was done: its question, its result, its time, and its seconds."""

    question: Any
    search: Search
    at: float
    seconds: float


def find(chosen: dict[str, Any], span: ReceivedRange, here: Point, before: int | None) -> Search:
    """Ask the store for the rows of a page."""
    values = {**chosen, **span._asdict(), "upto": here.upto}
    rows = paging.rows_before(before, values)

    @cache
    def count_list() -> ListCounts:
        bins = bins_of(span, here, values)
        counts = ask("notifications_over_time", first=paging.find_first(rows, before), bin_us=bins.bin_us, **values)
        return ListCounts(paging.page_of(rows, counts), bins, counts)

    return Search(values, rows, count_list)


def bins_of(span: ReceivedRange, here: Point, values: dict[str, Any]) -> Bins:
    """Return the bins of the histogram: they fit the range, or begin at the first notification."""
    until = min(span.until, here.at) if span.until else here.at
    since = span.since
    if since is None:
        # The search for the first body with a text would take too long, so the first of all notifications counts.
        filters = {} if values.get("text") else values
        since = moment(ask("notifications_extent", **filters).iloc[0]["first"]) or until
    return Bins(since, until)


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
    pause = (1 + IDLE) * memo.seconds
    return f"Searching all bodies takes {memo.seconds:.1f} s, so this list is as of at most {pause:.0f} s ago."
