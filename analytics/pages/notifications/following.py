"""Whether the list follows what comes, or stays as it is: paused, leafed to an older page, or with something open."""

from datetime import UTC, datetime
from typing import NamedTuple

import streamlit as st

from analytics.pages.shared import address
from analytics.pages.shared.answers import if_answered, now
from analytics.pages.shared.opened import Opened, as_seq, opened
from analytics.pages.shared.store import ask

DOWNLOAD = "download"
DRAWN = "_list_drawn"
HELD = "_list_held"


class Point(NamedTuple):
    """Up to which notification (by `seq`) the list goes, and when that was."""

    upto: int
    at: datetime


def newest() -> Point:
    """Return the point up to which all goes that is stored now."""
    return Point(int(ask("tail_end").iloc[0]["last"]), now())


def paused() -> Point | None:
    """Return where the address says that the list is paused; None where it is not."""
    upto = as_seq(address.get("paused"))
    if upto is None:
        return None
    try:
        at = datetime.fromisoformat(address.get("at") or "")
        return Point(upto, at.replace(tzinfo=at.tzinfo or UTC).astimezone(UTC))
    except (ValueError, OverflowError):
        return Point(upto, now())


def is_held() -> bool:
    """Say whether the list stays as it is because of what the user looks at."""
    downloading = bool(st.session_state.get(DOWNLOAD))
    return downloading or opened() != Opened() or address.get("before") is not None


def point() -> Point:
    """Return up to where the list goes now."""
    if asked := paused():
        return asked
    if not is_held():
        st.session_state.pop(HELD, None)
        st.session_state[DRAWN] = newest()
        return drawn()
    if HELD not in st.session_state:
        st.session_state[HELD] = drawn()
    held: Point = st.session_state[HELD]
    return held


def drawn() -> Point:
    """Return up to where the list went when it was last drawn."""
    last: Point | None = st.session_state.get(DRAWN)
    return last or newest()


def forget() -> None:
    """Forget what was drawn when the page was last left."""
    st.session_state.pop(DRAWN, None)


def pause() -> None:
    """Let the list stay as it is."""
    here = point() if is_held() else drawn()
    address.put(paused=str(here.upto), at=here.at.isoformat())


def resume() -> None:
    """Let the list follow what comes, from its first page on."""
    st.session_state.pop(HELD, None)
    st.session_state.pop(DRAWN, None)
    address.put(paused=None, at=None, before=None)


@if_answered
def catch_up() -> None:
    """Show what came while the list stayed; it stays again from there, where something still makes it."""
    st.session_state.pop(HELD, None)
    st.session_state[DRAWN] = here = newest()
    if paused():
        address.put(paused=str(here.upto), at=here.at.isoformat(), before=None)
    else:
        address.put(before=None)
