"""Turns a row of `changes` into a sentence: "SVC_OPS added public address 203.0.113.9 to WA1ACMEWEB01".

Text from outside is made visible and cut, and is never part of a template.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import orjson

from analytics.senders import as_words, find_sender_of, list_alerts
from analytics.senders.phrases import (
    UNIX_TIME,
    Change,
    ParsedChange,
    Phrase,
    Unread,
    describe_difference,
    describe_move,
    format_value,
)
from analytics.senders.sender import Wording
from analytics.text import capitalize, format_count, make_visible, shorten

__all__ = ["Change", "MetricState", "make_sentence", "parse_value", "phrase", "summarize_alert", "summarize_changes"]

SOMEBODY = "Somebody"
UNSEEN = "no visible field changed"
MOST_TOLD = 3
LONGEST, LONGEST_NAME = 60, 80
PART = re.compile(
    r"""
    \[ (?: "(?P<odd_item>(?:[^"\\]|\\.)*)" | (?P<item>[^\]]*) ) \]
    | \.? "(?P<odd_key>(?:[^"\\]|\\.)*)"
    | \.? (?P<key>[^.\["]+)
    """,
    re.VERBOSE | re.DOTALL,
)
MOMENT = re.compile(r"(_at|[a-z]At)$")
HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
FIRST_OF_NO_NOUN = {"allow", "allows", "are", "can", "did", "does", "has", "have", "is", "may", "was"}
LAST_OF_NO_NOUN = {"as", "at", "by", "for", "from", "in", "of", "on", "since", "to", "until", "via", "when", "with"}
"""The first and the last words of names such as `has wiki` and `pushed at`, which are no nouns."""


class Item(str):
    """The natural key of a list's item, in a path."""

    __slots__ = ()


def split_path(path: str) -> Iterator[str]:
    """Yield the keys of a path, and its items as `Item`; a text that is no path is one key."""
    end = 0
    for match in PART.finditer(path):
        if match.start() != end:
            break
        end = match.end()
        for name in ("odd_key", "odd_item", "key", "item"):
            if (text := match[name]) is not None:
                plain = unescape(text) if name.startswith("odd") else text
                yield Item(plain) if name.endswith("item") else plain
    if end < len(path):
        yield path[end:]


def unescape(text: str) -> str:
    """Return the value of the text between the quotes of a JSON string."""
    try:
        return str(json.loads(f'"{text}"'))
    except ValueError:
        return text


def list_items(path: str) -> list[str]:
    """Return the natural keys of the items in a path, from the outside in."""
    return [str(part) for part in split_path(path) if isinstance(part, Item)]


def make_pattern(path: str) -> str:
    """Return the path without its items' keys: the field, whatever the item."""
    text = ""
    for part in split_path(path):
        text += "[]" if isinstance(part, Item) else f".{part}" if text else part
    return text


def label_path(path: str, wording: Wording, *, is_noun: bool = True) -> str:
    """Return the name of a field in a sentence, with the object and the item that have it: `size of disk 0:3`.

    A name that is no noun is quoted: `field “pushed at” of commit 1a2b`.
    """
    parts = list(split_path(path))
    things = [
        f"{wording.nouns.get(before) or make_singular(spell_words(before, wording))} {shorten(part, LONGEST)}"
        for before, part in pairwise(parts)
        if isinstance(part, Item)
    ]
    if things and isinstance(parts[-1], Item):
        names = [things.pop()]
        parts.pop()
    else:
        spelled = [spell_words(key, wording) for key in parts[-1:]]
        names = spelled if is_noun else [f"field “{name}”" for name in spelled]
    owners = [part for part in parts[-2:-1] if not isinstance(part, Item) and part not in wording.containers]
    names += [f"the {spell_words(owner, wording)}" for owner in owners]
    return " of ".join([*names, *things[-1:]]) or path


def make_singular(noun: str) -> str:
    """Return a noun for one of several things: `policy` for `policies`, `label` for `labels`."""
    if noun.endswith("ies"):
        return f"{noun[:-3]}y"
    if noun.endswith(("sses", "uses", "xes", "ches", "shes")):
        return noun[:-2]
    return noun[:-1] if noun.endswith("s") and not noun.endswith(("ss", "us", "is")) else noun


def spell_words(key: str, wording: Wording) -> str:
    """Return a key as words: `maxAge` and `max_age` become max age."""
    if key in wording.labels:
        return wording.labels[key]
    apart = HUMP.sub(" ", shorten(key, LONGEST)).replace("_", " ")
    return " ".join(word if word.isupper() else word.lower() for word in make_visible(apart).split())


class MetricState(NamedTuple):
    """The state of a metric that an alert reports; `reading` is the metric's, in words."""

    metric: str | None
    state: str | None
    reading: str = ""


def make_sentence(change: Change) -> str:
    """Return a change with its actor and entity as one sentence without a full stop."""
    entity = shorten(change.entity_id, LONGEST_NAME)
    if change.path == "" and change.kind == "added" and change.action != "Created":
        how = "came back after its deletion" if came_back(change) else "is seen for the first time"
        return f"{capitalize(as_words(change.category, change.sender))} {entity} {how}"
    if change.path == "" and change.kind == "unseen":
        updated = f"{shorten(change.actor, LONGEST_NAME)} updated {entity}" if change.actor else f"{entity} was updated"
        return f"{updated}, but {describe_unseen(change)}"
    if change.path == "" and not change.actor and (what := {"added": "created", "removed": "deleted"}.get(change.kind)):
        again = " again after its deletion" if came_back(change) else ""
        return f"{capitalize(as_words(change.category, change.sender))} {entity} was {what}{again} (actor not reported)"
    who = shorten(change.actor, LONGEST_NAME) if change.actor else SOMEBODY
    return phrase(change).make_sentence(who, entity)


def summarize_changes(changes: Iterable[Change]) -> str:
    """Return the changes of one notification in a line, without actor and entity."""
    phrases = list(dict.fromkeys(phrase(change).make_sentence_alone() for change in changes))
    more = len(phrases) - MOST_TOLD
    return "; ".join(phrases[:MOST_TOLD]) + (f"; and {format_count(more, 'more change')}" if more > 0 else "")


def summarize_alert(states: Sequence[MetricState], number: int) -> str:
    """Return what an alert reports in words.

    Args:
        states: the first of the states that it reports.
        number: the number of all of them.
    """
    texts = list(dict.fromkeys(filter(None, map(describe_state, states))))
    more = len(texts[MOST_TOLD:]) + number - len(states)
    parts = [*texts[:MOST_TOLD], *([f"and {more:,} more"] if more > 0 else ())]
    return f"alert: {'; '.join(parts)}" if parts else "alert"


def describe_state(told: MetricState) -> str:
    """Return the state of a metric in words; empty where the alert does not tell it."""
    known = {alert.above: "above its threshold" for alert in list_alerts()}
    known |= {alert.below: "below its threshold again" for alert in list_alerts()}
    state = known.get(str(told.state).lower()) or shorten(told.state or "", 30)
    text = " ".join(filter(None, (shorten(told.metric or "", 20), state)))
    return ", ".join(filter(None, (text, told.reading and f"at {told.reading}")))


def phrase(change: Change) -> Phrase:
    """Return the phrase of a change."""
    if change.path == "":
        return describe_whole(change)
    parsed = ParsedChange(change, parse_value(change.old_value), parse_value(change.new_value), list_items(change.path))
    special = find_wording(change).phrases.get(make_pattern(change.path))
    return (special(parsed) if special else None) or describe_plain(parsed)


def find_wording(change: Change) -> Wording:
    """Return the words for the fields of a change's sender."""
    return find_sender_of(change.category, change.sender).wording


def describe_whole(change: Change) -> Phrase:
    """Return the phrase of a change of the entity as a whole."""
    noun = as_words(change.category, change.sender).lower()
    if change.kind == "added" and change.action == "Created":
        again = Phrase("created", noun, "again after its deletion")
        return again if came_back(change) else Phrase(f"created {noun}")
    if change.kind == "added":
        return Phrase("came back after its deletion" if came_back(change) else f"first notification of this {noun}")
    if change.kind == "removed":
        return Phrase(f"deleted {noun}")
    if change.kind == "unseen":
        return Phrase(describe_unseen(change))
    return Phrase("changed more than can be listed", "of")


def came_back(change: Change) -> bool:
    """Say whether an entity is there again after its deletion, so that its fields are compared with those before."""
    return change.path == "" and change.kind == "added" and change.old_value is not None


def describe_unseen(change: Change) -> str:
    """Say that no field shows a change, and what it may be."""
    kind = find_sender_of(change.category, change.sender).find_kind(change.category)
    return f"{UNSEEN} (perhaps {kind.unseen})" if kind and kind.unseen else UNSEEN


def describe_plain(parsed: ParsedChange) -> Phrase:
    """Return the phrase of a field that has no phrase of its own."""
    wording = find_wording(parsed.change)
    is_noun = is_item(parsed.change.path) or can_be_noun(parsed, wording)
    name = label_path(parsed.change.path, wording, is_noun=is_noun)
    if is_item(parsed.change.path):
        return describe_item(parsed, name)
    if parsed.change.kind == "changed" and isinstance(parsed.old, bool) and isinstance(parsed.new, bool):
        what = name if is_noun else f"the {name}"
        return Phrase(f"set {what}", "of", f"to {format_with_unit(parsed, parsed.new)}")
    if parsed.change.kind == "changed":
        return Phrase(f"changed the {name}", "of", describe_values(parsed))
    if parsed.change.kind == "removed":
        return Phrase(f"removed the {name}", "from", f"(it was {format_with_unit(parsed, parsed.old)})")
    return Phrase(f"set the {name}", "of", f"to {format_with_unit(parsed, parsed.new)}")


def can_be_noun(parsed: ParsedChange, wording: Wording) -> bool:
    """Say whether the name of a field reads well after "the": `pushed at` does not, nor does `private`, a yes or no."""
    key = list(split_path(parsed.change.path))[-1]
    words = spell_words(key, wording).split()
    if key in wording.labels or not words:
        return True
    if parsed.change.kind != "changed" and isinstance(parsed.value, bool):
        return False
    return words[0] not in FIRST_OF_NO_NOUN and words[-1] not in LAST_OF_NO_NOUN


def is_item(path: str) -> bool:
    """Say whether a path leads to a whole item of a list."""
    return isinstance(list(split_path(path))[-1], Item)


def describe_item(parsed: ParsedChange, name: str) -> Phrase:
    """Return the phrase of an item of a list, with its value where that says more than its name."""
    if parsed.change.kind == "changed":
        return Phrase(f"changed {name}", "of", describe_values(parsed))
    moved = describe_move(parsed, name)
    value = parsed.value
    if isinstance(value, (str, int, float)) and str(value) != parsed.items[-1]:
        return moved._replace(rest=f"({format_with_unit(parsed, value)})")
    return moved


def format_with_unit(parsed: ParsedChange, value: Any) -> str:
    """Return a value with its unit."""
    return format_value(value, find_unit(parsed))


def describe_values(parsed: ParsedChange) -> str:
    """Return the words for the old and the new value, with their unit."""
    return describe_difference(parsed.old, parsed.new, find_unit(parsed))


def find_unit(parsed: ParsedChange) -> str | None:
    """Return the unit of the field's numbers; those of a field such as `pushed_at` or `deletedAt` are times."""
    unit = find_wording(parsed.change).measures.get(make_pattern(parsed.change.path))
    return unit or (UNIX_TIME if MOMENT.search(parsed.change.path) else None)


def parse_value(value: str | None) -> Any:
    """Return a JSON value; text that can't be parsed here (numbers past all bounds) stays as it is."""
    try:
        return None if value is None else orjson.loads(value)
    except orjson.JSONDecodeError:
        return Unread(value)
