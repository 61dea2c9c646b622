"""The ways to copy a notification's exact bytes: a command for `curl`, the body as a file, the signature."""

import base64
from typing import Any

import streamlit as st

from analytics.export import curl
from analytics.pages.shared.components import draw_text
from analytics.pages.shared.store import find_receiver, null_to_none
from analytics.senders import find_sender
from analytics.text import plural
from analytics.words.meanings import THIRD_PARTY

BASE = "curl-base"


def draw_copies(row: Any) -> None:
    """Draw the ways to copy a notification's exact bytes."""
    body = str(row["payload"]).encode()
    file_name = f"{(null_to_none(row['event_type']) or row['category']).replace('/', '-')}-{row['seq']}.json"
    if null_to_none(row["proof"]) not in {None, THIRD_PARTY}:
        # Its bytes alone prove nothing to anybody else, and sent again they are refused: they lack their headers.
        draw_body_button(body, file_name)
        return
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
    receiver = find_receiver() or curl.DEFAULT_BASE
    base = st.text_input(
        "Receiver's address", key=BASE, placeholder=receiver, help="The address that the command posts to."
    )
    signature = null_to_none(row["signature"])
    decoded = base64.b64decode(signature) if signature else None
    sent = curl.SentRequest(body, decoded, signed=row["signature_status"] != "missing", category=category)
    st.caption("For sh, bash and zsh: the same body, byte for byte, with its signature. Nothing is sent from here.")
    with st.container(key="curl-command"):
        text = curl.command(sent, curl.address_of(base or receiver, event, category), file_name)
        draw_text(text, key="curl", alt="Command that sends it again")
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
        help=f"{plural(len(body), 'byte')}, exactly as received.",
    )
