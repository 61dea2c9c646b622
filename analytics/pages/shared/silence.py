"""A page while the store does not answer: its contents, and the check whether the store is back."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import streamlit as st
from streamlit.runtime import get_instance
from streamlit.runtime.scriptrunner import get_script_run_ctx

from analytics.client.pulse import Silence
from analytics.errors import AnalyticsError, NotRunningError
from analytics.pages.shared import address, answers
from analytics.pages.shared.components import draw_again_after, draw_age_line, draw_text, register_script
from analytics.pages.shared.formatting import format_clock
from analytics.pages.shared.known.described_senders import look_for_senders, read_drawn_edition
from analytics.pages.shared.known.memory import read_memory
from analytics.pages.shared.known.waiting import find_awaited
from analytics.pages.shared.store import open_listener_pulse, open_pulse, run

RETRY_SECONDS = 2.0
PATIENCE_SECONDS = 4.0
"""After this time without an answer, the browser says that the dashboard's server does not answer."""
PULSE_ADDRESS = "pulse"
"""The path at which the dashboard's server always answers with the result of `describe_pulse`."""
SESSION_HEADER = "Clc-Session"
"""The header of a request for the pulse that names the browser's session."""
PULSE_HTML = """\
<div class="silent" role="alert" hidden><strong></strong> <span class="old"></span><span class="reason"></span></div>
"""
GONE = "_gone"


def watch() -> None:
    """Tell the browser whether the store answers; draw the page anew when something else is known.

    That is whether the store answers, the senders, or what the page waits for. From then on the browser asks the
    dashboard's server, and asks for this drawing again after a change and while the page waits.
    """
    silence, away = open_pulse().find_silence(), answers.read_silence()
    if GONE not in read_memory() and silence and not away:
        leave_or_stay(silence)
    if away and not silence and find_reason() is None:
        answers.end_silence()
        st.rerun()
    known = describe_pulse()
    if known["senders"] != read_drawn_edition() or find_awaited():
        st.rerun()
    register_script("pulse", PULSE_HTML, counts=True)(
        key="pulse-bar",
        data={
            "turn": str(time.monotonic_ns()),
            "patience": PATIENCE_SECONDS,
            "address": PULSE_ADDRESS,
            "session": read_session_id(),
            "muted": GONE in read_memory(),
            "away": answers.read_silence() is not None,
            "drawn_with": known["senders"],
            **known,
        },
    )


def read_session_id() -> str:
    """Return the id of the browser's session."""
    context = get_script_run_ctx()
    return context.session_id if context else ""


def is_known(session: str) -> bool:
    """Say whether this server can still draw on the page of a session.

    It can't where the session is one of an earlier process, or was given up while the browser's machine slept.
    """
    return get_instance().is_active_session(session)


def describe_pulse() -> dict[str, Any]:
    """Return the receiver's troubles for the browser, as JSON; each is None where all is well.

    `silence`: the store does not answer, or is slow with queries. `listener`: a listener does not answer. `senders`:
    the edition of what is known of them; a page that was drawn with another one is drawn again.
    """
    return {
        "silence": describe(open_pulse().find_silence() or open_pulse().find_slowness()),
        "listener": describe(open_listener_pulse().find_silence()),
        "senders": look_for_senders(),
    }


def describe(silence: Silence | None) -> dict[str, Any] | None:
    """Return a silence for the browser: its reason, its age in seconds, and whether it is only slowness."""
    return silence and {
        "reason": silence.reason.replace("`", ""),
        "age": measure_age(silence.since),
        "slow": silence.slow,
    }


def measure_age(moment: datetime) -> float:
    """Return the age of a moment, in seconds."""
    return (datetime.now(UTC) - moment).total_seconds()


def find_reason() -> str | None:
    """Ask the store, and return the reason why it does not answer; None where it does."""
    if silence := open_pulse().find_silence():
        return silence.reason
    try:
        run("freshness")
    except AnalyticsError as error:
        return str(error)
    return None


def keep_or_leave(error: NotRunningError) -> None:
    """Keep showing earlier drawings while the receiver is away, if there are any."""
    if answers.read_silence():
        draw_not_kept()
    else:
        leave_or_stay(find_silence(error))


def draw_not_kept() -> None:
    """Say that this was not shown before the receiver went away."""
    address.keep()
    with st.container(key="not-kept", border=True):
        st.subheader("Not shown before", anchor=False)
        st.caption("This is loaded as soon as the receiver answers.")


def find_silence(error: AnalyticsError) -> Silence:
    """Return the store's silence, or one that begins now with an error."""
    return open_pulse().find_silence() or Silence(str(error), datetime.now(UTC))


def leave_or_stay(silence: Silence) -> None:
    """Show the earlier drawing, if there is one, or else say that no receiver answers."""
    if answers.find_oldest():
        answers.note_silence(silence)
    else:
        read_memory()[GONE] = silence
    st.rerun()


def leave(error: AnalyticsError) -> None:
    """Say from now on that no receiver answers."""
    read_memory()[GONE] = find_silence(error)
    st.rerun()


def read_gone() -> Silence | None:
    """Return the silence of a page that has nothing to show: the pulse knows its begin best.

    It is None where the session's other thread has found the store again: Streamlit starts a new one for a move of the
    browser, while the old one still draws.
    """
    gone: Silence | None = read_memory().get(GONE)
    return gone and (open_pulse().find_silence() or gone)


def draw_age_of_silence() -> None:
    """Draw the age of the last answer, with the lamp of an old page, where the page has nothing to show."""
    if silence := read_gone():
        draw_age_line(silence.since, " · no answer since then", key="age-gone", lamp="old", trouble="")


@st.fragment
def draw_gone(instead: Callable[[], None] | None) -> None:
    """Say that no receiver answers, and how to start one; return to the page as soon as one answers."""
    draw_again_after(RETRY_SECONDS, "gone")
    reason, silence = find_reason(), read_gone()
    if reason is None or silence is None:
        read_memory().pop(GONE, None)
        st.rerun()
    with st.container(key="not-running", border=True):
        if is_silent(reason):
            st.subheader("The store does not answer", anchor=False)
        else:
            st.subheader("No receiver to read from", anchor=False)
        st.text(reason.replace("`", ""))
        draw_age_line(f"This began at {format_clock(silence.since)}, ", silence.since, key="gone-since")
        if not is_silent(reason):
            draw_how_to_start()
        st.caption(f"Retrying every {RETRY_SECONDS:g} s. This page continues by itself.")
    if instead:
        instead()


@st.fragment
def draw_instead(instead: Callable[[], None] | None) -> None:
    """Draw the facts that are known without the store."""
    if instead:
        draw_again_after(RETRY_SECONDS, "instead")
        instead()


def is_silent(reason: str) -> bool:
    """Say whether a reason means that the store runs, but hangs."""
    silence = open_pulse().find_silence()
    return bool(silence and silence.hangs and silence.reason == reason)


def draw_how_to_start() -> None:
    """Draw the commands that start a receiver."""
    st.caption("In another terminal, in the same directory, start the receiver:")
    draw_text("clc-receiver serve", key="serve", alt="Command")
    st.caption("Or see everything at work with made-up notifications, in a directory of its own:")
    draw_text("clc-receiver demo", key="demo", alt="Command")
