"""Writes a notification as a `curl` command (sh, bash, zsh) that sends the same body and signature again."""

import base64
from typing import NamedTuple

from analytics.export.archives import write_signature
from analytics.senders import find_sender_of
from analytics.text import make_visible

CONTENT_TYPE = "application/json; charset=utf-8"
DEFAULT_BASE = "http://127.0.0.1:8080"
LONGEST_INLINE = 32_768  # bytes; a program's argument may have no more than 128 KiB
NEXT = " \\\n  "


class SentRequest(NamedTuple):
    """A request as it was sent: its body, its decoded signature (None where it was not base64), whether it had one.

    The category determines the header of the signature.
    """

    body: bytes
    signature: bytes | None
    signed: bool
    category: str = ""


def make_path(event_type: str | None, category: str, secret_part: str = "") -> str:
    """Return the receiver's path for an event, or for its category where the event is not known."""
    return f"/webhooks/{secret_part}{event_type}" if event_type else f"/webhook/{secret_part}{category.lower()}"


def make_address(base: str, event_type: str | None, category: str, secret_part: str = "") -> str:
    """Return the URL to send to: below the base, or the base itself where it already has a path."""
    base = base.strip() or DEFAULT_BASE
    has_path = "/" in base.partition("://")[2].rstrip("/")
    return base if has_path else base.rstrip("/") + make_path(event_type, category, secret_part)


def quote(text: str) -> str:
    """Return text in single quotes, in which a shell changes nothing."""
    return "'" + text.replace("'", "'\\''") + "'"


def is_plain(body: bytes) -> bool:
    """Say whether a body can be pasted into a terminal: it is text without invisible characters."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return False
    return make_visible(text) == text


def fits_inline(body: bytes) -> bool:
    """Say whether the command can hold the body itself, instead of the name of its file."""
    return len(body) <= LONGEST_INLINE


def write_command(sent: SentRequest, address: str, file_name: str) -> str:
    """Return the command.

    A body with invisible characters goes through base64, because a terminal may change them.

    Args:
        sent: what to send.
        address: where to.
        file_name: the file from which the command reads a body that is too long for it.
    """
    headers = [f"Content-Type: {CONTENT_TYPE}", "Accept: application/json"]
    if sent.signed:
        headers.append(f"{find_sender_of(sent.category).signature_header}: {write_signature(sent.signature)}")
    # Without --globoff and --url, an address may mean several, or an option.
    parts = ["curl --globoff --include", f"--url {quote(make_visible(address))}"]
    parts += [f"--header {quote(header)}" for header in headers]
    if not fits_inline(sent.body):
        return NEXT.join([*parts, f"--data-binary {quote('@' + file_name)}"])
    if is_plain(sent.body):
        return NEXT.join([*parts, f"--data-raw {quote(sent.body.decode())}"])
    encoded = base64.b64encode(sent.body).decode()
    return f"printf %s {quote(encoded)} | base64 -d | " + NEXT.join([*parts, "--data-binary @-"])
