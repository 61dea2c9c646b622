"""Re-checks the promise on a store and a spool: every invariant, and each signature over the stored bytes."""

from receiver.verification.changes import can_check_changes
from receiver.verification.extent import Extent, extent_of
from receiver.verification.keys import LackingKey, find_lacking_keys
from receiver.verification.spooled import check_former, check_spooled
from receiver.verification.stored import check_stored
from receiver.verification.whole import check_whole

__all__ = [
    "Extent",
    "LackingKey",
    "can_check_changes",
    "check_former",
    "check_spooled",
    "check_stored",
    "check_whole",
    "extent_of",
    "find_lacking_keys",
]
