"""The senders as the dashboard and notebooks describe them, and functions about all of them.

A sender has a folder with a `sender.py` and its `SENDER`, or the store describes it, see `learn`. A folder of
either may have SQL: rules in `rules`, example queries in `shipped_queries`, and queries of its own in `queries`.
"""

from collections.abc import Iterable
from functools import cache
from importlib import import_module
from importlib.resources import files
from importlib.resources.abc import Traversable

from analytics.senders.described import as_sender
from analytics.senders.palette import give_colours
from analytics.senders.sender import ACCOUNT_ICON, PERSON_ICON, Alerts, Event, Examples, Kind, Place, Sender
from analytics.text import join_names, make_visible

UNKNOWN = "(event unknown)"
GREY = ("#84878d", "#6c6f75")
MOST_KINDS = 3
"""The most kinds of entities that a sentence names."""


@cache
def list_folders() -> tuple[Traversable, ...]:
    """Return the folders of senders, by name: those with a `sender.py`, and those that only have SQL."""
    entries = [entry for entry in files(__package__).iterdir() if entry.is_dir() and not entry.name.startswith("_")]
    return tuple(sorted(entries, key=lambda folder: folder.name))


@cache
def list_shipped() -> tuple[Sender, ...]:
    """Return the senders that have a `sender.py`, by name."""
    described = [folder for folder in list_folders() if (folder / "sender.py").is_file()]
    return tuple(import_module(f"{__package__}.{folder.name}.sender").SENDER for folder in described)


class _Described:
    """The senders that the store describes; all viewers of a process look at one store."""

    given: tuple[Sender, ...] = ()
    senders: tuple[Sender, ...] = ()
    alone = False
    edition = 0


def learn(described: Iterable[Sender], *, alone: bool = False) -> None:
    """Take the senders that the store describes, in place of those that it described before.

    Args:
        described: the senders, with the events that the store has of each.
        alone: whether the store has notifications of them and none of a sender with a folder.
    """
    named = {sender.name for sender in list_shipped()}
    others = tuple(sender for sender in described if sender.name not in named)
    if (others, alone) != (_Described.given, _Described.alone):
        _Described.given, _Described.alone = others, alone
        free = [event for sender in list_shipped() for event in sender.events] if alone else []
        _Described.senders = give_colours(others, free)
        _Described.edition += 1
        list_kinds.cache_clear()
        find_sender_of.cache_clear()


def read_edition() -> int:
    """Return the number of times that other senders were learned: what is made of their knowledge changes with it."""
    return _Described.edition


def list_senders() -> tuple[Sender, ...]:
    """Return all senders: those with a folder by name, then those that the store describes."""
    return (*list_shipped(), *_Described.senders)


def list_learned() -> tuple[Sender, ...]:
    """Return the senders that the store describes."""
    return _Described.senders


def list_heard() -> tuple[Sender, ...]:
    """Return the senders that the store has notifications of; those with a folder until it has any."""
    others = tuple(sender for sender in _Described.senders if sender.events)
    return others if others and _Described.alone else (*list_shipped(), *others)


def has_several_senders() -> bool:
    """Say whether the store has notifications of more than one sender."""
    return len(list_heard()) > 1


def has_described() -> bool:
    """Say whether the store has notifications of a sender that it describes."""
    return any(sender.events for sender in _Described.senders)


def list_titles() -> dict[str, str]:
    """Return the titles of the senders that the store has notifications of, by name."""
    return {sender.name: sender.title for sender in list_heard()}


def find_sender(name: str | None) -> Sender:
    """Return the sender of a name; the first one that was heard where there is none."""
    return next((sender for sender in list_senders() if sender.name == name), list_heard()[0])


def has_upper_case(name: str | None) -> bool:
    """Say whether the store has a sender's entities in upper case, whatever their case in its bodies."""
    return find_sender(name) in list_shipped()


def list_sql_files(name: str) -> list[Traversable]:
    """Return the SQL files in all senders' folders of a name: `rules` or `shipped_queries`."""
    return [entry for _, entry in list_sql_files_by_sender(name)]


def list_sql_files_by_sender(name: str) -> list[tuple[str, Traversable]]:
    """Return the SQL files in all senders' folders of a name, each with the name of its sender."""
    places = [(folder.name.replace("_", "-"), folder / name) for folder in list_folders() if (folder / name).is_dir()]
    return [(sender, entry) for sender, place in places for entry in place.iterdir() if entry.name.endswith(".sql")]


def list_events() -> list[Event]:
    """Return the events of the senders that were heard."""
    return [event for sender in list_heard() for event in sender.events]


def list_event_types() -> list[str]:
    """Return the names of all events."""
    return [event.name for event in list_events()]


def list_categories() -> list[str]:
    """Return the categories of all events, in the events' order."""
    return list(dict.fromkeys(event.category for event in list_events()))


def list_event_types_of(names: set[str]) -> list[str]:
    """Return the names of the events of some categories."""
    return [event.name for event in list_events() if event.category in names]


def name_unknown_type(category: str) -> str:
    """Return the event type for notifications of which only the category is known."""
    return f"{category} {UNKNOWN}"


def colours(dark: bool) -> dict[str, str]:
    """Return the colour of each event type, and of unknown events of each category, by their drawn names."""
    by_name = {make_visible(event.name): event.dark if dark else event.light for event in list_events()}
    return by_name | {make_visible(name_unknown_type(name)): GREY[dark] for name in list_categories()}


