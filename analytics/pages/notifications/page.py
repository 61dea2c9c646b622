"""The page Notifications: all accepted and all refused notifications, newest first."""

from functools import partial
from typing import Any

import streamlit as st

from analytics.pages.notifications import paging
from analytics.pages.notifications.filters import filters, to_newest
from analytics.pages.notifications.listing import draw_accepted
from analytics.pages.notifications.refused import draw_refused
from analytics.pages.shared import address
from analytics.pages.shared.detail import draw_panel
from analytics.pages.shared.frame import draw_page
from analytics.pages.shared.open_item import OpenItem, read_open_item

TITLE = "Notifications"
ACCEPTED, REFUSED = "Accepted", "Refused"
WHOLE, HALVES = (1000, 1), (11, 9)


def show() -> None:
    """Draw the page."""
    values: dict[str, Any] = {}
    if not address.is_drawn(TITLE):
        paging.forget()

    def controls() -> None:
        st.segmented_control(
            "Which",
            [ACCEPTED, REFUSED],
            default=ACCEPTED,
            key="list",
            bind="query-params",
            required=True,
            label_visibility="collapsed",
            on_change=to_newest,
        )
        if st.session_state["list"] != REFUSED:
            values.update(filters())

    def body() -> None:
        what = read_open_item()
        beside = None if what == OpenItem() else partial(draw_panel, what)
        # The list keeps its place on the page when something opens beside it, and so its scroll and focus.
        split = partial(st.columns, WHOLE if beside is None else HALVES, gap=None if beside is None else "small")
        if st.session_state["list"] == REFUSED:
            draw_refused(beside, split)
        else:
            draw_accepted(values, beside, split)

    draw_page(
        TITLE,
        "A name leads to its entity, account or user; another cell opens the notification. Keys: j, k, Enter, Escape.",
        controls,
        body,
        refresh="1 s",
    )
