"""Results that a page waits for, and when it began to wait; `silence.watch` draws the page again once one is ready.

Nothing waits in a fragment of its own, because that would lie within another one. When the outer one is drawn again
before the browser has its first drawing, Streamlit throws that away, but not what the inner one drew, and the browser
refuses the page.
"""

from collections.abc import Callable
from datetime import UTC, datetime

import streamlit as st

from analytics.errors import AnalyticsError
from analytics.pages.shared.known.memory import read_memory

AWAITED = "_awaited"
WAITING = "_waiting"
ANSWERED = "_answered"


def begin_waiting(what: str, since: datetime) -> datetime:
    """Return the begin of this page's wait for something; without one, begin it at `since`."""
    waiting: dict[str, datetime] = read_memory().setdefault(WAITING, {})
    if what in waiting and waiting[what] > datetime.now(UTC):
        del waiting[what]  # the clock went back: an answer up to then would be long in coming
    return waiting.setdefault(what, since)


def end_waiting(what: str) -> None:
    """Note that the page's wait for something has ended."""
    read_memory().get(WAITING, {}).pop(what, None)


def note_answered(what: str) -> None:
    """Note that the page has got what it waited for."""
    end_waiting(what)
    read_memory().setdefault(ANSWERED, set()).add(what)


def was_answered(what: str) -> bool:
    """Say whether the page has got something for which it waited, since it was opened."""
    return what in read_memory().get(ANSWERED, ())


def forget_waits() -> None:
    """Forget when the page's waits began and how they ended, because another page follows."""
    read_memory().pop(WAITING, None)
    read_memory().pop(ANSWERED, None)


def await_answer(what: str, is_there: Callable[[], bool]) -> None:
    """Draw the page anew once something is there; each drawing that waits calls this.

    Args:
        what: its name on the page.
        is_there: says whether it is there; where it raises `AnalyticsError`, the page itself shows the error.
    """
    read_memory().setdefault(AWAITED, {})[what] = is_there
    # As long as the page has it, the browser asks for another look; see `pulse.js`.
    st.container(key=f"awaited-{what}").empty()


def forget_awaited() -> None:
    """Wait for nothing, because what waits is drawn again."""
    read_memory().pop(AWAITED, None)


def find_awaited() -> bool:
    """Say whether anything is there that the page waits for, or can't come."""
    return any(map(ask, read_memory().get(AWAITED, {}).values()))


def ask(is_there: Callable[[], bool]) -> bool:
    """Say whether something is there, or can't come."""
    try:
        return is_there()
    except AnalyticsError:
        return True
