"""What a page waits for. One part of the page looks whether it is there, and then draws the page anew.

That part lies in no other, and no part of a page may: when a part is drawn twice at once, Streamlit throws away what it
drew first, but not what a part within it drew, and the browser gives up a page with a part that lies nowhere.
"""

from collections.abc import Callable

import streamlit as st

from analytics.errors import AnalyticsError
from analytics.pages.shared.components import draw_again_after

AWAITED = "_awaited"
MARK = "awaited"
RETRY_SECONDS = 0.5


def await_answer(what: str, is_there: Callable[[], bool]) -> None:
    """Draw the page anew once something is there; call it in each drawing that waits.

    Args:
        what: its name on the page.
        is_there: says whether it is there; where it raises `AnalyticsError`, the page itself shows the error.
    """
    st.session_state.setdefault(AWAITED, {})[what] = is_there
    st.container(key=f"{MARK}-{what}").empty()


def forget_awaited() -> None:
    """Wait for nothing, because what waits is drawn again."""
    st.session_state.pop(AWAITED, None)


def look_for_awaited() -> None:
    """Look again and again, as long as the page waits, and draw it anew once something is there."""
    due = draw_again_after(RETRY_SECONDS, "awaited", while_shown=f'[class*="st-key-{MARK}-"]')
    if due and any(map(ask, list(st.session_state.get(AWAITED, {}).values()))):
        st.rerun()


def ask(is_there: Callable[[], bool]) -> bool:
    """Say whether something is there, or can't come."""
    try:
        return is_there()
    except AnalyticsError:
        return True
