"""What all pages share: header, refresh, freshness, and what is shown while no receiver answers."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.runtime.scriptrunner import get_script_run_ctx

from analytics.client.pulse import Silence
from analytics.errors import AnalyticsError, BusyError, NotRunningError, QueryError
from analytics.pages.shared import address, answers
from analytics.pages.shared.answers import now
from analytics.pages.shared.components.script import age_line, draw_again_after, plain, script
from analytics.pages.shared.go import arrive, depart, follow_links
from analytics.pages.shared.store import ask, listener_pulse, moment, pulse, run, run_query
from analytics.pages.shared.zone import viewer_zone
from analytics.queries import Query
from analytics.text import as_markdown
from analytics.times.periods import zone_label

REFRESH = {"off": None, "1 s": 1.0, "5 s": 5.0, "30 s": 30.0}
RETRY_SECONDS = 2.0
TRY_SECONDS = 5.0
"""A part whose query failed is tried again after so long, where it does not refresh by itself."""
PULSE_SECONDS = 5.0
PATIENCE_SECONDS = 4.0
"""The browser says that the dashboard's server does not answer after so long without an answer."""
PULSE_ADDRESS = "pulse"
"""Where the dashboard's server tells what `pulse_told` returns, whatever the page waits for."""
PULSE_HTML = """\
<div class="silent" role="alert" hidden><strong></strong> <span class="old"></span><span class="reason"></span></div>
"""
GONE = "_gone"
TRIED = "_tried"
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
    """Draw the choice of how often the page refreshes, and return it in seconds."""
    chosen = st.segmented_control(
        "Refresh", list(REFRESH), default=default, key="refresh", bind="query-params", required=True, width="content"
    )
    return REFRESH[chosen or default]


def freshness(*, whole: bool) -> None:
    """Say of when what is shown is, and how old the newest notification is; both ages go on counting by themselves.

    Args:
        whole: whether all below is of this drawing; if not, what is below says itself of when it is.
    """
    row = ask("freshness").iloc[0]
    at, newest = answers.as_of(), moment(row["newest"])
    as_of = (f"As of {clock(at)}, ", at, ", ") if whole else ()
    last = ("newest notification ", newest) if newest else ("no notification yet",)
    age_line(*as_of, *last, key="age", drawn_at=now())


def clock(moment: datetime) -> str:
    """Return the time of day of a moment in the viewer's time zone, and which that is."""
    zone = viewer_zone()
    return f"{moment.astimezone(zone):%H:%M:%S} {zone_label(zone)}"


def watch() -> None:
    """Tell the browser whether the store answers; when that has changed, draw the page anew.

    The browser asks the dashboard's server for it from then on, and asks for this again when it has changed.
    """
    silence, away = pulse().silence(), answers.away()
    if GONE not in st.session_state and silence and not away:
        leave_or_stay(silence)
    if away and not silence and why_not() is None:
        answers.came_back()
        st.rerun()
    script("pulse", PULSE_HTML, counts=True)(
        key="pulse-bar",
        data={
            "turn": str(time.monotonic_ns()),
            "patience": PATIENCE_SECONDS,
            "address": PULSE_ADDRESS,
            "muted": GONE in st.session_state,
            "away": answers.away() is not None,
            **pulse_told(),
        },
    )


def pulse_told() -> dict[str, Any]:
    """Return what the browser says of the receiver, as JSON has it: None each where all is well.

    `silence` is why the store does not answer, or is slow with queries; `listener` that a listener does not answer.
    """
    return {
        "silence": as_told(pulse().silence() or pulse().slowness()),
        "listener": as_told(listener_pulse().silence()),
    }


def as_told(found: Silence | None) -> dict[str, Any] | None:
    """Return what is said of a silence: why, how long it has lasted, and whether it is only slowness."""
    return found and {"reason": found.reason.replace("`", ""), "age": age_of(found.since), "slow": found.slow}


