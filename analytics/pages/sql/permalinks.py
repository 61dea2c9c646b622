"""Puts SQL into an address and reads it again: plain where it is short, else compressed."""

import base64
import binascii
import zlib

LONGEST_PLAIN = 1_000
LONGEST_PACKED = 6_000
LARGEST_BYTES = 1_000_000


class TooLongError(ValueError):
    """Raised when SQL is too long for an address."""


def in_address(sql: str) -> dict[str, str | None]:
    """Return the values of an address that carry a SQL text: `sql`, or `packed` where it is long.

    Raises:
        TooLongError: even compressed it is too long for an address.
    """
    if len(sql) <= LONGEST_PLAIN:
        return {"sql": sql, "packed": None}
    packed = base64.urlsafe_b64encode(zlib.compress(sql.encode("utf-8", "replace"), 9)).decode().rstrip("=")
    if len(packed) > LONGEST_PACKED:
        raise TooLongError(
            f"This SQL is too long for a link: {len(packed):,} of at most {LONGEST_PACKED:,} characters."
        )
    return {"sql": None, "packed": packed}


def from_address(sql: str | None, packed: str | None) -> str | None:
    """Return the SQL text of an address; None where it has none that can be read."""
    if sql:
        return sql
    if not packed:
        return None
    try:
        data = base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4))
        # A few bytes may decompress to a thousand times as many.
        text = zlib.decompressobj().decompress(data, LARGEST_BYTES).decode()
    except (ValueError, binascii.Error, zlib.error):
        return None
    return text or None
