"""What a page says where the store has no notification yet: the way to what a sender needs."""

import streamlit as st

from analytics.pages.shared import going
from analytics.pages.shared.complete.since import read_freshness


def is_store_empty() -> bool:
    """Say whether no notification came so far; of dropped ones it is known that they came."""
    known = read_freshness()
    return known.newest is None and known.complete_since is None


def draw_store_empty() -> None:
    """Say that no notification came yet, and draw the way to the page Set up."""
    with st.container(key="nothing", border=True):
        st.subheader("No notification yet", anchor=False)
        st.caption("The receiver has accepted none so far. A sender needs a target URL: *Set up* has it.")
        st.button("Set up", key="to-set-up", icon=":material/settings_input_component:", type="primary",
                  on_click=going.to_page, args=("set-up",))  # fmt: skip
