"""The description of a sender in its folder, and the parts of sentences that it makes of its changes.

All of it is data, from which `analytics.senders` answers the pages. Text from outside is made visible and cut, and is
never part of a template.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from analytics.text import shorten

LONGEST_VALUE = 60
MEGABYTES = 1024
COMMIT, COMMIT_CHARACTERS = re.compile("[0-9a-f]{40}"), 7
"""The id of a commit, and how much of it people write."""


class Change(NamedTuple):
    """A row of `changes`; values are JSON, None for a missing field. `action` comes from its notification."""

    category: str
    entity_id: str
    actor: str | None
    path: str
    kind: str
    old_value: str | None = None
    new_value: str | None = None
    action: str | None = None


class Phrase(NamedTuple):
    """A deed in parts: `text link ENTITY rest`; without a link word the entity is "it"."""

    text: str
    link: str = ""
    rest: str = ""

    def about(self, who: str, entity: str) -> str:
        """Return the sentence."""
        return " ".join(part for part in (who, self.text, self.link, entity, self.rest) if part)

    def alone(self) -> str:
        """Return the deed without actor and entity."""
        it = "it" if self.rest and not self.link else ""
        return " ".join(part for part in (self.text, it, self.rest) if part)


class Unread(str):
    """JSON that could not be parsed, such as a number past all bounds; it is no text of the sender's."""

    __slots__ = ()


class ParsedChange(NamedTuple):
    """A change with parsed values, for its phrase."""

    change: Change
    old: Any
    new: Any
    items: list[str]

    @property
    def value(self) -> Any:
        """Return the new value, or the old one where it was removed."""
        return self.new if self.change.new_value is not None else self.old

    @property
    def item(self) -> str:
        """Return the natural key of the innermost item of the path."""
        return shorten(self.items[-1], LONGEST_VALUE) if self.items else ""


