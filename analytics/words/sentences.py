"""Tells a change in a sentence: "SVC_OPS added public address 203.0.113.9 to WA1ACMEWEB01".

What came from outside stands in the sentences as text, made visible and cut; it is never part of a template.
"""

from collections.abc import Iterable
from typing import Any

import orjson

from analytics.senders import kinds, sender_of
from analytics.senders.phrases import Change, Phrase, Told, written
from analytics.text import plural, short
from analytics.words.changed_fields import items_of, label_of, pattern_of

__all__ = ["Change", "parsed", "phrase", "sentence", "summary"]

SOMEBODY = "Somebody"
MOST_TOLD = 3
LONGEST_NAME = 80


def sentence(change: Change) -> str:
    """Return who changed what of the entity, in one sentence without a full stop."""
    entity = short(change.entity_id, LONGEST_NAME)
    if change.path == "" and change.kind == "added" and change.action != "Created":
        return f"{change.category} {entity} is seen for the first time"
    who = short(change.actor, LONGEST_NAME) if change.actor else SOMEBODY
    return phrase(change).about(who, entity)


def summary(changes: Iterable[Change]) -> str:
    """Return what changes of one notification say together, without who and of what."""
    told = list(dict.fromkeys(phrase(change).alone() for change in changes))
    more = len(told) - MOST_TOLD
    return "; ".join(told[:MOST_TOLD]) + (f"; and {plural(more, 'more change')}" if more > 0 else "")


def phrase(change: Change) -> Phrase:
    """Return what a change says was done."""
    if change.path == "":
        return whole(change)
    told = Told(change, parsed(change.old_value), parsed(change.new_value), items_of(change.path))
    special = sender_of(change.category).wording.phrases.get(pattern_of(change.path))
    return (special(told) if special else None) or plain(told)


def whole(change: Change) -> Phrase:
    """Return the phrase of a change of the entity as a whole."""
    noun = change.category.lower()
    if change.kind == "added":
        return Phrase(f"created {noun}") if change.action == "Created" else Phrase(f"first sight of this {noun}")
    if change.kind == "removed":
        return Phrase(f"deleted {noun}")
    if change.kind == "unseen":
        kind = kinds().get(change.category)
        hint = f"({kind.unseen})" if kind and kind.unseen else ""
        return Phrase("changed a field that notifications do not show", "of", hint)
    return Phrase("changed more than can be listed", "of")


def plain(told: Told) -> Phrase:
    """Return the phrase of a field that none of its own has."""
    name = label_of(told.change.path, sender_of(told.change.category).wording)
    if told.change.kind == "changed":
        return Phrase(f"changed the {name}", "of", f"from {value_of(told, told.old)} to {value_of(told, told.new)}")
    if told.change.kind == "removed":
        return Phrase(f"removed the {name}", "from", f"(it was {value_of(told, told.old)})")
    return Phrase(f"set the {name}", "of", f"to {value_of(told, told.new)}")


def value_of(told: Told, value: Any) -> str:
    """Return a value with its unit."""
    measures = sender_of(told.change.category).wording.measures
    return written(value, measures.get(pattern_of(told.change.path)))


def parsed(value: str | None) -> Any:
    """Return a JSON value; text that can't be parsed here (numbers past all bounds) stays as it is."""
    try:
        return None if value is None else orjson.loads(value)
    except orjson.JSONDecodeError:
        return value
