"""The senders of notifications: each has a folder with all that is known of it, behind `Sender`."""

from receiver.senders.centurylink import CENTURYLINK
from receiver.senders.sender import Sender

__all__ = ["SENDER", "Sender"]

SENDER = CENTURYLINK
"""The only sender so far."""
