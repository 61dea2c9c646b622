"""Says which fields of the examples' entities are compared, or that a profile leads to none."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any, NamedTuple

from receiver.notification import Category
from receiver.senders.body import BodyError
from receiver.senders.pointers import Pointer, spell_pointer
from receiver.senders.profile import Example, Profile
from receiver.senders.sender import FieldDifference
from receiver.trial.outcome import Outcome

_MOST_NAMED = 5


class _Found(NamedTuple):
    """The fields that are compared of an example's body, None if it has no state, and whether it must have one."""

    fields: list[str] | None
    is_needed: bool


def check_states(profile: Profile) -> Iterator[Outcome]:
    """Yield what the table `state` finds in the accepted examples, by category."""
    found: dict[Category, list[_Found]] = defaultdict(list)
    for category, each in _find_states(profile):
        found[category].append(each)
    named = {name: found[name] for name in profile.state.by_category if name in found}
    others = {name: each for name, each in found.items() if name not in profile.state.by_category}
    yield from _name_misspelled(profile, found)
    for category, states in named.items():
        yield from _describe(category, states, profile.state.by_category[category])
    if profile.state.others is not None:
        yield from _describe_others(others, profile.state.others)


def _find_states(profile: Profile) -> Iterator[tuple[Category, _Found]]:
    for example in profile.examples:
        if example.row is None:
            continue
        try:
            yield _find_state(profile, example)
        except (OSError, BodyError):
            continue  # its own line says so


def _find_state(profile: Profile, example: Example) -> tuple[Category, _Found]:
    body = profile.read_body(example.file.read_bytes(), example.headers.get("content-type", "application/json"))
    columns = profile.classify(example.event, example.headers, body, example.received_at)
    return columns.category, _Found(_list_fields(profile, columns.category, body), profile.needs_state(columns))


def _list_fields(profile: Profile, category: Category, body: dict[str, Any]) -> list[str] | None:
    """Return the fields of a state that are no noise; None if the body has no state, or it is never compared."""
    if profile.state.find(category, body) is None or category in profile.comparison.stateless:
        return None
    state, _, is_untold = profile.comparison.align(category, body, body)
    differences = [FieldDifference((name,), "changed", False, value, value) for name, value in state.items()]
    return [name for name, each in zip(state, differences, strict=True) if not is_untold(each)]


def _name_misspelled(profile: Profile, found: Mapping[Category, object]) -> Iterator[Outcome]:
    """Yield the categories that no example has, where the name is close to one that has no place of its own."""
    homeless = [name for name in found if profile.state.place(name) is None]
    for name in profile.state.by_category:
        if name not in found and (nearest := get_close_matches(name, homeless, 1)):
            text = f"no example has this category (did you mean {nearest[0]}?)"
            yield Outcome(f"state of {name}", text, is_expected=False)


def _describe(category: Category, states: list[_Found], place: Pointer) -> Iterator[Outcome]:
    if any(each.fields is not None for each in states):
        fields = list(dict.fromkeys(name for each in states for name in each.fields or ()))
        yield Outcome(f"state of {category}", _spell_fields(fields), is_expected=True)
    elif any(each.is_needed for each in states):
        text = f"nothing at {spell_pointer(place)}: an object with the entity's fields must stand there"
        yield Outcome(f"state of {category}", text, is_expected=False)


def _describe_others(found: Mapping[Category, list[_Found]], place: Pointer) -> Iterator[Outcome]:
    """Yield the categories without a place of their own; some may have no state, but not all of them."""
    described = [each for name, states in found.items() for each in _describe(name, states, place)]
    has_any = any(each.is_expected for each in described)
    yield from (each for each in described if each.is_expected or not has_any)


def _spell_fields(names: list[str]) -> str:
    shown, more = names[:_MOST_NAMED], len(names) - _MOST_NAMED
    verb = "field is compared" if len(names) == 1 else "fields are compared"
    rest = f" and {more} more" if more > 0 else ""
    return f"{len(names)} {verb}: {', '.join(shown)}{rest}" if names else "no field is compared: all are noise"