@cache
def list_kinds() -> dict[str, Kind]:
    """Return the kinds of entities, by name; of a name that several senders have, as the first of them has it."""
    kinds = [kind for sender in list_heard() for kind in sender.kinds]
    return {kind.name: kind for kind in (*kinds, *reversed(kinds))}


def find_kind_of(category: str) -> str:
    """Return the kind of entity that notifications of a category are about."""
    return next((kind.name for kind in list_kinds().values() if category in kind.also), category)


def find_kind(name: str, sender: str | None = None) -> str | None:
    """Return the kind of entity of a category, of just this name before one in another letter case, or else None.

    The categories of `sender` come before those of others.
    """
    for among in ([each for each in list_heard() if each.name == sender], list_heard()):
        names = [category for each in among for category in each.categories]
        found = name if name in names else next((each for each in names if each.lower() == name.lower()), None)
        if found and (find_kind_of(found) in list_kinds() or is_account(found) or is_person(found)):
            return find_kind_of(found)
    return None


def list_categories_of(kind: str) -> set[str]:
    """Return the categories of notifications that are about entities of a kind."""
    return {kind, *list_kinds()[kind].also} if kind in list_kinds() else {kind}


def has_state(category: str) -> bool:
    """Say whether notifications of a category hold the state of their entity, so that changes can be computed."""
    return find_kind_of(category) == category


def find_icon(category: str, sender: str | None = None) -> str | None:
    """Return the icon of a category's entities, as of a sender before others; None where none has the category."""
    if kind := find_sender_of(category, sender).find_kind(find_kind_of(category)):
        return kind.icon
    if is_account(category):
        return ACCOUNT_ICON
    return PERSON_ICON if is_person(category) else None


def is_account(kind: str | None, sender: str | None = None) -> bool:
    """Say whether entities of a kind are accounts, of a sender or of any."""
    return any(kind == each.account for each in list_heard() if sender in {None, each.name})


def is_person(kind: str | None, sender: str | None = None) -> bool:
    """Say whether entities of a kind are users, which notifications name as actors, of a sender or of any."""
    return any(kind == each.person for each in list_heard() if sender in {None, each.name})


def find_account_kind(sender: str | None = None) -> str:
    """Return the kind of a sender's accounts."""
    return find_sender(sender).account


def find_account_word(sender: str | None = None) -> str:
    """Return what an account is called, by a sender or the only one that was heard; of several senders `account`."""
    return find_sender(sender).account_word if sender or not has_several_senders() else "account"


def find_accounts_word(sender: str | None = None) -> str:
    """Return what several accounts are called, as `find_account_word`."""
    return find_sender(sender).accounts_word if sender or not has_several_senders() else "accounts"


def find_person_kind(sender: str | None = None) -> str:
    """Return the kind of a sender's users."""
    return find_sender(sender).person


def list_doubting_rules() -> set[str]:
    """Return the rules whose findings say that a notification may not be what it seems."""
    return {rule for sender in list_senders() for rule in sender.doubting_rules}


def find_place() -> Place | None:
    """Return the places that entities' names give; None where no sender's do."""
    return next((sender.place for sender in list_heard() if sender.place), None)


def list_alerts(sender: str | None = None) -> list[Alerts]:
    """Return the alerts of a sender, or of all senders that have some."""
    return [each.alerts for each in list_senders() if each.alerts and sender in {None, each.name}]


def list_alert_senders() -> dict[str, str]:
    """Return the titles of the senders that send alerts, by name."""
    return {sender.name: sender.title for sender in list_senders() if sender.alerts}


def list_signature_headers() -> str:
    """Return the headers with the signatures of the senders that have a folder."""
    return ", ".join(dict.fromkeys(sender.signature_header for sender in list_shipped()))


def choose_alert_colour(dark: bool) -> str:
    """Return the colour of alerts."""
    return next((colours(dark)[alert.event] for alert in list_alerts()), GREY[dark])


def find_examples() -> Examples:
    """Return examples of input."""
    return list_heard()[0].examples


def describe_any_entity() -> str:
    """Return the words for an entity of any kind: `server, user or account`; of many kinds, the first of them."""
    first = [as_words(kind.name).lower() for kind in list_heard()[0].kinds][:MOST_KINDS]
    return join_names([*reversed(first), *(["other entity"] if len(list_kinds()) > len(first) else [])], "or")


def as_words(category: str, sender: str | None = None) -> str:
    """Return what an entity of a category is called: its sender's word, or `pull request` for `pull_request`."""
    return find_sender_of(category, sender).entity_words.get(category) or category.replace("_", " ")


def describe_parts_of_account(last: str = "or", sender: str | None = None) -> str:
    """Return the words for an account's parts: `user or server`, of many kinds `part`; with `and`, their plural."""
    parts = [kind.name for kind in find_sender(sender).kinds if not is_account(kind.name, sender)]
    names = [as_words(part, sender).lower() for part in parts]
    ending = "s" if last == "and" else ""
    return join_names([f"{name}{ending}" for name in names], last) if len(names) <= MOST_KINDS else f"part{ending}"


def label_alerts() -> str:
    """Return a label for the subject of alerts."""
    return join_names(list(dict.fromkeys(alert.kind for alert in list_alerts())), "or")


@cache
def find_sender_of(category: str, name: str | None = None) -> Sender:
    """Return the sender of a category's notifications: the named one, which has no words where nothing describes it."""
    if name is not None:
        return next((each for each in list_senders() if each.name == name), as_sender(name, name, "{}", ()))
    heard = list_heard()
    return next((each for each in heard for kind in each.kinds if category in {kind.name, *kind.also}), heard[0])
