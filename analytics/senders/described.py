"""Senders that the store describes: each has a profile at the receiver, and the pages know the store alone."""

import json
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from analytics.senders.sender import ACCOUNT_ICON, PERSON_ICON, Event, Examples, Kind, Sender, Wording

OTHER_ICON = ":material/deployed_code:"
PERSONS = frozenset({"user", "member"})
NO_WORDS = Wording({}, {}, {}, {})


class Seen(NamedTuple):
    """An event type that the store has notifications of, with their category and the first one's number.

    It is empty where the events are unknown.
    """

    event_type: str
    category: str
    first: int = 0


def as_sender(name: str, title: str, description: str, seen: Sequence[Seen]) -> Sender:
    """Return a sender from its row of the table `senders` and the event types that the store has of it."""
    said: Mapping[str, Any] = json.loads(description)
    categories = sorted({each.category for each in seen} | set(said.get("entities", {})))
    account = said.get("account_category") or "account"
    person = next((name for name in categories if name in PERSONS), "user")
    types = sorted({each.event_type: each for each in seen if each.event_type}.values())
    return Sender(
        name=name,
        title=title,
        events=tuple(describe_event(each, said.get("events", [])) for each in types),
        kinds=tuple(Kind(category, choose_icon(category, account)) for category in categories),
        account=account,
        person=person,
        names_actors=f"those of {title} name one where it tells one",
        place=None,
        alerts=None,
        signature_header=said.get("signature_header", ""),
        signature_scheme=said.get("signature_scheme", ""),
        how_to="\n".join(f"{number}. {step}" for number, step in enumerate(said.get("setup", []), 1)),
        examples=Examples(types[0].event_type if types else "", categories[0] if categories else "", "name"),
        wording=NO_WORDS,
        meanings={},
        is_set_up=bool(said.get("is_set_up")),
        secret_variable=said.get("secret_variable", ""),
        documentation=said.get("documentation", ""),
        account_word=said.get("account") or "account",
        accounts_word=said.get("accounts") or "accounts",
        entity_words=said.get("entities", {}),
        places=said.get("places", {}),
        sayings=said.get("sayings", ()),
        trouble=frozenset(said.get("trouble", ())),
    )


def describe_event(seen: Seen, words: Iterable[Mapping[str, str]]) -> Event:
    """Return an event with its label and the colours that its profile wishes for."""
    said = next((each for each in words if fnmatchcase(seen.event_type, each["pattern"])), {})
    wish = said.get("light", ""), said.get("dark", "")
    return Event(seen.event_type, *wish, said.get("label", ""), seen.category, seen.first)


def choose_icon(category: str, account: str) -> str:
    """Return the icon of a category's entities."""
    if category == account:
        return ACCOUNT_ICON
    return PERSON_ICON if category in PERSONS else OTHER_ICON
