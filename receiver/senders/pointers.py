"""JSON Pointers (RFC 6901): parsed, read from a profile's table, and followed."""

import re
from collections.abc import Sequence
from typing import Any

from receiver.senders.sender import MISSING
from receiver.senders.tables import Table

Pointer = tuple[str, ...]

_ESCAPE = re.compile(r"~(?![01])")
_INDEX = re.compile(r"[0-9]{1,9}")
"""Python makes no number of thousands of digits."""


def parse_pointer(text: str) -> Pointer:
    """Return the keys of a JSON Pointer (RFC 6901); the empty text stands for the whole body.

    Raises:
        ValueError: it is none.
    """
    if (text and not text.startswith("/")) or _ESCAPE.search(text):
        raise ValueError(f"is {text!r}; allowed is a JSON Pointer such as /data/object, with ~1 for / and ~0 for ~")
    return tuple(key.replace("~1", "/").replace("~0", "~") for key in text.split("/")[1:])


def spell_pointer(pointer: Pointer) -> str:
    """Write a pointer as `parse_pointer` reads it."""
    return "".join(f"/{key.replace('~', '~0').replace('/', '~1')}" for key in pointer)


def read_pointer(table: Table, name: str) -> Pointer | None:
    """Read a JSON Pointer; None where the key is missing.

    Raises:
        ProfileError: it is none.
    """
    text = table.values.get(name)
    if text is None:
        return None
    if not isinstance(text, str):
        table.refuse(name, "must be a JSON Pointer such as /data/object")
    try:
        return parse_pointer(text)
    except ValueError as error:
        table.refuse(name, str(error))


def read_pointers(table: Table, name: str) -> tuple[Pointer, ...]:
    """Read the JSON Pointers of a list, or one alone; none where the key is missing.

    Raises:
        ProfileError: a text is none.
    """
    try:
        return tuple(map(parse_pointer, table.read_texts(name, empty=True)))
    except ValueError as error:
        table.refuse(name, str(error))


def follow_first(value: Any, pointers: Sequence[Pointer]) -> Any:
    """Return the first value that stands at one of some pointers, or `MISSING`."""
    return next((found for pointer in pointers if (found := follow(value, pointer)) is not MISSING), MISSING)


def follow(value: Any, pointer: Pointer) -> Any:
    """Return the value at a pointer, or `MISSING`."""
    for key in pointer:
        if isinstance(value, dict) and key in value:
            value = value[key]
        elif isinstance(value, list) and _INDEX.fullmatch(key) and int(key) < len(value):
            value = value[int(key)]
        else:
            return MISSING
    return value
