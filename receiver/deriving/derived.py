"""What deriving goes by, and its result: the rules of senders, rows of `changes`, and what could not be derived.

The rules say how a sender's bodies are compared, and which of its entities have no state.
"""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import NamedTuple

from receiver.changes.change import Change
from receiver.changes.differ import Differ
from receiver.changes.values import PLAIN
from receiver.database.opening import Read
from receiver.deriving.history import Entity, EntityEvent
from receiver.notification import Category
from receiver.senders import Senders

_EVENT_TYPES = "SELECT DISTINCT sender, event_type FROM events WHERE sender IN (SELECT unnest(?))"


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
        self._tests = {
            name: sender.comparison.is_stateless for name, sender in senders.items() if sender.comparison.is_stateless
        }
        self.stateless_events: set[tuple[str, str]] = set()
        """The sender and the type of such notifications in other categories, as far as some came."""
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

    def read_stateless_events(self, read: Read) -> None:
        """Read from a store which events came that do not state their entity."""
        if self._tests:
            for sender, event_type in read(_EVENT_TYPES, [list(self._tests)]):
                self.is_stateless(sender, event_type)

    def is_stateless(self, sender: str, event_type: str | None) -> bool:
        """Tell whether an event does not state its entity, and remember those that do not."""
        test = self._tests.get(sender)
        if test is None or event_type is None or not test(event_type):
            return False
        self.stateless_events.add((sender, event_type))
        return True


def as_columns(pairs: AbstractSet[tuple[str, str]]) -> list[list[str]]:
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
