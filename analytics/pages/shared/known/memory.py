"""One dict for all that a session remembers, apart from the values of its widgets.

Two threads may draw for a session at once. For most widgets Streamlit goes through all keys of the session's state, and
fails where the other thread deletes one meanwhile. So what comes and goes is in this dict, whose own key stays.
"""

from typing import Any

import streamlit as st

MEMORY = "_memory"


def read_memory() -> dict[str, Any]:
    """Return what the session remembers, by name, to look at and to change."""
    memory: dict[str, Any] = st.session_state.setdefault(MEMORY, {})
    return memory
