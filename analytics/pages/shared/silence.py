"""A page while the store does not answer: what it shows, and how it finds out that the store is back."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import streamlit as st

from analytics.client.pulse import Silence
from analytics.errors import AnalyticsError, NotRunningError
from analytics.pages.shared import address, answers
from analytics.pages.shared.components.script import draw_again_after, draw_age_line, draw_text, script
from analytics.pages.shared.store import listener_pulse, pulse, run
from analytics.pages.shared.zone import format_clock

RETRY_SECONDS = 2.0
PATIENCE_SECONDS = 4.0
"""The browser says that the dashboard's server does not answer after so long without an answer."""
PULSE_ADDRESS = "pulse"
"""Where the dashboard's server tells what `describe_pulse` returns, whatever the page waits for."""
PULSE_HTML = """\
<div class="silent" role="alert" hidden><strong></strong> <span class="old"></span><span class="reason"></span></div>
"""
GONE = "_gone"


def watch() -> None:
    """Tell the browser whether the store answers; when that has changed, draw the page anew.

    The browser asks the dashboard's server for it from then on, and asks for this again when it has changed.
    """
    silence, away = pulse().silence(), answers.read_silence()
    if GONE not in st.session_state and silence and not away:
        leave_or_stay(silence)
    if away and not silence and find_reason() is None:
        answers.end_silence()
        st.rerun()
    script("pulse", PULSE_HTML, counts=True)(
        key="pulse-bar",
        data={
            "turn": str(time.monotonic_ns()),
            "patience": PATIENCE_SECONDS,
            "address": PULSE_ADDRESS,
            "muted": GONE in st.session_state,
            "away": answers.read_silence() is not None,
            **describe_pulse(),
        },
    )


def describe_pulse() -> dict[str, Any]:
    """Return what the browser says of the receiver, as JSON has it: None each where all is well.

    `silence` is why the store does not answer, or is slow with queries; `listener` that a listener does not answer.
    """
    return {
        "silence": describe(pulse().silence() or pulse().slowness()),
        "listener": describe(listener_pulse().silence()),
    }


def describe(silence: Silence | None) -> dict[str, Any] | None:
    """Return what is said of a silence: why, how long it has lasted, and whether it is only slowness."""
    return silence and {"reason": silence.reason.replace("`", ""), "age": age_of(silence.since), "slow": silence.slow}


def age_of(moment: datetime) -> float:
    """Return how long ago a moment was, in seconds."""
    return (datetime.now(UTC) - moment).total_seconds()


def find_reason() -> str | None:
    """Ask whether a receiver answers, and return why none does."""
    if silence := pulse().silence():
        return silence.reason
    try:
        run("freshness")
    except AnalyticsError as error:
        return str(error)
    return None


def keep_or_leave(error: NotRunningError) -> None:
    """Go on showing what was drawn before the receiver went away, if something was."""
    if answers.read_silence():
        draw_not_kept()
    else:
        leave_or_stay(find_silence(error))


def draw_not_kept() -> None:
    """Say that what is wanted now was not shown before."""
    address.keep()
    with st.container(key="not-kept", border=True):
        st.subheader("Not shown before", anchor=False)
        st.caption("The receiver is asked for this as soon as it answers.")


def find_silence(error: AnalyticsError) -> Silence:
    """Return why no receiver answers and since when, by an error that says so."""
    return pulse().silence() or Silence(str(error), datetime.now(UTC))


def leave_or_stay(silence: Silence) -> None:
    """Show what was drawn before as it was, if something was, or else that no receiver answers."""
    if answers.find_oldest():
        answers.note_silence(silence)
    else:
        st.session_state[GONE] = silence
    st.rerun()


def leave(error: AnalyticsError) -> None:
    """Show from now on that no receiver answers."""
    st.session_state[GONE] = find_silence(error)
    st.rerun()


@st.fragment
def draw_gone(instead: Callable[[], None] | None) -> None:
    """Say that no receiver answers and what to start; go back to the page as soon as one does."""
    draw_again_after(RETRY_SECONDS, "gone")
    reason = find_reason()
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
        draw_age_line(f"So it has been since {format_clock(silence.since)}, ", silence.since, key="gone-since")
        if not is_silent(reason):
            draw_how_to_start()
        st.caption(f"Tried again every {RETRY_SECONDS:g} s. This page goes on by itself.")
    if instead:
        instead()


@st.fragment
def draw_instead(instead: Callable[[], None] | None) -> None:
    """Draw what can be told without the store."""
    if instead:
        draw_again_after(RETRY_SECONDS, "instead")
        instead()


def is_silent(reason: str) -> bool:
    """Say whether a store runs, but hangs, by the reason why it can't be asked."""
    silence = pulse().silence()
    return bool(silence and silence.hangs and silence.reason == reason)


def draw_how_to_start() -> None:
    """Say how a receiver is started."""
    st.caption("In another terminal, in the same directory, start the receiver:")
    draw_text("clc-receiver serve", key="serve", alt="Command")
    st.caption("Or see everything at work with made-up notifications, in a directory of its own:")
    draw_text("clc-receiver demo", key="demo", alt="Command")
