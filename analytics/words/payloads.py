"""Prepares a payload for display: a tree, a list of fields, raw text."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import orjson

from analytics.text import make_visible

MOST_FIELDS = 500
DEEPEST = 60
TOO_DEEP = "… deeper than is shown here; see the raw text"


class Field(NamedTuple):
    """One value of a payload, with the path to it."""

    path: str
    value: str


def parse(payload: str) -> Any:
    """Return the parsed payload; None where it can't be parsed here (too deep, or with numbers past all bounds)."""
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError:
        return None


def tree(value: Any, depth: int = 0) -> Any:
    """Return a parsed payload with all its text made visible, cut where it is too deep."""
    if depth > DEEPEST:
        return TOO_DEEP
    if isinstance(value, str):
        return make_visible(value, keep="\n\t")
    if isinstance(value, dict):
        return {make_visible(key): tree(inner, depth + 1) for key, inner in value.items()}
    if isinstance(value, list):
        return [tree(inner, depth + 1) for inner in value]
    return value


def leaves(value: Any, path: str = "", depth: int = 0) -> Iterator[Field]:
    """Yield the values at the ends of a parsed payload, in its order."""
    if isinstance(value, dict) and value and depth <= DEEPEST:
        for key, inner in value.items():
            yield from leaves(inner, f"{path}.{make_visible(key)}" if path else make_visible(key), depth + 1)
    elif isinstance(value, list) and value and depth <= DEEPEST:
        for place, inner in enumerate(value):
            yield from leaves(inner, f"{path}[{place}]", depth + 1)
    elif isinstance(value, str):
        yield Field(path, make_visible(value))
    elif isinstance(value, (dict, list)) and value:
        yield Field(path, TOO_DEEP)
    else:
        yield Field(path, orjson.dumps(value).decode())
