"""How a sender's bodies are compared: the rules that `receiver.changes` takes from a sender."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

from receiver.notification import Action, Category

Kind = Literal["added", "removed", "changed", "unseen"]


class Missing:
    """The type of `MISSING`."""


MISSING: Final = Missing()
"""Stands for a missing field, which differs from a field that is null."""


class Item(NamedTuple):
    """An item of a list, by its natural key."""

    key: str


PathPart = str | Item


class FieldDifference(NamedTuple):
    """A difference between two bodies: the keys and items that lead to it, and both values (or `MISSING`)."""

    parts: tuple[PathPart, ...]
    kind: Kind
    noise: bool
    old: Any
    new: Any


class Aligned(NamedTuple):
    """Two bodies of one entity with their fields in the same places.

    `is_untold` tells whether a difference exists only because one of the two bodies could not contain the field.
    """

    old: dict[str, Any]
    new: dict[str, Any]
    is_untold: Callable[[FieldDifference], bool]


@dataclass(frozen=True, slots=True)
class Comparison:
    """The rules by which a sender's bodies are compared."""

    align: Callable[[Category, dict[str, Any], dict[str, Any]], Aligned]
    """Extracts an entity's state from the body before and the body now."""
    stateless: frozenset[Category]
    """The categories whose notifications do not contain their entity's state, so they never change it."""
    created: frozenset[Action]
    deleted: frozenset[Action]
    bare: Mapping[Category, frozenset[str]]
    """The fields of bodies that only identify a deleted entity."""
    natural_keys: Mapping[str, tuple[tuple[str, ...], ...]]
    """The keys that identify the items of a list, by the list's own key.

    In each group the first key that an item has counts. The groups' values together are the natural key; only the
    first group must have a value.
    """
    noise_anywhere: frozenset[str]
    """Keys of noise: their values mean nothing to a reader."""
    noise_on_top: frozenset[str]
    """The same, for keys at the top of a body."""
    caseless: frozenset[str]
    """Keys of names that mean the same in any case."""
    caseless_endings: tuple[str, ...]
    """The endings of other such keys."""
