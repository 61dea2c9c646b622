"""Values of bodies and their paths: parsed, compared by meaning, and written as text.

Bodies whose sender is not known are compared plainly: field by field, without meaning.
"""

import json
import re
from collections.abc import Sequence
from decimal import MAX_EMAX, Decimal, InvalidOperation
from math import isinf
from typing import Any

import orjson

from receiver.notification import Category
from receiver.senders.request import write_json
from receiver.senders.sender import MISSING, Aligned, Comparison, FieldDifference, Item, PathPart

Groups = Sequence[Sequence[str]]
Container = dict[str, Any] | list[Any]
Number = Any
"""An int, a float or a Decimal. A compiled module makes a float of an int where `float` is expected: 22.0 of 22."""
# The integers that orjson reads and writes as such.
_LEAST, _MOST = -(1 << 63), (1 << 64) - 1
# Decimal can't distinguish numbers farther from zero.
_FARTHEST = Decimal((0, (1,), MAX_EMAX))
_DEEPEST = 100
"""The deepest level whose meaning is compared: Python's limit on recursion is not far below."""
_MOST_KNOWN, _LONGEST_KNOWN = 4096, 64
"""How many spelled paths are remembered, and of which length: bodies may have any number of them, of any length."""
_WORD = re.compile(r"[^\W\d]\w*", re.ASCII)
_ODD_IN_ITEM = re.compile(r'[\[\]"\\\x00-\x1f\x7f]')


def parse(payload: bytes) -> Any:
    """Parse a stored payload; a number beyond a double's range becomes a `Decimal`.

    Raises:
        ValueError: it is not JSON.
    """
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError:
        return json.loads(payload, parse_float=_parse_number, parse_int=_parse_number)


def as_json(value: Any) -> str | None:
    """Write a value as JSON; None for one that is missing."""
    return None if value is MISSING else write_json(value, _spell).decode()


def mean_the_same(comparison: Comparison, name: str, old: Any, new: Any) -> bool:
    """Tell whether two values mean the same: numbers by value, names of things without case, lists in any order.

    Names are compared in upper case, as in `entity_id`: there `groß` is `GROSS`, and in lower case it is not.

    Args:
        comparison: says which names have no case.
        name: the key that the values stand under.
        old: the value before.
        new: the value now.
    """
    if isinstance(old, str) and isinstance(new, str):
        return old == new or (_is_caseless(comparison, name) and old.upper() == new.upper())
    if isinstance(old, dict | list) or isinstance(new, dict | list):
        return type(old) is type(new) and canonicalize(comparison, old, name) == canonicalize(comparison, new, name)
    return old == new and isinstance(old, bool) == isinstance(new, bool)


def are_spelled_alike(old: Container, new: Container) -> bool:
    """Tell quickly whether two objects or two lists are spelled alike, so that they hold no difference."""
    try:
        is_equal = bool(old == new)
    except RecursionError:
        is_equal = True
    # Python takes true for 1, which the spelling tells apart.
    return is_equal and (not old or write_json(old, _spell) == write_json(new, _spell))


def canonicalize(comparison: Comparison, value: Any, name: str = "", depth: int = 0) -> str:
    """Write values with the same meaning alike, except parts that are nested deep."""
    if depth == _DEEPEST:
        return write_json(value, _spell).decode()
    if isinstance(value, dict):
        fields = (f"{json.dumps(key)}:{canonicalize(comparison, item, key, depth + 1)}" for key, item in value.items())
        return f"{{{','.join(sorted(fields))}}}"
    if isinstance(value, list):
        return f"[{','.join(sorted(canonicalize(comparison, item, name, depth + 1) for item in value))}]"
    if isinstance(value, str):
        return json.dumps(value.upper() if _is_caseless(comparison, name) else value)
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return spell_number(value)
    return json.dumps(value)


def spell_number(value: Number) -> str:
    """Write a number so that `4.0` is `4`."""
    if isinstance(value, Decimal):
        return str(value.normalize())
    return json.dumps(int(value) if isinstance(value, float) and value.is_integer() else value)


def _is_caseless(comparison: Comparison, name: str) -> bool:
    return name in comparison.caseless or name.endswith(comparison.caseless_endings)


def _parse_number(text: str) -> Number:
    as_float = float(text)
    if isinf(as_float):
        try:
            return Decimal(text)
        except InvalidOperation:
            return _FARTHEST.copy_sign(Decimal(as_float))
    if text.lstrip("-").isdecimal() and _LEAST <= (whole := int(text)) <= _MOST:
        return whole
    return as_float


def _spell(value: Any) -> orjson.Fragment:
    if isinstance(value, Decimal):
        return orjson.Fragment(str(value))
    raise TypeError


_paths: dict[tuple[PathPart, ...], str] = {}


def spell(parts: tuple[PathPart, ...]) -> str:
    """Write a path: keys joined by dots, items in brackets; a key that is no plain word as a JSON string."""
    path = _paths.get(parts)
    if path is None:
        path = _spell_path(parts)
        if len(path) <= _LONGEST_KNOWN:
            if len(_paths) >= _MOST_KNOWN:
                _paths.clear()
            _paths[parts] = path
    return path


def _spell_path(parts: tuple[PathPart, ...]) -> str:
    text = ""
    for part in parts:
        if isinstance(part, Item):
            text += f"[{json.dumps(part.key) if _ODD_IN_ITEM.search(part.key) or not part.key else part.key}]"
        else:
            word = part if _WORD.fullmatch(part) else json.dumps(part)
            text += f".{word}" if text else word
    return text


def index_by_natural_key(groups: Groups, items: list[Any]) -> dict[str, tuple[Item, Any]] | None:
    """Return a list's items by natural key in upper case; None where an item has no key, or two share one.

    Args:
        groups: the keys that identify the list's items, see `Comparison.natural_keys`; none where nothing does.
        items: the list.
    """
    keyed: dict[str, tuple[Item, Any]] = {}
    for item in items:
        key = _find_natural_key(groups, item)
        if key is None or (in_upper := key.upper()) in keyed:
            return None
        keyed[in_upper] = Item(key), item
    return keyed


def _find_natural_key(groups: Groups, item: Any) -> str | None:
    if not isinstance(item, dict):
        return None
    whole = None
    for group in groups:
        key = None
        for name in group:
            value = item.get(name)
            key = value if type(value) is str else _spell_scalar(value)
            if key is not None:
                break
        if whole is None:
            whole = key
            if not key:
                break
        elif key:
            whole = f"{whole} {key}"
    return whole


def _spell_scalar(value: Any) -> str | None:
    if isinstance(value, str):
        return value
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return spell_number(value)
    return None


def _align(_category: Category, before: dict[str, Any], now: dict[str, Any]) -> Aligned:
    return Aligned(before, now, _is_untold)


def _is_untold(_difference: FieldDifference) -> bool:
    return False


PLAIN = Comparison(
    align=_align,
    stateless=frozenset(),
    created=frozenset({"Created"}),
    deleted=frozenset({"Deleted"}),
    bare={},
    natural_keys={},
    noise_anywhere=frozenset(),
    noise_on_top=frozenset(),
    caseless=frozenset(),
    caseless_endings=(),
)
