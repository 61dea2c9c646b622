"""Decides on a notification: accepted, with its columns, or refused, with the reason; keeps the allowed accounts.

A body must be strict UTF-8 JSON, an object, and nothing that DuckDB's JSON type refuses.
"""

import json
import logging
import re
import sqlite3
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from http import HTTPStatus
from math import isinf
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

import orjson

from receiver.files import sync_directory
from receiver.notification import Notification, SignatureStatus, new_id
from receiver.senders import SENDER
from receiver.senders.keys import PublicKey, key_fingerprint
from receiver.senders.sender import Columns, Event

_LEARN = "INSERT OR IGNORE INTO learned_accounts VALUES (?)"

_log = logging.getLogger(__name__)


class Refusal(NamedTuple):
    """Why a notification is not accepted: HTTP status, code, and a sentence for a person.

    Write the status and the code at each refusal: a test reads them there and looks them up in the documentation.
    """

    status: HTTPStatus
    code: str
    detail: str


UNKNOWN_EVENT = Refusal(
    HTTPStatus.NOT_FOUND,
    "unknown_event",
    "The path names no event; it ends in one of " + ", ".join(f"{event.event_type}" for event in SENDER.events) + ".",
)
_SIGNATURE_REFUSALS = {
    "missing": Refusal(
        HTTPStatus.UNAUTHORIZED,
        "signature_missing",
        f"The header {SENDER.verification.header} is missing; only signed notifications are accepted.",
    ),
    "invalid": Refusal(
        HTTPStatus.UNAUTHORIZED,
        "signature_invalid",
        f"The header {SENDER.verification.header} does not sign this body under the receiver's public key.",
    ),
}


class AccountList(Protocol):
    """Says which accounts are accepted, and learns new ones."""

    def allows(self, alias: str | None) -> bool:
        """Tell whether an account's notifications are accepted."""

    def learn(self, alias: str) -> None:
        """Accept an account from now on."""


class Admission:
    """The rules by which notifications are accepted, the same for the listener and the import of archives.

    Args:
        key: the sender's public key.
        signatures: whether unsigned and badly signed notifications are refused (`require`) or marked (`record`).
        accounts: those whose notifications are accepted.
    """

    def __init__(self, key: PublicKey, signatures: Literal["require", "record"], accounts: AccountList) -> None:
        self._key = key
        self._key_fingerprint = key_fingerprint(key)
        self._signatures = signatures
        self._accounts = accounts
        self._check_signature = SENDER.verification.check
        self._columns = SENDER.columns

    def decide(
        self, event: Event, payload: bytes, headers: Mapping[str, str], received_at: datetime, source_ip: str | None
    ) -> Notification | Refusal:
        """Accept a notification or refuse it; the id of an accepted one carries the time of its receipt.

        Where signatures are required, a body is parsed only after its signature holds: a stranger's costs one hash.
        `headers` has names in lower case.
        """
        status, signature = self._check_signature(self._key, headers, payload)
        if status != "valid" and self._signatures == "require":
            return _SIGNATURE_REFUSALS[status]
        try:
            body = parse_body(payload)
        except BodyError as error:
            if error.is_json:
                return Refusal(HTTPStatus.BAD_REQUEST, "not_an_object", error.detail)
            return Refusal(HTTPStatus.BAD_REQUEST, "not_json", error.detail)
        columns = self._columns(event, body, received_at)
        notification = Notification(
            id=new_id(received_at),
            received_at=received_at,
            event_type=columns.event_type,
            category=columns.category,
            action=columns.action,
            account_alias=columns.account_alias,
            entity_id=columns.entity_id,
            actor=columns.actor,
            occurred_at=columns.occurred_at,
            signature_status=status,
            signature=signature,
            source_ip=source_ip,
            payload=payload,
            key_fingerprint=None if signature is None else self._key_fingerprint,
            sender=SENDER.name,
        )
        if self._accepts_account(columns, status):
            return notification
        alias = columns.account_alias
        return Refusal(
            HTTPStatus.FORBIDDEN,
            "account_not_allowed",
            f"The account {alias} is not in CLC_ACCOUNTS." if alias else "The body names no account.",
        )

    def _accepts_account(self, columns: Columns, signature_status: SignatureStatus) -> bool:
        alias, parent = columns.account_alias, columns.parent_account
        if alias and parent is not None and signature_status == "valid" and self._accounts.allows(parent):
            self._accounts.learn(alias)
            return True
        return self._accounts.allows(alias)


class BodyError(Exception):
    """Raised when a body is no JSON object in strict UTF-8.

    `detail` is a sentence that says what is wrong and where; `is_json` tells whether it is JSON, but no object.
    """

    def __init__(self, detail: str, *, is_json: bool) -> None:
        """Keep the sentence for the answer."""
        super().__init__(detail)
        self.detail = detail
        self.is_json = is_json


_JSON_TYPES = {list: "an array", str: "a string", bool: "a boolean", int: "a number", float: "a number"}

