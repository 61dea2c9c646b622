"""What is open beside the list: a notification, or one that was refused; and the ways to those before and after it."""

from typing import Any, NamedTuple

import streamlit as st

from analytics.pages.shared import address
from analytics.pages.shared.store import ask, null_to_none
from analytics.senders import kind_of
from analytics.text import plural

ICONS = {"Earlier": ":material/arrow_back:", "Later": ":material/arrow_forward:"}


class OpenItem(NamedTuple):
    """What is open; all None where nothing is."""

    seq: int | None = None
    rejection: str | None = None


def as_seq(text: str | None) -> int | None:
    """Return the number of a notification from the address; None where it is none."""
    if text and text.isascii() and text.isdigit() and len(text) < 19:  # noqa: PLR2004 - what a BIGINT holds
        return int(text)
    return None


def read_open_item() -> OpenItem:
    """Return what the page's address says is open."""
    values = address.read_values()
    if (seq := as_seq(values.get("seq"))) is not None:
        return OpenItem(seq=seq)
    return OpenItem(rejection=values.get("refused"))


def close() -> None:
    """Let nothing be open."""
    address.put(seq=None, refused=None)


def open_notification(seq: int) -> None:
    """Open a notification."""
    address.put(seq=str(seq), refused=None)


def open_rejection(identity: str) -> None:
    """Open a refused notification."""
    address.put(seq=None, refused=identity)


def neighbours(row: Any) -> None:
    """Draw the ways to the notifications of the entity that happened just before and just after this one."""
    if null_to_none(row["entity_id"]) is None or null_to_none(row["duplicate_of"]) is not None:
        return
    ways = ask("entity_neighbours", seq=int(row["seq"])).iloc[0]
    whose = kind_of(str(row["category"])).lower()
    number, total = int(ways["earlier_ones"]) + 1, int(ways["notifications"])
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="neighbours"):
        neighbour("Earlier", ways["earlier"])
        neighbour("Later", ways["later"])
        place_text = f"{number:,} of {plural(total, 'notification')} of this {whose}"
        st.caption(place_text if total > 1 else f"the only notification of this {whose}")


def neighbour(name: str, seq: Any) -> None:
    """Draw the way to one of them."""
    number = None if null_to_none(seq) is None else int(seq)
    st.button(
        name,
        key=name.lower(),
        on_click=open_notification,
        args=(number,),
        disabled=number is None,
        icon=ICONS[name],
    )