def format_value(value: Any, measure: str | None = None) -> str:
    """Return a parsed value in words."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (int, float)):
        if measure == "MB" and value >= MEGABYTES and value % MEGABYTES == 0:
            return f"{value // MEGABYTES:,.0f} GB"
        number = f"{value:,}" if isinstance(value, int) or not value.is_integer() else f"{value:,.0f}"
        return f"{number} {measure}" if measure else number
    if isinstance(value, str):
        return format_text(value)
    return shorten(orjson.dumps(value).decode(), LONGEST_VALUE)


def format_text(value: str) -> str:
    """Return a text as a value: cut, and in quotes where it is empty or more than a word."""
    if COMMIT.fullmatch(value):
        return value[:COMMIT_CHARACTERS]
    return shorten(value, LONGEST_VALUE) if value and " " not in value else f"“{shorten(value, LONGEST_VALUE)}”"


def describe_difference(old: Any, new: Any, measure: str | None = None) -> str:
    """Return the words for a value that became another: "from 2 to 4".

    A text is named as such where it could be taken for the other value. Long values that begin alike are shown once.
    """
    before, now = format_value(old, measure), format_value(new, measure)
    is_text = type(old) is str, type(new) is str
    if is_text[0] != is_text[1] and (before == now or isinstance(new if is_text[0] else old, (bool, int, float))):
        before, now = (
            f"the text “{shorten(value, LONGEST_VALUE)}”" if type(value) is str else words
            for value, words in ((old, before), (new, now))
        )
    return f"(it begins with {before} before and after)" if before == now else f"from {before} to {now}"


def read_text(value: Any, name: str) -> str | None:
    """Return a field of an object as text, cut; None where it is missing."""
    field = value.get(name) if isinstance(value, dict) else None
    return shorten(str(field), LONGEST_VALUE) if isinstance(field, (str, int)) and str(field) else None


def describe_move(change: ParsedChange, what: str) -> Phrase:
    """Return the phrase of a thing that was added or removed."""
    return Phrase(f"removed {what}", "from") if change.change.kind == "removed" else Phrase(f"added {what}", "to")


def describe_switch(to_true: Phrase, to_false: Phrase) -> Callable[[ParsedChange], Phrase | None]:
    """Return a function that makes the phrase of a field with truth values."""
    return lambda change: {True: to_true, False: to_false}.get(change.new) if isinstance(change.new, bool) else None


class Event(NamedTuple):
    """An event as its sender names it. Colours are for a light and a dark page.

    `about` is the category of its notifications where its name does not begin with that.
    """

    name: str
    light: str
    dark: str
    fires: str
    about: str = ""

    @property
    def category(self) -> str:
        """Return the category of its notifications."""
        return self.about or self.name.partition(".")[0]


ACCOUNT_ICON, PERSON_ICON = ":material/apartment:", ":material/person:"


class Kind(NamedTuple):
    """A kind of entity.

    Args:
        name: the category of the notifications that hold its state.
        icon: its icon on the pages.
        also: other categories whose notifications are about such an entity, and have no state.
        unseen: an example of a change that no field shows, in a few words.
        unseen_long: the same in a sentence.
    """

    name: str
    icon: str
    also: tuple[str, ...] = ()
    unseen: str = ""
    unseen_long: str = ""


class Place(NamedTuple):
    """A kind's places: entities' names begin with the name of their place.

    Args:
        name: the word for such a place.
        kind: the kind of the entities.
        source: the origin of the knowledge, in words.
        characters: the number of characters of its name.
        pattern: the regular expression of its name.
    """

    name: str
    kind: str
    source: str
    characters: int
    pattern: str


class Alerts(NamedTuple):
    """Notifications about an entity's metric that crossed its threshold.

    Args:
        event: their event.
        kind: the kind of the entities.
        states: the query for each state of each metric in their bodies, between two numbers.
        first_states: the query for the first `states` of each alert, or those of an `entity`, between two numbers:
            each with its `metric`, `state` and `reading`; and their `number`.
        deleted: the query for those of some entities that are deleted, with the times.
        above: the sender's word for a metric above its threshold, in lower case.
        below: its word for a metric below it again.
        how_to: instructions for its user to get alerts.
    """

    event: str
    kind: str
    states: str
    first_states: str
    deleted: str
    above: str
    below: str
    how_to: str

    @property
    def category(self) -> str:
        """Return the category of their event."""
        return self.event.partition(".")[0]


class Wording(NamedTuple):
    """The words for the fields of the sender's bodies.

    Args:
        nouns: the word for an item of a list, by the list's key.
        labels: the name of a field, by its key, where the key's own words are not good enough.
        measures: the units of numbers, by the field's path without the keys of its items.
        phrases: a function for the phrase of a changed field, by the same path; None means the usual phrase.
    """

    nouns: Mapping[str, str]
    labels: Mapping[str, str]
    measures: Mapping[str, str]
    phrases: Mapping[str, Callable[[ParsedChange], Phrase | None]]


class Examples(NamedTuple):
    """Examples of input: an event, its category, and fields to search changes for."""

    event: str
    category: str
    fields: str


def describe_nothing(category: str, body: Any) -> Sequence[str | None]:  # noqa: ARG001 - the form of all such functions
    """Return no words for the state of an entity."""
    return ()


class Sender(NamedTuple):
    """A sender.

    Args:
        name: the name of its folder, also in the store.
        title: its name for people.
        events: all its events.
        kinds: the kinds of its entities, in the order of display.
        account: the kind of its accounts.
        person: the kind of its users, which notifications name as actors.
        names_actors: the notifications that name their actor, in words.
        place: the places of entities, if names give them.
        alerts: its alerts, if it sends any.
        signature_header: the header with the signature.
        signature_scheme: the scheme of the signature, in words.
        how_to: the steps to enter a target URL, in Markdown.
        examples: examples of input.
        wording: the words for its fields.
        meanings: the meanings of columns for its notifications, by table (or view) and column, where they are better
            than those for any sender.
        doubting_rules: the rules whose findings say that a notification may not be what it seems.
        never_reported: the words for a field that no notification has, with the reason in a sentence.
        proof: what a valid signature proves: `third-party` (anybody can check it), `shared-secret`, `token` or `none`.
        is_set_up: whether the receiver takes its notifications.
        secret_variable: the setting with its secret; empty where it needs none.
        documentation: the URL of its own documentation.
        account_word: what an account is called; `accounts_word` is several of them.
        entity_words: what an entity is called, by its category, where that is not the category's own word.
        places: where a request has its `signature`, `timestamp`, `id` and the other signed `headers`, in words.
        describe_state: the function that returns who or what an entity is and its state, in words, from the category of
            a notification and its parsed body.
    """

    name: str
    title: str
    events: tuple[Event, ...]
    kinds: tuple[Kind, ...]
    account: str
    person: str
    names_actors: str
    place: Place | None
    alerts: Alerts | None
    signature_header: str
    signature_scheme: str
    how_to: str
    examples: Examples
    wording: Wording
    meanings: Mapping[tuple[str, str], str]
    doubting_rules: tuple[str, ...] = ()
    never_reported: Mapping[str, str] = {}
    proof: str = "third-party"
    is_set_up: bool = True
    secret_variable: str = ""
    documentation: str = ""
    account_word: str = "account"
    accounts_word: str = "accounts"
    entity_words: Mapping[str, str] = {}
    places: Mapping[str, str] = {}
    describe_state: Callable[[str, Any], Sequence[str | None]] = describe_nothing
