"""The examples of a profile: read, and run."""

import json
from collections.abc import Iterator
from datetime import UTC
from typing import Any, NamedTuple

from receiver.errors import SecretError
from receiver.senders.body import BodyError
from receiver.senders.profile.paths import parse_path, spell_path
from receiver.senders.profile.profile import Example, Profile
from receiver.senders.request import SignedRequest, Verdict
from receiver.senders.sender import MISSING, PathPart
from receiver.senders.tables import Table

EXAMPLE_KEYS = ("file", "secret", "received_at", "event", "url", "headers", "row", "changes", "refused")
_ROW_KEYS = ("event_type", "category", "action", "account_alias", "entity_id", "actor", "occurred_at")
_CHANGE_KEYS = ("path", "old", "new")
_URL = "https://receiver.example/in"


class Outcome(NamedTuple):
    """The outcome of an example: what it is about, what it showed, and whether that was expected."""

    subject: str
    text: str
    is_expected: bool


def read_examples(root: Table, sender: str) -> Iterator[Example]:
    """Read the tables `examples`.

    Raises:
        ProfileError: a value is not allowed, or a file is missing.
    """
    secret = root.optional_text("example_secret")
    for index, table in enumerate(root.tables("examples", EXAMPLE_KEYS)):
        file = root.path.parent / table.text("file")
        if not file.is_file():
            table.refuse("file", f"is {table.text('file')!r}, and there is no such file beside the profile")
        received_at = table.time("received_at")
        if received_at is None:
            table.refuse("received_at", "is missing; it must be the time at which the request was received")
        if table.has("row") == table.has("refused"):
            table.refuse(None, "must have either a row that is expected, or the reason why it is refused")
        headers = table.table("headers")
        yield Example(
            file=file,
            place=("examples", index),
            secret=table.optional_text("secret") or secret,
            received_at=received_at.astimezone(UTC),
            event=table.optional_text("event"),
            url=table.optional_text("url") or f"{_URL}/{sender}",
            headers={name.lower(): headers.text(name) for name in headers.values},
            row=table.table("row", _ROW_KEYS).values if table.has("row") else None,
            changes=tuple(map(_read_change, table.tables("changes", _CHANGE_KEYS))) if table.has("changes") else None,
            refused=table.optional_text("refused"),
        )


def _read_change(table: Table) -> tuple[str, str | None, str | None]:
    try:
        parse_path(table.text("path"))
    except ValueError as error:
        table.refuse("path", str(error))
    return table.text("path"), _read_json(table, "old"), _read_json(table, "new")


def _read_json(table: Table, name: str) -> str | None:
    text = table.optional_text(name)
    try:
        json.loads(text or "null")
    except ValueError:
        table.refuse(name, f"must be JSON as text; write {table.text(name)!r} as '{json.dumps(text)}' if it is a text")
    return text


def run_examples(profile: Profile) -> list[Outcome]:
    """Run a profile's examples; one that is missing counts as one that failed."""
    outcomes = [_run(profile, example) for example in profile.examples]
    if not any(example.row is not None for example in profile.examples):
        outcomes.append(Outcome("examples", "none must be accepted: add one with the row that is expected", False))
    if profile.scheme.proof != "none" and not any(example.refused for example in profile.examples):
        outcomes.append(Outcome("examples", "none must be refused: add one with a wrong signature", False))
    return outcomes


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
    body = profile.read_body(raw, example.headers.get("content-type", "application/json"))
    columns = profile.classify(example.event, example.headers, body, example.received_at)
    expected = {"occurred_at": example.received_at, **(example.row or {})}
    for name in _ROW_KEYS:
        value, wanted = getattr(columns, name), expected.get(name)
        if value != wanted:
            yield f"{name} is {_spell(value)}, expected {_spell(wanted)}"
    if example.changes is None:
        return
    told = _told(profile, columns.event_type, body)
    wanted_changes = {parse_path(path): (_parse(old), _parse(new)) for path, old, new in example.changes}
    for parts in sorted({*told, *wanted_changes}, key=spell_path):
        if told.get(parts) != wanted_changes.get(parts):
            actual, wanted = (_spell_change(each.get(parts)) for each in (told, wanted_changes))
            yield f"{spell_path(parts)}: told {actual}, expected {wanted}"


def _told(
    profile: Profile, event_type: str | None, body: dict[str, Any]
) -> dict[tuple[PathPart, ...], tuple[Any, Any]]:
    tell = profile.comparison.tell
    return {each.parts: (each.old, each.new) for each in (tell(event_type, body) if tell else []) if not each.noise}


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
    told = len(example.changes or ())
    changes = f", {told} told change{'' if told == 1 else 's'}" if told else ""
    return f"{row.get('event_type', 'no event')}: {about}{f' {action.lower()}' if action else ''}{changes}"
