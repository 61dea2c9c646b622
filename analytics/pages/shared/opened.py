"""What is open beside the list: a notification, or one that was refused."""

from typing import NamedTuple

from analytics.pages.shared import address


class Opened(NamedTuple):
    """What is open; all None where nothing is."""

    seq: int | None = None
    rejection: str | None = None


def as_seq(text: str | None) -> int | None:
    """Return the number of a notification from the address; None where it is none."""
    if text and text.isascii() and text.isdigit() and len(text) < 19:  # noqa: PLR2004 - what a BIGINT holds
        return int(text)
    return None


def opened() -> Opened:
    """Return what the page's address says is open."""
    asked = address.current()
    if (seq := as_seq(asked.get("seq"))) is not None:
        return Opened(seq=seq)
    return Opened(rejection=asked.get("refused"))


def close() -> None:
    """Let nothing be open."""
    address.put(seq=None, refused=None)


def open_notification(seq: int) -> None:
    """Open a notification."""
    address.put(seq=str(seq), refused=None)


def open_rejection(identity: str) -> None:
    """Open a refused notification."""
    address.put(seq=None, refused=identity)
