"""The description of a sender in its folder: all of it is data, from which `analytics.senders` answers the pages."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from analytics.senders.phrases import ParsedChange, Phrase


class Event(NamedTuple):
    """An event of the sender's portal: `Category.Action`. Colours are for a light and a dark page."""

    name: str
    light: str
    dark: str
    fires: str


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
        first_state: the query for the first state of each alert of an entity, between two numbers.
        deleted: the query for those of some entities that are deleted, with the times.
        above: the sender's word for a metric above its threshold, in lower case.
        below: its word for a metric below it again.
        how_to: instructions for its user to get alerts.
    """

    event: str
    kind: str
    states: str
    first_state: str
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


class Sender(NamedTuple):
    """A sender.

    Args:
        name: the name of its folder, also in the store.
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
    """

    name: str
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
