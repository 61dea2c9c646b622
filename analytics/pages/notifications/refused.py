"""The list of refused notifications: by reason, with advice to the operator."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import pandas as pd
import streamlit as st

from analytics.pages.shared import address
from analytics.pages.shared.answers import read_now
from analytics.pages.shared.components import Age, Column, Line, draw_table
from analytics.pages.shared.leafing import NEWEST_FIRST, draw_leafing, read_page, read_until, to_first_pages
from analytics.pages.shared.open_item import close, open_rejection, read_open_item
from analytics.pages.shared.store import ask, list_rows, null_to_none, to_moment
from analytics.senders import list_learned
from analytics.text import format_count, shorten
from analytics.words.refusals import NONE_REFUSED, describe_refusal, find_title

PAGE_ROWS = 50
LIST_PIXELS = 560
REASON_COLUMNS = (
    Column("Reason", "13rem", opens=True),
    Column("Refused", "5.5rem", align="right"),
    Column("Newest", "7rem"),
    Column("What it means and what to do", "100%"),
)


def list_columns(*, narrow: bool) -> tuple[Column, ...]:
    """Return the columns of the list; a narrow list has no sender's address and size."""
    first = (Column("Received", "12rem", opens=True, time=True), Column("Reason", "17rem"), Column("Path", "100%"))
    return first if narrow else (*first, Column("From", "12rem"), Column("Bytes", "6rem", align="right"))


class Group(NamedTuple):
    """Refused notifications of a reason: of all senders, or of one and of one fault of its signatures."""

    reason: str
    whose: str | None = None
    detail: str | None = None

    @property
    def key(self) -> str:
        """Return its name in the address."""
        return "/".join(filter(None, self))

    @property
    def title(self) -> str:
        """Return it in a few words."""
        return shorten(find_title(self.reason, self.whose), 60)


def list_groups(counts: pd.DataFrame) -> list[Group]:
    """Return the group of each row of the counts; one that has all of its reason needs no sender."""
    rows = list(list_rows(counts))
    lone = {reason for reason, number in Counter(row.reason for row in rows).items() if number == 1}
    return [
        Group(
            row.reason,
            None if row.reason in lone and is_of_no_profile(row) else null_to_none(row.sender),
            null_to_none(row.detail),
        )
        for row in rows
    ]


def is_of_no_profile(row: Any) -> bool:
    """Say whether a row's sender has no profile, or is not known."""
    return null_to_none(row.sender) not in {sender.name for sender in list_learned()}


def read_group(groups: Sequence[Group]) -> Group | None:
    """Return the list's group in the address; None for all, also where no notification is of that group."""
    key = address.get("reason")
    return next((each for each in (*groups, *(Group(each.reason) for each in groups)) if each.key == key), None)


def choose_reason(reason: str, _: str = "") -> None:
    """Limit the list to the group of a reason, or show all again."""
    address.put(reason=None if address.get("reason") == reason else reason, **to_first_pages())


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
            st.caption(NONE_REFUSED)
        return
    groups = list_groups(counts)
    chosen = read_group(groups)
    draw_reasons(counts, groups, chosen)
    left, right = split()
    with left:
        draw_refused_list(chosen, narrow=beside is not None)
    with right:
        if beside:
            beside()


def draw_reasons(counts: pd.DataFrame, groups: Sequence[Group], chosen: Group | None) -> None:
    """Draw each reason with its number of refusals and advice; a click shows only those."""
    lines = []
    for group, row in zip(groups, list_rows(counts), strict=True):
        newest = to_moment(row.newest)
        age = Age(newest) if newest else ""
        lines.append(Line(group.key, [group.title, f"{row.refused:,}", age, describe_advice(row)]))
    draw_table(REASON_COLUMNS, lines, key="reasons", alt="Why notifications were refused, and what to do",
          on_open=choose_reason, wrap=True, chosen=chosen and chosen.key)  # fmt: skip


def describe_advice(row: Any) -> str:
    """Return the meaning of a reason, and advice."""
    refusal = describe_refusal(row.reason, null_to_none(row.sender), null_to_none(row.detail))
    return (
        f"{refusal.why} {refusal.remedy}" if refusal else "Another version of the receiver refused it; see its notes."
    )


def draw_refused_list(chosen: Group | None, *, narrow: bool) -> None:
    """Draw a page of the list, up to now or to the end that its pages keep."""
    listed = {**(chosen._asdict() if chosen else {}), "until": read_until()}
    total = int(ask("rejected_total", **listed).iloc[0]["total"])
    page = read_page("page", total, PAGE_ROWS)
    rows = ask("rejected", page_rows=PAGE_ROWS, position=page.first, **listed)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="refused-head"):
        what = f": {chosen.title}" if chosen else ""
        st.text(format_count(total, "refused notification") + what)
        if chosen:
            st.button(
                "All reasons", key="all-reasons", on_click=choose_reason, args=(chosen.key,), icon=":material/close:"
            )
    draw_table(
        list_columns(narrow=narrow),
        [as_line(row, narrow=narrow) for row in list_rows(rows)],
        key="refused-list",
        alt="Refused notifications, newest first",
        on_open=lambda identity, _: open_rejection(identity),
        on_close=close,
        height=LIST_PIXELS,
        chosen=read_open_item().rejection,
    )
    draw_leafing("page", page, "refused notification", read_now(), NEWEST_FIRST)


def as_line(row: Any, *, narrow: bool) -> Line:
    """Return a refused notification as a row of the table."""
    cells = [
        to_moment(row.received_at),
        shorten(find_title(row.reason, null_to_none(row.sender)), 60),
        shorten(row.path, 200),
        shorten(null_to_none(row.source_ip) or "", 45),
        f"{row.body_bytes:,}",
    ]
    return Line(str(row.id), cells[:3] if narrow else cells, hovers=[None, shorten(row.reason, 40)])
