"""The differences that a body tells itself: acts on an entity, and values of before."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any, Final, NamedTuple

from receiver.notification import Category
from receiver.senders.pointers import Pointer, follow, follow_first, read_pointer
from receiver.senders.profile.events import Act, EventRules
from receiver.senders.profile.paths import fill_path
from receiver.senders.profile.sources import as_text
from receiver.senders.sender import MISSING, Body, FieldDifference, Item, Kind, PathPart
from receiver.senders.tables import Table

TOLD_KEYS = ("at", "old", "new")
_DEEPEST: Final = 8
_MOST: Final = 500

NaturalKeys = Mapping[str, tuple[tuple[str, ...], ...]]
Parts = tuple[PathPart, ...]


class State(NamedTuple):
    """Where the state of an entity stands, by its category; `others` is for the categories that are not named."""

    by_category: Mapping[Category, Pointer]
    others: Pointer | None

    def find_place(self, category: Category) -> Pointer | None:
        """Return where the state of an entity stands."""
        return self.by_category.get(category, self.others)

    def find(self, category: Category, body: Any) -> dict[str, Any] | None:
        """Return the state in a body; None where it has none."""
        pointer = self.find_place(category)
        state = MISSING if pointer is None else follow(body, pointer)
        return state if isinstance(state, dict) else None


class Told(NamedTuple):
    """Where bodies tell values of before: an object of fields, each the old value or an object that has it.

    `old` and `new` are the keys of such objects; without `old` each field is the old value itself.
    """

    at: Pointer
    old: str | None
    new: str | None


def read_told(table: Table) -> Told | None:
    """Read the table `told`; None where the sender tells no value of before.

    Raises:
        ProfileError: a value is not allowed.
    """
    if not table.values:
        return None
    at = read_pointer(table, "at")
    if at is None:
        table.refuse("at", "is missing; it must be a JSON Pointer such as /changes")
    return Told(at, table.read_optional_text("old"), table.read_optional_text("new"))


class Teller:
    """Finds the differences that bodies tell themselves."""

    def __init__(
        self,
        rules: EventRules,
        state: State,
        told: Told | None,
        natural_keys: NaturalKeys,
        is_noise: Callable[[Sequence[PathPart]], bool],
    ) -> None:
        self._rules, self._state, self._told = rules, state, told
        self._natural_keys, self._is_noise = natural_keys, is_noise

    def tell(self, event_type: str | None, body: Body) -> list[FieldDifference]:
        """Return an act's difference, or those of the values of before; see `Comparison.tell`."""
        rules = self._rules.find_rules(event_type)
        if not rules.acts:
            category = rules.read_category(event_type, body)
            place = self._state.find_place(category)
            found = self._tell_before((), self._state.find(category, body), place[-1] if place else None, body)
        else:
            found = chain.from_iterable(self._tell_act(act, body) for act in rules.acts)
        return list(islice(found, _MOST))

    def _tell_act(self, act: Act, body: Body) -> Iterator[FieldDifference]:
        if not act.each:
            yield from self._tell_one((), act, body)
            return
        items, within = follow_first(body, act.each), fill_path(act.within, body)
        if within is not None and isinstance(items, list):
            for item in items[:_MOST]:
                yield from self._tell_one(within, act, item)

    def _tell_one(self, within: Parts, act: Act, body: Any) -> Iterator[FieldDifference]:
        inner = fill_path(act.path, body)
        if not inner:
            return
        path = (*within, *inner)
        if act.changed:
            yield from self._tell_before(path, follow_first(body, act.changed), None, body)
        else:
            old, new = follow_first(body, act.removed or act.old), follow_first(body, act.added or act.new)
            if not _are_alike(old, new):
                yield FieldDifference(path, _choose_kind(old, new), False, old, new)

    def _tell_before(self, path: Parts, state: Any, root: str | None, body: Any) -> Iterator[FieldDifference]:
        """Yield the differences between the values of before and the state.

        A sender may begin the keys of a value with the key under which its state stands, which is `root`.
        """
        if self._told is None:
            return
        fields = follow(body, self._told.at)
        if not isinstance(fields, dict):
            return
        for keys, old, told_new in _walk(self._told, (), fields):
            inner = keys[1:] if len(keys) > 1 and keys[0] == root else keys
            new = told_new if told_new is not MISSING else follow(state, inner)
            if new is MISSING and self._told.old:
                new = follow(body, keys)
            for each in self._find_differences(inner, old, new):
                yield each._replace(parts=(*path, *each.parts))

    def _find_differences(self, parts: Parts, old: Any, new: Any) -> Iterator[FieldDifference]:
        """Yield the differences between two values, field by field and item by item."""
        if len(parts) < _DEEPEST:
            if isinstance(old, dict) and isinstance(new, dict):
                for key in {**old, **(new if self._told and self._told.old else {})}:
                    yield from self._find_differences((*parts, key), old.get(key, MISSING), new.get(key, MISSING))
                return
            before, now = self._index(parts, old), self._index(parts, new)
            if before is not None and now is not None:
                for key in {**before, **now}:
                    yield from self._find_differences(
                        (*parts, Item(key)), before.get(key, MISSING), now.get(key, MISSING)
                    )
                return
        if not _are_alike(old, new):
            yield FieldDifference(parts, _choose_kind(old, new), self._is_noise(parts), old, new)

    def _index(self, parts: Parts, items: Any) -> dict[str, Any] | None:
        """Return a list's items by natural key; None where it has none."""
        name = next((part for part in reversed(parts) if isinstance(part, str)), "")
        groups = self._natural_keys.get(name)
        if groups is None or not isinstance(items, list):
            return None
        keys = [_find_natural_key(groups, item) for item in items]
        found = {key: item for key, item in zip(keys, items, strict=True) if key is not None}
        return found if len(found) == len(items) else None


def _walk(told: Told, keys: tuple[str, ...], fields: dict[str, Any]) -> Iterator[tuple[tuple[str, ...], Any, Any]]:
    """Yield the keys of each value of before, the value, and the new one where it stands beside it."""
    for key, value in fields.items():
        path = (*keys, key)
        if told.old is None:
            yield path, value, MISSING
        elif isinstance(value, dict) and told.old in value:
            yield path, value[told.old], value.get(told.new, MISSING) if told.new else MISSING
        elif isinstance(value, dict) and len(path) < _DEEPEST:
            yield from _walk(told, path, value)


def _find_natural_key(groups: tuple[tuple[str, ...], ...], item: Any) -> str | None:
    if not isinstance(item, dict):
        return None
    parts = [next((text for name in group if (text := as_text(item.get(name)))), None) for group in groups]
    return " ".join(filter(None, parts)) if parts and parts[0] else None


def _are_alike(old: Any, new: Any) -> bool:
    try:
        # Python takes true for 1.
        return old is new or bool(old == new and isinstance(old, bool) == isinstance(new, bool))
    except RecursionError:
        return False


def _choose_kind(old: Any, new: Any) -> Kind:
    if old is MISSING:
        return "added"
    return "removed" if new is MISSING else "changed"
