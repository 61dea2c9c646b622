"""One dict for all that a session remembers, apart from the values of its widgets; and the clicks in its components.

Two threads may draw for a session at once, and `serving/sessions.py` lets them take turns at each step with its
state. But `st.session_state.pop` takes two steps, and fails where the other thread removes the key between them. A
dict's `pop` is one. So what comes and goes is in this dict, whose own key stays.
"""

from typing import Any

import streamlit as st

MEMORY = "_memory"


def read_memory() -> dict[str, Any]:
    """Return what the session remembers, by name, to look at and to change."""
    memory: dict[str, Any] = st.session_state.setdefault(MEMORY, {})
    return memory


def read_trigger(key: str, name: str) -> Any:
    """Return the value that a component sent with a trigger; None where the page of the component was left meanwhile.

    A click that reaches the server together with a change of pages, as just before Back, runs its callback after
    Streamlit has forgotten the component.

    Args:
        key: the name of the component.
        name: the name of the trigger.
    """
    component = st.session_state.get(key)
    return component.get(name) if component else None
