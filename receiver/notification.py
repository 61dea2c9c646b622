"""What is kept: a notification that was accepted, and one that was refused; their ids sort by time of receipt."""

from datetime import UTC, datetime, timedelta
from typing import Final, Literal, NamedTuple
from uuid import UUID

from uuid_utils.compat import uuid7

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Category = str
"""The kind of thing that a sender's notification is about."""
Action = str
"""What happened to it."""
SignatureStatus = Literal["valid", "invalid", "missing"]

NOT_STORABLE: Final = "not_storable"
DAMAGED_IN_SPOOL: Final = "damaged_in_spool"
SET_ASIDE: Final = (NOT_STORABLE, DAMAGED_IN_SPOOL)
"""The reasons in `rejected` of rows that were acknowledged and could not be stored. Such rows are never pruned."""


class Notification(NamedTuple):
    """An accepted notification: the columns of `notifications` that are known on receipt.

    `key_fingerprint` is the fingerprint of the public key under which the receiver judged the signature; None where
    there was no signature to judge.
    """

    id: UUID
    received_at: datetime
    event_type: str | None
    category: Category
    action: Action | None
    account_alias: str | None
    entity_id: str | None
    actor: str | None
    occurred_at: datetime
    signature_status: SignatureStatus
    signature: bytes | None
    source_ip: str | None
    payload: bytes
    key_fingerprint: str | None


class Rejection(NamedTuple):
    """A refused notification: the columns of `rejected`. `headers` is a JSON object as text."""

    id: UUID
    received_at: datetime
    reason: str
    path: str
    source_ip: str | None
    headers: str
    body: bytes

    @property
    def cost(self) -> int:
        """How much of a budget it takes, in bytes: what a stranger can make long, and 100 for the rest."""
        return 100 + len(self.path.encode()) + len(self.headers) + len(self.body)


def new_id(received_at: datetime) -> UUID:
    """Mint an id for a moment."""
    return uuid7(nanoseconds=(received_at - _EPOCH) // timedelta(microseconds=1) * 1000)
