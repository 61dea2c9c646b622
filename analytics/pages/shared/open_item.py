"""The open item beside a list, an accepted or a refused notification: the ways to its neighbours, and to its bytes.

Its exact bytes are copied as a command for `curl`, saved as a file, and shown with their signature.
"""

import base64
import re
from typing import Any, NamedTuple

import streamlit as st

from analytics.export import curl
from analytics.pages.shared import address
from analytics.pages.shared.components import draw_text
from analytics.pages.shared.store import PATH_HINT, ask, find_receiver, null_to_none
from analytics.senders import as_words, find_kind_of, find_sender, list_shipped
from analytics.text import as_markdown, format_count
from analytics.words.meanings import THIRD_PARTY

ICONS = {"Earlier": ":material/arrow_back:", "Later": ":material/arrow_forward:"}
CURL_BASE = "curl-base"
UNFIT = re.compile(r"[^\w.-]+")
"""Characters that do not belong in the name of a file."""
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
MOST_OF_EVENT = 60
"""The most characters of an event in the name of a file; four bytes each are still below the limit of 255."""


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
    return bool(_UUID.fullmatch(text))


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


def draw_neighbours(row: Any) -> None:
    """Draw the ways to the entity's previous and next notification."""
    if null_to_none(row["entity_id"]) is None or null_to_none(row["duplicate_of"]) is not None:
        return
    ways = ask("entity_neighbours", seq=int(row["seq"])).iloc[0]
    whose = as_markdown(as_words(find_kind_of(str(row["category"])), row["sender"]).lower())
    number, total = int(ways["earlier_ones"]) + 1, int(ways["notifications"])
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="neighbours"):
        draw_neighbour("Earlier", ways["earlier"])
        draw_neighbour("Later", ways["later"])
        place_text = f"{number:,} of {format_count(total, 'notification')} of this {whose}"
        st.caption(place_text if total > 1 else f"the only notification of this {whose}")


def draw_neighbour(name: str, seq: Any) -> None:
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


def name_file(row: Any) -> str:
    """Return the name of the file for a notification's body, which any system takes as it is.

    A browser would change other characters, and the command for `curl` would then name a file that is not there.
    """
    event = UNFIT.sub("-", null_to_none(row["event_type"]) or row["category"])
    return f"{event[:MOST_OF_EVENT].strip('.-') or 'body'}-{row['seq']}.json"


def draw_copies(row: Any) -> None:
    """Draw the ways to copy a notification's exact bytes."""
    body, file_name = str(row["payload"]).encode(), name_file(row)
    if null_to_none(row["proof"]) not in {None, THIRD_PARTY}:
        # Its bytes alone prove nothing to anybody else, and sent again they are refused: they lack their headers.
        draw_body_button(body, file_name)
        return
    # A sender with a profile has another path, and may sign headers that the store does not keep.
    if row["sender"] in {sender.name for sender in list_shipped()}:
        with st.popover("Copy as curl", icon=":material/terminal:", key="curl-popover"):
            draw_curl(row, body, file_name)
    draw_body_button(body, file_name)
    if null_to_none(row["signature"]):
        with st.popover("Signature", icon=":material/key:", key="signature-popover"):
            scheme = find_sender(row["sender"]).signature_scheme
            st.caption(f"{int(row['signature_bytes'])} bytes, {scheme}, in base64")
            draw_text(row["signature"], key="signature", alt="Signature in base64")
            name = file_name.removesuffix(".json") + ".sig"
            st.download_button("Download signature", base64.b64decode(row["signature"]), name,
                  "application/octet-stream", key="download-signature", on_click="ignore", icon=":material/download:",
                  help="Its bytes, for openssl; see docs/evidence.md.")  # fmt: skip


def draw_curl(row: Any, body: bytes, file_name: str) -> None:
    """Draw the command that sends a notification again, and the field for its target."""
    event, category = null_to_none(row["event_type"]), row["category"]
    receiver = find_receiver()
    base = st.text_input(
        "Receiver's address", key=CURL_BASE, placeholder=receiver.url, help="The address that the command posts to."
    )
    signature = null_to_none(row["signature"])
    decoded = base64.b64decode(signature) if signature else None
    sent = curl.SentRequest(body, decoded, signed=row["signature_status"] != "missing", category=category)
    st.caption("For sh, bash and zsh: the same body, byte for byte, with its signature. Nothing is sent from here.")
    with st.container(key="curl-command"):
        # Another receiver has another secret, or none: the user writes its path.
        target = curl.make_address(base or receiver.url, event, category, "" if base else receiver.secret_part)
        draw_text(curl.write_command(sent, target, file_name), key="curl", alt="Command that sends it again")
    if receiver.has_url_secret and not base:
        st.caption(PATH_HINT)
    if not curl.fits_inline(body):
        st.caption("The body is too long for a command: download it, and run this in the same directory.")


def draw_body_button(body: bytes, file_name: str) -> None:
    """Draw the button that saves a body as it was received."""
    st.download_button(
        "Download body",
        body,
        file_name,
        "application/octet-stream",
        key="download-body",
        on_click="ignore",
        icon=":material/download:",
        help=f"{format_count(len(body), 'byte')}, exactly as received.",
    )
