"""Compares two bodies of an entity, field by field."""

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

from receiver.changes.paths import Part, by_natural_key, spell
from receiver.changes.values import MISSING, equal, same
from receiver.notification import Category
from receiver.senders.centurylink.forms import (
    addresses_in,
    in_new_form,
    is_in_both_forms,
    is_old_form,
    server_addresses,
)

Kind = Literal["added", "removed", "changed", "unseen"]

_DEEPEST = 16
_SCALARS = frozenset({str, int, float, bool, type(None)})
_NOISE_ANYWHERE = {"links"}
_NOISE_ON_TOP = {"accountUri", "changeInfo", "groupUri", "uri"}


class Difference(NamedTuple):
    """What differs at one place of a body; `MISSING` stands for a value that is not there."""

    path: str
    kind: Kind
    noise: bool
    old: Any
    new: Any


class _Found(NamedTuple):
    parts: tuple[Part, ...]
    kind: Kind
    noise: bool
    old: Any
    new: Any


def differences(category: Category, before: dict[str, Any], now: dict[str, Any]) -> Iterator[Difference]:
    """Yield what differs between two bodies; what tells nobody anything is marked as noise.

    Lists are matched by natural key. An object that comes or goes, or takes the place of a null, shows as its fields;
    an item of a list shows as one value; an object or a list without anything in it shows as such.
    Of two forms, and of bodies of which one is partial, what only one of the two could tell is noise.
    """
    forms_differ = is_old_form(category, before) != is_old_form(category, now)
    old, new = in_new_form(category, before), in_new_form(category, now)
    for found in _objects((), old, new, noise=False):
        untold = _untold_by_part(found, old, new) or (forms_differ and _untold_by_form(category, found, old, new))
        yield Difference(spell(found.parts), found.kind, found.noise or untold, found.old, found.new)


def _untold_by_form(category: Category, found: _Found, old: dict[str, Any], new: dict[str, Any]) -> bool:
    """Tell whether a difference is there only because the two bodies are of different forms.

    The old form lists public and internal addresses one by one, the new form in pairs. So an address differs only
    where the other body does not name it at all.
    """
    if found.parts == ("id",) or (_is_blank(found.old) and _is_blank(found.new)):
        return True
    if found.parts[:2] == ("details", "ipAddresses"):
        gained = addresses_in(found.new) - server_addresses(old)
        lost = addresses_in(found.old) - server_addresses(new)
        return not gained and not lost
    keys = [part for part in found.parts if isinstance(part, str)]
    return found.kind != "changed" and not is_in_both_forms(category, keys)


def _is_blank(value: Any) -> bool:
    return value is MISSING or value is None or value == ""


def _untold_by_part(found: _Found, old: dict[str, Any], new: dict[str, Any]) -> bool:
    """Tell whether a difference within `details` is there only because one of the bodies is partial.

    That is a server under construction, which has no details, or one queued for restore, which has few. An address
    shows even so: it may be new, and that matters more than a false alarm.
    """
    if found.kind == "changed" or found.parts[0] != "details":
        return False
    if found.parts == ("details",):
        return True
    field = found.parts[1]
    if field == "ipAddresses" and found.kind == "added":
        return False
    partial = _details(old if found.kind == "added" else new)
    return "cpu" not in partial and field not in partial


def _details(body: dict[str, Any]) -> dict[Part, Any]:
    details = body.get("details")
    return details if isinstance(details, dict) else {}


def _compare(parts: tuple[Part, ...], old: Any, new: Any, *, noise: bool) -> Iterator[_Found]:
    if _is_nothing(old) or _is_nothing(new):
        yield from _one_sided(parts, old, new, noise=noise)
    elif isinstance(old, dict) and isinstance(new, dict) and len(parts) < _DEEPEST:
        if not equal(old, new):
            yield from _objects(parts, old, new, noise=noise)
    elif isinstance(old, list) and isinstance(new, list) and len(parts) < _DEEPEST:
        if not equal(old, new):
            yield from _lists(parts, _name(parts), old, new, noise=noise)
    elif not same(_name(parts), old, new):
        yield _Found(parts, "changed", noise, old, new)


def _objects(parts: tuple[Part, ...], old: dict[str, Any], new: dict[str, Any], *, noise: bool) -> Iterator[_Found]:
    for key in {**old, **new}:
        before, now = old.get(key, MISSING), new.get(key, MISSING)
        # Most fields are as they were; to find that out here is quicker.
        if type(now) in _SCALARS and type(before) is type(now) and before == now:
            continue
        is_noise = noise or key in _NOISE_ANYWHERE or (not parts and key in _NOISE_ON_TOP)
        yield from _compare((*parts, key), before, now, noise=is_noise)


def _lists(parts: tuple[Part, ...], name: str, old: list[Any], new: list[Any], *, noise: bool) -> Iterator[_Found]:
    before, now = by_natural_key(name, old), by_natural_key(name, new)
    if before is None or now is None:
        if not same(name, old, new):
            yield _Found(parts, "changed", noise, old, new)
        return
    for key in {**before, **now}:
        part, _ = now.get(key) or before[key]
        if key in before and key in now:
            yield from _compare((*parts, part), before[key][1], now[key][1], noise=noise)
        elif key in now:
            yield _Found((*parts, part), "added", noise, MISSING, now[key][1])
        else:
            yield _Found((*parts, part), "removed", noise, before[key][1], MISSING)


def _one_sided(parts: tuple[Part, ...], old: Any, new: Any, *, noise: bool) -> Iterator[_Found]:
    """Yield what comes or goes whole: the container, which is noise unless it is empty, then what is in it."""
    is_new = _is_nothing(old)
    value = new if is_new else old
    empty = _empty_container(parts, value)
    if empty is None:
        if old is not new:
            yield _Found(parts, _kind(old, new), noise, old, new)
        return
    before, now = (old, empty) if is_new else (empty, new)
    yield _Found(parts, _kind(before, now), noise or bool(value), before, now)
    before, now = (empty, value) if is_new else (value, empty)
    if isinstance(value, dict):
        yield from _objects(parts, before, now, noise=noise)
    else:
        yield from _lists(parts, _name(parts), before, now, noise=noise)


def _is_nothing(value: Any) -> bool:
    return value is MISSING or value is None


def _kind(old: Any, new: Any) -> Kind:
    if old is MISSING:
        return "added"
    return "removed" if new is MISSING else "changed"


def _empty_container(parts: tuple[Part, ...], value: Any) -> Any:
    """Return an empty container like the value; None where the value is taken as one."""
    if len(parts) >= _DEEPEST:
        return None
    if isinstance(value, dict):
        return {}
    return [] if isinstance(value, list) and by_natural_key(_name(parts), value) is not None else None


def _name(parts: tuple[Part, ...]) -> str:
    return next((part for part in reversed(parts) if isinstance(part, str)), "")