def age_of(moment: datetime) -> float:
    """Return how long ago a moment was, in seconds."""
    return (datetime.now(UTC) - moment).total_seconds()


def why_not() -> str | None:
    """Ask whether a receiver answers, and return why none does."""
    if silence := pulse().silence():
        return silence.reason
    try:
        run("freshness")
    except AnalyticsError as error:
        return str(error)
    return None


def page(
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
        body: draws what the store is asked for; may raise `AnalyticsError`.
        refresh: which of `REFRESH` it begins with; None where only how fresh the store is is drawn again.
        instead: draws what can be told without the store, while that does not answer.
    """
    if not address.here(title):
        leave_behind()
    if address.enter(title):
        arrive()
    depart()
    style("style")
    follow_links()
    with st.container(key="header", horizontal=True, vertical_alignment="bottom", gap="medium"):
        with st.container(key="title", gap=None):
            st.subheader(title, anchor=False)
            st.caption(lead)
        seconds = refresh_control(refresh) if refresh else PULSE_SECONDS
    # Places that stay: a fragment whose first drawing is overtaken by its next has no place of its own until then, and
    # the browser refuses what comes after it.
    with st.container(key="pulse"):
        st.fragment(watch)()
    place = st.container(key="instead")
    if GONE in st.session_state:
        address.keep()
        gone(instead)
        return
    if answers.away():
        seconds = RETRY_SECONDS
        with place:
            draw_instead(instead)
    try:
        if controls:
            controls()
    except QueryError as error:
        address.keep()
        trouble(error, "controls")
        again()
        return
    except AnalyticsError as error:
        leave(error)
        return
    if refresh:
        st.fragment(guarded)("all", body, fresh=True, again_after=seconds)
    else:
        with st.container(key="freshness"):
            st.fragment(guarded)("freshness", None, fresh=True, again_after=seconds)
        st.fragment(guarded)("body", body)


@st.fragment
def draw_instead(instead: Callable[[], None] | None) -> None:
    """Draw what can be told without the store."""
    if instead:
        draw_again_after(RETRY_SECONDS, "instead")
        instead()


def leave_behind() -> None:
    """End what the page before still does, and forget what it was drawn with."""
    for end in st.session_state.pop(ENDS, {}).values():
        end()
    answers.forget()
    if silence := answers.away():
        answers.came_back()
        st.session_state[GONE] = silence


def on_leaving(name: str, end: Callable[[], None]) -> None:
    """Have something ended when another page is opened.

    Args:
        name: tells it from whatever else the page has ended.
        end: ends it.
    """
    st.session_state.setdefault(ENDS, {})[name] = end


def guarded(
    part: str, body: Callable[[], None] | None, *, fresh: bool = False, again_after: float | None = None
) -> None:
    """Draw a part of a page, or why it can't be drawn.

    Args:
        part: its name.
        body: draws it.
        fresh: whether it is said above of when it is.
        again_after: how many seconds later it is drawn again; None for never.
    """
    failure = answers.failure(part)
    due = draw_again_after(again_after or (TRY_SECONDS if failure else None), part)
    depart()
    above = st.container(key="freshness") if fresh and body else st.container() if fresh else None
    # A place that stays, so that a warning moves nothing in the browser's tree.
    place = st.container(key=f"place-of-trouble-{part}")
    keeping = None
    try:
        keeping = still_failing(part, failure, due=due) if failure else None
        if keeping:
            with place, st.container(key=f"older-{part}"):
                trouble(keeping, part, "Below is what was shown before.")
        with answers.drawing(part, keeping=keeping):
            draw_part(body, above, fresh=fresh)
    except QueryError as error:
        if keeping:
            not_kept()
        elif answers.note_failure(part, error):
            draw_anew()
        else:
            address.keep()
            with place:
                trouble(error, part)
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
    is_older = answers.keeps()
    if above and is_older:
        with above:
            freshness(whole=body is not None)
    if body:
        body()
    if above and not is_older:
        with above:
            freshness(whole=body is not None)


def still_failing(part: str, failure: answers.Failure, *, due: bool) -> QueryError | None:
    """Return why a part is to be drawn by what was kept; None where it is drawn anew.

    When it is only due again, the query that failed is run before anything is drawn: while it fails, all stays as it
    is. A click draws anew at once, as it may be what helps.
    """
    if not failure.said:
        failure.said = True
        return failure.error
    if due and isinstance(failure.asked, Query):
        try:
            run_query(failure.asked)
        except QueryError as error:
            failure.error = error
            return error
    answers.end_failure(part)
    return None


def draw_anew() -> None:
    """Draw what is being drawn once more, from its beginning: a fragment alone where only that is being drawn."""
    context = get_script_run_ctx()
    st.rerun(scope="fragment" if context and context.fragment_ids_this_run else "app")


def trouble(error: QueryError, part: str, shown: str = "") -> None:
    """Say why the receiver did not answer one question of a part of the page, and what is shown all the same."""
    with st.container(key=f"trouble-{part}"):
        kind = "The receiver is busy; this is tried again." if isinstance(error, BusyError) else "This query failed."
        said = f"{kind} {as_markdown(' '.join(str(error).split()))} {shown}".rstrip()
        st.warning(said, icon=":material/hourglass_top:")


@st.fragment
def again() -> None:
    """Draw the whole page again after some seconds: what would draw a part of it is not there."""
    draw_again_after(RETRY_SECONDS, "again")
    if st.session_state.pop(TRIED, None):
        st.rerun()
    st.session_state[TRIED] = True


def keep_or_leave(error: NotRunningError) -> None:
    """Go on showing what was drawn before the receiver went away, if something was."""
    if answers.away():
        not_kept()
    else:
        leave_or_stay(silence_of(error))


def not_kept() -> None:
    """Say that what is wanted now was not shown before."""
    address.keep()
    with st.container(key="not-kept", border=True):
        st.subheader("Not shown before", anchor=False)
        st.caption("The receiver is asked for this as soon as it answers.")


def silence_of(error: AnalyticsError) -> Silence:
    """Return why no receiver answers and since when, by an error that says so."""
    return pulse().silence() or Silence(str(error), datetime.now(UTC))


def leave_or_stay(silence: Silence) -> None:
    """Show what was drawn before as it was, if something was, or else that no receiver answers."""
    if answers.drawn():
        answers.went_away(silence)
    else:
        st.session_state[GONE] = silence
    st.rerun()


def leave(error: AnalyticsError) -> None:
    """Show from now on that no receiver answers."""
    st.session_state[GONE] = silence_of(error)
    st.rerun()


@st.fragment
def gone(instead: Callable[[], None] | None) -> None:
    """Say that no receiver answers and what to start; go back to the page as soon as one does."""
    draw_again_after(RETRY_SECONDS, "gone")
    reason = why_not()
    if reason is None:
        del st.session_state[GONE]
        st.rerun()
    silence: Silence = st.session_state[GONE]
    with st.container(key="not-running", border=True):
        if is_silent(reason):
            st.subheader("The store does not answer", anchor=False)
        else:
            st.subheader("No receiver to read from", anchor=False)
        st.text(str(reason))
        age_line(f"So it has been since {clock(silence.since)}, ", silence.since, key="gone-since")
        if not is_silent(reason):
            how_to_start()
        st.caption(f"Tried again every {RETRY_SECONDS:g} s. This page goes on by itself.")
    if instead:
        instead()


def is_silent(reason: str) -> bool:
    """Say whether a store runs, but hangs, by the reason why it can't be asked."""
    silence = pulse().silence()
    return bool(silence and silence.hangs and silence.reason == reason)


def how_to_start() -> None:
    """Say how a receiver is started."""
    st.caption("In another terminal, in the same directory, start the receiver:")
    plain("clc-receiver serve", key="serve", alt="Command")
    st.caption("Or see everything at work with made-up notifications, in a directory of its own:")
    plain("clc-receiver demo", key="demo", alt="Command")
