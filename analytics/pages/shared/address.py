"""The part of a page's state that is in its address (open item, page of a list, account).

The browser sends its address with each refresh, and may send an old one just before it hears of a change made here.
An old address is not the user's wish: for a short while after a change, it is corrected instead of obeyed.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import NamedTuple

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.scriptrunner_utils.script_run_context import ScriptRunContext

from analytics.pages.pages import NAMES, OFFERS, Offer
from analytics.pages.shared.known.memory import read_memory
from analytics.text import shorten
from analytics.times import parse_moment

SHOWN = ("account_choice", "account_looked_for", "at-choice", "sender_choice", "kind_choice")
"""Widgets of several pages that show a value of the address; the next page must not take over their values."""
REFRESH = {"off": None, "1 s": 1.0, "5 s": 5.0, "30 s": 30.0}
OPEN_ITEMS = ("finding", "refused", "seq", "step")
LONGEST_SUBJECT = 40
PRODUCT = "CLC webhooks"
STALE_SECONDS = 10.0
STATE = "_address"
PAGE = "_page"
ARRIVING = "_arriving"
FIRST_PAGE = "_first_page"
STEPPED = "_stepped"

Values = dict[str, str]


class AddressHistory(NamedTuple):
    """The values that were written last, and the earlier ones that they replaced, each with its time."""

    values: Values
    left: list[tuple[Values, float]]

    def was_left_lately(self, values: Values) -> bool:
        """Say whether the last values replaced these a moment ago."""
        since = time.monotonic() - STALE_SECONDS
        return values != self.values and any(values == old and at > since for old, at in self.left)


def enter(title: str, arrive: Callable[[], None]) -> None:
    """Note the page that is drawn; call `arrive` if the browser just went there: by a link, or Back and Forward.

    Each page has its own values. An address that the browser went to is the user's wish, however lately it was left.
    Another drawing may interrupt this one at any step, and does all of it again: the page is noted last.
    """
    context = get_script_run_ctx()
    moved = context is not None and context.is_history_navigation
    st.session_state[STEPPED] = moved and is_drawn(title) and not is_arriving()
    if st.session_state.get(PAGE) not in (None, title):
        read_memory()[ARRIVING] = True
    if context is not None and read_memory().get(ARRIVING):
        take_back(context)
    went = not is_drawn(title) or (context is not None and context.is_history_navigation)
    if went:
        arrive()
        st.session_state.setdefault(FIRST_PAGE, title)
        read_memory().pop(STATE, None)
        forget_shown()
        st.session_state[PAGE] = title


def forget_shown() -> None:
    """Remove the values of widgets that show the address; another drawing of the session may do so at the same time."""
    for key in SHOWN:
        with suppress(KeyError):
            del st.session_state[key]


def take_back(context: ScriptRunContext) -> None:
    """Restore the address by which the browser came from another page, and let filters show its values.

    A drawing of the previous page that was not over yet may have changed it. Filters take their values from a new
    address only in the first run after the browser's move, and not if a click came with it: that run may end before
    they are drawn.
    """
    context.is_history_navigation = True
    keep()
    with context.session_state.query_params() as params:
        params.set_initial_query_params(context.query_string)
        params.populate_from_query_string(context.query_string)
    st.query_params.from_dict({name: st.query_params.get_all(name) for name in st.query_params})


def send_again() -> None:
    """Send the value of each filter in the address to a browser that has not drawn this filter yet.

    Streamlit sends a value with the run that takes it from the address, and with no later one. Where a second run
    follows at once, the drawing of the first may never reach the browser, which then shows the filter empty.
    """
    context = get_script_run_ctx()
    if context is None:
        return
    with context.session_state.query_params() as params:
        bindings = [binding for name in params if (binding := params.get_binding_for_param(name))]
    for binding in bindings:
        if binding.param_key in st.session_state and not is_drawn_by_browser(binding.param_key):
            st.session_state[binding.param_key] = st.session_state[binding.param_key]


def show(key: str, value: object, *, again: bool = False) -> None:
    """Let the widget that is drawn next under this key show a value of the address.

    The value is sent to the browser with this drawing, and overtakes a choice made meanwhile: it is set only where it
    must be, because it is another one, or must be sent `again`.
    """
    if again or st.session_state.get(key) != value:
        st.session_state[key] = value


def show_in_field(key: str, value: object) -> None:
    """Let the field that is drawn next under this key show a value of the address.

    A field in a closed popover is drawn by the browser when that opens, perhaps many drawings later. Until then each
    drawing sends the value, because the field would begin empty, and give that back as the user's choice.
    """
    show(key, value, again=value is not None and not is_drawn_by_browser(key))


def is_drawn_by_browser(key: str) -> bool:
    """Say whether the browser has drawn the widget of this key: then it sends the widget's value with each request."""
    context = get_script_run_ctx()
    if context is None:
        return False
    state = context.session_state._state  # noqa: SLF001 - nothing public tells it
    return state._key_id_mapper.get_id_from_key(key) in state._new_widget_state  # noqa: SLF001 - as above


