"""Leads from a name on one page to the Entity page of what it names.

A click is told to a callback, where pages can't be changed: the wish is kept until the next drawing begins, and the
browser is asked to go there. On the way no value may have the name of a filter of the page that is left: Streamlit
would take it for that filter's and drop it.
"""

import time
from typing import NamedTuple
from urllib.parse import urlencode

import streamlit as st

from analytics.pages.pages import TITLES
from analytics.pages.shared import address as _address
from analytics.pages.shared.components.script import script
from analytics.senders import account_kind, kind_of, person_kind

WISH = "_go"
CARRIED = ("account", "below", "refresh")
PATIENCE_NS = 5_000_000_000


class Wish(NamedTuple):
    """Where a click wants to go, when that was, and whether the browser was asked to."""

    address: str
    turn: int
    is_sent: bool = False


def to_page(path: str, **values: str | list[str] | None) -> None:
    """Go to a page of the dashboard, with these values in its address; each of a list has its name."""
    query = {name: value for name, value in values.items() if value is not None}
    if _address.is_drawn(TITLES[path]) and "refresh" in st.query_params:
        query["refresh"] = st.query_params["refresh"]
    st.session_state[WISH] = Wish(f"{path}?{urlencode(query, doseq=True)}", time.monotonic_ns())


def to_entity(category: str, entity: str, step: int | None = None) -> None:
    """Go to the entity that a notification of a category is about, at one of its steps or as it is now."""
    to_page("entity", category=kind_of(category), name=entity, step=None if step is None else str(step))


def to_account(alias: str) -> None:
    """Go to an account."""
    to_entity(account_kind(), alias)


def to_actor(actor: str) -> None:
    """Go to the user who did it; ids of entities are upper case."""
    to_entity(person_kind(), actor.upper())


def to_notification(seq: int) -> None:
    """Go to a notification: its body as received, with its signature."""
    to_page("notifications", seq=str(seq))


def to_findings(identity: str) -> None:
    """Go to a finding."""
    to_page("audit", finding=identity)


def follow_links() -> None:
    """Let links of the top bar lead to a page as it is at first, with what a viewer chose for all pages."""
    script("links")(key="links", data={"carried": CARRIED}, height=1)


def arrive() -> None:
    """Take note that the browser went somewhere: where a click wanted to go, or elsewhere."""
    wish: Wish | None = st.session_state.get(WISH)
    # A click may come together with the going, just after Back, say: then it is of the page that is drawn now.
    if wish and wish.is_sent:
        del st.session_state[WISH]


def depart() -> None:
    """Go to where a click wanted to go, if one did; then nothing more is drawn here."""
    wish: Wish | None = st.session_state.get(WISH)
    if wish is None:
        return
    if time.monotonic_ns() - wish.turn > PATIENCE_NS:
        del st.session_state[WISH]
        return
    st.session_state[WISH] = wish._replace(is_sent=True)
    # A refresh may draw anew before the browser has got to it, so the wish stays until the browser went.
    script("go")(key="go", data={"address": wish.address, "turn": str(wish.turn)}, height=1)
    st.stop()
