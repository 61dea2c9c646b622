"""Leads from a name on one page to another page.

A click runs a callback, which can't change pages. So the wish is kept until the next drawing begins, which asks the
browser to go there. On the way no value may have the name of a filter of the old page: Streamlit would drop it.
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
    """The target of a click, its time, and whether the browser was asked to go there."""

    address: str
    turn: int
    is_sent: bool = False


def to_page(path: str, **values: str | list[str] | None) -> None:
    """Go to a page of the dashboard with these values in its address; a list gives one value of the name for each."""
    query = {name: value for name, value in values.items() if value is not None}
    if _address.is_drawn(TITLES[path]) and "refresh" in st.query_params:
        query["refresh"] = st.query_params["refresh"]
    st.session_state[WISH] = Wish(f"{path}?{urlencode(query, doseq=True)}", time.monotonic_ns())


def to_entity(category: str, entity: str, step: int | None = None) -> None:
    """Go to the entity of a category's notification, at one of its steps or as it is now."""
    to_page("entity", category=kind_of(category), name=entity, step=None if step is None else str(step))


def to_account(alias: str) -> None:
    """Go to an account."""
    to_entity(account_kind(), alias)


def to_actor(actor: str) -> None:
    """Go to the user of an actor's name; ids of entities are upper case."""
    to_entity(person_kind(), actor.upper())


def to_notification(seq: int) -> None:
    """Go to a notification: its body as received, with its signature."""
    to_page("notifications", seq=str(seq))


def to_findings(identity: str) -> None:
    """Go to a finding."""
    to_page("audit", finding=identity)


def follow_links() -> None:
    """Let links of the top bar lead to a page without its values, except those that a viewer chose for all pages."""
    script("links")(key="links", data={"carried": CARRIED}, height=1)


def arrive() -> None:
    """Note that the browser went somewhere: to the target of a click, or elsewhere."""
    wish: Wish | None = st.session_state.get(WISH)
    # A click may arrive together with the move, for example just after Back: then it belongs to the new page.
    if wish and wish.is_sent:
        del st.session_state[WISH]


def depart() -> None:
    """Go to the target of a click, if there is one; then draw nothing more."""
    wish: Wish | None = st.session_state.get(WISH)
    if wish is None:
        return
    if time.monotonic_ns() - wish.turn > PATIENCE_NS:
        del st.session_state[WISH]
        return
    st.session_state[WISH] = wish._replace(is_sent=True)
    # A refresh may draw again before the browser has moved, so the wish stays until it has.
    script("go")(key="go", data={"address": wish.address, "turn": str(wish.turn)}, height=1)
    st.stop()
