"""The result of deriving: rows of `changes`, and what could not be derived."""

from datetime import datetime
from typing import NamedTuple

from receiver.deriving.history import Entity, EntityEvent
from receiver.notification import Category
from receiver.senders.sender import Kind


class Underived(NamedTuple):
    """A notification whose changes could not be derived, and why."""

    id: str
    seq: int
    error: str


class DerivedChange(NamedTuple):
    """A row of `changes`; the values are JSON, and `told` says whether the sender told the value before itself."""

    notification_id: str
    seq: int
    changed_at: datetime
    category: Category
    entity_id: str
    account_alias: str | None
    actor: str | None
    path: str
    kind: Kind
    noise: bool
    old_value: str | None
    new_value: str | None
    told: bool
    sender: str


class AccountEvents(NamedTuple):
    """An account's new notifications, and whether one of them happened before known ones."""

    seqs: list[int]
    is_late: bool


class Derived(NamedTuple):
    """The result of deriving: new rows, the notifications whose rows they replace, and entities' last notifications.

    `failed` are the notifications whose rows are missing because deriving them raised an error. `accounts` are the new
    notifications of accounts, by sender and alias.
    """

    rows: list[DerivedChange]
    stale: list[int]
    last: dict[Entity, EntityEvent]
    failed: list[Underived]
    accounts: dict[tuple[str, str], AccountEvents]
