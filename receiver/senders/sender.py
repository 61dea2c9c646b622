"""The interface of a sender: verification, columns, comparison, and for some routes. Each part is pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

from receiver.notification import Action, Category, SignatureStatus
from receiver.senders.keys import PrivateKey, PublicKey

Kind = Literal["added", "removed", "changed", "unseen"]
Body = Mapping[str, Any]


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


class Parts(NamedTuple):
    """Where the bodies of a category list what each of them tells, because a later body may tell of other items.

    An item's state stands until a body has another one of the same name and entity, or that entity is deleted. An item
    of a body without an entity is its account's.
    """

    items: str
    """The JSON path of the list's items; the paths below are those within an item."""
    name: str
    state: str
    since: Mapping[str, str]
    """The path of the time since when a state is so, by state in lower case. Any other state tells nothing."""
    entities: Category
    """The category of the notifications that delete entities."""


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
    tell: Callable[[str | None, Body], Sequence[FieldDifference]] | None = None
    """Returns the differences that a body tells itself, by event type and body; None if the sender tells none.

    They are the values of before that the sender states, and acts: an event that adds a member to a repository is a
    difference of that repository. They count from an entity's first notification on, and go before compared ones.
    """
    is_stateless: Callable[[str | None], bool] | None = None
    """Tells by an event's type whether its body states nothing of its entity, so that only what it tells itself shows.

    The next notification is compared with the one before it. None if all events state their entity.
    """
    parts: Mapping[Category, Parts] = field(default_factory=dict)
    """The categories whose bodies each tell a part of what is so: what says that, and since when, is kept."""


@dataclass(frozen=True, slots=True)
class Event:
    """The event that a request names; `action` is None where the request leaves it to the body."""

    category: Category
    action: Action | None

    @property
    def event_type(self) -> str | None:
        """Return the event's name, such as `Thing.Changed`; None where the action is not known."""
        return None if self.action is None else f"{self.category}.{self.action}"


class Columns(NamedTuple):
    """The columns of `notifications` that event and body decide; None where they don't say.

    `parent_account` is no column: it is the account above the one that the notification describes, if it names one.
    """

    event_type: str | None
    category: Category
    action: Action | None
    account_alias: str | None
    entity_id: str | None
    actor: str | None
    occurred_at: datetime
    parent_account: str | None


@dataclass(frozen=True, slots=True)
class Verification:
    """How a sender signs, and how that is checked."""

    header: str
    """The header that carries the signature, in its usual spelling."""
    load_key: Callable[[Path | None], PublicKey]
    """Loads a public key from a file, or for None the one that the sender published; raises `KeyFileError`."""
    check: Callable[[PublicKey, Mapping[str, str], bytes], tuple[SignatureStatus, bytes | None]]
    """Returns a signature's status by key, headers (names in lower case) and body, and the signature if readable."""
    signs: Callable[[PublicKey, bytes, bytes], bool]
    """Tells whether a signature signs a body under a key."""
    sign: Callable[[PrivateKey, bytes], str]
    """Returns the header's value for a body."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """A sender of notifications, by the parts in which senders differ."""

    name: str
    """The name in the column `sender`, in routes and in settings: lower case, digits and hyphens."""
    title: str
    """The name for people."""
    account_category: Category | None
    """The category whose entities are accounts; None if the sender tells of none."""
    comparison: Comparison


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutedSender(Sender):
    """A sender that names the event in the URL, and signs with one published key."""

    events: tuple[Event, ...]
    """All events, each with its action."""
    open_events: tuple[Event, ...]
    """The events of requests that leave the action to the body."""
    find_event_by_request: Callable[[str, str], Event | None]
    """Returns the event of a request by its path and its query string; None where they name none."""
    find_event_by_name: Callable[[str], Event | None]
    """Returns the event of a name in any letter case, such as an archive has it; None for any other text."""
    verification: Verification
    columns: Callable[[Event, Body, datetime], Columns]
    """Returns the columns by event, body and time of receipt; raises nothing, whatever the body."""
