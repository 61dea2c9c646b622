"""What all pages share: header, refresh, freshness, and what is shown while no receiver answers."""

from collections.abc import Callable
from datetime import UTC, datetime
from importlib.resources import files

import streamlit as st

from analytics import queries
from analytics.errors import AnalyticsError, BusyError, NotRunningError, QueryError
from analytics.pages import _address, _answers, _sql_run
from analytics.pages._answers import now
from analytics.pages._go import arrive, depart, follow_links
from analytics.pages._plain import plain
from analytics.pages._store import ask, connection, moment
from analytics.pages._zone import viewer_zone
from analytics.periods import ago
from analytics.text import as_markdown
from analytics.zones import zone_label

REFRESH = {"off": None, "1 s": 1.0, "5 s": 5.0, "30 s": 30.0}
RETRY_SECONDS = 2.0
PULSE_SECONDS = 5.0
GONE = "_gone"
TRIED = "_tried"


def is_dark() -> bool:
    """Say whether the viewer's theme is dark."""
    return st.context.theme.type == "dark"


def style(name: str) -> None:
    """Add a style sheet to the page."""
    st.html(files("analytics.pages").joinpath(f"{name}.css").read_text(encoding="utf-8").join(("<style>", "</style>")))


def refresh_control(default: str) -> float | None:
    """Draw the choice of how often the page refreshes, and return it in seconds."""
    chosen = st.segmented_control(
        "Refresh", list(REFRESH), default=default, key="refresh", bind="query-params", required=True, width="content"
    )
    return REFRESH[chosen or default]


def freshness() -> None:
    """Say how fresh what is shown is; while no receiver answers, also why it is not fresh, and go on once one does."""
    if _answers.away():
        look_again()
    row = ask("freshness").iloc[0]
    at, newest = now(), moment(row["newest"])
    last = f"newest notification {ago(newest, at)}" if newest else "no notification yet"
    with st.container(key="freshness"):
        st.text(f"As of {clock(at)}, {last}")
        if reason := _answers.away():
            age = ago(_answers.drawn(), datetime.now(UTC))
            with st.container(key="stale"):
                style("stale")
                why = as_markdown(reason.replace("`", ""))
                st.warning(f"**This is as it was {age}.** {why}", icon=":material/cloud_off:")


def clock(moment: datetime) -> str:
    """Return the time of day of a moment in the viewer's time zone, and which that is."""
    zone = viewer_zone()
    return f"{moment.astimezone(zone):%H:%M:%S} {zone_label(zone)}"


def look_again() -> None:
    """Ask again whether a receiver answers, and go on if one does."""
    if reason := why_not():
        _answers.went_away(reason)
    else:
        _answers.came_back()
        st.rerun()


def why_not() -> str | None:
    """Ask whether a receiver answers, and return why none does."""
    try:
        connection().df(*queries.query("freshness", {}))
    except AnalyticsError as error:
        return str(error)
    return None


def page(
    title: str, lead: str, controls: Callable[[], None] | None, body: Callable[[], None], *, refresh: str | None = "5 s"
) -> None:
    """Draw a page: its header and controls once, its body again at every refresh.

    Args:
        title: the page's name.
        lead: one line below it.
        controls: draws the page's filters.
        body: draws what the store is asked for; may raise `AnalyticsError`.
        refresh: which of `REFRESH` it begins with; None where only how fresh the store is is drawn again.
    """
    if not _address.here(title):
        leave_behind()
    if _address.enter(title):
        arrive()
    if title != "SQL":
        _sql_run.cancel()
    depart()
    style("style")
    follow_links()
    with st.container(key="header", horizontal=True, vertical_alignment="bottom", gap="medium"):
        with st.container(key="title", gap=None):
            st.subheader(title, anchor=False)
            st.caption(lead)
        seconds = refresh_control(refresh) if refresh else PULSE_SECONDS
    if GONE in st.session_state:
        gone()
        return
    if _answers.away():
        seconds = RETRY_SECONDS
    try:
        if controls:
            controls()
    except QueryError as error:
        trouble(error)
        again()
        return
    except AnalyticsError as error:
        leave(error)
        return
    if refresh:
        st.fragment(guarded, run_every=seconds)("all", freshness, body)
    else:
        st.fragment(guarded, run_every=seconds)("freshness", freshness)
        st.fragment(guarded)("body", body)


def leave_behind() -> None:
    """Forget what the page before was drawn with."""
    _answers.forget()
    if reason := _answers.away():
        _answers.came_back()
        st.session_state[GONE] = reason


def guarded(part: str, *draws: Callable[[], None]) -> None:
    """Draw a part of a page, or why it can't be drawn."""
    depart()
    try:
        with _answers.drawing(part):
            for draw in draws:
                draw()
    except QueryError as error:
        trouble(error)
    except NotRunningError as error:
        keep_or_leave(error)
    except AnalyticsError as error:
        leave(error)


def trouble(error: QueryError) -> None:
    """Say why the receiver did not answer one question."""
    with st.container(key="trouble"):
        kind = "The receiver is busy; this is tried again." if isinstance(error, BusyError) else "This query failed."
        st.warning(f"{kind} {as_markdown(' '.join(str(error).split()))}", icon=":material/hourglass_top:")


@st.fragment(run_every=RETRY_SECONDS)
def again() -> None:
    """Draw the whole page again after some seconds: what would draw a part of it is not there."""
    if st.session_state.pop(TRIED, None):
        st.rerun()
    st.session_state[TRIED] = True


def keep_or_leave(error: NotRunningError) -> None:
    """Go on showing what was drawn before the receiver went away, if something was."""
    if _answers.away():
        with st.container(key="not-kept", border=True):
            st.subheader("Not shown before", anchor=False)
            st.caption("The receiver is asked for this as soon as it answers.")
    elif _answers.drawn():
        _answers.went_away(str(error))
        st.rerun()
    else:
        leave(error)


def leave(error: AnalyticsError) -> None:
    """Show from now on that no receiver answers."""
    st.session_state[GONE] = str(error)
    st.rerun()


@st.fragment(run_every=RETRY_SECONDS)
def gone() -> None:
    """Say that no receiver answers and what to start; go back to the page as soon as one does."""
    reason = why_not()
    if reason is None:
        del st.session_state[GONE]
        st.rerun()
    with st.container(key="not-running", border=True):
        st.subheader("No receiver to read from", anchor=False)
        st.text(str(reason))
        st.caption("In another terminal, in the same directory, start the receiver:")
        plain("clc-receiver serve", key="serve", alt="Command")
        st.caption("Or see everything at work with made-up notifications, in a directory of its own:")
        plain("clc-receiver demo", key="demo", alt="Command")
        st.caption(f"Tried again every {RETRY_SECONDS:g} s; last at {clock(now())}. This page goes on by itself.")
