"""Derives `changes`: compares appended notifications with each entity's last one, in order of occurrence."""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import AbstractContextManager
from functools import partial

from receiver.changes.change import Change, Snapshot
from receiver.changes.differ import follow, list_changes, list_told
from receiver.database.extent import read_dropped
from receiver.database.faults import UnderivableError, is_bug
from receiver.database.opening import Read
from receiver.deriving.bodies import LastBodies
from receiver.deriving.derived import AccountEvents, Cause, CausedChanges, Derived, SenderRules, Underived, as_columns
from receiver.deriving.history import Entity, EntityEvent, Run, find_closed, find_runs
from receiver.deriving.states import LastStates, read_steps, run_by_name
from receiver.files import read_sql_file
from receiver.logs import describe
from receiver.notification import NumberedNotification
from receiver.senders import Senders, load_senders
from receiver.spool.layout import to_microseconds

_MOST_BYTES = 48 * 1024 * 1024
"""How large the changes of several notifications may be: those of small updates have all of the large bodies before."""
_BYTES_OF_A_ROW = 200
_NO_END = 1 << 62

_log = logging.getLogger(__name__)


class Deriver:
    """Derives a table of changes from notifications, as these are appended.

    Each notification is compared with the one that happened before it, whatever order they arrive in, and after a
    deletion without a state with the last one that has a state. A late one is put in its place, and those that are
    compared with it are compared again. An event that does not state its entity shows what it tells itself, and is
    compared with none. A notification received in a month that was dropped shows no changes.

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
        self._read = run_by_name(read)
        self._rules = SenderRules(load_senders() if senders is None else senders)
        self._rules.read_stateless_events(read)
        dropped = read_dropped(read)
        self._since, self._has_dropped = dropped.before, dropped.is_something
        self._states = LastStates(
            self._read, self._rules, bodies or LastBodies(), _NO_END if last_seq is None else last_seq
        )
        self._room = _MOST_BYTES

    def derive(self, notifications: Sequence[NumberedNotification]) -> Derived:
        """Derive from notifications in order of `seq`, after all those that were derived from before.

        Raises:
            UnderivableError: derive from fewer, because their changes are too large for the memory, or because there is
                a bug, and which of them it concerns is not known.
            Exception: what `read` raises when the store can't be read.
        """
        self._room = _MOST_BYTES if len(notifications) > 1 else _NO_END
        try:
            return self._derive(notifications)
        except Exception as error:
            if is_bug(error):
                raise UnderivableError(describe(error)) from error
            raise

    def give_up(self, numbered: NumberedNotification, error: Exception) -> Derived:
        """Return the result for a notification whose changes can't be derived: that they are missing."""
        derived = Derived([], [], {}, [Underived(str(numbered.row.id), numbered.seq, describe(error))], {})
        stating, _ = self._divide([numbered])
        for event in stating:
            self._place(event.entity, [event], derived)
        return derived

    def _derive(self, notifications: Sequence[NumberedNotification]) -> Derived:
        histories: defaultdict[Entity, list[EntityEvent]] = defaultdict(list)
        stating, telling = self._divide(notifications)
        for event in stating:
            histories[event.entity].append(event)
        derived = Derived([], [], {}, [], {})
        for event in telling:
            if event.received_at >= self._since:
                differ = self._rules.differ_of(event.sender)
                self._put_changes(event, partial(list_told, differ, event.snapshot), derived)
        if not histories:
            return derived
        late: dict[Entity, list[EntityEvent]] = {}
        for entity, events in histories.items():
            if len(events) > 1:
                events.sort(key=lambda event: event.place)
            if self._place(entity, events, derived):
                late[entity] = events
        others = histories.keys() - late.keys()
        for entity, state in self._states.read(others, notifications[0].seq - 1):
            events = histories[entity]
            self._derive_chain(state, events, derived, self._find_closed(events))
        if late:
            self._derive_late(late, derived)
        derived.changed.sort(key=lambda each: each.cause.seq)
        return derived

    def _find_closed(self, events: Iterable[EntityEvent]) -> AbstractSet[int]:
        """Return the `seq` of those of an entity's latest events that show no changes, because months were dropped."""
        return find_closed([event.make_step(self._since) for event in events]) if self._has_dropped else frozenset()

    def _place(self, entity: Entity, events: Sequence[EntityEvent], derived: Derived) -> bool:
        """Note an entity's events, in order, and tell whether the first is late."""
        derived.histories[entity] = events
        head = self._states.get_head(entity)
        is_late = head is not None and events[0].place < head.place
        sender, category, name = entity
        if (sender, category) in self._rules.accounts:
            derived.accounts[sender, name] = AccountEvents([event.seq for event in events], is_late)
        return is_late

    def settle(self, derived: Derived) -> None:
        """Remember what was derived, once the transaction is committed."""
        with self.settling(derived):
            pass

    def settling(self, derived: Derived) -> AbstractContextManager[None]:
        """Remember what was derived while a block commits it; if that fails, this deriver is of no more use."""
        return self._states.settling(derived.histories, self._since)

    def _derive_late(self, histories: dict[Entity, list[EntityEvent]], derived: Derived) -> None:
        """Derive from events of which some happened before known ones, and derive again what is compared with them."""
        new = {event.seq: event for events in histories.values() for event in events}
        runs = list(self._find_runs(histories))
        known = {step.place.seq for run in runs for step in (*run.before, *run.steps)} - new.keys()
        events = new | {event.seq: event for event in self._read_events(known)}
        for run in runs:
            self._derive_run(run, events, new.keys(), derived)

    def _find_runs(self, histories: dict[Entity, list[EntityEvent]]) -> Iterator[Run]:
        last_seq = min(event.seq for events in histories.values() for event in events) - 1
        skipped = as_columns(self._rules.stateless_events)
        orders = read_steps(self._read, "places.sql", histories, last_seq, to_microseconds(self._since), *skipped)
        for entity, events in histories.items():
            late = [event.make_step(self._since) for event in events]
            order = sorted([*orders[entity], *late])
            yield from find_runs(order, late, self._rules.differ_of(entity[0]).comparison.deleted)

    def _derive_run(self, run: Run, events: Mapping[int, EntityEvent], new: AbstractSet[int], derived: Derived) -> None:
        seqs = [step.place.seq for step in run.before]
        before = None
        for event in (events[seq] for seq in seqs if seq in events):
            before = follow(self._rules.differ_of(event.sender), before, event.snapshot)
        is_whole = all(seq in events for seq in seqs)
        for seq in (step.place.seq for step in run.steps):
            if seq not in events:
                before, is_whole = None, False
            elif seq in new or is_whole:  # if a damaged block hides their sources, stored changes stay
                before, is_whole = self._derive_chain(before, [events[seq]], derived, run.closed), True
                if seq not in new and seq not in run.closed:
                    derived.stale.append(seq)

    def _read_events(self, seqs: Iterable[int]) -> Iterator[EntityEvent]:
        columns = ", ".join(EntityEvent._fields)
        query = read_sql_file(__package__, "events_by_seq.sql").replace("/* columns */ *", columns)
        return map(EntityEvent._make, self._read_rows(query, [list(seqs)]))

    def _divide(self, notifications: Iterable[NumberedNotification]) -> tuple[list[EntityEvent], list[EntityEvent]]:
        """Return the events that state their entity, and those that tell at most what they did to it."""
        stating: list[EntityEvent] = []
        telling: list[EntityEvent] = []
        for event in self._select_events(notifications):
            (telling if self._rules.is_stateless(event.sender, event.event_type) else stating).append(event)
        return stating, telling

    def _select_events(self, notifications: Iterable[NumberedNotification]) -> Iterator[EntityEvent]:
        stateless = self._rules.stateless
        for seq, row, duplicate_of in notifications:
            if duplicate_of is None and row.entity_id is not None and (row.sender, row.category) not in stateless:
                yield EntityEvent(
                    seq, str(row.id), row.occurred_at, row.received_at, row.category, row.entity_id, row.account_alias,
                    row.actor, row.action, row.payload, row.sender, row.event_type,
                )  # fmt: skip

    def _derive_chain(
        self, before: Snapshot | None, events: Iterable[EntityEvent], derived: Derived, closed: AbstractSet[int]
    ) -> Snapshot | None:
        """Derive the rows of an entity's events, each compared with the state before; return the last state."""
        for event in events:
            differ, now = self._rules.differ_of(event.sender), event.snapshot
            if event.seq not in closed:
                self._put_changes(event, partial(list_changes, differ, before, now), derived)
            before = follow(differ, before, now)
        return before

    def _put_changes(self, event: EntityEvent, list_them: Callable[[], list[Change]], derived: Derived) -> None:
        self._room -= _put_rows(event, list_them, derived)
        if self._room < 0:
            raise UnderivableError("the changes of all of them are too large")


def _put_rows(event: EntityEvent, list_them: Callable[[], list[Change]], derived: Derived) -> int:
    """Derive the rows of an event, and return how many bytes they take, roughly."""
    try:
        changes = list_them()
    except Exception as error:
        if not is_bug(error):
            raise
        derived.failed.append(Underived(event.id, event.seq, describe(error)))
        _log.error("the changes of notification %s can't be derived: %s", event.id, describe(error))
        return 0
    size = len(changes) * (len(event.entity_id) + _BYTES_OF_A_ROW)
    if changes:
        cause = Cause(
            event.id, event.seq, event.happened_at, event.category, event.entity_id, event.account_alias,
            event.actor, event.sender,
        )  # fmt: skip
        derived.changed.append(CausedChanges(cause, changes))
    return size + sum(len(change.old_value or "") + len(change.new_value or "") for change in changes)
