"""What the store answered when a page was drawn: with that it stays as it was while no receiver answers.

A drawing has one moment that it takes for now, and asks nothing twice. Drawn again for that moment, a page asks the
very same, and so what was answered then is all that it needs.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import streamlit as st

from analytics.errors import AnalyticsError, NotRunningError
from analytics.pulse import Silence

P = ParamSpec("P")
T = TypeVar("T")
DRAWING = "_drawing"
WAITING = "_waiting"
DRAWN = "_drawn"
AWAY = "_away"


@dataclass
class Drawing:
    """A part of a page as it was drawn: when, and what the store answered for it by what it was asked.

    `as_of` is the moment of the oldest of its answers.
    """

    at: datetime
    as_of: datetime
    answers: dict[str, Any] = field(default_factory=dict)


def forget() -> None:
    """Forget what was drawn, as the next is another page."""
    st.session_state.pop(DRAWN, None)
    st.session_state.pop(WAITING, None)


def begin_waiting(what: str, since: datetime) -> datetime:
    """Return since when this page waits for something: since now where it did not before."""
    waiting: dict[str, datetime] = st.session_state.setdefault(WAITING, {})
    return waiting.setdefault(what, since)


def end_waiting(what: str) -> None:
    """Take note that what this page waited for has come."""
    st.session_state.get(WAITING, {}).pop(what, None)


def is_as_of(moment: datetime) -> None:
    """Take note that something that is being drawn was so at a moment, and may be otherwise now."""
    drawing: Drawing | None = st.session_state.get(DRAWING)
    if drawing:
        drawing.as_of = min(drawing.as_of, moment)


def as_of() -> datetime:
    """Return the moment of the oldest that is being drawn; no page may say that it is of a newer one."""
    drawing: Drawing | None = st.session_state.get(DRAWING)
    return drawing.as_of if drawing else datetime.now(UTC)


def away() -> Silence | None:
    """Return why the store can't be asked and since when, as was found out last; None where it can."""
    silence: Silence | None = st.session_state.get(AWAY)
    return silence


def went_away(silence: Silence) -> None:
    """Take note that the store can't be asked, why, and since when."""
    st.session_state[AWAY] = silence


def came_back() -> None:
    """Take note that the store can be asked again."""
    st.session_state.pop(AWAY, None)


def drawn() -> datetime | None:
    """Return of when the oldest part of the page is; None where no part of it was ever drawn whole."""
    parts: dict[str, Drawing] = st.session_state.get(DRAWN, {})
    return min((part.as_of for part in parts.values()), default=None)


def now() -> datetime:
    """Return the present moment: the one of what is being drawn, or else the clock's."""
    drawing: Drawing | None = st.session_state.get(DRAWING)
    return drawing.at if drawing else datetime.now(UTC)


@contextmanager
def drawing(part: str) -> Iterator[None]:
    """Draw a part of the page: keep what is answered for it, or while no receiver answers draw by what was kept."""
    parts: dict[str, Drawing] = st.session_state.setdefault(DRAWN, {})
    before = parts.get(part)
    at = datetime.now(UTC)
    st.session_state[DRAWING] = begun = before if away() and before else Drawing(at, at)
    try:
        yield
        if not away():
            parts[part] = begun
    finally:
        st.session_state.pop(DRAWING, None)


def answer(asked: Any, ask: Callable[[], T]) -> T:
    """Return what the store answers, or has answered for the same drawing before.

    Args:
        asked: what it is asked, as what `repr` tells apart.
        ask: asks it.

    Raises:
        AnalyticsError: it was not asked before, and can't be now.
    """
    drawing: Drawing | None = st.session_state.get(DRAWING)
    key = repr(asked)
    if drawing is not None and key in drawing.answers:
        kept: T = drawing.answers[key]
        return kept
    if silence := away():
        raise NotRunningError(silence.reason)
    answered = ask()
    if drawing is not None:
        drawing.answers[key] = answered
    return answered


def if_answered(click: Callable[P, None]) -> Callable[P, None]:
    """Make of what a click does one that ends where the store can't be asked: the page itself says why not."""

    @wraps(click)
    def clicked(*args: P.args, **kwargs: P.kwargs) -> None:
        with suppress(AnalyticsError):
            click(*args, **kwargs)

    return clicked
