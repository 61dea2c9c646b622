"""The page Notifications: all accepted and all refused notifications, newest first."""

from functools import partial
from typing import Any

import streamlit as st

from analytics.pages.notifications import paging
from analytics.pages.notifications.filters import choose_filters
from analytics.pages.notifications.listing import draw_accepted
from analytics.pages.notifications.refused import draw_refused
from analytics.pages.shared import address
from analytics.pages.shared.detail import draw_panel
from analytics.pages.shared.filters import draw_filters_button
from analytics.pages.shared.frame import draw_page
from analytics.pages.shared.leafing import to_first_pages
from analytics.pages.shared.open_item import OpenItem, read_open_item

TITLE = "Notifications"
ACCEPTED, REFUSED = "Accepted", "Refused"
CHOICE = "list-choice"
WHOLE, HALVES = (1000, 1), (11, 9)


def shows_refused() -> bool:
    """Say whether the list in the address is that of refused notifications."""
    return address.get("list") == REFUSED


def draw_choice() -> None:
    """Draw the choice of the list, a step of the browser's history that closes the open item."""
    address.show(CHOICE, REFUSED if shows_refused() else ACCEPTED)

    def remember() -> None:
        chosen = REFUSED if st.session_state[CHOICE] == REFUSED else None
        address.put(list=chosen, seq=None, refused=None, **to_first_pages())

    st.segmented_control(
        "Which", [ACCEPTED, REFUSED], key=CHOICE, required=True, label_visibility="collapsed", on_change=remember
    )


def show() -> None:
    """Draw the page."""
    values: dict[str, Any] = {}
    if not address.is_drawn(TITLE):
        paging.forget()

    def draw_controls() -> None:
        draw_choice()
        if shows_refused():
            draw_filters_button(0)
        else:
            values.update(choose_filters())

    def draw_body() -> None:
        what = read_open_item()
        beside = None if what == OpenItem() else partial(draw_panel, what)
        # The list keeps its place on the page when something opens beside it, and so its scroll and focus.
        split = partial(st.columns, WHOLE if beside is None else HALVES, gap=None if beside is None else "small")
        if shows_refused():
            draw_refused(beside, split)
        else:
            draw_accepted(values, beside, split)

    draw_page(
        TITLE,
        "A name leads to its entity, account or user; another cell opens the notification. Keys: j, k, Enter, Escape.",
        draw_controls,
        draw_body,
        refresh="1 s",
    )