def has_stepped() -> bool:
    """Say whether the browser went back or forward within the page just now."""
    return bool(st.session_state.get(STEPPED))


def is_arriving() -> bool:
    """Say whether the browser came from another page and the filters of this one are not drawn yet."""
    return bool(read_memory().get(ARRIVING))


def end_arrival() -> None:
    """Note that the filters of the new page are drawn: from now on a click changes them."""
    read_memory().pop(ARRIVING, None)


def keep() -> None:
    """Keep the address where its filters can't be drawn now.

    Streamlit would drop their values from it, and they would be empty later.
    """
    context = get_script_run_ctx()
    if context is None:
        return
    with context.session_state.query_params() as params:
        bound = [params.get_binding_for_param(name) for name in params]
        for binding in filter(None, bound):
            params.unbind_widget(binding.widget_id)


def is_drawn(title: str) -> bool:
    """Say whether this page is being drawn."""
    return bool(st.session_state.get(PAGE) == title)


def read_first_page() -> str | None:
    """Return the title of the session's first page; its address may be a stranger's link."""
    title: str | None = st.session_state.get(FIRST_PAGE)
    return title


def list_names() -> tuple[str, ...]:
    """Return the names of the page's values in its address, without those of its filters."""
    return NAMES.get(st.session_state.get(PAGE, ""), ())


def read_offer() -> Offer:
    """Return the time ranges of the page that is being drawn; it has some."""
    return OFFERS[st.session_state[PAGE]]


def read_values() -> Values:
    """Return the values of the address, or those of a change just made."""
    values = {name: st.query_params[name] for name in list_names() if name in st.query_params}
    last: AddressHistory | None = read_memory().get(STATE)
    if last and last.was_left_lately(values):
        write(last.values)
        return last.values
    return values


def describe_view() -> list[tuple[str, list[str]]]:
    """Return the address without the open item: what the page lists, and how."""
    return [(name, st.query_params.get_all(name)) for name in sorted(st.query_params) if name not in OPEN_ITEMS]


def name_tab() -> None:
    """Name the page and its subject in the title of the browser's tab."""
    seq, subject = get("seq"), get("name") or get("account")
    named = f"no. {seq}" if seq else shorten(subject, LONGEST_SUBJECT) if subject else None
    st.set_page_config(page_title=" · ".join(filter(None, (named, st.session_state.get(PAGE), PRODUCT))))


def is_refreshing() -> bool:
    """Say whether the page draws itself again by itself."""
    return REFRESH.get(st.session_state.get("refresh", "off")) is not None


def get(name: str) -> str | None:
    """Return one value of the address."""
    return read_values().get(name)


def read_moment(name: str) -> datetime | None:
    """Return a moment of the address, in UTC; None where it has none of this name, or one too far from now."""
    try:
        return parse_moment(get(name) or "")
    except (ValueError, OverflowError):
        return None


def put(**changes: str | None) -> None:
    """Change values of the address; None removes one, and names that the page does not have are ignored."""
    before = read_values()
    own_names = list_names()
    values = {name: value for name, value in (before | changes).items() if value is not None and name in own_names}
    last: AddressHistory | None = read_memory().get(STATE)
    now = time.monotonic()
    left = [(old, at) for old, at in (last.left if last else []) if at > now - STALE_SECONDS]
    read_memory()[STATE] = AddressHistory(values, [*left, (before, now)])
    write(values)


def write(values: Values) -> None:
    """Write these values into the address, and remove our others."""
    # Each change of the browser's address is a step of its history, so values are set and removed all at once.
    context = get_script_run_ctx()
    gone = [name for name in list_names() if name not in values and name in st.query_params]
    if context and gone:
        with context.session_state.query_params() as params:
            kept = {name: params.get_all(name) for name in params if name not in gone}
            params.clear_with_no_forward_msg(preserve_embed=True)
            for name, texts in kept.items():
                params.set_with_no_forward_msg(name, texts)
    st.query_params.update(values)


def prepare_filter(name: str, value: str | None) -> None:
    """Set or remove the value of a filter; the next change of the address tells the browser of both in one step."""
    if context := get_script_run_ctx():
        with context.session_state.query_params() as params:
            if value is None:
                params.discard_param_no_forward_msg(name)
            else:
                params.set_with_no_forward_msg(name, value)
