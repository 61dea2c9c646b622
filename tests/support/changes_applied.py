"""Applies rows of `changes` to a body, which must fit it: what is taken away or changed has to be there as they say."""

import json
import re
from collections.abc import Iterable
from typing import Any

import orjson

from tests.support.naive_differ import Place, Row, alike, natural_keys

QUOTED = r'"(?:[^"\\]|\\.)*"'
STEP = re.compile(rf"\[(?P<item>{QUOTED}|[^\]]*)\]|\.?(?P<key>{QUOTED}|[A-Za-z_][A-Za-z0-9_]*)", re.DOTALL)


class Items(dict[tuple[str, str], Any]):
    """A list whose items have natural keys, by these."""


def applied(body: dict[str, Any], rows: Iterable[Row]) -> dict[str, Any]:
    """Return what a body of the new form becomes by one notification's rows.

    Raises:
        AssertionError: the rows don't fit the body, or one another.
    """
    tree = _opened(body)
    placed = [(place_of(row.path), row) for row in rows if row.path]
    placed.sort(key=lambda each: len(each[0]))
    for place, row in reversed(placed):
        if row.kind == "removed":
            gone = _closed(_parent(tree, place).pop(place[-1]))
            assert row.new_value is None
            assert alike(gone, orjson.loads(row.old_value or ""), _name(place)), (row, gone)
    for place, row in placed:
        if row.kind == "removed":
            continue
        parent = _parent(tree, place)
        if row.kind == "changed":
            assert alike(_closed(parent[place[-1]]), orjson.loads(row.old_value or ""), _name(place)), row
        else:
            assert row.old_value is None
            assert place[-1] not in parent, row
        parent[place[-1]] = _opened(orjson.loads(row.new_value or ""), _name(place))
    closed: dict[str, Any] = _closed(tree)
    return closed


def place_of(path: str) -> Place:
    """Read a path."""
    steps, at = [], 0
    while at < len(path):
        step = STEP.match(path, at)
        assert step, path
        assert path[at] == "[" or (path[at] == ".") == (at > 0), path
        sort, text = ("key", step["key"]) if step["item"] is None else ("item", step["item"].lower())
        steps.append((sort, json.loads(text) if text.startswith('"') else text))
        at = step.end()
    return tuple(steps)


def _name(place: Place) -> str:
    return place[-1][1] if place[-1][0] == "key" else ""


def _parent(tree: Any, place: Place) -> Any:
    for step in place[:-1]:
        tree = tree[step]
    return tree


def _opened(value: Any, name: str = "") -> Any:
    """Return a value as nested dicts by the steps of paths, as far as it has places to go to."""
    if isinstance(value, dict):
        return {("key", key): _opened(within, key) for key, within in value.items()}
    keys = natural_keys(name, value) if isinstance(value, list) else None
    if keys is None:
        return value
    return Items({("item", key.lower()): _opened(item) for key, item in zip(keys, value, strict=True)})


def _closed(value: Any) -> Any:
    if isinstance(value, Items):
        return [_closed(item) for item in value.values()]
    if isinstance(value, dict):
        return {key: _closed(within) for (_, key), within in value.items()}
    return value
