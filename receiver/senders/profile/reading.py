"""Reads a profile, with its examples.

A profile also says how bodies are compared: where an entity's state stands in them, and what is noise.
"""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC
from functools import partial
from pathlib import Path
from string import Formatter
from typing import Any

from receiver.notification import FIRST_SENDER, Category
from receiver.senders.pointers import Pointer, read_pointer
from receiver.senders.profile.events import (
    COLUMN_KEYS,
    CREATED,
    DELETED,
    SAYING_KEYS,
    EventRules,
    read_event_rules,
    write_expression,
)
from receiver.senders.profile.handshakes import read_handshake
from receiver.senders.profile.paths import parse_path
from receiver.senders.profile.profile import WORD_KEYS, Example, Profile, read_words
from receiver.senders.profile.sources import Sources, read_sources
from receiver.senders.profile.telling import TOLD_KEYS, State, Teller, read_told
from receiver.senders.schemes import Scheme, read_scheme
from receiver.senders.sender import Aligned, Comparison, FieldDifference, PathPart
from receiver.senders.tables import Table, read_table

_KEYS = (
    *("name", "title", "documentation", "account_category", "example_secret", "verification", "body", "columns"),
    *("events", "state", "told", "words", "setup", "handshake", "examples"),
)
_LONGEST_NAME = 64
STATE_KEYS = ("at", "natural_keys", "noise", "caseless", "stateless", "bare", "sparse")
_OTHERS = "*"
_NOTHING: dict[str, Any] = {}
EXAMPLE_KEYS = ("file", "before", "secret", "received_at", "event", "url", "headers", "row", "changes", "refused")
_ROW_KEYS = ("event_type", "category", "action", "account_alias", "entity_id", "actor", "occurred_at", *SAYING_KEYS)
_CHANGE_KEYS = ("path", "old", "new")
_URL = "https://receiver.example/in"


def load_profile(path: Path) -> Profile:
    """Read a profile.

    Raises:
        ProfileError: it can't be read, or a value or key is not allowed; names file, line, key, and what is allowed.
    """
    root = read_table(path, _KEYS)
    name = root.read_text("name")
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name) or len(name) > _LONGEST_NAME:
        root.refuse("name", f"is {name!r}; allowed are lower-case letters, digits and hyphens between them")
    if name == FIRST_SENDER:
        root.refuse("name", f"is {name!r}, which is no profile's; choose another")
    columns = root.read_table("columns", COLUMN_KEYS)
    rules = read_event_rules(columns, root.read_table("events"))
    scheme = _read_scheme(root)
    forms = root.read_table("body", ("form",)).read_texts("form")
    compared, told = root.read_table("state", STATE_KEYS), root.read_table("told", TOLD_KEYS)
    state = read_state(compared.read_table("at"))
    return Profile(
        name=name,
        title=root.read_text("title"),
        documentation=root.read_text("documentation"),
        account_category=root.read_optional_text("account_category"),
        comparison=read_comparison(compared, state, told, rules),
        state=state,
        path=path,
        scheme=scheme,
        forms=forms,
        event_type=_read_event_type(columns),
        rules=rules,
        handshake=read_handshake(root, scheme, forms),
        words=read_words(root.read_table("words", WORD_KEYS)),
        setup=_read_setup(root.read_table("setup", ("steps",))),
        examples=tuple(read_examples(root, name)),
    )


def _read_scheme(root: Table) -> Scheme:
    table = root.read_table("verification")
    if not table.values:
        table.refuse(None, "is missing; it must say how requests are signed")
    return read_scheme(table)


def _read_event_type(columns: Table) -> Sources:
    sources = read_sources(columns, "event_type", route=True)
    if not sources.reads:
        columns.refuse("event_type", "is missing; it must say where an event's name stands, such as header:X-Event")
    return sources


def _read_setup(table: Table) -> tuple[str, ...]:
    steps = table.read_texts("steps")
    for step in steps:
        try:
            fields = {field for _, field, _, _ in Formatter().parse(step) if field is not None}
        except ValueError:
            fields = {"{"}
        if fields - {"url"}:
            table.refuse("steps", f"has {step!r}; allowed in braces is {{url}} alone")
    return steps


