"""Knows entities' last states, which new notifications are compared with."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from datetime import datetime
from sys import intern
from typing import Any

from receiver.changes.change import Snapshot
from receiver.changes.differ import Differ, follow, is_bare_deletion
from receiver.database.opening import Read
from receiver.deriving.bodies import LastBodies
from receiver.deriving.derived import SenderRules, as_columns
from receiver.deriving.history import Entity, EntityEvent, Place, Step
from receiver.files import read_sql_file
from receiver.notification import Action

_ENTITIES_AT_ONCE = 512
_BODIES_AT_ONCE = 32 * 1024 * 1024
"""How many bytes of last bodies are in memory at once: those of small notifications may be large."""
_DELETIONS_AT_ONCE = 16


class LastStates:
    """Knows entities' last states: their last bodies, and after a deletion without a state the ones before.

    Args:
        read: runs a query of this folder by its name and returns its rows.
        rules: how senders' bodies are compared.
        bodies: the bodies at hand.
        last_seq: the last notification that counts at first.
    """

    def __init__(self, read: Read, rules: SenderRules, bodies: LastBodies, last_seq: int) -> None:
        self._read, self._rules, self._bodies = read, rules, bodies
        self._heads: dict[Entity, Step] = {}
        # The steps before deletions that follow none. Looking for those of a few entities reads the ids of all
        # notifications each time.
        self._before: dict[Entity, Step] = {}
        skipped = *as_columns(rules.stateless), *as_columns(rules.stateless_events)
        for sender, category, name, *head, moment, seq, action in read(
            "heads.sql", [*skipped, last_seq, rules.deletions]
        ):
            # `intern`, because memory would hold the same few names once more for each entity.
            entity = intern(sender), intern(category), name
            self._put(entity, _make_step(*head), _make_step(moment, seq, action) if seq else None)
        self._forget_replaced_bodies()

    def _forget_replaced_bodies(self) -> None:
        """Forget the bodies that newer ones replace which are not at hand: a crash came between the two commits."""
        newest, last_seq = self._bodies.newest, max((head.place.seq for head in self._heads.values()), default=0)
        if newest and newest[0] < last_seq:
            self._bodies.keep(seq for entity in self._heads for seq in self._list_seqs(entity))

    def get_head(self, entity: Entity) -> Step | None:
        """Return an entity's last step."""
        return self._heads.get(entity)

    def read(self, entities: Iterable[Entity], last_seq: int) -> Iterator[tuple[Entity, Snapshot | None]]:
        """Yield entities with their states up to a `seq`, and None for those that have none."""
        steps = self._find_last_steps(entities, last_seq)
        others = [entity for entity in entities if entity not in steps]
        yield from ((entity, None) for entity in others if entity not in self._heads)
        heads = {self._heads[entity].place.seq: entity for entity in others if entity in self._heads}
        for seq, body in self._bodies.read(heads):
            entity = heads.pop(seq)
            yield entity, Snapshot(entity[1], self._heads[entity].action, body)
        # Those whose states lie further back come together: a query for one takes as long as for hundreds.
        for part in self._divide([*steps, *heads.values()], steps):
            states = self._read_states(part, steps)
            for entity in part:
                yield entity, states.get(entity)

    @contextmanager
    def settling(self, histories: Mapping[Entity, Sequence[EntityEvent]], since: datetime) -> Iterator[None]:
        """Remember new notifications while a block stores them; if that fails, these states are of no more use.

        Args:
            histories: each entity's new notifications, in order.
            since: the moment since which all is stored.
        """
        if not histories:
            yield
            return
        old: set[int] = set()
        last: dict[int, bytes] = {}
        for entity, events in histories.items():
            old.update(self._list_seqs(entity))
            self._extend_history(entity, events, since)
            seqs = self._list_seqs(entity)
            old.difference_update(seqs)
            last.update((event.seq, event.payload) for event in events[-2:] if event.seq in seqs)
        newest = max((events[-1].seq, events[-1].id) for events in histories.values())
        with self._bodies.replacing(old, last, newest):
            yield

    def _extend_history(self, entity: Entity, events: Sequence[EntityEvent], since: datetime) -> None:
        """Put an entity's new notifications into its history."""
        head = self._heads.get(entity)
        last = events[-1].make_step(since)
        self._before.pop(entity, None)
        if head and last < head:
            return
        is_late = head is not None and events[0].place < head.place
        before = events[-2].make_step(since) if events[1:] else head
        self._put(entity, last, None if is_late else before)

    def _put(self, entity: Entity, head: Step, before: Step | None) -> None:
        """Put an entity's last step, and the one before it if that is known."""
        self._heads[entity] = head
        if before and self._is_deletion(entity, head) and not self._is_deletion(entity, before):
            self._before[entity] = before

    def _list_seqs(self, entity: Entity) -> list[int]:
        """Return the `seq` of the notifications by whose bodies an entity's state is known, as far as memory tells."""
        steps = self._heads.get(entity), self._before.get(entity)
        return [step.place.seq for step in steps if step]

    def _divide(self, entities: Sequence[Entity], steps: Mapping[Entity, list[Step]]) -> Iterator[list[Entity]]:
        """Yield entities in parts: some hundred, or fewer whose last bodies are large."""
        for start in range(0, len(entities), _ENTITIES_AT_ONCE):
            part: list[Entity] = []
            size = 0
            sizes = self._read_sizes(entities[start : start + _ENTITIES_AT_ONCE], steps)
            for entity, each in sizes.items():
                if part and size + each > _BODIES_AT_ONCE:
                    yield part
                    part, size = [], 0
                part.append(entity)
                size += each
            yield part

    def _read_sizes(self, entities: Iterable[Entity], steps: Mapping[Entity, list[Step]]) -> dict[Entity, int]:
        """Return how many bytes entities' last bodies have, with those before deletions."""
        seqs = {entity: self._list_ends(entity, steps) for entity in entities}
        wanted = {seq for each in seqs.values() for seq in each}
        sizes = self._bodies.read_sizes(wanted)
        if missing := list(wanted - sizes.keys()):
            sizes |= dict(self._read("body_sizes.sql", [missing]))
        return {entity: sum(sizes.get(seq, 0) for seq in each) for entity, each in seqs.items()}

    def _list_ends(self, entity: Entity, steps: Mapping[Entity, list[Step]]) -> list[int]:
        """Return the `seq` of an entity's last step, and of the first of the last steps of a deleted one."""
        ends = self._heads.get(entity), min(steps.get(entity, ()), default=None)
        return [step.place.seq for step in ends if step]

    def _find_last_steps(self, entities: Iterable[Entity], last_seq: int) -> dict[Entity, list[Step]]:
        """Return the steps of deleted entities, from the last that is no deletion on.

        They are up to a `seq`, in no particular order.
        """
        deleted = [entity for entity in entities if self._is_deleted(entity)]
        known = {entity: [self._before[entity], self._heads[entity]] for entity in deleted if entity in self._before}
        return known | self._read_last_steps([entity for entity in deleted if entity not in known], last_seq)

    def _read_last_steps(self, deleted: Sequence[Entity], last_seq: int) -> dict[Entity, list[Step]]:
        if not deleted:
            return {}
        actions = [list(self._rules.differ_of(sender).comparison.deleted) for sender, _, _ in deleted]
        skipped = as_columns(self._rules.stateless_events)
        return read_steps(self._read, "last_steps.sql", deleted, actions, last_seq, *skipped)

    def _is_deleted(self, entity: Entity) -> bool:
        head = self._heads.get(entity)
        return head is not None and self._is_deletion(entity, head)

    def _is_deletion(self, entity: Entity, step: Step) -> bool:
        return step.action in self._differ_of(entity).comparison.deleted

    def _read_states(self, entities: Iterable[Entity], steps: Mapping[Entity, list[Step]]) -> dict[Entity, Snapshot]:
        """Read the states of some entities, and the payloads that are not at hand."""
        bodies = self._read_bodies({seq for entity in entities for seq in self._list_ends(entity, steps)})
        heads = {entity: self._heads[entity] for entity in entities if entity in self._heads}
        latest = {
            entity: Snapshot(entity[1], head.action, bodies[head.place.seq])
            for entity, head in heads.items()
            if head.place.seq in bodies
        }
        deleted = {entity: sorted(steps[entity]) for entity in latest if entity in steps}
        return latest | self._read_last_states(deleted, bodies)

    def _read_bodies(self, seqs: AbstractSet[int]) -> dict[int, bytes]:
        bodies = dict(self._bodies.read(seqs))
        if missing := list(seqs - bodies.keys()):
            bodies |= self._read_payloads(missing)
        return bodies

    def _read_last_states(
        self, steps: Mapping[Entity, Sequence[Step]], bodies: Mapping[int, bytes]
    ) -> dict[Entity, Snapshot]:
        """Return the states of entities after their last steps, of which all but the first may be deletions."""
        states: dict[Entity, Snapshot] = {}
        for entity, each in steps.items():
            differ = self._differ_of(entity)
            for snapshot in self._select_stating(differ, entity, each, bodies):
                states[entity] = follow(differ, states.get(entity), snapshot)
        return states

    def _select_stating(
        self, differ: Differ, entity: Entity, steps: Sequence[Step], bodies: Mapping[int, bytes]
    ) -> list[Snapshot]:
        """Return the first of an entity's steps, and its deletions from the last that states the entity on.

        The deletions between count for nothing, and there may be any number of them.
        """
        rest, selected = steps[1:-1], self._make_snapshots(entity, steps[1:][-1:], bodies)
        while rest and all(is_bare_deletion(differ, snapshot) for snapshot in selected):
            rest, before = rest[:-_DELETIONS_AT_ONCE], rest[-_DELETIONS_AT_ONCE:]
            read = self._read_payloads([step.place.seq for step in before])
            selected = [*self._make_snapshots(entity, before, read), *selected]
        return [*self._make_snapshots(entity, steps[:1], bodies), *selected]

    def _make_snapshots(self, entity: Entity, steps: Sequence[Step], bodies: Mapping[int, bytes]) -> list[Snapshot]:
        """Return steps with their bodies, without those whose body can't be read."""
        return [Snapshot(entity[1], step.action, body) for step in steps if (body := bodies.get(step.place.seq))]

    def _read_payloads(self, seqs: list[int]) -> dict[int, bytes]:
        return {seq: body.encode() for seq, body in self._read("payloads.sql", [seqs])}

    def _differ_of(self, entity: Entity) -> Differ:
        return self._rules.differ_of(entity[0])


def _make_step(happened_at: datetime, seq: int, action: Action | None) -> Step:
    return Step(Place(happened_at, seq), action and intern(action))


def run_by_name(read: Read) -> Read:
    """Return what runs a query of this folder by its name."""
    return lambda query, parameters: read(read_sql_file(__package__, query), parameters)


def read_steps(read: Read, query: str, entities: Iterable[Entity], *parameters: Any) -> defaultdict[Entity, list[Step]]:
    """Return what a query finds of entities' steps, in no particular order."""
    keys = [list(column) for column in zip(*entities, strict=True)]
    steps: defaultdict[Entity, list[Step]] = defaultdict(list)
    for sender, category, entity_id, happened_at, seq, *rest in read(query, [*keys, *parameters]):
        steps[sender, category, entity_id].append(Step(Place(happened_at, seq), *rest))
    return steps
