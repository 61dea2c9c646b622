"""Reads the examples of a profile."""

import json
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path

from receiver.senders.profile.paths import parse_path
from receiver.senders.profile.profile import Example
from receiver.senders.tables import Table

EXAMPLE_KEYS = ("file", "before", "secret", "received_at", "event", "url", "headers", "row", "changes", "refused")
_ROW_KEYS = ("event_type", "category", "action", "account_alias", "entity_id", "actor", "occurred_at")
_CHANGE_KEYS = ("path", "old", "new")
_URL = "https://receiver.example/in"


def read_examples(root: Table, sender: str) -> Iterator[Example]:
    """Read the tables `examples`.

    Raises:
        ProfileError: a value is not allowed, or a file is missing.
    """
    secret = root.optional_text("example_secret")
    for index, table in enumerate(root.tables("examples", EXAMPLE_KEYS)):
        file = _find_file(table, "file")
        received_at = table.time("received_at")
        if received_at is None:
            table.refuse("received_at", "is missing; it must be the time at which the request was received")
        if table.has("row") == table.has("refused"):
            table.refuse(None, "must have either a row that is expected, or the reason why it is refused")
        headers = table.table("headers")
        yield Example(
            file=file,
            before=_find_file(table, "before") if table.has("before") else None,
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


def _find_file(table: Table, name: str) -> Path:
    file = table.path.parent / table.text(name)
    if not file.is_file():
        table.refuse(name, f"is {table.text(name)!r}, and there is no such file beside the profile")
    return file


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
