"""An entity's history: the order in which its notifications happened, and which of them a late one concerns."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import NamedTuple

from receiver.changes.change import Snapshot
from receiver.notification import Action, Category

_NO_SEQ = 1 << 62

Entity = tuple[str, Category, str]
"""An entity: its sender, category and id."""


class Place(NamedTuple):
    """Where a notification stands in its entity's history."""

    happened_at: datetime
    seq: int


class Step(NamedTuple):
    """A notification in its entity's history, without its payload.

    `is_old` says that it was received before the moment since which all is stored.
    """

    place: Place
    action: Action | None
    is_old: bool = False


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
        """Return the entity that it is about."""
        return self.sender, self.category, self.entity_id

    @property
    def happened_at(self) -> datetime:
        """Return when it happened."""
        # A notification that occurred after its receipt comes from a fast clock, or its time is not true.
        return min(self.occurred_at, self.received_at)

    @property
    def place(self) -> Place:
        """Return where it stands in its entity's history."""
        return Place(self.happened_at, self.seq)

    def make_step(self, since: datetime) -> Step:
        """Return it as a step of its entity's history; `since` is the moment since which all is stored."""
        return Step(self.place, self.action, self.received_at < since)

    @property
    def snapshot(self) -> Snapshot:
        """Return it as comparisons need it."""
        weight = len(self.entity_id) + len(self.account_alias or "") + len(self.actor or "")
        return Snapshot(self.category, self.action, self.payload, weight, self.event_type)


class Run(NamedTuple):
    """Notifications to derive from one after the other.

    `before` are those before the first of them, back to one that certainly states the entity: a deletion may not.
    `closed` are the `seq` of those whose changes stay as they are, see `find_closed`.
    """

    before: Sequence[Step]
    steps: Sequence[Step]
    closed: AbstractSet[int] = frozenset()


def find_closed(order: Sequence[Step]) -> AbstractSet[int]:
    """Return the `seq` of the steps from which no changes are derived any more.

    These are the old ones, and those that came later and happened before an old one: what they are compared with may
    have been dropped.

    Args:
        order: the last steps of an entity, or all, in order.
    """
    closed, first_old = set(), _NO_SEQ
    for step in reversed(order):
        if step.is_old or first_old < step.place.seq:
            closed.add(step.place.seq)
        if step.is_old:
            first_old = min(first_old, step.place.seq)
    return closed


def list_steps_before(order: Sequence[Step], index: int, deleted: AbstractSet[Action | None]) -> Sequence[Step]:
    """Return the steps before one of them, from the last that is no deletion on."""
    first = index
    while first and (first == index or order[first].action in deleted):
        first -= 1
    return order[first:index]


def find_runs(order: Sequence[Step], late: Sequence[Step], deleted: AbstractSet[Action | None]) -> Iterator[Run]:
    """Yield what to derive again: the late notifications, and those that are compared with them.

    Args:
        order: all steps of the entity, in order.
        late: those of them that came late, in order.
        deleted: the actions that delete an entity.
    """
    end, closed = 0, find_closed(order)
    for step in late:
        first = bisect_left(order, step)
        if first < end:
            continue
        end = _find_end(order, first, frozenset(late), deleted)
        yield Run(list_steps_before(order, first, deleted), order[first:end], closed)


def _find_end(order: Sequence[Step], first: int, late: AbstractSet[Step], deleted: AbstractSet[Action | None]) -> int:
    """Return the end of a run: after the first step that is neither late, nor a deletion nor a late one's successor."""
    is_concerned, end = True, first
    while end < len(order) and is_concerned:
        is_concerned = order[end] in late or order[end].action in deleted
        end += 1
    return end
