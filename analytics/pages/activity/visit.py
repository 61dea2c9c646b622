"""When this browser was here last: a cookie of its own says so, kept by the browser and by nobody else."""

from datetime import UTC, datetime, timedelta

import streamlit as st

from analytics.pages.shared.components.script import script

COOKIE = "clc_visit"
ENDS_AFTER = timedelta(minutes=30)
LATEST_SECONDS = 10**11


def moment_of(seconds: str) -> datetime | None:
    """Return the moment of a number of seconds since 1970; None where it is none."""
    if not (seconds.isascii() and seconds.isdigit()) or int(seconds) > LATEST_SECONDS:
        return None
    return datetime.fromtimestamp(int(seconds), UTC)


def visited(cookie: str, now: datetime) -> datetime | None:
    """Return when the visit before this one ended.

    Args:
        cookie: when the visit before the latest one ended, and when that was seen last: seconds since 1970, a dot
            between them.
        now: the present moment. Half an hour after it was seen last, a visit is over.
    """
    before, _, seen = cookie.partition(".")
    last = moment_of(seen)
    if last is not None and now - last > ENDS_AFTER:
        return last
    return moment_of(before)


def last_visit() -> datetime | None:
    """Return when the visit before this one ended; None where none is known. It stays the same for the session."""
    if "_last_visit" not in st.session_state:
        st.session_state["_last_visit"] = visited(str(st.context.cookies.get(COOKIE) or ""), datetime.now(UTC))
    found: datetime | None = st.session_state["_last_visit"]
    return found


def keep_visit() -> None:
    """Let the browser take note that it is here."""
    data = {"cookie": COOKIE, "seconds": int(ENDS_AFTER.total_seconds())}
    script("visit", package=__package__)(key="visit", data=data, height=1)
