"""What the store answered when a page was drawn: with that it stays as it was while no receiver answers.

A drawing has one moment that it takes for now, and asks nothing twice. Drawn again for that moment, a page asks the
very same, and so what was answered then is all that it needs. The same goes for a part of it, while a query of that
part fails.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import streamlit as st

from analytics.client.pulse import Silence
from analytics.errors import AnalyticsError, NotRunningError, QueryError

P = ParamSpec("P")
T = TypeVar("T")
DRAWING = "_drawing"
WAITING = "_waiting"
DRAWN = "_drawn"
FAILED = "_failed"
KEEPING = "_keeping"
ASKED = "_asked"
AWAY = "_away"


@dataclass
class Drawing:
    """A part of a page as it was drawn: when, and what the store answered for it by what it was asked.

    `as_of` is the moment of the oldest of its answers.
    """

    at: datetime
    as_of: datetime
    answers: dict[str, Any] = field(default_factory=dict)


@dataclass
class Failure:
    """Why a query of a part of the page failed, what was asked, and whether the page has said so."""

    error: QueryError
    query: Any
    is_shown: bool = False


def forget() -> None:
    """Forget what was drawn, as the next is another page."""
    st.session_state.pop(DRAWN, None)
    st.session_state.pop(WAITING, None)
    st.session_state.pop(FAILED, None)


def begin_waiting(what: str, since: datetime) -> datetime:
    """Return since when this page waits for something: since now where it did not before."""
    waiting: dict[str, datetime] = st.session_state.setdefault(WAITING, {})
    return waiting.setdefault(what, since)


def end_waiting(what: str) -> None:
    """Take note that what this page waited for has come."""
    st.session_state.get(WAITING, {}).pop(what, None)


def note_moment(moment: datetime) -> None:
    """Take note that something that is being drawn was so at a moment, and may be otherwise now."""
    drawing: Drawing | None = st.session_state.get(DRAWING)
    if drawing:
        drawing.as_of = min(drawing.as_of, moment)


def read_oldest_moment() -> datetime:
    """Return the moment of the oldest that is being drawn; no page may say that it is of a newer one."""
    drawing: Drawing | None = st.session_state.get(DRAWING)
    return drawing.as_of if drawing else datetime.now(UTC)


def read_silence() -> Silence | None:
    """Return why the store can't be asked and since when, as was found out last; None where it can."""
    silence: Silence | None = st.session_state.get(AWAY)
    return silence


def note_silence(silence: Silence) -> None:
    """Take note that the store can't be asked, why, and since when."""
    st.session_state[AWAY] = silence


def end_silence() -> None:
    """Take note that the store can be asked again."""
    st.session_state.pop(AWAY, None)


def find_oldest() -> datetime | None:
    """Return of when the oldest part of the page is; None where no part of it was ever drawn whole."""
    parts: dict[str, Drawing] = st.session_state.get(DRAWN, {})
    return min((part.as_of for part in parts.values()), default=None)


def now() -> datetime:
    """Return the present moment: the one of what is being drawn, or else the clock's."""
    drawing: Drawing | None = st.session_state.get(DRAWING)
    return drawing.at if drawing else datetime.now(UTC)


def read_failure(part: str) -> Failure | None:
    """Return why a part of the page could not be drawn anew, as was found out last; None where it could."""
    failures: dict[str, Failure] = st.session_state.get(FAILED, {})
    return failures.get(part)


def note_failure(part: str, error: QueryError) -> bool:
    """Take note that a part could not be drawn anew; return whether it was drawn before."""
    if part not in st.session_state.get(DRAWN, {}):
        return False
    query = st.session_state.pop(ASKED, None)
    st.session_state.setdefault(FAILED, {})[part] = Failure(error, query)
    return True


def end_failure(part: str) -> None:
    """Take note that a part may be drawn anew."""
    st.session_state.get(FAILED, {}).pop(part, None)


def is_kept() -> bool:
    """Say whether what is being drawn is what was drawn before, by what was answered then."""
    return read_silence() is not None or st.session_state.get(KEEPING) is not None


@contextmanager
def keep_answers(part: str, *, keeping: QueryError | None = None) -> Iterator[None]:
    """Draw a part of the page: keep what is answered for it, or else draw by what was kept.

    Args:
        part: its name.
        keeping: why it is drawn by what was kept, though the store answers. While it does not, it is, too.
    """
    parts: dict[str, Drawing] = st.session_state.setdefault(DRAWN, {})
    before = parts.get(part)
    at = datetime.now(UTC)
    st.session_state[KEEPING] = keeping
    st.session_state[DRAWING] = begun = before if is_kept() and before else Drawing(at, at)
    try:
        yield
        if not is_kept():
            parts[part] = begun
    finally:
        st.session_state.pop(DRAWING, None)
        st.session_state.pop(KEEPING, None)


def answer(question: Any, ask: Callable[[], T]) -> T:
    """Return what the store answers, or has answered for the same drawing before.

    Args:
        question: what the store is asked; `repr` tells questions apart.
        ask: asks it.

    Raises:
        AnalyticsError: it was not asked before, and can't be now.
    """
    drawing: Drawing | None = st.session_state.get(DRAWING)
    key = repr(question)
    if drawing is not None and key in drawing.answers:
        kept: T = drawing.answers[key]
        return kept
    if silence := read_silence():
        raise NotRunningError(silence.reason)
    if error := st.session_state.get(KEEPING):
        raise error.with_traceback(None)
    try:
        answered = ask()
    except QueryError:
        st.session_state[ASKED] = question
        raise
    if drawing is not None:
        drawing.answers[key] = answered
    return answered


def skip_unanswered(click: Callable[P, None]) -> Callable[P, None]:
    """Make of what a click does one that ends where the store can't be asked: the page itself says why not."""

    @wraps(click)
    def clicked(*args: P.args, **kwargs: P.kwargs) -> None:
        with suppress(AnalyticsError):
            click(*args, **kwargs)

    return clicked
