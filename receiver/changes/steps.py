"""Finds the changes that a notification made to its entity, given the notification before it."""

import json
import logging
from typing import Any, NamedTuple

import orjson

from receiver.changes.differ import Differ, Difference
from receiver.changes.values import as_json, parse
from receiver.notification import Action, Category
from receiver.senders.comparison import Comparison, Kind

_MOST = 2_000
_ROOM = 1024 * 1024
# The errors of bodies that are no JSON, nested too deeply, or full of numbers beyond all bounds.
_ODD = (json.JSONDecodeError, UnicodeDecodeError, orjson.JSONEncodeError, RecursionError, ArithmeticError)

_log = logging.getLogger(__name__)


class Snapshot(NamedTuple):
    """A notification's fields for a comparison; `weight` is the length of the fields that each change repeats."""

    category: Category
    action: Action | None
    payload: bytes
    weight: int = 0


class Change(NamedTuple):
    """A change as it is stored: the values are JSON, None where the field is not there."""

    path: str
    kind: Kind
    noise: bool
    old_value: str | None
    new_value: str | None


_APPEARED = Change("", "added", False, None, None)
_DELETED = Change("", "removed", False, None, None)
_UNSEEN = Change("", "unseen", False, None, None)
_BEYOND = Change("", "changed", False, None, None)


def changes_of(differ: Differ, before: Snapshot | None, now: Snapshot) -> list[Change]:
    """Return the changes that a notification made.

    Args:
        differ: compares its sender's bodies.
        before: the entity's notification before it in order of occurrence; None at first sight.
        now: the notification.
    """
    comparison = differ.comparison
    is_deleted = now.action in comparison.deleted
    if before is None or before.action in comparison.deleted:
        if not is_deleted:
            return [_APPEARED]
        return [_DELETED] if before is None else []
    changes = _compare_bodies(differ, before, now)
    if is_deleted:
        return [_DELETED, *changes]
    if now.action not in comparison.created and all(change.noise for change in changes):
        return [_UNSEEN, *changes]
    return changes


def _compare_bodies(differ: Differ, before: Snapshot, now: Snapshot) -> list[Change]:
    """Compare two bodies; a body that is too odd to be compared counts as changed."""
    if before.payload == now.payload:
        return []
    changes: list[Change] = []
    # Otherwise a few long names, repeated in many paths, could exhaust the memory.
    room = _ROOM + len(before.payload) + len(now.payload)
    try:
        body = parse(now.payload)
        if now.action in differ.comparison.deleted and _is_bare(differ.comparison, now.category, body):
            return []
        for difference in differ.differences(now.category, parse(before.payload), body):
            change = _as_change(difference)
            changes.append(change)
            room -= now.weight + sum(map(len, filter(None, (change.path, change.old_value, change.new_value))))
            if room < 0 or len(changes) > _MOST:
                return [_BEYOND]
    except _ODD as error:
        _log.warning("two bodies of a %s could not be compared: %s", now.category.lower(), type(error).__name__)
        return [_BEYOND]
    return sorted(changes, key=lambda change: change.path)


def _is_bare(comparison: Comparison, category: Category, body: dict[str, Any]) -> bool:
    fields = comparison.bare.get(category)
    return fields is not None and body.keys() <= fields


def _as_change(each: Difference) -> Change:
    return Change(each.path, each.kind, each.noise, as_json(each.old), as_json(each.new))
