"""The result of deriving: rows of `changes`, and what could not be derived."""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from receiver.changes.differ import Change
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


class Origin(NamedTuple):
    """The columns that all changes of a notification share."""

    notification_id: str
    seq: int
    changed_at: datetime
    category: Category
    entity_id: str
    account_alias: str | None
    actor: str | None
    sender: str


class ChangesOf(NamedTuple):
    """The changes of a notification."""

    origin: Origin
    changes: list[Change]

    def rows(self) -> Iterator[DerivedChange]:
        """Yield them as rows."""
        return (DerivedChange(*self.origin[:-1], *change, self.origin.sender) for change in self.changes)


class Derived(NamedTuple):
    """The result of deriving: changes, the notifications whose rows they replace, and entities' last notifications.

    `failed` are the notifications whose rows are missing because deriving them raised an error.
    """

    changes: list[ChangesOf]
    stale: list[int]
    last: dict[Entity, EntityEvent]
    failed: list[Underived]
