"""The senders of notifications: all that is known of each stands in its folder, behind `Sender`."""

from receiver.senders.centurylink import CENTURYLINK
from receiver.senders.sender import Sender

__all__ = ["SENDER", "Sender"]

SENDER = CENTURYLINK
"""The one that there is."""
