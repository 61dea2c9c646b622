"""Re-checks the promise on a store and a spool: every invariant, and each signature over the stored bytes."""

from receiver.keeping.verification.rows import check_former, check_spooled, check_stored
from receiver.keeping.verification.tables import (
    Extent,
    LackingKey,
    can_check_changes,
    check_whole,
    count_judged,
    extent_of,
    find_gaps,
    find_lacking_keys,
)

__all__ = [
    "Extent",
    "LackingKey",
    "can_check_changes",
    "check_former",
    "check_spooled",
    "check_stored",
    "check_whole",
    "count_judged",
    "extent_of",
    "find_gaps",
    "find_lacking_keys",
]
