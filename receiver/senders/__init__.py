"""The senders of notifications: each has a folder with all that is known of it, behind `Sender`."""

from collections.abc import Mapping

from receiver.senders.centurylink import CENTURYLINK
from receiver.senders.sender import Sender

__all__ = ["CENTURYLINK", "Sender", "Senders", "load_senders"]

Senders = Mapping[str, Sender]
"""Senders by their names."""


def load_senders() -> dict[str, Sender]:
    """Return all senders that this program knows, by their names."""
    return {CENTURYLINK.name: CENTURYLINK}
