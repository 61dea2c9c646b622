"""Leads from a notification to the one before and the one after it of the same entity."""

from typing import Any

import streamlit as st

from analytics.pages.shared.opened import open_notification
from analytics.pages.shared.store import ask, known
from analytics.senders import kind_of
from analytics.text import plural

ICONS = {"Earlier": ":material/arrow_back:", "Later": ":material/arrow_forward:"}


def neighbours(row: Any) -> None:
    """Draw the ways to the notifications of the entity that happened just before and just after this one."""
    if known(row["entity_id"]) is None or known(row["duplicate_of"]) is not None:
        return
    found = ask("entity_neighbours", seq=int(row["seq"])).iloc[0]
    whose = kind_of(str(row["category"])).lower()
    number, total = int(found["earlier_ones"]) + 1, int(found["notifications"])
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="neighbours"):
        neighbour("Earlier", found["earlier"])
        neighbour("Later", found["later"])
        said = f"{number:,} of {plural(total, 'notification')} of this {whose}"
        st.caption(said if total > 1 else f"the only notification of this {whose}")


def neighbour(name: str, seq: Any) -> None:
    """Draw the way to one of them."""
    number = None if known(seq) is None else int(seq)
    st.button(
        name,
        key=name.lower(),
        on_click=open_notification,
        args=(number,),
        disabled=number is None,
        icon=ICONS[name],
    )
