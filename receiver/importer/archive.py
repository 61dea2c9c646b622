"""Opens an archive, notices at once a file that is another thing, and reads the lines.

An archive is JSON lines, each a notification as it was received: an object of `received_at` (ISO 8601 with offset),
`event`, `source_ip`, `headers` (by name) and `body` (a string, byte for byte as it was posted). `event` is the event's
name, or a category where the action is not known.

A line of another sender than the first has its name as `sender`, and as `event` what its URL had after that name, if
anything. The store does not keep headers. So an export adds `row`: the columns that headers may have told, and the
signature in base64. `event` is the event's name then.
"""

import base64
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from io import BufferedReader
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast, get_args

import orjson

from receiver.errors import ArchiveError
from receiver.notification import FIRST_SENDER, Proof, SignatureStatus
from receiver.senders import CENTURYLINK
from receiver.senders.sender import Event

_MOST_AHEAD = timedelta(days=1)
"""For clocks that differ; what is dated further ahead is wrong, and would stay the latest of its entity for years."""
_STANDARD_INPUT = Path("-")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_KINDS = {
    "is compressed with gzip: unpack it, for example `gzip -dc FILE | clc-receiver import -`": (0, b"\x1f\x8b"),
    "is compressed with zstd: unpack it, for example `zstd -dc FILE | clc-receiver import -`": (0, b"\x28\xb5\x2f\xfd"),
    "is a ZIP archive: unpack it": (0, b"PK\x03\x04"),
    "is a DuckDB database: `clc-receiver restore` puts a backup in place": (8, b"DUCK"),
    "is a Parquet file: `clc-analytics export -o FILE.jsonl` writes an archive": (0, b"PAR1"),
    "is an SQLite database": (0, b"SQLite format 3\0"),
}
"""The kinds of files that are no archives, each with advice, by the bytes at a place of their beginning."""


class ArchiveLineError(Exception):
    """Raised when a line is no archived notification; the text says why."""


class ArchivedRow(NamedTuple):
    """The columns of a stored notification that its body alone does not tell."""

    category: str
    action: str | None
    account_alias: str | None
    entity_id: str | None
    actor: str | None
    occurred_at: datetime
    signature_status: SignatureStatus
    signature: bytes | None
    key_fingerprint: str | None
    proof: Proof
    signature_detail: str | None
    delivery_id: str | None


class ArchivedNotification(NamedTuple):
    """One line of an archive; the first sender's has an `event`, and an exported one of another sender has a `row`."""

    received_at: datetime
    sender: str
    event_name: str | None
    event: Event | None
    source_ip: str | None
    headers: dict[str, str]
    body: bytes
    row: ArchivedRow | None

    @property
    def headers_in_lower_case(self) -> dict[str, str]:
        """The headers by their names in lower case; if two differ only in case, the first counts."""
        return {name.lower(): value for name, value in reversed(self.headers.items())}


@contextmanager
def open_archive(path: Path) -> Iterator[BinaryIO]:
    """Open an archive behind its byte-order mark, or standard input where the path is `-`.

    Raises:
        ArchiveError: it can't be opened, or is no archive.
    """
    if path == _STANDARD_INPUT and not sys.stdin:  # Python has none where it was closed before the start, as by `<&-`
        raise ArchiveError("Standard input is closed: name a file, or redirect one to it.")
    try:
        file = sys.stdin.buffer if path == _STANDARD_INPUT else path.open("rb")
    except OSError as error:
        raise ArchiveError(f"The archive {path} can't be taken in ({error.strerror or error}).") from None
    with file:
        if isinstance(file, BufferedReader):
            _look_at_beginning(file, path)
        yield file


def name_archive(path: Path) -> str:
    """Return the name of an archive for messages."""
    return "standard input" if path == _STANDARD_INPUT else str(path)


def _look_at_beginning(file: BufferedReader, path: Path) -> None:
    try:
        begin = file.peek(16)
        if begin.startswith(_BYTE_ORDER_MARK):
            file.read(len(_BYTE_ORDER_MARK))
    except OSError as error:
        raise ArchiveError(f"The archive {path} can't be taken in ({error.strerror or error}).") from None
    for what, (place, magic) in _KINDS.items():
        if begin[place:].startswith(magic):
            raise ArchiveError(f"{name_archive(path)} {what}. An archive has a JSON object a line.")


