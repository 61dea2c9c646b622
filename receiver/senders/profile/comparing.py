"""How a profile's bodies are compared: where an entity's state stands in them, and what is noise."""

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from receiver.notification import Category
from receiver.senders.pointers import Pointer, read_pointer
from receiver.senders.profile.events import CREATED, DELETED, EventRules
from receiver.senders.profile.telling import State, Teller, read_told
from receiver.senders.sender import Aligned, Comparison, FieldDifference, PathPart
from receiver.senders.tables import Table

STATE_KEYS = ("at", "natural_keys", "noise", "caseless", "stateless", "bare", "sparse")
_OTHERS = "*"
_NOTHING: dict[str, Any] = {}


def read_comparison(table: Table, state: State, told: Table, rules: EventRules) -> Comparison:
    """Read the tables `state` and `told`; `state` says where the states stand.

    Raises:
        ProfileError: a value is not allowed.
    """
    exact, is_noise = _read_noise(table.texts("noise"))
    natural_keys = table.table("natural_keys")
    groups = {name: tuple(tuple(each.split("|")) for each in natural_keys.texts(name)) for name in natural_keys.values}
    bare = table.table("bare")
    return Comparison(
        align=_Alignment(state, is_noise, table.flag("sparse")).align,
        stateless=frozenset(table.texts("stateless")),
        created=frozenset({CREATED}),
        deleted=frozenset({DELETED}),
        bare={category: frozenset(bare.texts(category)) for category in bare.values},
        natural_keys=groups,
        noise_anywhere=exact,
        noise_on_top=frozenset(),
        caseless=frozenset(table.texts("caseless")),
        caseless_endings=(),
        tell=Teller(rules, state, read_told(told), groups, is_noise).tell,
    )


def read_state(table: Table) -> State:
    """Read the table `state.at`.

    Raises:
        ProfileError: a value is no JSON Pointer.
    """
    by_category: dict[Category, Pointer] = {}
    for name in table.values:
        pointer = read_pointer(table, name)
        if pointer is not None:
            by_category[name] = pointer
    others = by_category.pop(_OTHERS, None)
    return State(by_category, others)


def _read_noise(names: Sequence[str]) -> tuple[frozenset[str], Callable[[Sequence[PathPart]], bool]]:
    """Return the names without `*`, and a function that tells whether any of the names leads to a difference."""
    wide = ["[^.]*".join(map(re.escape, name.split("*"))) for name in names if "*" in name]
    exact = frozenset(name for name in names if "*" not in name)
    is_wide = re.compile("|".join(wide) or r"(?!)").fullmatch

    def is_noise(parts: Sequence[PathPart]) -> bool:
        return any(isinstance(part, str) and (part in exact or is_wide(part) is not None) for part in parts)

    return exact, is_noise


class _Alignment(NamedTuple):
    """The rules by which the states of two bodies are found and judged."""

    state: State
    is_noise: Callable[[Sequence[PathPart]], bool]
    is_sparse: bool

    def align(self, category: Category, before: dict[str, Any], now: dict[str, Any]) -> Aligned:
        """Return the states in two bodies; nothing, if either has none."""
        old, new = self.state.find(category, before), self.state.find(category, now)
        if old is None or new is None:
            return Aligned(_NOTHING, _NOTHING, lambda _: False)

        def is_untold(difference: FieldDifference) -> bool:
            return self.is_noise(difference.parts) or (self.is_sparse and _is_elsewhere(difference.parts, old, new))

        return Aligned(old, new, is_untold)


def _is_elsewhere(parts: Sequence[PathPart], old: Any, new: Any) -> bool:
    """Tell whether a difference is there only because one of two objects lacks a key that leads to it."""
    for part in parts:
        if not isinstance(part, str) or not isinstance(old, dict) or not isinstance(new, dict):
            return False
        if (part in old) != (part in new):
            return True
        old, new = old.get(part), new.get(part)
    return False
