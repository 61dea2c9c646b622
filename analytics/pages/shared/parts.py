"""The parts of a page: each is drawn again and again, or shows the reason why it can't be."""

from collections.abc import Callable

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.runtime.scriptrunner import get_script_run_ctx

from analytics.errors import AnalyticsError, BusyError, NotRunningError, QueryError
from analytics.pages.shared import address, answers
from analytics.pages.shared.answers import now
from analytics.pages.shared.components.script import draw_again_after, draw_age_line
from analytics.pages.shared.go import depart
from analytics.pages.shared.silence import RETRY_SECONDS, draw_not_kept, keep_or_leave, leave
from analytics.pages.shared.store import ask, moment, run_query
from analytics.pages.shared.zone import format_clock
from analytics.queries import Query
from analytics.text import as_markdown

TRY_SECONDS = 5.0
"""A part whose query failed is tried again after this time, unless it refreshes by itself."""
TRIED = "_tried"


def draw_freshness(*, whole: bool) -> None:
    """Draw the moment of the shown values and the age of the newest notification; both ages count by themselves.

    Args:
        whole: whether everything below is of this drawing; if not, each part below gives its own moment.
    """
    row = ask("freshness").iloc[0]
    at, newest = answers.read_oldest_moment(), moment(row["newest"])
    as_of = (f"As of {format_clock(at)}, ", at, ", ") if whole else ()
    last = ("newest notification ", newest) if newest else ("no notification yet",)
    draw_age_line(*as_of, *last, key="age", drawn_at=now())


def draw_guarded(
    part: str, body: Callable[[], None] | None, *, fresh: bool = False, again_after: float | None = None
) -> None:
    """Draw a part of a page, or the reason why it can't be drawn.

    Args:
        part: its name.
        body: draws it.
        fresh: whether a line above gives its moment.
        again_after: the seconds until it is drawn again; None for never.
    """
    failed = answers.read_failure(part)
    due = draw_again_after(again_after or (TRY_SECONDS if failed else None), part)
    depart()
    above = st.container(key="freshness") if fresh and body else st.container() if fresh else None
    # A fixed place, so that a warning moves nothing in the browser's tree.
    place = st.container(key=f"place-of-trouble-{part}")
    keeping = None
    try:
        keeping = check_failure(part, failed, due=due) if failed else None
        if keeping:
            with place, st.container(key=f"older-{part}"):
                draw_trouble(keeping, part, "Below is what was shown before.")
        with answers.keep_answers(part, keeping=keeping):
            draw_part(body, above, fresh=fresh)
    except QueryError as error:
        if keeping:
            draw_not_kept()
        elif answers.note_failure(part, error):
            draw_anew()
        else:
            address.keep()
            with place:
                draw_trouble(error, part)
            if not again_after:
                draw_again_after(TRY_SECONDS, f"failed-{part}")
    except NotRunningError as error:
        keep_or_leave(error)
    except AnalyticsError as error:
        leave(error)


def draw_part(body: Callable[[], None] | None, above: DeltaGenerator | None, *, fresh: bool) -> None:
    """Draw a part of a page, and the line above it with its moment: last, because older values are below until then.

    A part drawn from kept answers is older itself, so its line comes first.
    """
    if fresh:
        ask("freshness")
    is_older = answers.is_kept()
    if above and is_older:
        with above:
            draw_freshness(whole=body is not None)
    if body:
        body()
    if above and not is_older:
        with above:
            draw_freshness(whole=body is not None)


def check_failure(part: str, failure: answers.Failure, *, due: bool) -> QueryError | None:
    """Return the error because of which a part uses kept answers; None where it is drawn anew.

    On a refresh, the query that failed runs first, and the part is drawn anew only if it succeeds. After a click, the
    part is drawn anew at once, because the click may have changed the query.
    """
    if not failure.is_shown:
        failure.is_shown = True
        return failure.error
    if due and isinstance(failure.query, Query):
        try:
            run_query(failure.query)
        except QueryError as error:
            failure.error = error
            return error
    answers.end_failure(part)
    return None


def draw_anew() -> None:
    """Start the current drawing again: only the fragment where only that is being drawn."""
    context = get_script_run_ctx()
    st.rerun(scope="fragment" if context and context.fragment_ids_this_run else "app")


def draw_trouble(error: QueryError, part: str, shown: str = "") -> None:
    """Draw the error of a part's query, and a sentence about what is shown instead."""
    with st.container(key=f"trouble-{part}"):
        kind = "The receiver is busy; this is tried again." if isinstance(error, BusyError) else "This query failed."
        sentence = f"{kind} {as_markdown(' '.join(str(error).split()))} {shown}".rstrip()
        st.warning(sentence, icon=":material/hourglass_top:")


@st.fragment
def draw_again_soon() -> None:
    """Draw the whole page again after some seconds, because no part can draw itself."""
    draw_again_after(RETRY_SECONDS, "again")
    if st.session_state.pop(TRIED, None):
        st.rerun()
    st.session_state[TRIED] = True
