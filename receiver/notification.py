"""What is kept: a notification that was accepted, and one that was refused."""

from datetime import datetime
from typing import Literal, NamedTuple
from uuid import UUID

Category = Literal["Account", "Alert", "Server", "User"]
Action = Literal["Created", "Updated", "Deleted", "Notification"]
SignatureStatus = Literal["valid", "invalid", "missing"]


class Notification(NamedTuple):
    """An accepted notification: the columns of `notifications` that are known on receipt."""

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
