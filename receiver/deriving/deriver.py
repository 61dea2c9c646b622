"""Derives `changes`: compares appended notifications with each entity's last one, in order of occurrence."""

import logging
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any, NamedTuple

from receiver.changes.differ import Snapshot, changes_of
from receiver.database.faults import UnderivableError, is_bug
from receiver.deriving.bodies import LastBodies
from receiver.deriving.rules import SenderRules, as_columns
from receiver.files import sql_file
from receiver.logs import describe
from receiver.notification import Action, Category, NumberedNotification
from receiver.senders import Senders, load_senders
from receiver.senders.sender import Kind

Read = Callable[[str, list[Any]], list[tuple[Any, ...]]]
Entity = tuple[str, Category, str]
"""An entity: its sender, category and id."""

_ENTITIES_AT_ONCE = 256
_NO_END = 1 << 62

_log = logging.getLogger(__name__)


class Place(NamedTuple):
    """Where a notification stands in its entity's history."""

    happened_at: datetime
    seq: int


class _EntityEvent(NamedTuple):
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
        return self.sender, self.category, self.entity_id

    @property
    def place(self) -> Place:
        # A notification that occurred after its receipt comes from a fast clock, or its time is not true.
        return Place(min(self.occurred_at, self.received_at), self.seq)

    @property
    def snapshot(self) -> Snapshot:
        weight = len(self.entity_id) + len(self.account_alias or "") + len(self.actor or "")
        return Snapshot(self.category, self.action, self.payload, weight, self.event_type)


class _Head(NamedTuple):
    """The last notification of an entity, without its payload."""

    place: Place
    action: Action | None


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


class Derived(NamedTuple):
    """The result of deriving: new rows, the notifications whose rows they replace, and entities' last notifications.

    `failed` are the notifications whose rows are missing because deriving them raised an error.
    """

    rows: list[DerivedChange]
    stale: list[int]
    last: dict[Entity, _EntityEvent]
    failed: list[Underived]


