"""Runs the examples of a profile: each is verified, classified and compared."""

import json
from collections.abc import Iterator
from typing import Any

import orjson

from receiver.changes.differ import Differ, Snapshot, changes_of
from receiver.errors import SecretError
from receiver.senders.body import BodyError
from receiver.senders.profile import Example, Profile
from receiver.senders.profile.events import UPDATED
from receiver.senders.profile.paths import parse_path, spell_path
from receiver.senders.request import SignedRequest, Verdict
from receiver.senders.sender import MISSING, Columns, PathPart
from receiver.trial.outcome import Outcome
from receiver.trial.states import check_states

_ROW_KEYS = ("event_type", "category", "action", "account_alias", "entity_id", "actor", "occurred_at")


def run_examples(profile: Profile) -> list[Outcome]:
    """Run a profile's examples, and say what of their entities is compared; a missing example counts as failed."""
    outcomes = [_run(profile, example) for example in profile.examples]
    if not any(example.row is not None for example in profile.examples):
        outcomes.append(Outcome("examples", "none must be accepted: add one with the row that is expected", False))
    if profile.scheme.proof != "none" and not any(example.refused for example in profile.examples):
        outcomes.append(Outcome("examples", "none must be refused: add one with a wrong signature", False))
    return [*outcomes, *check_states(profile)]


def _run(profile: Profile, example: Example) -> Outcome:
    try:
        body = example.file.read_bytes()
        verdict = _verify(profile, example, body)
        if example.refused is not None:
            is_expected = verdict.detail == example.refused
            detail = verdict.detail or f"the signature is {verdict.status}"
            return Outcome(
                example.file.name, _describe(f"refused: {example.refused}", f"{detail}", is_expected), is_expected
            )
        if verdict.status != ("missing" if profile.scheme.proof == "none" else "valid"):
            hint = _show_signed(profile, example, body)
            return Outcome(example.file.name, f"expected to verify, but: {verdict.detail}{hint}", False)
        problems = list(_compare(profile, example, body))
    except (OSError, BodyError, SecretError) as error:
        return Outcome(example.file.name, str(error), False)
    return Outcome(example.file.name, "; ".join(problems) or _summarize(example), not problems)


def _describe(expected: str, actual: str, is_expected: bool) -> str:
    return expected if is_expected else f"expected {expected}, but: {actual}"


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
    body = profile.read_body(raw, _content_type(example))
    columns = profile.classify(example.event, example.headers, body, example.received_at)
    expected = {"occurred_at": example.received_at, **(example.row or {})}
    for name in _ROW_KEYS:
        value, wanted = getattr(columns, name), expected.get(name)
        if value != wanted:
            yield f"{name} is {_spell(value)}, expected {_spell(wanted)}"
    if example.changes is None:
        return
    found = dict(_find_changes(profile, example, columns, body))
    wanted_changes = {parse_path(path): (_parse(old), _parse(new)) for path, old, new in example.changes}
    for parts in sorted({*found, *wanted_changes}, key=spell_path):
        if found.get(parts) != wanted_changes.get(parts):
            actual, wanted = (_spell_change(each.get(parts)) for each in (found, wanted_changes))
            verb = "compared" if example.before else "told"
            yield f"{spell_path(parts)}: {verb} {actual}, expected {wanted}"


def _content_type(example: Example) -> str:
    return example.headers.get("content-type", "application/json")


def _find_changes(
    profile: Profile, example: Example, columns: Columns, body: dict[str, Any]
) -> Iterator[tuple[tuple[PathPart, ...], tuple[Any, Any]]]:
    """Yield the path and the values of each change that the store would show, but for those of a whole entity."""
    now = Snapshot(columns.category, columns.action, orjson.dumps(body), event_type=columns.event_type)
    before = None
    if example.before:
        earlier = profile.read_body(example.before.read_bytes(), _content_type(example))
        before = Snapshot(columns.category, UPDATED, orjson.dumps(earlier))
    for change in changes_of(Differ(profile.comparison), before, now):
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
