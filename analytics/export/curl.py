"""Writes a notification as a `curl` command for sh, bash and zsh that sends the very same body and signature again."""

import base64
from typing import NamedTuple

from analytics.export.archives import NOT_BASE64
from analytics.senders import sender_of
from analytics.text import make_visible

CONTENT_TYPE = "application/json; charset=utf-8"
DEFAULT_BASE = "http://127.0.0.1:8080"
LONGEST_INLINE = 32_768  # bytes; a program's argument may have no more than 128 KiB
NEXT = " \\\n  "


class SentRequest(NamedTuple):
    """What was sent: the body, the signature decoded (None where the header had no base64), and whether it had one.

    The category says in which header a sender signs.
    """

    body: bytes
    signature: bytes | None
    signed: bool
    category: str = ""


def path_of(event_type: str | None, category: str) -> str:
    """Return the path under which a receiver takes an event, or its category where the event is not known."""
    return f"/webhooks/{event_type}" if event_type else f"/webhook/{category.lower()}"


def address_of(base: str, event_type: str | None, category: str) -> str:
    """Return where to send: under the base, or the address itself where it names a path already."""
    base = base.strip() or DEFAULT_BASE
    has_path = "/" in base.partition("://")[2].rstrip("/")
    return base if has_path else base.rstrip("/") + path_of(event_type, category)


def quote(text: str) -> str:
    """Return text in single quotes, in which a shell takes all as it is."""
    return "'" + text.replace("'", "'\\''") + "'"


def is_plain(body: bytes) -> bool:
    """Say whether a body can be pasted into a terminal: it is text without anything that can't be seen."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return False
    return make_visible(text) == text


def fits_inline(body: bytes) -> bool:
    """Say whether the command holds the body itself, instead of naming a file that has it."""
    return len(body) <= LONGEST_INLINE


def signature_text(sent: SentRequest) -> str:
    """Return the value of the signature's header; what was no base64 was not kept, another such text stands for it."""
    return NOT_BASE64 if sent.signature is None else base64.b64encode(sent.signature).decode()


def command(sent: SentRequest, address: str, file_name: str) -> str:
    """Return the command.

    A body with characters that can't be seen goes through base64, as a terminal may change them.

    Args:
        sent: what to send.
        address: where to.
        file_name: the file that the command reads the body from, where it is too long to stand in it.
    """
    headers = [f"Content-Type: {CONTENT_TYPE}", "Accept: application/json"]
    if sent.signed:
        headers.append(f"{sender_of(sent.category).signature_header}: {signature_text(sent)}")
    # Without --globoff and --url, an address may mean several, or an option.
    parts = ["curl --globoff --include", f"--url {quote(make_visible(address))}"]
    parts += [f"--header {quote(header)}" for header in headers]
    if not fits_inline(sent.body):
        return NEXT.join([*parts, f"--data-binary {quote('@' + file_name)}"])
    if is_plain(sent.body):
        return NEXT.join([*parts, f"--data-raw {quote(sent.body.decode())}"])
    encoded = base64.b64encode(sent.body).decode()
    return f"printf %s {quote(encoded)} | base64 -d | " + NEXT.join([*parts, "--data-binary @-"])
