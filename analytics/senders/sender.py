"""What a sender's folder says of its sender: all of it is data, and `analytics.senders` answers the pages with it."""

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
        name: the category of those notifications that tell its state.
        icon: its icon on the pages.
        also: other categories whose notifications are about such an entity, and have no state.
        unseen: what a change of it may be that no field shows, in few words.
        unseen_long: the same in a sentence.
    """

    name: str
    icon: str
    also: tuple[str, ...] = ()
    unseen: str = ""
    unseen_long: str = ""


class Place(NamedTuple):
    """Where entities of a kind stand: their names begin with the name of their place.

    Args:
        name: what such a place is called.
        kind: the kind of the entities.
        source: says where the place is known from.
        characters: how many characters its name has.
        pattern: the regular expression that fits its name.
    """

    name: str
    kind: str
    source: str
    characters: int
    pattern: str


class Alerts(NamedTuple):
    """Notifications that tell that a metric of an entity crossed its threshold.

    Args:
        event: their event.
        kind: the kind of the entities.
        states: the query that reads each state of each metric out of their bodies, between two numbers.
        first_state: the query that reads the first state of each alert of an entity, between two numbers.
        deleted: the query that tells which of some of these entities are deleted, and since when.
        above: how the sender calls a metric above its threshold, in lower case.
        below: how it calls one below it again.
        how_to: says how its user makes some come.
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
    """How fields of the sender's bodies are called in a sentence.

    Args:
        nouns: what an item of a list is called, by the list's key.
        labels: what a field is called, by its key, where the key's own words would not say it well.
        measures: the units of numbers, by the field's path without the keys of its items.
        phrases: makes the phrase of a changed field, by the same path; None where the field has no phrase of its own.
    """

    nouns: Mapping[str, str]
    labels: Mapping[str, str]
    measures: Mapping[str, str]
    phrases: Mapping[str, Callable[[ParsedChange], Phrase | None]]


class Examples(NamedTuple):
    """What a user might type: an event, its category, and some fields of which changes are looked for."""

    event: str
    category: str
    fields: str


class Sender(NamedTuple):
    """A sender.

    Args:
        name: its folder's name, which the store has too.
        events: all its events.
        kinds: the kinds of its entities, in the order in which they are offered.
        account: the kind that its accounts are.
        person: the kind that its users are, whom notifications name as their actors.
        names_actors: says which notifications name their actor.
        place: where entities stand, if names tell it.
        alerts: its alerts, if it sends any.
        signature_header: the header with the signature.
        signature_scheme: how it is made, in words.
        how_to: how its user enters a target URL, as steps in Markdown.
        examples: what a user might type.
        wording: how its fields are called.
        meanings: what columns mean for its notifications, by table (or view) and column, where words of their own
            say it better than those for any sender.
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
