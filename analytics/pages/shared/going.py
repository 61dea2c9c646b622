"""The ways to other pages, and the end of the work on the page that is left.

A click runs a callback, which can't change pages and draws nothing. So its wish to go to another page, or its message,
is kept until the next drawing begins, which asks the browser to go there, or shows it. On the way no value may have the
name of a filter of the old page: Streamlit would drop it.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple
from urllib.parse import urlencode

import streamlit as st
from streamlit.errors import StreamlitInvalidLayoutContextError

from analytics.pages.shared import answers
from analytics.pages.shared.components import register_script
from analytics.pages.shared.known import waiting
from analytics.pages.shared.known.memory import read_memory
from analytics.pages.shared.silence import GONE
from analytics.senders import find_account_kind, find_kind_of, find_person_kind, has_several_senders, has_upper_case
from analytics.text import quote

WISH = "_go"
PATIENCE_NS = 5_000_000_000
ENDS = "_ends"
SAID = "_said"


class Wish(NamedTuple):
    """The target of a click, its time, and whether the browser was asked to go there."""

    address: str
    turn: int
    is_sent: bool = False


def make_address(path: str, **values: str | list[str] | None) -> str:
    """Return the address of a page with these values; a list gives one value of the name for each.

    The chosen refresh follows, as by the links of the top bar.
    """
    query = {name: value for name, value in values.items() if value is not None}
    if "refresh" in st.query_params:
        query["refresh"] = st.query_params["refresh"]
    return f"{path}?{urlencode(query, doseq=True)}"


def find_entity(category: str, entity: str, step: int | None = None, *, sender: str | None = None) -> str:
    """Return the address of the entity of a category's notification, at one of its steps or as it is now.

    Args:
        category: the category.
        entity: its name.
        step: the number of a notification about it.
        sender: its sender; None where the category tells it.
    """
    by = sender if has_several_senders() else None
    at = None if step is None else str(step)
    return make_address("entity", category=find_kind_of(category), name=entity, sender=by, step=at)


def to_page(path: str, **values: str | list[str] | None) -> None:
    """Go to a page of the dashboard, see `make_address`."""
    read_memory()[WISH] = Wish(make_address(path, **values), time.monotonic_ns())


def to_entity(category: str, entity: str, step: int | None = None, *, sender: str | None = None) -> None:
    """Go to an entity, see `find_entity`."""
    read_memory()[WISH] = Wish(find_entity(category, entity, step, sender=sender), time.monotonic_ns())


def to_account(alias: str, sender: str | None = None) -> None:
    """Go to an account of a sender."""
    to_entity(find_account_kind(sender), alias, sender=sender)


def to_actor(actor: str, sender: str | None = None) -> None:
    """Go to the user of an actor's name."""
    to_entity(find_person_kind(sender), find_user(actor, sender), sender=sender)


def find_user(actor: str, sender: str | None) -> str:
    """Return an actor's name as that of the user, as the store has it."""
    return actor.upper() if has_upper_case(sender) else actor


def to_notification(seq: int) -> None:
    """Go to a notification: its body as received, with its signature."""
    to_page("notifications", seq=str(seq))


def to_refused(identity: str) -> None:
    """Go to a refused notification."""
    to_page("notifications", list="Refused", refused=identity)


def to_findings(identity: str) -> None:
    """Go to a finding."""
    to_page("audit", finding=identity)


def to_changes_by(actor: str, sender: str | None = None) -> None:
    """Go to the changes of all time by an actor of a sender."""
    to_page("audit", range="all", actor=quote(actor), sender=sender)


def say(sentence: str) -> None:
    """Show a message, which may be Markdown, at the next drawing."""
    read_memory()[SAID] = sentence


def show_said() -> None:
    """Show the message of a click, if there is one."""
    if sentence := read_memory().get(SAID):
        st.toast(sentence)
        read_memory().pop(SAID, None)


def arrive() -> None:
    """Note that the browser went somewhere: to the target of a click, or elsewhere."""
    wish: Wish | None = read_memory().get(WISH)
    # A click may arrive together with the move, for example just after Back: then it belongs to the new page.
    if wish and wish.is_sent:
        read_memory().pop(WISH, None)


def depart() -> None:
    """Go to the target of a click, if there is one; then draw nothing more."""
    wish: Wish | None = read_memory().get(WISH)
    if wish is None:
        return
    if time.monotonic_ns() - wish.turn > PATIENCE_NS:
        read_memory().pop(WISH, None)
        return
    read_memory()[WISH] = wish._replace(is_sent=True)
    # A refresh may draw again before the browser has moved, so the wish stays until it has.
    register_script("go")(key="go", data={"address": wish.address, "turn": str(wish.turn)}, height=1)
    st.stop()


def leave_behind() -> None:
    """End the previous page's work, and forget its answers and what it waited for."""
    for end in tuple(read_memory().get(ENDS, {}).values()):
        end()
    read_memory().pop(ENDS, None)
    answers.forget()
    waiting.forget_waits()
    if silence := answers.read_silence():
        read_memory()[GONE] = silence
        answers.end_silence()


def on_leaving(name: str, end: Callable[[], None]) -> None:
    """Call a function when another page is opened.

    Args:
        name: distinguishes it from the page's other such functions.
        end: the function.
    """
    read_memory().setdefault(ENDS, {})[name] = end


@contextmanager
def end_if_overtaken() -> Iterator[None]:
    """End a drawing for which Streamlit has no places any more: another one of the session has begun with new ones."""
    try:
        yield
    except StreamlitInvalidLayoutContextError:
        st.stop()
