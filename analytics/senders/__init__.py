"""Each sender as the dashboard and notebooks describe it: one folder a sender, and what the others ask of all of them.

A folder has a `sender.py` with a `SENDER`, and may have SQL: rules in `rules`, queries to begin with in
`shipped_queries`, and queries of its own in `queries`.
"""

from functools import cache
from importlib import import_module
from importlib.resources import files
from importlib.resources.abc import Traversable

from analytics.senders.sender import Alerts, Event, Examples, Kind, Place, Sender

UNKNOWN = "(event unknown)"
GREY = ("#8a8f98", "#8a8f98")


@cache
def folders() -> tuple[Traversable, ...]:
    """Return the folder of each sender, in the order of their names."""
    entries = [entry for entry in files(__package__).iterdir() if entry.is_dir() and (entry / "sender.py").is_file()]
    return tuple(sorted(entries, key=lambda folder: folder.name))


@cache
def senders() -> tuple[Sender, ...]:
    """Return all senders, in the order of their names."""
    return tuple(import_module(f"{__package__}.{folder.name}.sender").SENDER for folder in folders())


def sql_files(name: str) -> list[Traversable]:
    """Return the SQL files in the folder of this name that senders have: `rules`, `shipped_queries`."""
    places = [folder / name for folder in folders()]
    return [entry for place in places if place.is_dir() for entry in place.iterdir() if entry.name.endswith(".sql")]


def events() -> list[Event]:
    """Return the events of all senders."""
    return [event for sender in senders() for event in sender.events]


def event_types() -> list[str]:
    """Return the names of all events."""
    return [event.name for event in events()]


def categories() -> list[str]:
    """Return the categories of all events, in the order of these."""
    return list(dict.fromkeys(name.partition(".")[0] for name in event_types()))


def event_types_of(names: set[str]) -> list[str]:
    """Return the names of the events of some categories."""
    return [name for name in event_types() if name.partition(".")[0] in names]


def unknown_type(category: str) -> str:
    """Return what the event type of a notification is called of which only the category is known."""
    return f"{category} {UNKNOWN}"


def colours(dark: bool) -> dict[str, str]:
    """Return the colour of each event type, and the one of those whose event is unknown."""
    known = {event.name: event.dark if dark else event.light for event in events()}
    return known | dict.fromkeys(map(unknown_type, categories()), GREY[dark])


@cache
def kinds() -> dict[str, Kind]:
    """Return the kinds of entities, by their names."""
    return {kind.name: kind for sender in senders() for kind in sender.kinds}


def kind_of(category: str) -> str:
    """Return the kind of entity that notifications of a category are about."""
    return next((kind.name for kind in kinds().values() if category in kind.also), category)


def find_kind(name: str) -> str | None:
    """Return the kind of entity that a category is about, whatever case it is written in; None where there is none."""
    names = {each.lower(): each for each in (*kinds(), *categories())}
    kind = kind_of(names.get(name.lower(), ""))
    return kind if kind in kinds() else None


def categories_of(kind: str) -> set[str]:
    """Return the categories of notifications that are about entities of a kind."""
    return {kind, *kinds()[kind].also} if kind in kinds() else {kind}


def has_state(category: str) -> bool:
    """Say whether notifications of a category tell the state of their entity, so that changes can be told."""
    return kind_of(category) == category


def icon_of(category: str) -> str | None:
    """Return the icon of the entities of a category; None for one that no sender has."""
    kind = kinds().get(kind_of(category))
    return kind.icon if kind else None


def is_account(kind: str | None) -> bool:
    """Say whether entities of a kind are accounts."""
    return any(kind == sender.account for sender in senders())


def is_person(kind: str | None) -> bool:
    """Say whether entities of a kind are users, whom notifications name as their actors."""
    return any(kind == sender.person for sender in senders())


def account_kind() -> str:
    """Return the kind that accounts are."""
    return senders()[0].account


def person_kind() -> str:
    """Return the kind that users are."""
    return senders()[0].person


def place() -> Place | None:
    """Return how names of entities tell where these stand; None where no sender's do."""
    return next((sender.place for sender in senders() if sender.place), None)


def alerts() -> list[Alerts]:
    """Return the alerts of all senders that send some."""
    return [sender.alerts for sender in senders() if sender.alerts]


def signature_headers() -> str:
    """Return the headers in which senders sign."""
    return ", ".join(dict.fromkeys(sender.signature_header for sender in senders()))


def alert_colour(dark: bool) -> str:
    """Return the colour of alerts."""
    return next((colours(dark)[alert.event] for alert in alerts()), GREY[dark])


def examples() -> Examples:
    """Return what a user might type."""
    return senders()[0].examples


def names_actors() -> str:
    """Say which notifications name their actor."""
    return "; ".join(sender.names_actors for sender in senders())


def any_entity() -> str:
    """Return the words for an entity of any kind: `server, user or account`."""
    return join_names([name.lower() for name in reversed(kinds())], "or")


def parts_of_account(last: str = "or") -> str:
    """Return the words for what belongs to an account: `user or server`; with `and`, for several of each."""
    ending = "s" if last == "and" else ""
    return join_names([f"{name.lower()}{ending}" for name in kinds() if not is_account(name)], last)


def alert_label() -> str:
    """Return the words for what alerts are about, as a label."""
    return join_names(list(dict.fromkeys(alert.kind for alert in alerts())), "or")


def join_names(names: list[str], last: str) -> str:
    """Return names as a list in a sentence, with this word before the last."""
    return f" {last} ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


@cache
def sender_of(category: str) -> Sender:
    """Return the sender of notifications of a category; the first one where no sender has it."""
    matches = (sender for sender in senders() for event in sender.events if event.name.partition(".")[0] == category)
    return next(matches, senders()[0])
