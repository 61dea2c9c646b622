"""The list of refused notifications: by reason, with advice to the operator."""

from collections.abc import Callable
from typing import Any

import pandas as pd
import streamlit as st

from analytics.pages.shared import address
from analytics.pages.shared.components import Age, Cell, Column, Line, draw_table
from analytics.pages.shared.open_item import close, open_rejection, read_open_item
from analytics.pages.shared.store import ask, moment, null_to_none, records
from analytics.text import plural, shorten
from analytics.words.meanings import REFUSALS, title_of

PAGE_ROWS = 50
LIST_PIXELS = 560
REASON_COLUMNS = (
    Column("Reason", "13rem", opens=True),
    Column("Refused", "5.5rem", align="right"),
    Column("Newest", "7rem"),
    Column("What it means and what to do", "100%"),
)


def columns(*, narrow: bool) -> tuple[Column, ...]:
    """Return the columns of the list; a narrow list has no sender's address and size."""
    first = (Column("Received", "12rem", opens=True, time=True), Column("Reason", "13rem"), Column("Path", "100%"))
    return first if narrow else (*first, Column("From", "12rem"), Column("Bytes", "6rem", align="right"))


def read_reason(counts: pd.DataFrame) -> str | None:
    """Return the list's reason in the address; None for all, also where no notification has that reason."""
    reason = address.get("reason")
    return reason if reason in set(counts["reason"]) else None


def choose_reason(reason: str, _: str = "") -> None:
    """Limit the list to a reason, or show all again."""
    address.put(reason=None if address.get("reason") == reason else reason)
    st.session_state.pop("refused-page", None)


def draw_refused(beside: Callable[[], None] | None, split: Callable[..., Any]) -> None:
    """Draw the refused notifications.

    Args:
        beside: draws the open item beside the list; None without one.
        split: gives the places of the list and of the item.
    """
    counts = ask("rejected_counts")
    if counts.empty:
        with st.container(key="nothing", border=True):
            st.subheader("Nothing refused", anchor=False)
            st.caption("Every notification that came was accepted.")
        return
    reason = read_reason(counts)
    draw_reasons(counts, reason)
    left, right = split()
    with left:
        draw_refused_list(counts, reason, narrow=beside is not None)
    with right:
        if beside:
            beside()


def draw_reasons(counts: pd.DataFrame, reason: str | None) -> None:
    """Draw each reason with its number of refusals and advice; a click shows only those."""
    lines = [
        Line(
            row.reason,
            [shorten(title_of(row.reason), 40), f"{row.refused:,}", newest_cell(row), advice(row)],
        )
        for row in records(counts)
    ]
    draw_table(REASON_COLUMNS, lines, key="reasons", alt="Why notifications were refused, and what to do",
          on_open=choose_reason, wrap=True, chosen=reason)  # fmt: skip


def newest_cell(row: Any) -> Cell:
    """Return the age of a reason's last refusal."""
    at = moment(row.newest)
    return Age(at) if at else ""


def advice(row: Any) -> str:
    """Return the meaning of a reason, and advice."""
    refusal = REFUSALS.get(row.reason)
    return (
        f"{refusal.why} {refusal.remedy}" if refusal else "Another version of the receiver refused it; see its notes."
    )


def draw_refused_list(counts: pd.DataFrame, reason: str | None, *, narrow: bool) -> None:
    """Draw a page of the list."""
    of_reason = counts if reason is None else counts[counts["reason"] == reason]
    total = int(of_reason["refused"].sum())
    pages = -(-total // PAGE_ROWS)
    number = min(int(st.session_state.get("refused-page", 1)), pages)
    rows = ask("rejected", page_rows=PAGE_ROWS, position=(number - 1) * PAGE_ROWS, reason=reason)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="refused-pager"):
        what = "" if reason is None else f": {shorten(title_of(reason), 40)}"
        st.text(plural(total, "refused notification") + what)
        if reason is not None:
            st.button("All reasons", key="all-reasons", on_click=choose_reason, args=(reason,), icon=":material/close:")
        st.space("stretch")
        if pages > 1:
            st.number_input("Page", 1, pages, key="refused-page", label_visibility="collapsed", width=110)
            st.text(f"of {plural(pages, 'page')}")
    draw_table(
        columns(narrow=narrow),
        [as_line(row, narrow=narrow) for row in records(rows)],
        key="refused-list",
        alt="Refused notifications, newest first",
        on_open=lambda identity, _: open_rejection(identity),
        on_close=close,
        height=LIST_PIXELS,
        chosen=read_open_item().rejection,
        steady=(number, address.describe_view()),
    )


def as_line(row: Any, *, narrow: bool) -> Line:
    """Return a refused notification as a row of the table."""
    cells = [
        moment(row.received_at),
        shorten(title_of(row.reason), 40),
        shorten(row.path, 200),
        shorten(null_to_none(row.source_ip) or "", 45),
        f"{row.body_bytes:,}",
    ]
    return Line(str(row.id), cells[:3] if narrow else cells, hovers=[None, shorten(row.reason, 40)])
