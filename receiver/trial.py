"""The trial of a profile, as `senders check` shows it: each example is verified, classified and compared.

It also says which fields of the examples' entities are compared, or that the profile leads to none.
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime
from difflib import get_close_matches
from itertools import chain
from typing import Any, NamedTuple

import orjson

from receiver.changes.change import Snapshot
from receiver.changes.differ import Differ, list_changes
from receiver.errors import SecretError
from receiver.notification import Category
from receiver.senders.pointers import Pointer, spell_pointer
from receiver.senders.profile import Example, Profile
from receiver.senders.profile.events import UPDATED
from receiver.senders.profile.paths import parse_path, spell_path
from receiver.senders.profile.sources import Request, parse_time
from receiver.senders.request import BodyError, SignedRequest, Verdict
from receiver.senders.sender import MISSING, Columns, FieldDifference, PathPart

_ROW_KEYS = ("event_type", "category", "action", "account_alias", "entity_id", "actor", "occurred_at")
_MOST_NAMED = 5


class Outcome(NamedTuple):
    """What was tried, what it showed, and whether that was expected."""

    subject: str
    text: str
    is_expected: bool


def run_examples(profile: Profile) -> list[Outcome]:
    """Run a profile's examples, and say what of their entities is compared; a missing example counts as failed."""
    outcomes = [_run(profile, example) for example in profile.examples]
    if not any(example.row is not None for example in profile.examples):
        outcomes.append(Outcome("examples", "none must be accepted: add one with the row that is expected", False))
    if profile.scheme.proof != "none" and not any(example.refused for example in profile.examples):
        outcomes.append(Outcome("examples", "none must be refused: add one with a wrong signature", False))
    return [*outcomes, *_check_states(profile)]


def _run(profile: Profile, example: Example) -> Outcome:
    try:
        body = example.file.read_bytes()
        verdict = _verify(profile, example, body)
        if example.refused is not None:
            is_expected = verdict.detail == example.refused
            text = f"refused: {example.refused}"
            if not is_expected:
                text = f"expected {text}, but: {verdict.detail or f'the signature is {verdict.status}'}"
            return Outcome(example.file.name, text, is_expected)
        if verdict.status != ("missing" if profile.scheme.proof == "none" else "valid"):
            hint = _show_signed(profile, example, body)
            return Outcome(example.file.name, f"expected to verify, but: {verdict.detail}{hint}", False)
        problems = list(_compare(profile, example, body))
    except OSError as error:
        return Outcome(example.file.name, f"{error.filename} can't be read: {error.strerror}", False)
    except (BodyError, SecretError) as error:
        return Outcome(example.file.name, str(error), False)
    return Outcome(example.file.name, "; ".join(problems) or _summarize(example), not problems)


def _verify(profile: Profile, example: Example, body: bytes) -> Verdict:
    secrets = (
        [] if example.secret is None or profile.scheme.proof == "none" else [profile.scheme.load_secret(example.secret)]
    )
    request = SignedRequest("POST", example.url, example.headers, body)
    return profile.scheme.check(request, secrets, example.received_at)


def _show_signed(profile: Profile, example: Example, body: bytes) -> str:
    """Return the headers that the example's secret makes for the body, so that nobody has to compute them."""
    if example.secret is None or profile.scheme.proof == "none":
        return ""
    request = SignedRequest("POST", example.url, example.headers, body)
    try:
        secret = profile.scheme.load_signing_secret(example.secret)
        signed = profile.scheme.sign(request, secret, example.received_at, None)
    except (SecretError, ValueError):
        return ""
    headers = ", ".join(f'{name} = "{text}"' for name, text in signed.items())
    return f"; signed with the example's secret at received_at it has {headers}"


