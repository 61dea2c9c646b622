"""Compares the events of an entity, each with the one before it, and makes the rows of `changes`."""

import logging
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from receiver.changes.differ import Snapshot, changes_of
from receiver.database.faults import is_bug
from receiver.deriving.rules import SenderRules
from receiver.logs import describe
from receiver.notification import Action, Category
from receiver.senders.sender import Kind

Entity = tuple[str, Category, str]
"""An entity: its sender, category and id."""

_log = logging.getLogger(__name__)


class Place(NamedTuple):
    """Where a notification stands in its entity's history."""

    happened_at: datetime
    seq: int


class EntityEvent(NamedTuple):
    """A notification that can change its entity: no copy, and of a category whose bodies state it."""

    seq: int
    id: str
    occurred_at: datetime
    received_at: datetime
    category: Category
    entity_id: str
    account_alias: str | None
    actor: str | None
    action: Action | None
    payload: bytes
    sender: str
    event_type: str | None

    @property
    def entity(self) -> Entity:
        """The entity that it is about."""
        return self.sender, self.category, self.entity_id

    @property
    def place(self) -> Place:
        """Its place in the entity's history."""
        # A notification that occurred after its receipt comes from a fast clock, or its time is not true.
        return Place(min(self.occurred_at, self.received_at), self.seq)

    @property
    def snapshot(self) -> Snapshot:
        """What a comparison takes of it."""
        weight = len(self.entity_id) + len(self.account_alias or "") + len(self.actor or "")
        return Snapshot(self.category, self.action, self.payload, weight, self.event_type)


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


class Chain(NamedTuple):
    """Events of one entity in order, and its state before them; None where there was none."""

    before: Snapshot | None
    events: list[EntityEvent]


class Compared(NamedTuple):
    """The rows of compared events, and the events whose rows are missing because comparing them raised an error."""

    rows: list[DerivedChange]
    failed: list[Underived]


def compare(rules: SenderRules, chains: Iterable[Chain]) -> Compared:
    """Compare the events of chains, each with the one before it."""
    compared = Compared([], [])
    for chain in chains:
        before = chain.before
        for event in chain.events:
            snapshot = event.snapshot
            _compare_one(rules, before, event, snapshot, compared)
            before = snapshot
    return compared


def _compare_one(
    rules: SenderRules, before: Snapshot | None, event: EntityEvent, snapshot: Snapshot, compared: Compared
) -> None:
    about = (
        event.id, event.seq, event.place.happened_at, event.category, event.entity_id, event.account_alias, event.actor,
    )  # fmt: skip
    try:
        changes = changes_of(rules.differ_of(event.sender), before, snapshot)
    except Exception as error:
        if not is_bug(error):
            raise
        compared.failed.append(Underived(event.id, event.seq, describe(error)))
        _log.error("the changes of notification %s can't be derived: %s", event.id, describe(error))
    else:
        compared.rows.extend(DerivedChange(*about, *change, event.sender) for change in changes)