_NUMBER = re.compile(rb"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
# Only a number of at least 309 characters, or with an exponent of at least three digits, can lie beyond a double. A
# match passes over everything else, strings whole, so that no text is read twice.
_UP_TO_A_WIDE_NUMBER = re.compile(
    rb"""
    (?: [^"0-9eE+.-]++
      | "(?:[^"\\]++|\\.)*+"?
      | (?![0-9+.-]*+[eE][+]?[0-9]{3} | [0-9eE+.-]{309}) [0-9eE+.-]++
    )*+
    ([0-9eE+.-]++)?
    """,
    re.DOTALL | re.VERBOSE,
)
_MOST_WIDE_NUMBERS = 1000


def parse_body(raw: bytes) -> dict[str, Any]:
    """Return a body's JSON object, to classify the notification by; `raw` itself is stored.

    Of duplicate keys the last one counts. A number beyond the range of a double reads as 0. The time is linear in the
    body's length, whatever the body holds.

    Raises:
        BodyError: it is no object, not JSON, not UTF-8, or has a byte-order mark, a lone surrogate, nesting deeper than
            a thousand, or more than a thousand numbers as wide as those beyond a double.
    """
    try:
        parsed = _loads(raw)
    except json.JSONDecodeError as error:
        raise BodyError(f"The body is not JSON in UTF-8: {error}.", is_json=False) from None
    if not isinstance(parsed, dict):
        what = _JSON_TYPES.get(type(parsed), "null")
        raise BodyError(f"The body is not a JSON object but {what}.", is_json=True)
    return parsed


def _loads(raw: bytes) -> Any:
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        # orjson also refuses 1e400 and integers of 400 digits, which are JSON; any other refusal stands.
        start = len(error.doc[: error.pos].encode())
        number = _NUMBER.match(raw, start)
        if number is None or not isinf(float(number[0])):
            raise
        return orjson.loads(_narrow(raw, start))


def _narrow(raw: bytes, start: int) -> bytes:
    """Write a 0 of the same width for each number beyond a double from `start` on, a thousand at most."""
    narrowed = bytearray(raw)
    for _ in range(_MOST_WIDE_NUMBERS):
        match = _UP_TO_A_WIDE_NUMBER.match(raw, start)
        if match is None or match[1] is None:
            break
        start = match.end()
        if _NUMBER.fullmatch(match[1]) and isinf(float(match[1])):
            narrowed[match.start(1) : start] = b"0".ljust(len(match[1]))
    return bytes(narrowed)


class AllowedAccounts:
    """The allow-list, shared by all listeners through one small SQLite file.

    While that file can't be used (a full disk, say), this listener goes on with the accounts that it knows, and writes
    them down when it learns the next.

    Args:
        configured: upper-case aliases; None accepts every account.
        path: the file of learned aliases; made if need be.
    """

    def __init__(self, configured: frozenset[str] | None, path: Path) -> None:
        self._known = set(configured or ())
        self._everyone = configured is None
        self._path = path
        self._file: sqlite3.Connection | None = None
        self._unwritten: set[str] = set()
        if not self._everyone:
            self._was_learned("")

    def allows(self, alias: str | None) -> bool:
        """Tell whether an account's notifications are accepted; an unknown account (None) only if all are."""
        if self._everyone or alias in self._known:
            return True
        return alias is not None and self._was_learned(alias)

    def learn(self, alias: str) -> None:
        """Accept an account from now on, here and in every other listener."""
        if self._everyone or (alias in self._known and not self._unwritten):
            return
        if alias not in self._known:
            self._unwritten.add(alias)
            self._known.add(alias)
        try:
            self._open().executemany(_LEARN, [[each] for each in self._unwritten])
            self._unwritten.clear()
        except sqlite3.Error as error:
            _log.error(
                "a learned account could not be written to %s (%s): only this listener knows it", self._path, error
            )

    def close(self) -> None:
        """Close the file."""
        if self._file:
            self._file.close()

    def _was_learned(self, alias: str) -> bool:
        # Another listener may have learned it a moment ago, so ask the file before refusing.
        try:
            row = self._open().execute("SELECT 1 FROM learned_accounts WHERE alias = ?", [alias]).fetchone()
        except sqlite3.Error as error:
            _log.error("%s can't be read (%s): only the accounts known here are accepted", self._path, error)
            return False
        if row:
            self._known.add(alias)
        return bool(row)

    def _open(self) -> sqlite3.Connection:
        if self._file is None:
            file = sqlite3.connect(self._path, isolation_level=None, timeout=5)
            try:
                file.execute("PRAGMA journal_mode=WAL")
                file.execute("CREATE TABLE IF NOT EXISTS learned_accounts (alias TEXT PRIMARY KEY) STRICT")
                sync_directory(self._path.parent)
            except (sqlite3.Error, OSError) as error:
                with suppress(sqlite3.Error):
                    file.close()
                raise sqlite3.OperationalError(str(error)) from error
            self._file = file
        return self._file
