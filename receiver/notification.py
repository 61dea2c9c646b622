"""The rows that are kept: accepted and refused notifications; their ids sort by time of receipt.

`Notification` and `Rejection` are the one definition of the columns of `notifications` and `rejected`: whatever writes
or reads such rows takes the names, the order and the types of the columns from `list_columns`.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints
from uuid import UUID

from uuid_utils.compat import uuid7

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Category = str
"""The kind of thing that a sender's notification is about."""
Action = str
"""What happened to it."""
SignatureStatus = Literal["valid", "invalid", "missing"]
Proof = Literal["third-party", "shared-secret", "token", "none"]
"""What a valid signature proves, and to whom.

`third-party`: anybody with the public key can check it. `shared-secret`: only its holders can, and each of them could
have made it. `token`: the request carried a secret, and nothing binds that to the body. `none`: nothing is signed.
"""

JSON: Final = "JSON"
"""Marks a column whose text or bytes are JSON."""
FIRST_SENDER: Final = "centurylink"
"""The sender of all rows from before the column `sender`."""
FIRST_PROOF: Final[Proof] = "third-party"
"""What a valid signature proves in all rows from before the column `proof`."""

NOT_STORABLE: Final = "not_storable"
DAMAGED_IN_SPOOL: Final = "damaged_in_spool"
SET_ASIDE: Final = (NOT_STORABLE, DAMAGED_IN_SPOOL)
"""The reasons in `rejected` of rows that were acknowledged and could not be stored. Such rows are never pruned."""


class Notification(NamedTuple):
    """An accepted notification: the columns of `notifications` that are known on receipt.

    `key_fingerprint` is the fingerprint of the public key under which the receiver judged the signature; None where
    there was no signature to judge. `proof` is what a valid signature of the sender proves, valid or not;
    `signature_detail` says why it is not valid. `delivery_id` is the sender's own id of the delivery.
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
    payload: Annotated[bytes, JSON]
    key_fingerprint: str | None
    sender: str
    proof: Proof
    signature_detail: str | None
    delivery_id: str | None


class Rejection(NamedTuple):
    """A refused notification: the columns of `rejected`.

    `headers` is a JSON object as text; `sender` is None where it is not known. `signature_detail` says why the
    signature is not valid; None if it is, or was not judged.
    """

    id: UUID
    received_at: datetime
    reason: str
    path: str
    source_ip: str | None
    headers: Annotated[str, JSON]
    body: bytes
    sender: str | None
    signature_detail: str | None

    @property
    def cost(self) -> int:
        """Its cost in a budget, in bytes: the fields that a stranger can make long, and 100 for the rest."""
        return 100 + len(self.path.encode()) + len(self.headers) + len(self.body)


class NumberedNotification(NamedTuple):
    """A notification with its place in the store's order, and the id of the notification that it copies."""

    seq: int
    row: Notification
    duplicate_of: UUID | None


class Column(NamedTuple):
    """A column: its name, its plain type (no union, no Literal), and whether it may be NULL and is JSON."""

    name: str
    type: type
    is_nullable: bool
    is_json: bool


def list_columns(kind: type[tuple[Any, ...]]) -> tuple[Column, ...]:
    """List the columns of a kind of row, a NamedTuple, in their order."""
    hints = get_type_hints(kind, include_extras=True)
    return tuple(_make_column(name, hint) for name, hint in hints.items())


def _make_column(name: str, hint: Any) -> Column:
    members = list(_list_members(hint))
    plain = next(member for member in members if member is not NoneType)
    return Column(name, plain, NoneType in members, JSON in getattr(hint, "__metadata__", ()))


def _list_members(hint: Any) -> Iterator[type]:
    """Yield the plain types that a type hint allows."""
    origin = get_origin(hint)
    if origin is Annotated:
        yield from _list_members(hint.__origin__)
    elif origin in (Union, UnionType):
        for member in get_args(hint):
            yield from _list_members(member)
    elif origin is Literal:
        yield from map(type, get_args(hint))
    else:
        yield hint


def make_id(received_at: datetime) -> UUID:
    """Make an id that carries a time of receipt."""
    return uuid7(nanoseconds=(received_at - _EPOCH) // timedelta(microseconds=1) * 1000)
