"""How the place of a value in a body is written: `details.disks[0:3].sizeGB`."""

import json
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from receiver.changes.values import spelled_number

_WORD = re.compile(r"[^\W\d]\w*", re.ASCII)
_ODD_IN_ITEM = re.compile(r'[\[\]"\\\x00-\x1f\x7f]')
# Lists whose items are told apart by what they say, never by their position: the names of the keys, the first of
# those in a group that an item has, and all groups together.
_NATURAL_KEYS: dict[str, tuple[tuple[str, ...], ...]] = {
    "alertPolicies": (("id",),),
    "customFields": (("id",),),
    "disks": (("id",),),
    "ipAddresses": (("internal", "public", "address"),),
    "partitions": (("path",),),
    "secondaryIPAddresses": (("internal", "public", "address"),),
    "snapshots": (("name",),),
}


class Item(NamedTuple):
    """An item of a list, by its natural key."""

    key: str


Part = str | Item


def spell(parts: Sequence[Part]) -> str:
    """Write a path: keys joined by dots, items in brackets; a key that is no plain word as a JSON string."""
    text = ""
    for part in parts:
        if isinstance(part, Item):
            text += f"[{json.dumps(part.key) if _ODD_IN_ITEM.search(part.key) or not part.key else part.key}]"
        else:
            word = part if _WORD.fullmatch(part) else json.dumps(part)
            text += f".{word}" if text else word
    return text


def by_natural_key(name: str, items: list[Any]) -> dict[str, tuple[Item, Any]] | None:
    """Return a list's items by their natural key without case; None where some have none, or the same.

    Args:
        name: the key that the list stands under.
        items: the list.
    """
    keyed: dict[str, tuple[Item, Any]] = {}
    for item in items:
        key = _natural_key(name, item)
        if key is None or key.lower() in keyed:
            return None
        keyed[key.lower()] = Item(key), item
    return keyed


def _natural_key(name: str, item: Any) -> str | None:
    if not isinstance(item, dict):
        return None
    if name == "links":
        rel, target = _scalar(item.get("rel")), _scalar(item.get("id"))
        return f"{rel} {target}" if rel and target else rel
    for keys in _NATURAL_KEYS.get(name, ()):
        return next((key for each in keys if (key := _scalar(item.get(each))) is not None), None)
    return None


def _scalar(value: Any) -> str | None:
    if isinstance(value, str):
        return value
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return spelled_number(value)
    return None