def _compare(profile: Profile, example: Example, raw: bytes) -> Iterator[str]:
    """Yield what differs from the expected row and the expected changes."""
    body = profile.read_body(raw)
    columns = profile.classify(example.event, example.headers, body, example.received_at)
    expected = {"occurred_at": example.received_at, **(example.row or {})}
    for name in _ROW_KEYS:
        value, wanted = getattr(columns, name), expected.get(name)
        if value != wanted:
            yield f"{name} is {_spell(value)}, expected {_spell(wanted)}{_explain_kind(name, wanted)}"
    for name, value in _list_said(profile, columns.event_type, body):
        if name in expected and value != expected[name]:
            yield f"{name} is {_spell(value)}, expected {expected[name]}"
    yield from _find_odd_time(profile, example, columns, body)
    if example.changes is None:
        return
    found = dict(_find_changes(profile, example, columns, body))
    wanted_changes = {parse_path(path): (_parse(old), _parse(new)) for path, old, new in example.changes}
    for parts in sorted({*found, *wanted_changes}, key=spell_path):
        if found.get(parts) != wanted_changes.get(parts):
            actual, wanted = (_spell_change(each.get(parts)) for each in (found, wanted_changes))
            verb = "compared" if example.before else "told"
            yield f"{spell_path(parts)}: {verb} {actual}, expected {wanted}"


def _explain_kind(name: str, wanted: Any) -> str:
    """Say that an expected value is of another kind than its column has, which no value of that can equal."""
    if wanted is None or isinstance(wanted, datetime if name == "occurred_at" else str):
        return ""
    kind, how = ("time", "without") if name == "occurred_at" else ("text", "in")
    return f", which is no {kind}: write it {how} quotes"


def _find_odd_time(profile: Profile, example: Example, columns: Columns, body: dict[str, Any]) -> Iterator[str]:
    """Yield that the event's time stands in the request and can't be read; the time of receipt would hide that."""
    sources = profile.rules.find_rules(columns.event_type).occurred_at
    text = sources.read(Request(example.event, example.headers, body)) if sources else None
    if text is not None and parse_time(text) is None:
        yield f"occurred_at reads {text!r}; allowed are times of ISO 8601 and RFC 2822, and (milli)seconds since 1970"


def _list_said(profile: Profile, event_type: str | None, body: dict[str, Any]) -> Iterator[tuple[str, str | None]]:
    """Yield what an event says and the name of its entity, as pages show them."""
    rules, request = profile.rules.find_rules(event_type), Request(None, {}, body)
    texts = filter(None, (read(request) for read in rules.says.reads)) if rules.says else ()
    yield "says", " · ".join(texts) or None
    yield "entity_name", rules.entity_name.read(request) if rules.entity_name else None


def _find_changes(
    profile: Profile, example: Example, columns: Columns, body: dict[str, Any]
) -> Iterator[tuple[tuple[PathPart, ...], tuple[Any, Any]]]:
    """Yield the path and the values of each change that the store would show, but for those of a whole entity."""
    now = Snapshot(columns.category, columns.action, orjson.dumps(body), event_type=columns.event_type)
    before = None
    if example.before:
        earlier = profile.read_body(example.before.read_bytes())
        before = Snapshot(columns.category, UPDATED, orjson.dumps(earlier))
    for change in list_changes(Differ(profile.comparison), before, now):
        if change.path and not change.noise:
            yield parse_path(change.path), (_parse(change.old_value), _parse(change.new_value))


def _parse(text: str | None) -> Any:
    return MISSING if text is None else json.loads(text)


def _spell(value: Any) -> str:
    return "NULL" if value is None else str(value)


def _spell_change(values: tuple[Any, Any] | None) -> str:
    if values is None:
        return "no change"
    old, new = ("nothing" if value is MISSING else json.dumps(value, ensure_ascii=False) for value in values)
    return f"from {old} to {new}"


def _summarize(example: Example) -> str:
    row = example.row or {}
    action = row.get("action")
    about = " ".join(str(row[name]) for name in ("category", "entity_id") if name in row)
    count, verb = len(example.changes or ()), "compared" if example.before else "told"
    changes = f", {count} {verb} change{'' if count == 1 else 's'}" if count else ""
    return f"{row.get('event_type', 'no event')}: {about}{f' {action.lower()}' if action else ''}{changes}"


class _Found(NamedTuple):
    """The fields that an example's body states, and what follows from that.

    Args:
        event_type: its event.
        fields: those of the entity that are compared; None if the body has no state.
        is_needed: whether it must have a state, because nothing else of it shows as a change.
        hides: whether it hides what changed before it, because the next notification is compared with it.
    """

    event_type: str | None
    fields: list[str] | None
    is_needed: bool
    hides: bool


