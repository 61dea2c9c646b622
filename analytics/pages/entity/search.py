"""Finds an entity by a part of its name."""

from typing import Any

import streamlit as st

from analytics.pages.shared import go
from analytics.pages.shared.components.script import Age
from analytics.pages.shared.store import ask, known, moment, records
from analytics.pages.shared.table import Column, Line, table
from analytics.senders import any_entity, kinds
from analytics.text import short

MOST_FOUND = 100
LIST_PIXELS = 640
COLUMNS = (
    Column("Category", "7rem"),
    Column("Name", "60%", opens=True),
    Column("Account", "9rem", opens=True),
    Column("Notifications", "8rem", align="right"),
    Column("Last", "12rem", time=True),
    Column("", "40%"),
)


def search_controls() -> None:
    """Draw the fields of the search."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium", key="filters"):
        st.text_input("Name contains", key="named", placeholder=any_entity(), bind="query-params", width=360)
        st.segmented_control("Category", list(kinds()), key="among", bind="query-params", width="content")


def search() -> None:
    """Draw the entities that fit."""
    named, kind = st.session_state.get("named"), st.session_state.get("among")
    found = ask("entities_found", named=named or None, kind=kind, page_rows=MOST_FOUND)
    if found.empty:
        with st.container(key="nothing", border=True):
            st.subheader("No entity", anchor=False)
            st.caption(f"No {any_entity()} of such a name has sent a notification.")
        return
    rows = {f"{row.category} {row.entity_id}": row for row in records(found)}

    def opened(identity: str, column: str) -> None:
        row = rows.get(identity)
        if row is None:
            return
        if column == "Account" and known(row.account_alias):
            go.to_account(row.account_alias)
        else:
            go.to_entity(row.category, row.entity_id)

    table(
        COLUMNS,
        [as_line(identity, row) for identity, row in rows.items()],
        key="found",
        alt="Entities, the one of which something happened last first",
        on_open=opened,
        height=LIST_PIXELS,
    )
    if len(rows) == MOST_FOUND:
        st.caption(f"The {MOST_FOUND} with the latest notifications are listed.")


def as_line(identity: str, row: Any) -> Line:
    """Return an entity as a row."""
    last = moment(row.last_at)
    cells = [
        row.category,
        short(row.entity_id, 120),
        short(known(row.account_alias) or "", 24),
        f"{row.notifications:,}",
        last,
        Age(last) if last else "never",
    ]
    return Line(identity, cells)
