"""Reads entities' last states, which new notifications are compared with."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from receiver.changes.differ import Differ, Snapshot, follow, is_bare_deletion
from receiver.database.opening import Read
from receiver.deriving.bodies import LastBodies
from receiver.deriving.derived import SenderRules
from receiver.deriving.history import Entity, Place, Step
from receiver.files import read_sql_file

_ENTITIES_AT_ONCE = 512
_BODIES_AT_ONCE = 32 * 1024 * 1024
"""How many bytes of last bodies are in memory at once: those of small notifications may be large."""
_DELETIONS_AT_ONCE = 16


class LastStates:
    """Reads entities' last states: their last bodies, and after a deletion without a state the ones before.

    Args:
        read: runs a query of this folder by its name and returns its rows.
        rules: how senders' bodies are compared.
        heads: the last step of each entity, kept up to date by their owner.
        bodies: the bodies at hand.
    """

    def __init__(self, read: Read, rules: SenderRules, heads: Mapping[Entity, Step], bodies: LastBodies) -> None:
        self._read, self._rules, self._heads, self._bodies = read, rules, heads, bodies

    def read(self, entities: Iterable[Entity], last_seq: int) -> Iterator[tuple[Entity, Snapshot | None]]:
        """Yield entities with their states up to a `seq`, and None for those that have none."""
        steps = self._read_last_steps(entities, last_seq)
        # Entities whose states lie further back come together: a query for one takes as long as for hundreds.
        in_order = [*steps, *(entity for entity in entities if entity not in steps)]
        for part in self._divide(in_order):
            states = self._read_states(part, steps)
            for entity in part:
                yield entity, states.get(entity)

    def _divide(self, entities: Sequence[Entity]) -> Iterator[list[Entity]]:
        """Yield entities in parts: some hundred, or fewer whose last bodies are large."""
        for start in range(0, len(entities), _ENTITIES_AT_ONCE):
            part: list[Entity] = []
            size = 0
            sizes = self._read_sizes(entities[start : start + _ENTITIES_AT_ONCE])
            for entity, each in sizes.items():
                if part and size + each > _BODIES_AT_ONCE:
                    yield part
                    part, size = [], 0
                part.append(entity)
                size += each
            yield part

    def _read_sizes(self, entities: Iterable[Entity]) -> dict[Entity, int]:
        """Return how many bytes entities' last bodies have."""
        seqs = {entity: self._heads[entity].place.seq for entity in entities if entity in self._heads}
        sizes = self._bodies.read_sizes(seqs.values())
        if missing := list(set(seqs.values()) - sizes.keys()):
            sizes |= dict(self._read("body_sizes.sql", [missing]))
        return {entity: sizes.get(seqs.get(entity, 0), 0) for entity in entities}

    def _read_last_steps(self, entities: Iterable[Entity], last_seq: int) -> dict[Entity, list[Step]]:
        """Return the steps of deleted entities, from the last that is no deletion on.

        They are up to a `seq`, in no particular order.
        """
        deleted = [entity for entity in entities if self._is_deleted(entity)]
        if not deleted:
            return {}
        actions = [list(self._differ_of(entity).comparison.deleted) for entity in deleted]
        return read_steps(self._read, "last_steps.sql", deleted, actions, last_seq)

    def _is_deleted(self, entity: Entity) -> bool:
        head = self._heads.get(entity)
        return head is not None and head.action in self._differ_of(entity).comparison.deleted

    def _read_states(self, entities: Iterable[Entity], steps: Mapping[Entity, list[Step]]) -> dict[Entity, Snapshot]:
        """Read the states of some entities, and the payloads that are not at hand."""
        entity_by_seq = {self._heads[entity].place.seq: entity for entity in entities if entity in self._heads}
        bodies = self._bodies.get(entity_by_seq)
        if missing := list(entity_by_seq.keys() - bodies.keys()):
            bodies |= self._read_payloads(missing)
        heads = ((entity_by_seq[seq], body) for seq, body in bodies.items())
        latest = {entity: Snapshot(entity[1], self._heads[entity].action, body) for entity, body in heads}
        deleted = [entity for entity in latest if self._is_deleted(entity)]
        return latest | self._read_last_states({entity: sorted(steps[entity]) for entity in deleted})

    def _read_last_states(self, steps: Mapping[Entity, Sequence[Step]]) -> dict[Entity, Snapshot]:
        """Return the states of entities after their last steps, of which all but the first may be deletions."""
        if not steps:
            return {}
        ends = {step.place.seq for each in steps.values() for step in (each[0], each[-1])}
        bodies = self._read_payloads(list(ends))
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
