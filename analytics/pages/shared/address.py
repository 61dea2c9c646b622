"""The part of a page's state that is in its address: what is open, which page of a list, which account.

The browser sends its address with each refresh, also one that it sent off just before it heard of a change made here.
Such an address of a moment ago is not taken for the user's wish: for a short while after a change, an address that was
left behind is put right instead of obeyed.
"""

import time
from typing import NamedTuple

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.scriptrunner_utils.script_run_context import ScriptRunContext

from analytics.pages.pages import NAMES

SHOWN = ("account_choice", "account_looked_for", "at-choice")
"""Widgets of several pages that show a value of the address; what one showed on the page before is not the next's."""
STALE_SECONDS = 10.0
STATE = "_address"
PAGE = "_page"
ARRIVING = "_arriving"
FIRST_PAGE = "_first_page"

Values = dict[str, str]


class AddressHistory(NamedTuple):
    """What was written into the address last, and what was left behind for it, each with when."""

    values: Values
    left: list[tuple[Values, float]]

    def was_left_lately(self, values: Values) -> bool:
        """Say whether the address had these values a moment ago, before those written last."""
        since = time.monotonic() - STALE_SECONDS
        return values != self.values and any(values == old and at > since for old, at in self.left)


def enter(title: str) -> bool:
    """Take note of which page is drawn, and say whether the browser just went there: by a link, or Back and Forward.

    Each page has values of its own, and where the browser went is the user's wish, however lately it was left behind.
    """
    context = get_script_run_ctx()
    if st.session_state.get(PAGE) not in (None, title):
        st.session_state[ARRIVING] = True
    if context is not None and st.session_state.get(ARRIVING):
        take_back(context)
    went = not is_drawn(title) or (context is not None and context.is_history_navigation)
    if went:
        st.session_state[PAGE] = title
        st.session_state.setdefault(FIRST_PAGE, title)
        for key in (STATE, *SHOWN):
            st.session_state.pop(key, None)
    return went


def take_back(context: ScriptRunContext) -> None:
    """Take the address as it is by which the browser came from another page, and have filters show what it says.

    Streamlit has dropped from it each value named like a filter of the page that was left. Filters take their values
    from an address that the browser went to only in the first run after that, and not if a click came with it: that
    run may end before they are drawn.
    """
    context.is_history_navigation = True
    keep()
    with context.session_state.query_params() as params:
        params.set_initial_query_params(context.query_string)
        params.populate_from_query_string(context.query_string)
    st.query_params.from_dict(st.query_params.to_dict())


def end_arrival() -> None:
    """Take note that the filters of the page that the browser went to are drawn: from now on a click changes them."""
    st.session_state.pop(ARRIVING, None)


def keep() -> None:
    """Keep the address as it is where the filters that belong to it can't be drawn now.

    Streamlit would drop their values from it, and they would be drawn empty later.
    """
    context = get_script_run_ctx()
    if context is None:
        return
    with context.session_state.query_params() as params:
        bound = [params.get_binding_for_param(name) for name in params]
        for binding in filter(None, bound):
            params.unbind_widget(binding.widget_id)


def is_drawn(title: str) -> bool:
    """Say whether a page is the one that is drawn."""
    return bool(st.session_state.get(PAGE) == title)


def read_first_page() -> str | None:
    """Return the title of the page with which the session began; its address may be a link of a stranger's."""
    title: str | None = st.session_state.get(FIRST_PAGE)
    return title


def names() -> tuple[str, ...]:
    """Return the names of the values that the page has in its address, besides those that its filters put there."""
    return NAMES.get(st.session_state.get(PAGE, ""), ())


def read_values() -> Values:
    """Return what the address says, or should say after a change just made."""
    values = {name: st.query_params[name] for name in names() if name in st.query_params}
    last: AddressHistory | None = st.session_state.get(STATE)
    if last and last.was_left_lately(values):
        write(last.values)
        return last.values
    return values


def get(name: str) -> str | None:
    """Return one value of the address."""
    return read_values().get(name)


def put(**changes: str | None) -> None:
    """Change values of the address; None takes one away, and those that the page has not are left out."""
    before = read_values()
    own_names = names()
    values = {name: value for name, value in (before | changes).items() if value is not None and name in own_names}
    last: AddressHistory | None = st.session_state.get(STATE)
    now = time.monotonic()
    left = [(old, at) for old, at in (last.left if last else []) if at > now - STALE_SECONDS]
    st.session_state[STATE] = AddressHistory(values, [*left, (before, now)])
    write(values)


def write(values: Values) -> None:
    """Make the address say these values, and none other of ours."""
    # Each change of the browser's address is a step of its history, so values are set all at once.
    st.query_params.update(values)
    for name in names():
        if name not in values:
            st.query_params.pop(name, None)
