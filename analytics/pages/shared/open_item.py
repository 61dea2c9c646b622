"""The open item beside a list: an accepted or a refused notification, and the ways to its neighbours."""

from typing import Any, NamedTuple

import streamlit as st

from analytics.pages.shared import address
from analytics.pages.shared.store import ask, null_to_none
from analytics.senders import as_words, kind_of
from analytics.text import plural

ICONS = {"Earlier": ":material/arrow_back:", "Later": ":material/arrow_forward:"}


class OpenItem(NamedTuple):
    """The open item; all None where nothing is open."""

    seq: int | None = None
    rejection: str | None = None


def as_seq(text: str | None) -> int | None:
    """Return the number of a notification in the address; None where the text is no such number."""
    if text and text.isascii() and text.isdigit() and len(text) < 19:  # noqa: PLR2004 - a BIGINT holds these
        return int(text)
    return None


def is_uuid(text: str) -> bool:
    """Say whether a text of the page's address may be the id of a row."""
    return len(text) == 36 and all(character in "0123456789abcdefABCDEF-" for character in text)  # noqa: PLR2004


def read_open_item() -> OpenItem:
    """Return the open item in the page's address."""
    values = address.read_values()
    if (seq := as_seq(values.get("seq"))) is not None:
        return OpenItem(seq=seq)
    return OpenItem(rejection=values.get("refused"))


def close() -> None:
    """Close the open item."""
    address.put(seq=None, refused=None)


def open_notification(seq: int) -> None:
    """Open a notification."""
    address.put(seq=str(seq), refused=None)


def open_rejection(identity: str) -> None:
    """Open a refused notification."""
    address.put(seq=None, refused=identity)


def neighbours(row: Any) -> None:
    """Draw the ways to the entity's previous and next notification."""
    if null_to_none(row["entity_id"]) is None or null_to_none(row["duplicate_of"]) is not None:
        return
    ways = ask("entity_neighbours", seq=int(row["seq"])).iloc[0]
    whose = as_words(kind_of(str(row["category"]))).lower()
    number, total = int(ways["earlier_ones"]) + 1, int(ways["notifications"])
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="neighbours"):
        neighbour("Earlier", ways["earlier"])
        neighbour("Later", ways["later"])
        place_text = f"{number:,} of {plural(total, 'notification')} of this {whose}"
        st.caption(place_text if total > 1 else f"the only notification of this {whose}")


def neighbour(name: str, seq: Any) -> None:
    """Draw the way to a neighbour."""
    number = None if null_to_none(seq) is None else int(seq)
    st.button(
        name,
        key=name.lower(),
        on_click=open_notification,
        args=(number,),
        disabled=number is None,
        icon=ICONS[name],
    )
