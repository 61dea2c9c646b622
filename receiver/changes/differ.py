"""Compares an entity's bodies, field by field, and finds the changes that a notification made."""

import json
import logging
from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from receiver.changes.change import Change, Snapshot
from receiver.changes.fields import FieldFinder
from receiver.changes.values import as_json, parse, spell
from receiver.notification import Category
from receiver.senders.sender import Comparison

_MOST = 2_000
_ROOM = 1024 * 1024
# The errors of bodies that are no JSON, nested too deeply, or full of numbers beyond all bounds.
_ODD = (json.JSONDecodeError, UnicodeDecodeError, orjson.JSONEncodeError, RecursionError, ArithmeticError)

_log = logging.getLogger(__name__)


class Differ:
    """Compares a sender's bodies.

    Args:
        comparison: the sender's rules.
    """

    def __init__(self, comparison: Comparison) -> None:
        self.comparison = comparison
        self._align = comparison.align
        self._fields = FieldFinder(comparison)
        self._parsed: tuple[bytes, Any] = b"", None

    def parse(self, payload: bytes) -> Any:
        """Parse a payload, unless it is the one that was parsed last: mostly the next one is compared with that.

        Raises:
            ValueError: it is not JSON.
        """
        if payload is not self._parsed[0]:
            self._parsed = payload, parse(payload)
        return self._parsed[1]

    def compare(self, category: Category, before: dict[str, Any], now: dict[str, Any]) -> Iterator[Change]:
        """Yield the changes between two bodies; meaningless ones are marked as noise.

        Lists are matched by natural key. An object that comes or goes, or replaces a null, shows as its fields; an
        item of a list shows as one value; an empty object or list shows as itself. A field that only one of the two
        bodies could contain is noise.
        """
        old, new, is_untold = self._align(category, before, now)
        for each in self._fields.find(old, new):
            parts, kind, noise, value_before, value_now = each
            yield Change(spell(parts), kind, noise or is_untold(each), as_json(value_before), as_json(value_now))

    def read_told(self, event_type: str | None, body: dict[str, Any]) -> Iterator[Change]:
        """Yield the changes that a body tells itself."""
        for each in self.comparison.tell(event_type, body) if self.comparison.tell else ():
            yield Change(spell(each.parts), each.kind, each.noise, as_json(each.old), as_json(each.new), told=True)


_APPEARED = Change("", "added", False, None, None)
_CAME_BACK = Change("", "added", False, '"deleted"', None)
_DELETED = Change("", "removed", False, None, None)
_UNSEEN = Change("", "unseen", False, None, None)
_BEYOND = Change("", "changed", False, None, None)


def list_changes(differ: Differ, before: Snapshot | None, now: Snapshot) -> list[Change]:
    """Return the changes that a notification made.

    Args:
        differ: compares its sender's bodies.
        before: the entity's state before it, see `follow`; None at first sight.
        now: the notification.
    """
    deleted, created = differ.comparison.deleted, differ.comparison.created
    told = list_told(differ, now) if differ.comparison.tell else []
    if before is None:
        return [_DELETED if now.action in deleted else _APPEARED, *told]
    # Anybody can repeat a deletion, so neither it nor its body must hide what changes after it.
    comes_back = before.action in deleted and now.action not in deleted
    changes = _compare_bodies(differ, (comes_back and before.undeleted) or before.payload, now)
    if told:
        changes = _prefer(told, changes)
    if now.action in deleted:
        return changes if before.action in deleted else [_DELETED, *changes]
    if comes_back:
        return [_CAME_BACK, *changes]
    if now.action not in created and all(change.noise for change in changes):
        return [_UNSEEN, *changes]
    return changes


def follow(differ: Differ, before: Snapshot | None, now: Snapshot) -> Snapshot:
    """Return an entity's state after a notification: the last body that states the entity, and the last action.

    The state has an empty body if no body states the entity. After deletions it also has the body of before them.
    """
    deleted = differ.comparison.deleted
    if now.action not in deleted:
        return now
    if before is None:
        return now._replace(payload=b"") if is_bare_deletion(differ, now) else now
    undeleted = before.undeleted if before.action in deleted else before.payload
    payload = before.payload if is_bare_deletion(differ, now) else now.payload
    return now._replace(payload=payload, undeleted=undeleted)


def is_bare_deletion(differ: Differ, now: Snapshot) -> bool:
    """Tell whether a notification deletes an entity without stating it."""
    if now.action not in differ.comparison.deleted or now.category not in differ.comparison.bare:
        return False
    try:
        body = differ.parse(now.payload)
    except _ODD:
        return False
    return isinstance(body, dict) and body.keys() <= differ.comparison.bare[now.category]


def list_told(differ: Differ, now: Snapshot) -> list[Change]:
    """Return the changes that a body tells itself; a body that is too odd tells one, of unknown extent."""
    try:
        return _collect(differ.read_told(now.event_type, parse(now.payload)), now, len(now.payload))
    except _ODD as error:
        _log.warning("a body of a %s could not be read: %s", now.category.lower(), type(error).__name__)
        return [_BEYOND]


def _prefer(told: list[Change], compared: list[Change]) -> list[Change]:
    """Return all changes; of two with one path that which the sender told, unless the other alone has an old value."""
    fuller = {(change.path, change.new_value): change for change in compared if change.old_value and not change.noise}
    told = [change if change.old_value else fuller.get((change.path, change.new_value), change) for change in told]
    by_path = {change.path: change for change in (*compared, *told)}
    return sorted(by_path.values(), key=lambda change: change.path)


def _compare_bodies(differ: Differ, before: bytes, now: Snapshot) -> list[Change]:
    """Compare two bodies; a body that is too odd to be compared counts as changed."""
    if not before or before == now.payload or is_bare_deletion(differ, now):
        return []
    try:
        old, new = differ.parse(before), differ.parse(now.payload)
        changes = differ.compare(now.category, old, new)
        return _collect(changes, now, len(before) + len(now.payload))
    except _ODD as error:
        _log.warning("two bodies of a %s could not be compared: %s", now.category.lower(), type(error).__name__)
        return [_BEYOND]


def _collect(changes: Iterable[Change], now: Snapshot, length: int) -> list[Change]:
    """Return changes in order of path; if they are too many for bodies of this length, one that says so."""
    collected: list[Change] = []
    # Otherwise a few long names, repeated in many paths, could exhaust the memory.
    room = _ROOM + length
    for change in changes:
        collected.append(change)
        path, _, _, old, new, _ = change
        room -= now.weight + len(path) + len(old or "") + len(new or "")
        if room < 0 or len(collected) > _MOST:
            return [_BEYOND]
    return sorted(collected, key=lambda change: change.path)
