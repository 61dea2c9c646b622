"""Gives all drawings of a session one lock for its state.

Streamlit begins a new drawing of a session while the old one still goes on, each with a lock of its own around the same
state. So one could clear what the other was just reading, and a page ended with a KeyError from inside of Streamlit.
"""

import threading
from collections.abc import Callable
from typing import Any
from weakref import WeakValueDictionary

from streamlit.runtime.state import SafeSessionState
from streamlit.runtime.state.session_state import SessionState

_choosing = threading.Lock()
# A lock is here as long as a drawing has it, and with that the state, whose number no other gets meanwhile.
_locks: WeakValueDictionary[int, Any] = WeakValueDictionary()


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