def parse_line(line: bytes) -> ArchivedNotification:
    """Parse one line.

    Raises:
        ArchiveLineError: it is no archived notification.
    """
    try:
        fields = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise ArchiveLineError(f"it is not JSON: {error}") from None
    if not isinstance(fields, dict):
        raise ArchiveLineError("it is not a JSON object")
    sender = _read_optional_text(fields, "sender") or FIRST_SENDER
    is_first = sender == FIRST_SENDER
    name = _read_text(fields, "event") if is_first else _read_optional_text(fields, "event")
    headers = fields.get("headers", {})
    if not isinstance(headers, dict) or not all(isinstance(value, str) for value in headers.values()):
        raise ArchiveLineError("headers is not an object of strings")
    return ArchivedNotification(
        received_at=_read_received_at(fields),
        sender=sender,
        event_name=name,
        event=_find_first_event(name or "") if is_first else None,
        source_ip=_read_optional_text(fields, "source_ip"),
        headers=headers,
        body=_read_text(fields, "body").encode(),
        row=None if is_first or "row" not in fields else _parse_row(fields["row"]),
    )


def _find_first_event(name: str) -> Event:
    event = CENTURYLINK.find_event_by_name(name)
    if event is None:
        raise ArchiveLineError(f"event {name!r} is none of the ten")
    return event


def _parse_row(row: Any) -> ArchivedRow:
    if not isinstance(row, dict):
        raise ArchiveLineError("row is not an object")
    return ArchivedRow(
        category=_read_text(row, "category"),
        action=_read_optional_text(row, "action"),
        account_alias=_read_optional_text(row, "account_alias"),
        entity_id=_read_optional_text(row, "entity_id"),
        actor=_read_optional_text(row, "actor"),
        occurred_at=_read_moment(row, "occurred_at"),
        signature_status=cast("SignatureStatus", _read_word(row, "signature_status", get_args(SignatureStatus))),
        signature=_read_signature(row),
        key_fingerprint=_read_optional_text(row, "key_fingerprint"),
        proof=cast("Proof", _read_word(row, "proof", get_args(Proof))),
        signature_detail=_read_optional_text(row, "signature_detail"),
        delivery_id=_read_optional_text(row, "delivery_id"),
    )


def _read_signature(row: dict[str, Any]) -> bytes | None:
    text = _read_optional_text(row, "signature")
    try:
        return None if text is None else base64.b64decode(text, validate=True)
    except ValueError:
        raise ArchiveLineError("signature is not base64") from None


def _read_word(fields: dict[str, Any], name: str, allowed: tuple[str, ...]) -> str:
    word = _read_text(fields, name)
    if word not in allowed:
        raise ArchiveLineError(f"{name} {word!r} is none of {', '.join(allowed)}")
    return word


def _read_text(fields: dict[str, Any], name: str) -> str:
    text = _read_optional_text(fields, name)
    if text is None:
        raise ArchiveLineError(f"{name} is missing")
    return text


def _read_optional_text(fields: dict[str, Any], name: str) -> str | None:
    value = fields.get(name)
    if value is not None and not isinstance(value, str):
        raise ArchiveLineError(f"{name} is not a string")
    return value


def _read_received_at(fields: dict[str, Any]) -> datetime:
    moment = _read_moment(fields, "received_at")
    if moment.year < 1970:  # noqa: PLR2004 - a UUID of version 7 counts from there
        raise ArchiveLineError(f"received_at {_read_text(fields, 'received_at')!r} lies before 1970")
    if moment > datetime.now(UTC) + _MOST_AHEAD:
        text = _read_text(fields, "received_at")
        raise ArchiveLineError(f"received_at {text!r} lies more than a day ahead of this machine's clock")
    return moment


def _read_moment(fields: dict[str, Any], name: str) -> datetime:
    text = _read_text(fields, name)
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise ArchiveLineError(f"{name} {text!r} has no offset from UTC, such as Z")
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ArchiveLineError(f"{name} {text!r} is no ISO 8601 time") from None
