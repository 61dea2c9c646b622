"""A sender that a profile describes: reads its bodies, classifies them, and answers its handshake.

The words of a profile say what its events, entities and accounts are called, and with which colours they are drawn.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl

from receiver.senders.profile.events import DELETED, UPDATED, EventRules
from receiver.senders.profile.handshakes import Handshake, HandshakeRules
from receiver.senders.profile.sources import Request, Sources, parse_time
from receiver.senders.profile.telling import State
from receiver.senders.request import MOST_FIELDS, BodyError, begins_as_form, parse_body, write_json
from receiver.senders.schemes import Scheme, Secret
from receiver.senders.sender import Body, Columns, Sender
from receiver.senders.tables import Keys, Table

_WITH_MAIL_TIMES = 2
DERIVATION = _WITH_MAIL_TIMES
"""The version of the program's part in columns: raise it where a profile makes other ones of the same request, and keep
how it made them, because `clc-receiver verify` derives stored columns as the program of then."""
WORD_KEYS = ("account", "accounts", "entities", "events", "trouble")
_TROUBLE = ("error", "errored", "failed", "failure", "startup_failure", "timed_out")
_EVENT_KEYS = ("label", "light", "dark")
ALL_FIELDS: Final = "*"


class EventWords(NamedTuple):
    """The label of events whose names fit a pattern, and their colours on a light and a dark page."""

    pattern: str
    label: str
    light: str | None
    dark: str | None


class Words(NamedTuple):
    """What things are called.

    Args:
        account: an account in one word, such as `organization`; `accounts` is several of them.
        entities: what an entity is called, by its category; a category that is missing is its own word.
        events: labels and colours of events.
        trouble: the texts that tell of trouble, where an event says one of them or its name ends in one.
    """

    account: str
    accounts: str
    entities: dict[str, str]
    events: tuple[EventWords, ...]
    trouble: tuple[str, ...]


def read_words(table: Table) -> Words:
    """Read the table `words`.

    Raises:
        ProfileError: a value is not allowed.
    """
    account = table.read_optional_text("account") or "account"
    entities = table.read_table("entities")
    return Words(
        account,
        table.read_optional_text("accounts") or f"{account}s",
        {category: entities.read_text(category) for category in entities.values},
        tuple(
            EventWords(pattern, events.read_text("label"), _read_colour(events, "light"), _read_colour(events, "dark"))
            for pattern, events in table.read_table("events").list_tables(_EVENT_KEYS)
        ),
        table.read_texts("trouble") if table.has("trouble") else _TROUBLE,
    )


def _read_colour(table: Table, name: str) -> str | None:
    colour = table.read_optional_text(name)
    if colour is not None and not re.fullmatch(r"#[0-9a-fA-F]{6}", colour):
        table.refuse(name, f"is {colour!r}; allowed is a colour such as #1f77b4")
    return colour


class Example(NamedTuple):
    """An example of a profile: a request, and what is expected of it. Its files may be missing.

    Args:
        file: holds the body.
        before: holds the body that came before of the same entity, if any.
        place: the keys of the example in the profile.
        secret: with which the request is signed; None where nothing is.
        received_at: the time of its receipt.
        event: the part of its route after the sender's name, if any.
        url: to which it was posted.
        headers: its headers, with names in lower case.
        row: the columns that are expected, without those that are NULL, and perhaps what its body says and the name of
            its entity; None where it must be refused.
        changes: the changes that are expected, each as path, old and new value in JSON; None where they don't matter.
        refused: the reason for which it must be refused; None where it must be accepted.
    """

    file: Path
    before: Path | None
    place: Keys
    secret: str | None
    received_at: datetime
    event: str | None
    url: str
    headers: Mapping[str, str]
    row: Mapping[str, Any] | None
    changes: tuple[tuple[str, str | None, str | None], ...] | None
    refused: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile(Sender):
    """A sender that a profile describes."""

    path: Path
    """The file of the profile."""
    documentation: str
    """The URL of the sender's own documentation."""
    scheme: Scheme
    forms: tuple[str, ...]
    """The fields that a form may begin with and that hold the JSON; `*` stands for an object of all fields."""
    event_type: Sources
    rules: EventRules
    state: State
    """Where the entities' states stand in bodies."""
    handshake: HandshakeRules | None
    words: Words
    setup: tuple[str, ...]
    """What to do at the sender, step by step, with `{url}` for the target URL."""
    examples: tuple[Example, ...]
    derivation: int = DERIVATION
    """The version of the program's part in what columns it makes."""

    def is_form(self, body: bytes) -> bool:
        """Tell whether a body is read as a form; otherwise it is JSON."""
        return bool(self.forms) and begins_as_form(body)

    def read_body(self, body: bytes) -> dict[str, Any]:
        """Return a body's JSON object; of a form, the one that its first field holds or that the fields are.

        Raises:
            BodyError: it holds none.
        """
        if not self.is_form(body):
            return parse_body(body)
        try:
            fields = parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS)
        except ValueError:
            raise BodyError(
                f"The body is not a form in UTF-8 of at most {MOST_FIELDS:,} fields.", is_json=False
            ) from None
        name, text = fields[0]
        if name in self.forms and name != ALL_FIELDS:
            return parse_body(text.encode())
        if ALL_FIELDS in self.forms:
            return dict(fields)
        names = " or ".join(self.forms)
        raise BodyError(f"The body is a form, which must begin with the field {names}.", is_json=False)

    def make_payload(self, raw: bytes, body: Body) -> bytes:
        """Return the JSON that is stored of a body: its own bytes, or what was read of a form, written anew."""
        return write_json(body) if self.is_form(raw) else raw

    def classify(self, event: str | None, headers: Mapping[str, str], body: Body, received_at: datetime) -> Columns:
        """Return a notification's columns; raises nothing, whatever the body.

        Args:
            event: the part of the route after the sender's name, if any.
            headers: of the request, with names in lower case.
            body: the parsed body.
            received_at: the event's time where the request tells none.
        """
        request = Request(event, headers, body)
        return self._make_columns(self.event_type.read(request), request, received_at)

    def derive_again(self, event_type: str | None, body: Body, received_at: datetime) -> dict[str, Any]:
        """Return those columns of a stored notification that its body tells; headers and route are not kept.

        Args:
            event_type: the stored one, for a body that does not tell it.
            body: the parsed body.
            received_at: the event's time where the body tells none.
        """
        request = Request(None, {}, body)
        if self.event_type.are_in_body:
            event_type = self.event_type.read(request)
        rules = self.rules.find_rules(event_type)
        sources = {
            "event_type": self.event_type,
            "category": None,
            "action": rules.entity_id,
            "account_alias": rules.account_alias,
            "entity_id": rules.entity_id,
            "actor": rules.actor,
            "occurred_at": rules.occurred_at,
        }
        columns = self._make_columns(event_type, request, received_at)
        told = [name for name, places in sources.items() if places is None or places.are_in_body]
        return {name: getattr(columns, name) for name in told}

    def _make_columns(self, event_type: str | None, request: Request, received_at: datetime) -> Columns:
        rules = self.rules.find_rules(event_type)
        entity_id = _read(rules.entity_id, request)
        time = _read(rules.occurred_at, request)
        return Columns(
            event_type=event_type,
            category=rules.read_category(event_type, request.body),
            action=None if entity_id is None else rules.action or UPDATED,
            account_alias=_read(rules.account_alias, request),
            entity_id=entity_id,
            actor=_read(rules.actor, request),
            occurred_at=(parse_time(time, as_mail=self.derivation >= _WITH_MAIL_TIMES) if time else None)
            or received_at,
            parent_account=_read(rules.parent_account, request),
        )

    def needs_state(self, columns: Columns) -> bool:
        """Tell whether a notification must have a state for its changes to show."""
        is_stateless = columns.category in self.comparison.stateless or self.rules.is_stateless(columns.event_type)
        is_exempt = columns.action == DELETED or is_stateless
        return columns.entity_id is not None and not is_exempt and not self.rules.find_rules(columns.event_type).acts

    def answer_handshake(
        self, headers: Mapping[str, str], body: Body, secret: Secret | None = None
    ) -> Handshake | None:
        """Return the answer to a handshake that was posted; None for any other request, and for a harmful text.

        `secret` signs the answer, if the sender wants that.
        """
        return self.handshake.answer_posted(headers, body, secret) if self.handshake else None

    def answer_query(self, headers: Mapping[str, str], query: str, secret: Secret | None) -> Handshake | None:
        """Return the answer to a handshake by a URL's query and headers, which nothing signs; None for any other."""
        return self.handshake.answer_asked(headers, query, secret) if self.handshake else None


def _read(sources: Sources | None, request: Request) -> str | None:
    return sources.read(request) if sources else None
