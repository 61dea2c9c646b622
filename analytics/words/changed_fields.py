"""Reads the paths of `changes` and names them, as their sender calls their fields: size of disk 0:3."""

import json
import re
from collections.abc import Iterator
from itertools import pairwise

from analytics.senders.sender import Wording
from analytics.text import short, visible

LONGEST = 60
PART = re.compile(
    r"""
    \[ (?: "(?P<odd_item>(?:[^"\\]|\\.)*)" | (?P<item>[^\]]*) ) \]
    | \.? "(?P<odd_key>(?:[^"\\]|\\.)*)"
    | \.? (?P<key>[^.\["]+)
    """,
    re.VERBOSE | re.DOTALL,
)
HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


class Item(str):
    """The natural key of a list's item, in a path."""

    __slots__ = ()


def parts_of(path: str) -> Iterator[str]:
    """Yield the keys of a path, and its items as `Item`; what is no path comes as one key."""
    end = 0
    for found in PART.finditer(path):
        if found.start() != end:
            break
        end = found.end()
        for name in ("odd_key", "odd_item", "key", "item"):
            if (text := found[name]) is not None:
                plain = unescaped(text) if name.startswith("odd") else text
                yield Item(plain) if name.endswith("item") else plain
    if end < len(path):
        yield path[end:]


def unescaped(text: str) -> str:
    """Return what stands between the quotes of a JSON string."""
    try:
        return str(json.loads(f'"{text}"'))
    except ValueError:
        return text


def items_of(path: str) -> list[str]:
    """Return the natural keys of the items in a path, from the outside in."""
    return [str(part) for part in parts_of(path) if isinstance(part, Item)]


def pattern_of(path: str) -> str:
    """Return the path with its items' keys left out: the field that it is of, whatever the item."""
    text = ""
    for part in parts_of(path):
        text += "[]" if isinstance(part, Item) else f".{part}" if text else part
    return text


def label_of(path: str, wording: Wording) -> str:
    """Return what a field is called in a sentence: `size of disk 0:3`."""
    parts = list(parts_of(path))
    keys = [part for part in parts if not isinstance(part, Item)]
    name = words(keys[-1], wording) if keys else path
    things = [
        f"{wording.nouns.get(before, words(before, wording))} {short(part, LONGEST)}"
        for before, part in pairwise(parts)
        if isinstance(part, Item)
    ]
    if not things:
        return name
    return things[-1] if isinstance(parts[-1], Item) else f"{name} of {things[-1]}"


def words(key: str, wording: Wording) -> str:
    """Return a key as words: `maxAge` is max age."""
    if key in wording.labels:
        return wording.labels[key]
    apart = HUMP.sub(" ", short(key, LONGEST))
    return " ".join(word if word.isupper() else word.lower() for word in visible(apart).split())
