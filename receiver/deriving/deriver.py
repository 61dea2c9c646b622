"""Derives `changes`: compares appended notifications with each entity's last one, in order of occurrence."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from operator import attrgetter
from typing import Any, NamedTuple

import pyarrow as pa

from receiver.changes.differ import Snapshot
from receiver.database.faults import UnderivableError, is_bug
from receiver.deriving.bodies import LastBodies
from receiver.deriving.comparer import Comparer
from receiver.deriving.comparing import Chain, DerivedChange, Entity, EntityEvent, Place, Underived, compare
from receiver.deriving.rules import SenderRules, as_columns
from receiver.files import sql_file
from receiver.logs import describe
from receiver.notification import Action, NumberedNotification
from receiver.senders import Senders, load_senders

Read = Callable[[str, list[Any]], list[tuple[Any, ...]]]
_ENTITIES_AT_ONCE = 256
_NO_END = 1 << 62
_MANY_EVENTS = 1_000
"""So many are worth the way to another process."""


class _Head(NamedTuple):
    """The last notification of an entity, without its payload."""

    place: Place
    action: Action | None


class Derived(NamedTuple):
    """The result of deriving: new rows, the notifications whose rows they replace, and entities' last notifications.

    `failed` are the notifications whose rows are missing because deriving them raised an error. `table` has further
    rows, made by another process.
    """

    rows: list[DerivedChange]
    stale: list[int]
    last: dict[Entity, EntityEvent]
    failed: list[Underived]
    table: pa.Table | None = None


class Begun(NamedTuple):
    """What is derived so far, and the chains that are being compared elsewhere."""

    derived: Derived
    chains: list[Chain]


class Deriver:
    """Derives a table of changes from notifications, as these are appended.

    Each notification is compared with the one that happened before it, whatever order they arrive in. A late one is
    put in its place, and its successor there is compared again.

    Args:
        read: runs a query and returns its rows; unreadable rows (in a damaged block) count as missing.
        senders: whose notifications they may be; by default all that the program knows.
        last_seq: the last notification that was derived from; by default the last that is stored.
        bodies: the bodies at hand; none by default.
        comparer: a process that compares many bodies meanwhile; none by default.
    """

    def __init__(
        self,
        read: Read,
        last_seq: int | None = None,
        bodies: LastBodies | None = None,
        *,
        senders: Senders | None = None,
        comparer: Comparer | None = None,
    ) -> None:
        self._read_rows = read
        self._comparer = comparer
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
        return self.finish(self.begin(notifications))

    def begin(self, notifications: Sequence[NumberedNotification]) -> Begun:
        """Begin to derive; another process may be at work until `finish`. Raises what `derive` does."""
        with _underivable():
            return self._begin(notifications)

    def finish(self, begun: Begun) -> Derived:
        """Return the result of what was begun last. Raises what `derive` does."""
        derived, chains = begun
        if self._comparer and chains:
            if answer := self._comparer.take():
                derived.failed.extend(answer.failed)
                return derived._replace(table=answer.table)
            with _underivable():
                self._compare(chains, derived)
        derived.rows.sort(key=attrgetter("seq"))
        return derived

    def give_up(self, numbered: NumberedNotification, error: Exception) -> Derived:
        """Return the result for a notification whose changes can't be derived: that they are missing."""
        derived = Derived([], [], {}, [Underived(str(numbered.row.id), numbered.seq, describe(error))])
        for event in self._select_events([numbered]):
            head = self._heads.get(event.entity)
            if not head or event.place > head.place:
                derived.last[event.entity] = event
        return derived

    def _begin(self, notifications: Sequence[NumberedNotification]) -> Begun:
        histories: defaultdict[Entity, list[EntityEvent]] = defaultdict(list)
        for event in self._select_events(notifications):
            histories[event.entity].append(event)
        derived = Derived([], [], {}, [])
        late: dict[Entity, list[EntityEvent]] = {}
        for entity, events in histories.items():
            events.sort(key=lambda event: event.place)
            head = self._heads.get(entity)
            if head and events[0].place < head.place:
                late[entity] = events
            if not head or events[-1].place > head.place:
                derived.last[entity] = events[-1]
        in_order = {entity: events for entity, events in histories.items() if entity not in late}
        chains = self._compare_or_send(in_order, derived)
        if late:
            self._derive_late(late, derived)
        return Begun(derived, chains)

    def _compare_or_send(self, histories: Mapping[Entity, list[EntityEvent]], derived: Derived) -> list[Chain]:
        """Compare events, or, if they are many, let the other process do it and return what it compares."""
        sent: list[Chain] = []
        comparer = self._comparer
        if comparer:
            comparer.take()  # an answer that nobody took, because its transaction failed
        is_sent = comparer and comparer.is_there and sum(map(len, histories.values())) >= _MANY_EVENTS
        entities = list(histories)
        for start in range(0, len(entities), _ENTITIES_AT_ONCE):
            part = entities[start : start + _ENTITIES_AT_ONCE]
            latest = self._read_latest(part)
            chains = [Chain(latest.get(entity), histories[entity]) for entity in part]
            if comparer and is_sent:
                comparer.send(chains)
                sent += chains
            else:
                self._compare(chains, derived)
        return sent

    def _compare(self, chains: Iterable[Chain], derived: Derived) -> None:
        rows, failed = compare(self._rules, chains)
        derived.rows.extend(rows)
        derived.failed.extend(failed)

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

    def _derive_late(self, histories: dict[Entity, list[EntityEvent]], derived: Derived) -> None:
        """Derive from events of which some happened before known ones, and derive again from their successors."""
        new = {event.seq: event for events in histories.values() for event in events}
        pairs = self._pair_up(histories)
        known = {seq for pair in pairs for seq in pair if seq is not None} - new.keys()
        events = new | {event.seq: event for event in self._read_events(known)}
        for before, seq in pairs:
            is_readable = seq in events and (before is None or before in events)
            if seq in new or is_readable:  # if a damaged block hides their sources, stored changes stay
                self._compare([Chain(events[before].snapshot if before in events else None, [events[seq]])], derived)
                if seq not in new:
                    derived.stale.append(seq)

    def _read_events(self, seqs: Iterable[int]) -> Iterator[EntityEvent]:
        columns = ", ".join(EntityEvent._fields)
        query = sql_file(__package__, "events_by_seq.sql").replace("/* columns */ *", columns)
        return map(EntityEvent._make, self._read_rows(query, [list(seqs)]))

    def _pair_up(self, histories: dict[Entity, list[EntityEvent]]) -> list[tuple[int | None, int]]:
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

    def _select_events(self, notifications: Iterable[NumberedNotification]) -> Iterator[EntityEvent]:
        stateless = self._rules.stateless
        for seq, row, duplicate_of in notifications:
            if duplicate_of is None and row.entity_id is not None and (row.sender, row.category) not in stateless:
                yield EntityEvent(
                    seq, str(row.id), row.occurred_at, row.received_at, row.category, row.entity_id, row.account_alias,
                    row.actor, row.action, row.payload, row.sender, row.event_type,
                )  # fmt: skip


@contextmanager
def _underivable() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if is_bug(error):
            raise UnderivableError(describe(error)) from error
        raise
