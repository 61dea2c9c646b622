"""What deriving goes by, and its result: the rules of senders, rows of `changes`, and what could not be derived.

The rules say how a sender's bodies are compared, and which of its entities have no state.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from receiver.changes.differ import Change, Differ
from receiver.changes.values import PLAIN
from receiver.deriving.history import Entity, EntityEvent
from receiver.notification import Category
from receiver.senders import Senders


class SenderRules:
    """The rules of senders, by their names; rows of unknown senders are compared plainly.

    Args:
        senders: the known ones.
    """

    def __init__(self, senders: Senders) -> None:
        self._differs = {name: Differ(sender.comparison) for name, sender in senders.items()}
        self._plain = Differ(PLAIN)
        self.stateless: frozenset[tuple[str, Category]] = frozenset(
            (name, category) for name, sender in senders.items() for category in sender.comparison.stateless
        )
        """The sender and the category of notifications that do not contain their entity's state."""
        self.accounts: frozenset[tuple[str, Category]] = frozenset(
            (name, sender.account_category) for name, sender in senders.items() if sender.account_category
        )
        """The sender and the category of entities that are accounts."""
        differs = (self._plain, *self._differs.values())
        self.deletions = sorted({action for each in differs for action in each.comparison.deleted if action})
        """The actions that are a deletion for one of them at least."""

    def differ_of(self, sender: str) -> Differ:
        """Return what compares a sender's bodies."""
        return self._differs.get(sender, self._plain)


def as_columns(pairs: frozenset[tuple[str, Category]]) -> list[list[str]]:
    """Return the parameters of a query that has pairs as `unnest($1) AS sender, unnest($2) AS category`."""
    return [[sender for sender, _ in pairs], [category for _, category in pairs]]


class Underived(NamedTuple):
    """A notification whose changes could not be derived, and why."""

    id: str
    seq: int
    error: str


class Cause(NamedTuple):
    """The notification that made changes: the columns that their rows in `changes` share."""

    notification_id: str
    seq: int
    changed_at: datetime
    category: Category
    entity_id: str
    account_alias: str | None
    actor: str | None
    sender: str


class CausedChanges(NamedTuple):
    """A notification and its changes, each of which becomes a row of `changes`."""

    cause: Cause
    changes: list[Change]


class AccountEvents(NamedTuple):
    """An account's new notifications, and whether one of them happened before known ones."""

    seqs: list[int]
    is_late: bool


class Derived(NamedTuple):
    """The result of deriving: changes, the notifications whose rows they replace, and entities' new notifications.

    `histories` are each entity's new notifications, in order of occurrence. `failed` are the notifications whose rows
    are missing because deriving them raised an error. `accounts` are the new notifications of accounts, by sender and
    alias.
    """

    changed: list[CausedChanges]
    stale: list[int]
    histories: dict[Entity, Sequence[EntityEvent]]
    failed: list[Underived]
    accounts: dict[tuple[str, str], AccountEvents]
