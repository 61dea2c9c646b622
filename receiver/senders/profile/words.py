"""The words of a profile: what its events, entities and accounts are called, and their colours."""

import re
from typing import NamedTuple

from receiver.senders.tables import Table

WORD_KEYS = ("account", "accounts", "entities", "events")
_EVENT_KEYS = ("label", "light", "dark")


class EventWords(NamedTuple):
    """The label of events whose names fit a pattern, and their colours on a light and a dark page."""

    pattern: str
    label: str
    light: str | None
    dark: str | None


class Words(NamedTuple):
    """What things are called.

    Args:
        account: an account in one word, such as `organization`; `accounts` is several of them.
        entities: what an entity is called, by its category; a category that is missing is its own word.
        events: labels and colours of events.
    """

    account: str
    accounts: str
    entities: dict[str, str]
    events: tuple[EventWords, ...]


def read_words(table: Table) -> Words:
    """Read the table `words`.

    Raises:
        ProfileError: a value is not allowed.
    """
    account = table.optional_text("account") or "account"
    entities = table.table("entities")
    return Words(
        account,
        table.optional_text("accounts") or f"{account}s",
        {category: entities.text(category) for category in entities.values},
        tuple(
            EventWords(pattern, events.text("label"), _colour(events, "light"), _colour(events, "dark"))
            for pattern, events in table.table("events").each_table(_EVENT_KEYS)
        ),
    )


def _colour(table: Table, name: str) -> str | None:
    colour = table.optional_text(name)
    if colour is not None and not re.fullmatch(r"#[0-9a-fA-F]{6}", colour):
        table.refuse(name, f"is {colour!r}; allowed is a colour such as #1f77b4")
    return colour
