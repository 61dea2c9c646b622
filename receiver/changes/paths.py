"""Writes the path of a value in a body: keys, and items of lists by their natural keys, `a.b[0:3].c`."""

import json
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from receiver.changes.values import spell_number
from receiver.senders.comparison import Item, PathPart

Groups = Sequence[Sequence[str]]

_WORD = re.compile(r"[^\W\d]\w*", re.ASCII)
_ODD_IN_ITEM = re.compile(r'[\[\]"\\\x00-\x1f\x7f]')


def spell(parts: Sequence[PathPart]) -> str:
    """Write a path: keys joined by dots, items in brackets; a key that is no plain word as a JSON string."""
    text = ""
    for part in parts:
        if isinstance(part, Item):
            text += f"[{json.dumps(part.key) if _ODD_IN_ITEM.search(part.key) or not part.key else part.key}]"
        else:
            word = part if _WORD.fullmatch(part) else json.dumps(part)
            text += f".{word}" if text else word
    return text


def index_by_natural_key(groups: Groups, items: list[Any]) -> dict[str, tuple[Item, Any]] | None:
    """Return a list's items by natural key in lower case; None where an item has no key, or two share one.

    Args:
        groups: the keys that identify the list's items, see `Comparison.natural_keys`; none where nothing does.
        items: the list.
    """
    keyed: dict[str, tuple[Item, Any]] = {}
    for item in items:
        key = _natural_key(groups, item)
        if key is None or key.lower() in keyed:
            return None
        keyed[key.lower()] = Item(key), item
    return keyed


def _natural_key(groups: Groups, item: Any) -> str | None:
    if not isinstance(item, dict):
        return None
    whole = None
    for group in groups:
        key = None
        for name in group:
            key = _scalar(item.get(name))
            if key is not None:
                break
        if whole is None:
            whole = key
            if not key:
                break
        elif key:
            whole = f"{whole} {key}"
    return whole


def _scalar(value: Any) -> str | None:
    if isinstance(value, str):
        return value
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return spell_number(value)
    return None