class Deriver:
    """Derives a table of changes from notifications, as these are appended.

    Each notification is compared with the one that happened before it, whatever order they arrive in. A late one is
    put in its place, and its successor there is compared again.

    Args:
        read: runs a query and returns its rows; unreadable rows (in a damaged block) count as missing.
        senders: whose notifications they may be; by default all that the program knows.
        last_seq: the last notification that was derived from; by default the last that is stored.
        bodies: the bodies at hand; none by default.
    """

    def __init__(
        self,
        read: Read,
        last_seq: int | None = None,
        bodies: LastBodies | None = None,
        *,
        senders: Senders | None = None,
    ) -> None:
        self._read_rows = read
        self._rules = SenderRules(load_senders() if senders is None else senders)
        last = _NO_END if last_seq is None else last_seq
        self._heads: dict[Entity, _Head] = {
            (sender, category, entity_id): _Head(Place(happened_at, seq), action)
            for sender, category, entity_id, happened_at, seq, action in self._read(
                "heads.sql", [*as_columns(self._rules.stateless), last]
            )
        }
        self._bodies = bodies or LastBodies()

    def derive(self, notifications: Sequence[NumberedNotification]) -> Derived:
        """Derive from notifications in order of `seq`, after all those that were derived from before.

        Raises:
            UnderivableError: there is a bug, and which of them it concerns is not known; derive from fewer.
            Exception: what `read` raises when the store can't be read.
        """
        try:
            return self._derive(notifications)
        except Exception as error:
            if is_bug(error):
                raise UnderivableError(describe(error)) from error
            raise

    def give_up(self, numbered: NumberedNotification, error: Exception) -> Derived:
        """Return the result for a notification whose changes can't be derived: that they are missing."""
        derived = Derived([], [], {}, [Underived(str(numbered.row.id), numbered.seq, describe(error))])
        for event in self._select_events([numbered]):
            head = self._heads.get(event.entity)
            if not head or event.place > head.place:
                derived.last[event.entity] = event
        return derived

    def _derive(self, notifications: Sequence[NumberedNotification]) -> Derived:
        histories: defaultdict[Entity, list[_EntityEvent]] = defaultdict(list)
        for event in self._select_events(notifications):
            histories[event.entity].append(event)
        derived = Derived([], [], {}, [])
        late: dict[Entity, list[_EntityEvent]] = {}
        for entity, events in histories.items():
            events.sort(key=lambda event: event.place)
            head = self._heads.get(entity)
            if head and events[0].place < head.place:
                late[entity] = events
            if not head or events[-1].place > head.place:
                derived.last[entity] = events[-1]
        in_order = list(histories.keys() - late.keys())
        for start in range(0, len(in_order), _ENTITIES_AT_ONCE):
            entities = in_order[start : start + _ENTITIES_AT_ONCE]
            latest = self._read_latest(entities)
            for entity in entities:
                self._chain(latest.get(entity), histories[entity], derived)
        if late:
            self._derive_late(late, derived)
        derived.rows.sort(key=attrgetter("seq"))
        return derived

    def accounts_in(self, derived: Derived) -> dict[tuple[str, str], int]:
        """Return the `seq` of each account's last notification, by sender and alias, where it is one of these."""
        return {
            (sender, name): event.seq
            for (sender, category, name), event in derived.last.items()
            if (sender, category) in self._rules.accounts
        }

    def settle(self, derived: Derived) -> None:
        """Remember what was derived, once the transaction is committed."""
        if not derived.last:
            return
        old = [self._heads[entity].place.seq for entity in derived.last if entity in self._heads]
        newest = max((event.seq, event.id) for event in derived.last.values())
        self._bodies.replace(old, {event.seq: event.payload for event in derived.last.values()}, newest)
        for entity, event in derived.last.items():
            self._heads[entity] = _Head(event.place, event.action)

    def _read(self, query: str, parameters: list[Any]) -> list[tuple[Any, ...]]:
        return self._read_rows(sql_file(__package__, query), parameters)

    def _read_latest(self, entities: Iterable[Entity]) -> dict[Entity, Snapshot]:
        """Return entities' last notifications, reading the payloads that are not at hand."""
        entity_by_seq = {self._heads[entity].place.seq: entity for entity in entities if entity in self._heads}
        bodies = self._bodies.get(entity_by_seq)
        if missing := list(entity_by_seq.keys() - bodies.keys()):
            bodies |= {seq: body.encode() for seq, body in self._read("payloads.sql", [missing])}
        heads = ((entity_by_seq[seq], body) for seq, body in bodies.items())
        return {entity: Snapshot(entity[1], self._heads[entity].action, body) for entity, body in heads}

    def _derive_late(self, histories: dict[Entity, list[_EntityEvent]], derived: Derived) -> None:
        """Derive from events of which some happened before known ones, and derive again from their successors."""
        new = {event.seq: event for events in histories.values() for event in events}
        pairs = self._pair_up(histories)
        known = {seq for pair in pairs for seq in pair if seq is not None} - new.keys()
        events = new | {event.seq: event for event in self._read_events(known)}
        for before, seq in pairs:
            is_readable = seq in events and (before is None or before in events)
            if seq in new or is_readable:  # if a damaged block hides their sources, stored changes stay
                self._chain(events[before].snapshot if before in events else None, [events[seq]], derived)
                if seq not in new:
                    derived.stale.append(seq)

    def _read_events(self, seqs: Iterable[int]) -> Iterator[_EntityEvent]:
        columns = ", ".join(_EntityEvent._fields)
        query = sql_file(__package__, "events_by_seq.sql").replace("/* columns */ *", columns)
        return map(_EntityEvent._make, self._read_rows(query, [list(seqs)]))

    def _pair_up(self, histories: dict[Entity, list[_EntityEvent]]) -> list[tuple[int | None, int]]:
        """List the notifications to compare, each after the seq of the one before it, if there is one."""
        keys = [list(column) for column in zip(*histories, strict=True)]
        orders = {entity: [event.place for event in events] for entity, events in histories.items()}
        last_seq = min(event.seq for events in histories.values() for event in events) - 1
        for sender, category, entity_id, *place in self._read("places.sql", [*keys, last_seq]):
            orders[sender, category, entity_id].append(Place._make(place))
        before: dict[int, int | None] = {}
        for entity, events in histories.items():
            order = sorted(orders[entity])
            for event in events:
                at = bisect_left(order, event.place)
                before |= {order[i].seq: order[i - 1].seq if i else None for i in (at, at + 1) if i < len(order)}
        return [(earlier, seq) for seq, earlier in before.items()]

    def _select_events(self, notifications: Iterable[NumberedNotification]) -> Iterator[_EntityEvent]:
        stateless = self._rules.stateless
        for seq, row, duplicate_of in notifications:
            if duplicate_of is None and row.entity_id is not None and (row.sender, row.category) not in stateless:
                yield _EntityEvent(
                    seq, str(row.id), row.occurred_at, row.received_at, row.category, row.entity_id, row.account_alias,
                    row.actor, row.action, row.payload, row.sender, row.event_type,
                )  # fmt: skip

    def _chain(self, before: Snapshot | None, events: Iterable[_EntityEvent], derived: Derived) -> None:
        """Derive the rows of an entity's events, each compared with the one before."""
        for event in events:
            about = (
                event.id, event.seq, event.place.happened_at, event.category, event.entity_id, event.account_alias,
                event.actor,
            )  # fmt: skip
            snapshot = event.snapshot
            try:
                changes = changes_of(self._rules.differ_of(event.sender), before, snapshot)
            except Exception as error:
                if not is_bug(error):
                    raise
                derived.failed.append(Underived(event.id, event.seq, describe(error)))
                _log.error("the changes of notification %s can't be derived: %s", event.id, describe(error))
            else:
                derived.rows.extend(DerivedChange(*about, *change, event.sender) for change in changes)
            before = snapshot
