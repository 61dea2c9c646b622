"""The parts of a page: each is drawn again and again, or says why it can't be."""

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
"""A part whose query failed is tried again after so long, where it does not refresh by itself."""
TRIED = "_tried"


def draw_freshness(*, whole: bool) -> None:
    """Say of when what is shown is, and how old the newest notification is; both ages go on counting by themselves.

    Args:
        whole: whether all below is of this drawing; if not, what is below says itself of when it is.
    """
    row = ask("freshness").iloc[0]
    at, newest = answers.read_oldest_moment(), moment(row["newest"])
    as_of = (f"As of {format_clock(at)}, ", at, ", ") if whole else ()
    last = ("newest notification ", newest) if newest else ("no notification yet",)
    draw_age_line(*as_of, *last, key="age", drawn_at=now())


def draw_guarded(
    part: str, body: Callable[[], None] | None, *, fresh: bool = False, again_after: float | None = None
) -> None:
    """Draw a part of a page, or why it can't be drawn.

    Args:
        part: its name.
        body: draws it.
        fresh: whether it is said above of when it is.
        again_after: how many seconds later it is drawn again; None for never.
    """
    failed = answers.read_failure(part)
    due = draw_again_after(again_after or (TRY_SECONDS if failed else None), part)
    depart()
    above = st.container(key="freshness") if fresh and body else st.container() if fresh else None
    # A place that stays, so that a warning moves nothing in the browser's tree.
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
    """Draw a part of a page, and above it of when it is: at the end, as until then something older is still below.

    What is drawn by what was kept is that older one, and says so first.
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
    """Return why a part is to be drawn by what was kept; None where it is drawn anew.

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
    """Draw what is being drawn once more, from its beginning: a fragment alone where only that is being drawn."""
    context = get_script_run_ctx()
    st.rerun(scope="fragment" if context and context.fragment_ids_this_run else "app")


def draw_trouble(error: QueryError, part: str, shown: str = "") -> None:
    """Say why the receiver did not answer one question of a part of the page, and what is shown all the same."""
    with st.container(key=f"trouble-{part}"):
        kind = "The receiver is busy; this is tried again." if isinstance(error, BusyError) else "This query failed."
        sentence = f"{kind} {as_markdown(' '.join(str(error).split()))} {shown}".rstrip()
        st.warning(sentence, icon=":material/hourglass_top:")


@st.fragment
def draw_again_soon() -> None:
    """Draw the whole page again after some seconds: what would draw a part of it is not there."""
    draw_again_after(RETRY_SECONDS, "again")
    if st.session_state.pop(TRIED, None):
        st.rerun()
    st.session_state[TRIED] = True
