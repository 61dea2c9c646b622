"""How bodies of a sender are compared: its part of the comparison, which `receiver.changes` asks for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

from receiver.notification import Action, Category

Kind = Literal["added", "removed", "changed", "unseen"]


class Missing:
    """The type of `MISSING`."""


MISSING: Final = Missing()
"""Stands for a field that is not there, which is another thing than one that is null."""


class Item(NamedTuple):
    """An item of a list, by its natural key."""

    key: str


PathPart = str | Item


class FieldDifference(NamedTuple):
    """A difference between two bodies: the keys and items that lead to it, and the values; `MISSING` where none is."""

    parts: tuple[PathPart, ...]
    kind: Kind
    noise: bool
    old: Any
    new: Any


class Aligned(NamedTuple):
    """Two bodies of one entity with their fields in the same places.

    `is_untold` tells whether a difference between them is there only because one of the two could not tell the field.
    """

    old: dict[str, Any]
    new: dict[str, Any]
    is_untold: Callable[[FieldDifference], bool]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a sender's bodies mean where they differ."""

    align: Callable[[Category, dict[str, Any], dict[str, Any]], Aligned]
    """Finds an entity's state in a body before and a body now."""
    stateless: frozenset[Category]
    """The categories whose notifications tell of an entity without its state, so that none changes it."""
    created: frozenset[Action]
    deleted: frozenset[Action]
    bare: Mapping[Category, frozenset[str]]
    """The fields of bodies that say of a deleted entity no more than which one it is."""
    natural_keys: Mapping[str, tuple[tuple[str, ...], ...]]
    """The keys by which the items of a list are told apart, by the key that the list stands under.

    Of each group the first key that an item has counts; the values of the groups make the natural key together, and
    only that of the first group must be there.
    """
    noise_anywhere: frozenset[str]
    """Keys under which nothing tells anybody anything."""
    noise_on_top: frozenset[str]
    """The same, of the body's own keys."""
    caseless: frozenset[str]
    """Keys of names that mean the same in any case."""
    caseless_endings: tuple[str, ...]
    """How other such keys end."""
