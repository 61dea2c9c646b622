"""Bytes as text: hexadecimal and base64 without leniency, and the text of headers as the bytes on the wire."""

import base64
import re
from typing import Literal

Encoding = Literal["hex", "base64", "base64url"]

_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})+")


def decode(text: str, encoding: Encoding) -> bytes | None:
    """Return the bytes of a text that encodes at least one byte; None for any other text.

    The padding of `base64url` may be missing.
    """
    if encoding == "hex":
        return bytes.fromhex(text) if _HEX.fullmatch(text) else None
    if encoding == "base64url":
        text = text.rstrip("=")
        text += "=" * (-len(text) % 4)
    try:
        decoded = base64.b64decode(text, b"-_" if encoding == "base64url" else None)
    except ValueError:
        return None
    # Python's decoder skips what it doesn't know; only the way back proves the text.
    return decoded if decoded and encode(decoded, encoding) == text else None


def encode(data: bytes, encoding: Encoding) -> str:
    """Return bytes as text."""
    if encoding == "hex":
        return data.hex()
    return (base64.urlsafe_b64encode(data) if encoding == "base64url" else base64.b64encode(data)).decode("ascii")


def encode_as_sent(text: str) -> bytes:
    """Return the bytes of a header's text, which HTTP servers decode as Latin-1; other text becomes UTF-8."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")
