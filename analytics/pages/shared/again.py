"""What can be done with one notification: send it again by `curl`, save its body, look at its signature."""

import base64
from typing import Any

import streamlit as st

from analytics.export import curl
from analytics.pages.shared.components.script import plain
from analytics.pages.shared.store import known
from analytics.senders import sender_of
from analytics.text import plural

BASE = "curl-base"


def again(row: Any) -> None:
    """Draw the ways to take a notification elsewhere, the very same bytes."""
    body = str(row["payload"]).encode()
    file_name = f"{known(row['event_type']) or row['category']}-{row['seq']}.json"
    with st.popover("Copy as curl", icon=":material/terminal:", key="curl-popover"):
        as_curl(row, body, file_name)
    body_button(body, file_name)
    if known(row["signature"]):
        with st.popover("Signature", icon=":material/key:", key="signature-popover"):
            scheme = sender_of(row["category"]).signature_scheme
            st.caption(f"{int(row['signature_bytes'])} bytes, {scheme}, in base64")
            plain(row["signature"], key="signature", alt="Signature in base64")


def as_curl(row: Any, body: bytes, file_name: str) -> None:
    """Draw the command that sends it again, and the field of where to."""
    event, category = known(row["event_type"]), row["category"]
    base = st.text_input(
        "Receiver's address", key=BASE, placeholder=curl.DEFAULT_BASE, help="Where the command sends it to."
    )
    signature = known(row["signature"])
    decoded = base64.b64decode(signature) if signature else None
    sent = curl.Sent(body, decoded, signed=row["signature_status"] != "missing", category=category)
    st.caption("For sh, bash and zsh: the same body, byte for byte, with its signature. Nothing is sent from here.")
    with st.container(key="curl-command"):
        text = curl.command(sent, curl.address_of(base or "", event, category), file_name)
        plain(text, key="curl", alt="Command that sends it again")
    if not curl.fits_inline(body):
        st.caption("The body is too long for a command: download it, and run this in the directory that it is in.")


def body_button(body: bytes, file_name: str) -> None:
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
