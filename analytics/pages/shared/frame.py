"""The frame around every page: its title, its controls, its refreshes, and its end."""

from collections.abc import Callable
from importlib.resources import files

import streamlit as st

from analytics.errors import AnalyticsError, QueryError
from analytics.pages.shared import address, answers
from analytics.pages.shared.go import arrive, depart, follow_links
from analytics.pages.shared.parts import draw_again_soon, draw_guarded, draw_trouble
from analytics.pages.shared.silence import GONE, RETRY_SECONDS, draw_gone, draw_instead, leave, watch

REFRESH = {"off": None, "1 s": 1.0, "5 s": 5.0, "30 s": 30.0}
PULSE_SECONDS = 5.0
ENDS = "_ends"


def is_dark() -> bool:
    """Say whether the viewer's theme is dark."""
    return st.context.theme.type == "dark"


def style(name: str) -> None:
    """Add a style sheet to the page."""
    st.html(
        files("analytics.pages.shared.components")
        .joinpath(f"{name}.css")
        .read_text(encoding="utf-8")
        .join(("<style>", "</style>"))
    )


def refresh_control(default: str) -> float | None:
    """Draw the choice of the time between refreshes, and return it in seconds."""
    chosen = st.segmented_control(
        "Refresh", list(REFRESH), default=default, key="refresh", bind="query-params", required=True, width="content"
    )
    return REFRESH[chosen or default]


def draw_page(
    title: str,
    lead: str,
    controls: Callable[[], None] | None,
    body: Callable[[], None],
    *,
    refresh: str | None = "5 s",
    instead: Callable[[], None] | None = None,
) -> None:
    """Draw a page: its header and controls once, its body again at every refresh.

    Args:
        title: the page's name.
        lead: one line below it.
        controls: draws the page's filters.
        body: draws the store's answers; may raise `AnalyticsError`.
        refresh: the first choice of `REFRESH`; None where a refresh draws only the line about freshness.
        instead: draws the known facts while the store does not answer.
    """
    if not address.is_drawn(title):
        leave_behind()
    if address.enter(title):
        arrive()
    address.send_again()
    depart()
    style("style")
    follow_links()
    with st.container(key="header", horizontal=True, vertical_alignment="bottom", gap="medium"):
        with st.container(key="title", gap=None):
            st.subheader(title, anchor=False)
            st.caption(lead)
        seconds = refresh_control(refresh) if refresh else PULSE_SECONDS
    # Fixed places: a fragment whose second drawing overtakes its first has no place of its own until then, and the
    # browser refuses everything after it.
    with st.container(key="pulse"):
        st.fragment(watch)()
    place = st.container(key="instead")
    if GONE in st.session_state:
        address.keep()
        draw_gone(instead)
        return
    if answers.read_silence():
        seconds = RETRY_SECONDS
        with place:
            draw_instead(instead)
    try:
        if controls:
            controls()
    except QueryError as error:
        address.keep()
        draw_trouble(error, "controls")
        draw_again_soon()
        return
    except AnalyticsError as error:
        leave(error)
        return
    address.end_arrival()
    if refresh:
        st.fragment(draw_guarded)("all", body, fresh=True, again_after=seconds)
    else:
        with st.container(key="freshness"):
            st.fragment(draw_guarded)("freshness", None, fresh=True, again_after=seconds)
        st.fragment(draw_guarded)("body", body)


def leave_behind() -> None:
    """End the previous page's work, and forget its answers."""
    for end in st.session_state.pop(ENDS, {}).values():
        end()
    answers.forget()
    if silence := answers.read_silence():
        answers.end_silence()
        st.session_state[GONE] = silence


def on_leaving(name: str, end: Callable[[], None]) -> None:
    """Call a function when another page is opened.

    Args:
        name: distinguishes it from the page's other such functions.
        end: the function.
    """
    st.session_state.setdefault(ENDS, {})[name] = end
