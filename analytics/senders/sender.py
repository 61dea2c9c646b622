"""The description of a sender in its folder.

All of it is data, from which `analytics.senders` answers the pages.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from analytics.senders.phrases import ParsedChange, Phrase


class Event(NamedTuple):
    """An event as its sender names it. Colours are for a light and a dark page.

    `about` is the category of its notifications where its name does not begin with that, and `first` the number of the
    first one that the store has, where its sender has no folder.
    """

    name: str
    light: str
    dark: str
    fires: str
    about: str = ""
    first: int = 0

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
        states: the query for each state of each metric in their bodies, between two numbers, and for the deletions of
            their entities there, without a metric.
        first_states: the query for the first `states` of each alert, or those of an `entity`, between two numbers:
            each with its `metric`, `state` and `reading`; their `number`; and `due_at`, the moment from which the alert
            can be sent, which is later than its time where that is the begin of a state that must last for a while.
        deleted: the query for those of some entities that are deleted.
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
        containers: the keys of objects whose fields are the entity's own.
    """

    nouns: Mapping[str, str]
    labels: Mapping[str, str]
    measures: Mapping[str, str]
    phrases: Mapping[str, Callable[[ParsedChange], Phrase | None]]
    containers: frozenset[str] = frozenset()


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
        is_set_up: whether the receiver takes its notifications.
        secret_variable: the setting with its secret; empty where it needs none.
        documentation: the URL of its own documentation.
        account_word: what an account is called; `accounts_word` is several of them.
        entity_words: what an entity is called, by its category, where that is not the category's own word.
        places: where a request has its `signature`, `timestamp`, `id` and the other signed `headers`, in words.
        sayings: by pattern of events, the places of what their bodies say, and of the name of their entity.
        trouble: the texts that tell of trouble, where an event says one of them or its name ends in one.
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
    is_set_up: bool = True
    secret_variable: str = ""
    documentation: str = ""
    account_word: str = "account"
    accounts_word: str = "accounts"
    entity_words: Mapping[str, str] = {}
    places: Mapping[str, str] = {}
    sayings: Sequence[Mapping[str, Any]] = ()
    trouble: frozenset[str] = frozenset()
    describe_state: Callable[[str, Any], Sequence[str | None]] = describe_nothing

    @property
    def categories(self) -> list[str]:
        """The categories of its entities and events, then those of its accounts and users, which may have none."""
        return [
            *(kind.name for kind in self.kinds),
            *(event.category for event in self.events),
            self.account,
            self.person,
        ]

    def find_kind(self, category: str) -> Kind | None:
        """Return what it says of its entities of a category; None where it has none."""
        return next((kind for kind in self.kinds if kind.name == category), None)
