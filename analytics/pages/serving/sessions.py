"""Keeps the drawings of a session out of each other's way.

Streamlit begins a new drawing of a session while the old one still goes on, each with a lock of its own around the same
state. So one could clear what the other was just reading, and a page ended with a KeyError from inside of Streamlit.

Streamlit also draws a part of the page that was left when the request for it comes late. The browser then takes that
page for the open one, throws away what it shows, and finds no place for the part.

And where the browser goes to another page, Streamlit takes from its address each value with the name of a filter of the
page before. The new page puts them back, but what the browser asks before, or the step of its history if it goes on at
once, is without them.
"""

import threading
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary, WeakValueDictionary

from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.state import SafeSessionState
from streamlit.runtime.state.query_params import QueryParams
from streamlit.runtime.state.session_state import SessionState

_choosing = threading.Lock()
# A lock is here as long as a drawing has it, and with that the state, whose number no other gets meanwhile.
_locks: WeakValueDictionary[int, Any] = WeakValueDictionary()
# The hash of the page for which a session's browser asked last.
_pages: WeakKeyDictionary[AppSession, str] = WeakKeyDictionary()


def share_locks() -> None:
    """Let each drawing that begins from now on take the lock of its session."""
    begin = SafeSessionState.__init__

    def begin_with_lock(self: SafeSessionState, state: SessionState, yield_callback: Callable[[], None]) -> None:
        begin(self, state, yield_callback)
        object.__setattr__(self, "_lock", find_lock(state))

    SafeSessionState.__init__ = begin_with_lock  # type: ignore[method-assign]


def find_lock(state: SessionState) -> Any:
    """Return the lock of a session's state, which one thread may take several times."""
    with _choosing:
        return _locks.setdefault(id(state), threading.RLock())


def ignore_late_requests() -> None:
    """Let each session ignore requests for parts of a page that it has left."""
    request = AppSession.request_rerun

    def request_unless_late(self: AppSession, client_state: ClientState | None) -> None:
        if client_state is not None:
            if is_late(self, client_state):
                return
            if not client_state.fragment_id:
                _pages[self] = client_state.page_script_hash
        request(self, client_state)

    AppSession.request_rerun = request_unless_late  # type: ignore[method-assign]


def is_late(session: AppSession, client_state: ClientState) -> bool:
    """Say whether a request is for a part of a page that the session's browser has left."""
    # The first request of a tab has no hash, but the name of its page.
    page = _pages.get(session) or client_state.page_script_hash
    return bool(client_state.fragment_id) and client_state.page_script_hash != page


def keep_addresses() -> None:
    """Let each page keep all values of its address, whatever filters the page before it had."""
    populate = QueryParams.populate_from_query_string

    def populate_with_all(self: QueryParams, query_string: str, valid_script_hashes: set[str] | None = None) -> None:
        if valid_script_hashes is not None:
            forget_filters(self, valid_script_hashes)
        populate(self, query_string)

    QueryParams.populate_from_query_string = populate_with_all  # type: ignore[method-assign]


def forget_filters(params: QueryParams, own: set[str]) -> None:
    """Let an address forget the filters of all pages but its own, which come by their hashes, and keep the values."""
    for binding in tuple(params._bindings_by_widget.values()):  # noqa: SLF001 - nothing public lists them
        if binding.script_hash not in own:
            params.unbind_widget(binding.widget_id)
