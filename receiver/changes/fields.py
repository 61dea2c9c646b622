"""Finds the fields in which two bodies differ, by a sender's natural keys and noise."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from receiver.changes.values import are_spelled_alike, index_by_natural_key, mean_the_same
from receiver.senders.sender import MISSING, Comparison, FieldDifference, Item, Kind, PathPart

_DEEPEST = 16
_SCALARS = frozenset({str, int, float, bool, type(None)})

Parts = tuple[PathPart, ...]
# A NamedTuple's own way to make one takes half as long again.
_make: Callable[[tuple[Parts, Kind, bool, Any, Any]], FieldDifference] = partial(tuple.__new__, FieldDifference)


class FieldFinder:
    """Finds the fields in which two bodies differ.

    Args:
        comparison: the sender's rules.
    """

    def __init__(self, comparison: Comparison) -> None:
        self._comparison = comparison
        self._natural_keys = comparison.natural_keys
        self._noise_anywhere = comparison.noise_anywhere
        self._noise_on_top = comparison.noise_on_top

    def find(self, old: dict[str, Any], new: dict[str, Any]) -> list[FieldDifference]:
        """Return the differences of two bodies with their fields in the same places."""
        # Each level adds to one list, because generators within generators take a third longer.
        found: list[FieldDifference] = []
        self._compare_objects(found, (), old, new, noise=False)
        return found

    def _compare_objects(
        self, found: list[FieldDifference], parts: Parts, old: dict[str, Any], new: dict[str, Any], *, noise: bool
    ) -> None:
        only_new = len(new)
        for key, before in old.items():
            now = new.get(key, MISSING)
            if now is not MISSING:
                only_new -= 1
            # Most fields have not changed; finding that out here is quicker.
            if type(now) is type(before) and type(now) in _SCALARS and now == before:
                continue
            self._compare(found, (*parts, key), before, now, noise=noise or self._is_noise(parts, key))
        if only_new:
            for key, now in new.items():
                if key not in old:
                    self._add(found, (*parts, key), MISSING, now, noise=noise or self._is_noise(parts, key))

    def _is_noise(self, parts: Parts, key: str) -> bool:
        return key in self._noise_anywhere or (not parts and key in self._noise_on_top)

    def _compare(self, found: list[FieldDifference], parts: Parts, old: Any, new: Any, *, noise: bool) -> None:
        if old is MISSING or old is None or new is MISSING or new is None:
            if old is not new:
                self._add(found, parts, old, new, noise=noise)
        elif isinstance(old, dict) and isinstance(new, dict) and len(parts) < _DEEPEST:
            if not are_spelled_alike(old, new):
                self._compare_objects(found, parts, old, new, noise=noise)
        elif isinstance(old, list) and isinstance(new, list) and len(parts) < _DEEPEST:
            if not are_spelled_alike(old, new):
                self._compare_lists(found, parts, old, new, noise=noise)
        elif not mean_the_same(self._comparison, _name(parts), old, new):
            found.append(_make((parts, "changed", noise, old, new)))

    def _compare_lists(
        self, found: list[FieldDifference], parts: Parts, old: list[Any], new: list[Any], *, noise: bool
    ) -> None:
        name = _name(parts)
        groups = self._natural_keys.get(name, ())
        before, now = index_by_natural_key(groups, old), index_by_natural_key(groups, new)
        if before is None or now is None:
            if not mean_the_same(self._comparison, name, old, new):
                found.append(_make((parts, "changed", noise, old, new)))
            return
        for key in {**before, **now}:
            part, _ = now.get(key) or before[key]
            if key in before and key in now:
                self._compare(found, (*parts, part), before[key][1], now[key][1], noise=noise)
            elif key in now:
                found.append(_make(((*parts, part), "added", noise, MISSING, now[key][1])))
            else:
                found.append(_make(((*parts, part), "removed", noise, before[key][1], MISSING)))

    def _add(self, found: list[FieldDifference], parts: Parts, old: Any, new: Any, *, noise: bool) -> None:
        """Add a value that comes or goes whole: of a container itself, which is noise unless empty, then its content.

        One of the two values is missing or null.
        """
        is_new = old is MISSING or old is None
        value = new if is_new else old
        content = None if type(value) in _SCALARS else self._find_content(parts, value)
        if content is None:
            found.append(_make((parts, _choose_kind(old, new), noise, old, new)))
            return
        empty: Any = {} if isinstance(value, dict) else []
        before, now = (old, empty) if is_new else (empty, new)
        found.append(_make((parts, _choose_kind(before, now), noise or bool(value), before, now)))
        for part, each in content:
            inner = (*parts, part)
            is_noise = noise or part in self._noise_anywhere
            if type(each) in _SCALARS or isinstance(part, Item):
                found.append(
                    _make((inner, "added", is_noise, MISSING, each))
                    if is_new
                    else _make((inner, "removed", is_noise, each, MISSING))
                )
            elif is_new:
                self._add(found, inner, MISSING, each, noise=is_noise)
            else:
                self._add(found, inner, each, MISSING, noise=is_noise)

    def _find_content(self, parts: Parts, value: Any) -> Iterable[tuple[PathPart, Any]] | None:
        """Return a container's fields or items with their part of the path; None where a value counts as one."""
        if len(parts) >= _DEEPEST:
            return None
        if isinstance(value, dict):
            return value.items()
        if isinstance(value, list):
            items = index_by_natural_key(self._natural_keys.get(_name(parts), ()), value)
            return None if items is None else items.values()
        return None


def _choose_kind(old: Any, new: Any) -> Kind:
    if old is MISSING:
        return "added"
    return "removed" if new is MISSING else "changed"


def _name(parts: Parts) -> str:
    for part in reversed(parts):
        if isinstance(part, str):
            return part
    return ""
