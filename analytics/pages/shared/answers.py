"""Keeps the store's answers to a drawing, so that a page can be drawn again while no receiver answers.

A drawing has one moment as its present, and asks nothing twice. When a page is drawn again for that moment, it asks
the same questions, so the kept answers are all that it needs. The same is true for a part of a page whose query fails.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from analytics.client.pulse import Silence
from analytics.errors import AnalyticsError, NotRunningError, QueryError
from analytics.pages.shared.known.memory import read_memory

P = ParamSpec("P")
T = TypeVar("T")
DRAWN = "_drawn"
FAILED = "_failed"
ASKED = "_asked"
AWAY = "_away"


@dataclass
class Drawing:
    """A drawn part of a page: its moment, and the store's answers by question.

    `as_of` is the moment of its oldest answer.
    """

    at: datetime
    as_of: datetime
    answers: dict[str, Any] = field(default_factory=dict)


# Streamlit starts a new thread of a session for a move of the browser, while the old one still draws: each has its own.
_drawing: ContextVar[Drawing | None] = ContextVar("drawing", default=None)
_keeping: ContextVar[QueryError | None] = ContextVar("keeping", default=None)


@dataclass
class Failure:
    """A failed query of a part of the page, its error, and whether the page has shown that."""

    error: QueryError
    query: Any
    is_shown: bool = False


def forget() -> None:
    """Forget all drawings, because another page follows."""
    read_memory().pop(DRAWN, None)
    read_memory().pop(FAILED, None)


def note_moment(moment: datetime) -> None:
    """Note that a value in the current drawing is of this moment."""
    if drawing := _drawing.get():
        drawing.as_of = min(drawing.as_of, moment)


def read_oldest_moment() -> datetime:
    """Return the moment of the oldest value in the current drawing; the page must not claim to be newer."""
    drawing = _drawing.get()
    return drawing.as_of if drawing else datetime.now(UTC)


def read_silence() -> Silence | None:
    """Return the store's silence that was noted last; None where the store can be asked."""
    silence: Silence | None = read_memory().get(AWAY)
    return silence


def note_silence(silence: Silence) -> None:
    """Note that the store can't be asked."""
    read_memory()[AWAY] = silence


def end_silence() -> None:
    """Note that the store can be asked again."""
    read_memory().pop(AWAY, None)


def find_oldest() -> datetime | None:
    """Return the time of the page's oldest answer; None where no part was ever drawn completely."""
    parts: dict[str, Drawing] = read_memory().get(DRAWN, {})
    return min((part.as_of for part in parts.values()), default=None)


def read_now() -> datetime:
    """Return the present moment: that of the current drawing, else the clock's."""
    drawing = _drawing.get()
    return drawing.at if drawing else datetime.now(UTC)


def read_failure(part: str) -> Failure | None:
    """Return the last failure to draw a part anew; None without one."""
    failures: dict[str, Failure] = read_memory().get(FAILED, {})
    return failures.get(part)


def note_failure(part: str, error: QueryError) -> bool:
    """Note that a part could not be drawn anew; return whether it was drawn before."""
    if part not in read_memory().get(DRAWN, {}):
        return False
    query = read_memory().pop(ASKED, None)
    read_memory().setdefault(FAILED, {})[part] = Failure(error, query)
    return True


def end_failure(part: str) -> None:
    """Note that a part may be drawn anew."""
    read_memory().get(FAILED, {}).pop(part, None)


def is_kept() -> bool:
    """Say whether the current drawing uses kept answers."""
    return read_silence() is not None or _keeping.get() is not None


@contextmanager
def keep_answers(part: str, *, keeping: QueryError | None = None) -> Iterator[None]:
    """Keep the answers while a part of the page is drawn, or use those that were kept.

    Args:
        part: its name.
        keeping: the error because of which the part uses kept answers; it also does while the store does not answer.
    """
    parts: dict[str, Drawing] = read_memory().setdefault(DRAWN, {})
    before = parts.get(part)
    at = datetime.now(UTC)
    kept = _keeping.set(keeping)
    begun = before if is_kept() and before else Drawing(at, at)
    drawn = _drawing.set(begun)
    try:
        yield
        if not is_kept():
            parts[part] = begun
    finally:
        _drawing.reset(drawn)
        _keeping.reset(kept)


def answer(question: Any, ask: Callable[[], T]) -> T:
    """Return the store's answer, or the kept one of the same drawing.

    Args:
        question: what the store is asked; `repr` tells questions apart.
        ask: asks it.

    Raises:
        AnalyticsError: no answer was kept, and the store can't be asked now.
    """
    drawing = _drawing.get()
    key = repr(question)
    if drawing is not None and key in drawing.answers:
        kept: T = drawing.answers[key]
        return kept
    if silence := read_silence():
        raise NotRunningError(silence.reason)
    if error := _keeping.get():
        raise error.with_traceback(None)
    try:
        answered = ask()
    except QueryError:
        read_memory()[ASKED] = question
        raise
    if drawing is not None:
        drawing.answers[key] = answered
    return answered


def skip_unanswered(click: Callable[P, None]) -> Callable[P, None]:
    """Let a click's function end quietly where the store can't be asked: the page itself shows the reason."""

    @wraps(click)
    def click_unless_unanswered(*args: P.args, **kwargs: P.kwargs) -> None:
        with suppress(AnalyticsError):
            click(*args, **kwargs)

    return click_unless_unanswered
