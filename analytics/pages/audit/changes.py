"""The list of changes, each as a sentence, page by page."""

from datetime import datetime, timedelta
from typing import Any

import streamlit as st

from analytics.pages.shared import address
from analytics.pages.shared.changes import KIND_TEXTS, as_change
from analytics.pages.shared.components import Column, Line, Tone, draw_table
from analytics.pages.shared.open_item import as_seq
from analytics.pages.shared.store import ask, moment, null_to_none, records
from analytics.pages.shared.texts import number_text
from analytics.text import plural, shorten
from analytics.words.sentences import sentence

PAGE_ROWS = 50
LIST_PIXELS = 620
LONGEST = 260
COLUMNS = (
    Column("Occurred", "12rem", time=True),
    Column("Kind", "6.6rem"),
    Column("Change", "50%", opens=True),
    Column("Entity", "19%", opens=True),
    Column("Account", "8%", opens=True),
    Column("Actor", "23%", opens=True),
    Column("Notification", "7.5rem", opens=True),
)


def draw_change_list(values: dict[str, Any], end: datetime) -> None:
    """Draw a page of the changes.

    Args:
        values: parameters of the queries.
        end: the end of the list; older pages keep it, so that newer changes do not move them.
    """
    counts = ask("changes_count", **values).iloc[0]
    total, unseen = int(counts["total"]), int(counts["unseen"])
    with st.container(key="changes-head"):
        hidden = f", {unseen:,} of them hidden ones: nothing that notifications show differs" if unseen else ""
        st.markdown(f"**{plural(total, 'change')}**{hidden}")
    if not total:
        with st.container(key="nothing", border=True):
            st.subheader("No changes", anchor=False)
            st.caption("None fits these filters in this time range. Clear them, or choose a longer time range.")
        return
    pages = -(-total // PAGE_ROWS)
    number = min(as_seq(address.get("page")) or 1, pages)
    rows = list(records(ask("changes_page", page_rows=PAGE_ROWS, position=(number - 1) * PAGE_ROWS, **values)))
    if rows and number == 1 and (newest := moment(rows[0].changed_at)):
        end = max(end, newest + timedelta(microseconds=1))  # some have a time in the future
    lines = {f"{row.seq} {row.kind} {row.path}": row for row in rows}

    def open_row(identity: str, column: str) -> None:
        if (row := lines.get(identity)) is not None:
            follow(row, column)

    draw_table(
        COLUMNS,
        [as_line(identity, row) for identity, row in lines.items()],
        key="changes",
        alt="Changes, newest first",
        on_open=open_row,
        height=LIST_PIXELS,
        wrap=True,
    )
    draw_pager(number, pages, total, len(rows), end)


def follow(row: Any, column: str) -> None:
    """Go to the target of a click on a change's column."""
    if column == "Account" and null_to_none(row.account_alias):
        address.to_account(row.account_alias)
    elif column == "Actor" and null_to_none(row.actor):
        address.to_actor(row.actor)
    elif column == "Notification":
        address.to_notification(int(row.seq))
    elif column == "Entity":
        address.to_entity(row.category, row.entity_id)
    else:
        address.to_entity(row.category, row.entity_id, int(row.seq))


def as_line(identity: str, row: Any) -> Line:
    """Return a change as a row."""
    cells = [
        moment(row.changed_at),
        KIND_TEXTS.get(row.kind, shorten(row.kind, 20)),
        shorten(sentence(as_change(row)), LONGEST),
        shorten(row.entity_id, 80),
        shorten(null_to_none(row.account_alias) or "", 24),
        shorten(null_to_none(row.actor) or "", 60),
        number_text(row.seq),
    ]
    tone: Tone | None = "quiet" if row.noise else "notice" if row.kind == "unseen" else None
    return Line(identity, cells, tones=[None, tone, tone])


def draw_pager(number: int, pages: int, total: int, rows: int, end: datetime) -> None:
    """Draw the page's number, and the ways to other pages."""

    def to(page: int) -> None:
        # A later page stays the same while changes come: it keeps the end of the list at which leafing began.
        until = address.get("until") or end.isoformat()
        address.put(page=str(page) if page > 1 else None, until=until if page > 1 else None)

    def jump() -> None:
        if (typed := st.session_state["changes-number"]) is not None:
            to(min(int(typed), pages))
            st.session_state["changes-number"] = None

    first = (number - 1) * PAGE_ROWS + 1
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="pager"):
        st.button("Newest", key="newest", on_click=to, args=(1,), disabled=number <= 1, icon=":material/first_page:")
        st.button("Newer", key="newer", on_click=to, args=(number - 1,), disabled=number <= 1,
                  icon=":material/chevron_left:")  # fmt: skip
        st.text(f"{first:,} to {first + rows - 1:,} of {plural(total, 'change')}")
        st.button("Older", key="older", on_click=to, args=(number + 1,), disabled=number >= pages,
                  icon=":material/chevron_right:")  # fmt: skip
        st.space("stretch")
        st.text(f"Page {number:,} of {pages:,}")
        st.number_input("Go to page", 1, None, None, key="changes-number", on_change=jump, placeholder="go to",
                        label_visibility="collapsed", width=110)  # fmt: skip
