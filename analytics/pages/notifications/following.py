"""The list follows new notifications, or stays the same: paused, on an older page, or with an open item."""

from datetime import UTC, datetime
from typing import NamedTuple

import streamlit as st

from analytics.pages.shared import address
from analytics.pages.shared.answers import now, skip_unanswered
from analytics.pages.shared.open_item import OpenItem, as_seq, read_open_item
from analytics.pages.shared.store import ask

DOWNLOAD = "download"
DRAWN = "_list_drawn"
HELD = "_list_held"


class Point(NamedTuple):
    """The end of the list: its last notification (by `seq`), and the moment of that."""

    upto: int
    at: datetime


def find_newest() -> Point:
    """Return the current end of the store."""
    return Point(int(ask("tail_end").iloc[0]["last"]), now())


def read_pause() -> Point | None:
    """Return the point in the address at which the list is paused; None where it is not."""
    upto = as_seq(address.get("paused"))
    if upto is None:
        return None
    try:
        at = datetime.fromisoformat(address.get("at") or "")
        return Point(upto, at.replace(tzinfo=at.tzinfo or UTC).astimezone(UTC))
    except (ValueError, OverflowError):
        return Point(upto, now())


def is_held() -> bool:
    """Say whether the list stays the same because of the user's place on the page."""
    downloading = bool(st.session_state.get(DOWNLOAD))
    return downloading or read_open_item() != OpenItem() or address.get("before") is not None


def find_point() -> Point:
    """Return the current end of the list."""
    if point := read_pause():
        return point
    if not is_held():
        st.session_state.pop(HELD, None)
        st.session_state[DRAWN] = find_newest()
        return read_drawn()
    if HELD not in st.session_state:
        st.session_state[HELD] = read_drawn()
    held: Point = st.session_state[HELD]
    return held


def read_drawn() -> Point:
    """Return the end of the list at its last drawing."""
    last: Point | None = st.session_state.get(DRAWN)
    return last or find_newest()


def forget() -> None:
    """Forget the drawing from before the page was left."""
    st.session_state.pop(DRAWN, None)


def pause() -> None:
    """Let the list stay the same."""
    here = find_point() if is_held() else read_drawn()
    address.put(paused=str(here.upto), at=here.at.isoformat())


def resume() -> None:
    """Let the list follow new notifications, from its first page on."""
    st.session_state.pop(HELD, None)
    st.session_state.pop(DRAWN, None)
    address.put(paused=None, at=None, before=None)


@skip_unanswered
def catch_up() -> None:
    """Show the notifications since the list stopped; it stops there again while something still holds it."""
    st.session_state.pop(HELD, None)
    st.session_state[DRAWN] = here = find_newest()
    if read_pause():
        address.put(paused=str(here.upto), at=here.at.isoformat(), before=None)
    else:
        address.put(before=None)
