"""Re-checks the promise on a store and a spool: every invariant, and each signature over the stored bytes."""

from receiver.keeping.verification.checkers.changes import read_scope
from receiver.keeping.verification.checkers.parts import Means
from receiver.keeping.verification.checkers.workers import open_checkers
from receiver.keeping.verification.rows import Tally, check_former, check_spooled, check_stored
from receiver.keeping.verification.tables import (
    Extent,
    UsedKey,
    can_check_accounts,
    can_check_changes,
    check_whole,
    find_gaps,
    find_lacking_keys,
    list_used_keys,
    read_extent,
)

__all__ = [
    "Extent",
    "Means",
    "Tally",
    "UsedKey",
    "can_check_accounts",
    "can_check_changes",
    "check_former",
    "check_spooled",
    "check_stored",
    "check_whole",
    "find_gaps",
    "find_lacking_keys",
    "list_used_keys",
    "open_checkers",
    "read_extent",
    "read_scope",
]
