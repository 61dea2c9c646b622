"""The parts of sentences on changes that a sender's folder makes.

Text from outside is made visible and cut, and is never part of a template.
"""

import re
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any, NamedTuple

import orjson

from analytics.text import cut_visible, make_payload_visible, shorten
from analytics.times import EPOCH, format_in_utc

LONGEST_VALUE, MOST_VALUES = 60, 5
MEGABYTES = 1024
UNIX_TIME = "Unix time"
"""The measure of numbers that are seconds since 1970, or milliseconds."""
MOMENTS = range(946_684_800, 4_102_444_800)
"""Seconds that are taken for moments, of the years 2000 to 2099; smaller numbers may be anything."""
COMMIT, COMMIT_CHARACTERS = re.compile("[0-9a-f]{40}"), 7
"""The id of a commit, and how much of it people write."""


class Change(NamedTuple):
    """A row of `changes`; values are JSON, None for a missing field. `action` comes from its notification.

    Without a `sender` its category tells which one it is of.
    """

    category: str
    entity_id: str
    actor: str | None
    path: str
    kind: str
    old_value: str | None = None
    new_value: str | None = None
    action: str | None = None
    sender: str | None = None


class Phrase(NamedTuple):
    """A deed in parts: `text link ENTITY rest`; without a link word the entity is "it"."""

    text: str
    link: str = ""
    rest: str = ""

    def make_sentence(self, who: str, entity: str) -> str:
        """Return the sentence."""
        return " ".join(part for part in (who, self.text, self.link, entity, self.rest) if part)

    def make_sentence_alone(self) -> str:
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
        return format_number(value, measure)
    if isinstance(value, str):
        return format_text(value)
    try:
        text = orjson.dumps(value).decode()
    except TypeError:  # it is nested deeper than orjson writes it
        text = orjson.dumps(make_payload_visible(value)).decode()
    return shorten(text, LONGEST_VALUE)


def format_number(value: float, measure: str | None) -> str:
    """Return a number with its measure, or as the moment that it stands for."""
    if measure == UNIX_TIME:
        return format_moment(value) or format_number(value, None)
    if measure == "MB" and value >= MEGABYTES and value % MEGABYTES == 0:
        return f"{value // MEGABYTES:,.0f} GB"
    number = f"{value:,}" if isinstance(value, int) or not value.is_integer() else f"{value:,.0f}"
    return f"{number} {measure}" if measure else number


def format_moment(number: float) -> str:
    """Return the moment of a Unix time; empty where the number is none."""
    seconds = next((each for each in (int(number), int(number / 1000)) if each in MOMENTS), None)
    return format_in_utc(None if seconds is None else EPOCH + timedelta(seconds=seconds))


def format_text(value: str) -> str:
    """Return a text as a value: cut, and in quotes where it is empty or more than a word."""
    if COMMIT.fullmatch(value):
        return value[:COMMIT_CHARACTERS]
    return shorten(value, LONGEST_VALUE) if value and " " not in value else quote(value)


def quote(value: str) -> str:
    """Return a text in quotes, cut."""
    return f"“{cut_visible(value, LONGEST_VALUE)}”"


def describe_difference(old: Any, new: Any, measure: str | None = None) -> str:
    """Return the words for a value that became another: "from 2 to 4", or of a list "by adding 4".

    A text is named as such where it could be taken for the other value. Long values that begin alike are shown once.
    """
    if is_plain_list(old) and is_plain_list(new) and (moves := describe_moves(old, new, measure)):
        return moves
    before, now = format_value(old, measure), format_value(new, measure)
    if before == now and measure == UNIX_TIME:
        before, now = format_value(old), format_value(new)  # of moments within a second
    is_text = type(old) is str, type(new) is str
    if is_text[0] != is_text[1] and (before == now or isinstance(new if is_text[0] else old, (bool, int, float))):
        before, now = (
            f"the text {quote(value)}" if type(value) is str else words for value, words in ((old, before), (new, now))
        )
    return f"(it begins with {before} before and after)" if before == now else f"from {before} to {now}"


def is_plain_list(value: Any) -> bool:
    """Say whether a value is a list of texts, numbers and the like."""
    return isinstance(value, list) and not any(isinstance(item, (dict, list)) for item in value)


def describe_moves(old: list[Any], new: list[Any], measure: str | None) -> str:
    """Return the words for the values that a list lost and those that it got.

    They are empty where it has the same values, and where one that it lost reads like one that it got: 1 and "1", say.
    """
    # Python takes true for 1.
    before, now = (Counter((isinstance(item, bool), item) for item in items) for items in (old, new))
    lost, got = (
        ["null" if item is None else format_value(item, measure) for _, item in moved.elements()]
        for moved in (before - now, now - before)
    )
    if not set(lost).isdisjoint(got):
        return ""
    parts = [f"{verb} {join_first(texts)}" for verb, texts in (("removing", lost), ("adding", got)) if texts]
    return f"by {' and '.join(parts)}" if parts else ""


def join_first(texts: list[str]) -> str:
    """Return the first of some texts, and how many more there are."""
    more = len(texts) - MOST_VALUES
    return ", ".join(texts[:MOST_VALUES]) + (f" and {more:,} more" if more > 0 else "")


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