def read_comparison(table: Table, state: State, told: Table, rules: EventRules) -> Comparison:
    """Read the tables `state` and `told`; `state` says where the states stand.

    Raises:
        ProfileError: a value is not allowed.
    """
    exact, is_noise = _read_noise(table.read_texts("noise"))
    natural_keys = table.read_table("natural_keys")
    groups = {
        name: tuple(tuple(each.split("|")) for each in natural_keys.read_texts(name)) for name in natural_keys.values
    }
    bare = table.read_table("bare")
    return Comparison(
        align=partial(_align, state, is_noise, table.read_flag("sparse")),
        stateless=frozenset(table.read_texts("stateless")),
        created=frozenset({CREATED}),
        deleted=frozenset({DELETED}),
        bare={category: frozenset(bare.read_texts(category)) for category in bare.values},
        natural_keys=groups,
        noise_anywhere=exact,
        noise_on_top=frozenset(),
        caseless=frozenset(table.read_texts("caseless")),
        caseless_endings=(),
        is_stateless=rules.is_stateless if rules.has_stateless else None,
        tell=Teller(rules, state, read_told(told), groups, is_noise).tell,
    )


def read_state(table: Table) -> State:
    """Read the table `state.at`.

    Raises:
        ProfileError: a value is no JSON Pointer.
    """
    by_category: dict[Category, Pointer] = {}
    for name in table.values:
        pointer = read_pointer(table, name)
        if pointer is not None:
            by_category[name] = pointer
    others = by_category.pop(_OTHERS, None)
    return State(by_category, others)


def _read_noise(names: Sequence[str]) -> tuple[frozenset[str], Callable[[Sequence[PathPart]], bool]]:
    """Return the names without `*`, and a function that tells whether any of the names leads to a difference."""
    wide = [write_expression(name, "[^.]") for name in names if "*" in name]
    exact = frozenset(name for name in names if "*" not in name)
    is_wide = re.compile("|".join(wide) or r"(?!)").fullmatch

    def is_noise(parts: Sequence[PathPart]) -> bool:
        return any(isinstance(part, str) and (part in exact or is_wide(part) is not None) for part in parts)

    return exact, is_noise


def _align(
    state: State,
    is_noise: Callable[[Sequence[PathPart]], bool],
    is_sparse: bool,
    category: Category,
    before: dict[str, Any],
    now: dict[str, Any],
) -> Aligned:
    """Return the states in two bodies; nothing, if either has none."""
    old, new = state.find(category, before), state.find(category, now)
    if old is None or new is None:
        return Aligned(_NOTHING, _NOTHING, lambda _: False)

    def is_untold(difference: FieldDifference) -> bool:
        return is_noise(difference.parts) or (is_sparse and _is_elsewhere(difference.parts, old, new))

    return Aligned(old, new, is_untold)


def _is_elsewhere(parts: Sequence[PathPart], old: Any, new: Any) -> bool:
    """Tell whether a difference is there only because one of two objects lacks a key that leads to it."""
    for part in parts:
        if not isinstance(part, str) or not isinstance(old, dict) or not isinstance(new, dict):
            return False
        if (part in old) != (part in new):
            return True
        old, new = old.get(part), new.get(part)
    return False


def read_examples(root: Table, sender: str) -> Iterator[Example]:
    """Read the tables `examples`.

    Raises:
        ProfileError: a value is not allowed.
    """
    secret = root.read_optional_text("example_secret")
    for index, table in enumerate(root.read_tables("examples", EXAMPLE_KEYS)):
        received_at = table.read_time("received_at")
        if received_at is None:
            table.refuse("received_at", "is missing; it must be the time at which the request was received")
        if table.has("row") == table.has("refused"):
            table.refuse(None, "must have either a row that is expected, or the reason why it is refused")
        headers = table.read_table("headers")
        yield Example(
            file=_read_path(table, "file"),
            before=_read_path(table, "before") if table.has("before") else None,
            place=("examples", index),
            secret=table.read_optional_text("secret") or secret,
            received_at=received_at.astimezone(UTC),
            event=table.read_optional_text("event"),
            url=table.read_optional_text("url") or f"{_URL}/{sender}",
            headers={name.lower(): headers.read_text(name) for name in headers.values},
            row=table.read_table("row", _ROW_KEYS).values if table.has("row") else None,
            changes=tuple(map(_read_change, table.read_tables("changes", _CHANGE_KEYS)))
            if table.has("changes")
            else None,
            refused=table.read_optional_text("refused"),
        )


def _read_path(table: Table, name: str) -> Path:
    text = table.read_text(name)
    if "\0" in text:
        table.refuse(name, "has a character with the code 0, which no file's name may have")
    return table.path.parent / text


def _read_change(table: Table) -> tuple[str, str | None, str | None]:
    try:
        parse_path(table.read_text("path"))
    except ValueError as error:
        table.refuse("path", str(error))
    return table.read_text("path"), _read_json(table, "old"), _read_json(table, "new")


def _read_json(table: Table, name: str) -> str | None:
    text = table.read_optional_text(name)
    try:
        json.loads(text or "null")
    except ValueError:
        table.refuse(
            name, f"must be JSON as text; write {table.read_text(name)!r} as '{json.dumps(text)}' if it is a text"
        )
    return text