def _check_states(profile: Profile) -> Iterator[Outcome]:
    """Yield what the table `state` finds in the accepted examples, by category."""
    found: dict[Category, list[_Found]] = defaultdict(list)
    for category, each in _find_states(profile):
        found[category].append(each)
    named = {name: found[name] for name in profile.state.by_category if name in found}
    others = {name: each for name, each in found.items() if name not in profile.state.by_category}
    yield from _name_places(profile)
    yield from _name_misspelled(profile, found)
    for category, states in named.items():
        yield from _describe_state(category, states, profile.state.by_category[category])
    if profile.state.others is not None:
        yield from _describe_others(others, profile.state.others)


def _find_states(profile: Profile) -> Iterator[tuple[Category, _Found]]:
    for example in profile.examples:
        if example.row is None:
            continue
        try:
            body = profile.read_body(example.file.read_bytes())
        except (OSError, BodyError):
            continue  # its own line says so
        columns = profile.classify(example.event, example.headers, body, example.received_at)
        fields = _list_fields(profile, columns.category, body)
        is_stateless = profile.rules.is_stateless(columns.event_type)
        hides = fields is None and columns.action == UPDATED and not is_stateless
        yield columns.category, _Found(columns.event_type, fields, profile.needs_state(columns), hides)


def _list_fields(profile: Profile, category: Category, body: dict[str, Any]) -> list[str] | None:
    """Return the fields of a state that are no noise; None if the body has no state, or it is never compared."""
    if profile.state.find(category, body) is None or category in profile.comparison.stateless:
        return None
    state, _, is_untold = profile.comparison.align(category, body, body)
    differences = [FieldDifference((name,), "changed", False, value, value) for name, value in state.items()]
    return [name for name, each in zip(state, differences, strict=True) if not is_untold(each)]


def _name_places(profile: Profile) -> Iterator[Outcome]:
    """Yield the places where `state` has keys, which count wherever they stand: a place among them fits nothing."""
    rules = profile.comparison
    natural = (key for groups in rules.natural_keys.values() for group in groups for key in group)
    for key in sorted({*rules.noise_anywhere, *rules.caseless, *natural}):
        if key.startswith("/"):
            text = f"{key} is a place; allowed are keys, such as {key.rpartition('/')[2]}"
            yield Outcome("state", text, is_expected=False)


def _name_misspelled(profile: Profile, found: Mapping[Category, object]) -> Iterator[Outcome]:
    """Yield the categories that no example has, where the name is close to one that has no place of its own."""
    homeless = [name for name in found if profile.state.find_place(name) is None]
    for name in profile.state.by_category:
        if name not in found and (nearest := get_close_matches(name, homeless, 1)):
            text = f"no example has this category (did you mean {nearest[0]}?)"
            yield Outcome(f"state of {name}", text, is_expected=False)


def _describe_state(category: Category, states: list[_Found], place: Pointer) -> Iterator[Outcome]:
    if any(each.fields is not None for each in states):
        fields = list(dict.fromkeys(name for each in states for name in each.fields or ()))
        yield Outcome(f"state of {category}", _spell_fields(fields), is_expected=True)
        for event_type in sorted({each.event_type for each in states if each.hides and each.event_type}):
            where = (
                f'of {event_type}: write stateless = true in [events."{event_type}"], or what changed before it is lost'
            )
            yield Outcome(f"state of {category}", f"nothing at {spell_pointer(place)} {where}", is_expected=False)
    elif any(each.is_needed for each in states):
        text = f"nothing at {spell_pointer(place)}: an object with the entity's fields must stand there"
        yield Outcome(f"state of {category}", text, is_expected=False)


def _describe_others(found: Mapping[Category, list[_Found]], place: Pointer) -> Iterator[Outcome]:
    """Yield the categories without a place of their own; some may have no state, but not all of them."""
    described = [list(_describe_state(name, states, place)) for name, states in found.items()]
    having_some = [outcomes for outcomes in described if any(each.is_expected for each in outcomes)]
    yield from chain.from_iterable(having_some or described)


def _spell_fields(names: list[str]) -> str:
    shown, more = names[:_MOST_NAMED], len(names) - _MOST_NAMED
    verb = "field is compared" if len(names) == 1 else "fields are compared"
    rest = f" and {more} more" if more > 0 else ""
    return f"{len(names)} {verb}: {', '.join(shown)}{rest}" if names else "no field is compared: all are noise"
