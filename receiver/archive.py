"""Reads archives: JSON lines, each a notification as it was received.

A line is an object of `received_at` (ISO 8601 with offset), `event` (`Server.Updated`, or a category where the action
is not known), `source_ip`, `headers` (by name) and `body` (a string, byte for byte what was posted).
"""

from datetime import UTC, datetime
from typing import Any, NamedTuple

import orjson

from receiver.senders.centurylink.events import Event, event_for_name
from receiver.senders.centurylink.signature import SIGNATURE_HEADER


class ArchiveLineError(Exception):
    """Raised when a line is no archived notification; the text says why."""


class ArchivedNotification(NamedTuple):
    """One line of an archive."""

    received_at: datetime
    event_name: str
    event: Event
    source_ip: str | None
    headers: dict[str, str]
    body: bytes

    @property
    def signature_header(self) -> str | None:
        """The signature header's value, whatever case its name is written in."""
        wanted = SIGNATURE_HEADER.lower()
        return next((value for name, value in self.headers.items() if name.lower() == wanted), None)


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
    name = _text(fields, "event")
    event = event_for_name(name)
    if event is None:
        raise ArchiveLineError(f"event {name!r} is none of the ten")
    headers = fields.get("headers", {})
    if not isinstance(headers, dict) or not all(isinstance(value, str) for value in headers.values()):
        raise ArchiveLineError("headers is not an object of strings")
    source_ip = fields.get("source_ip")
    if source_ip is not None and not isinstance(source_ip, str):
        raise ArchiveLineError("source_ip is not a string")
    return ArchivedNotification(
        _moment(_text(fields, "received_at")), name, event, source_ip, headers, _text(fields, "body").encode()
    )


def _text(fields: dict[str, Any], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str):
        raise ArchiveLineError(f"{name} is missing" if value is None else f"{name} is not a string")
    return value


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise ArchiveLineError(f"received_at {text!r} has no offset from UTC, such as Z")
        moment = moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ArchiveLineError(f"received_at {text!r} is no ISO 8601 time") from None
    if moment.year < 1970:  # noqa: PLR2004 - a UUID of version 7 counts from there
        raise ArchiveLineError(f"received_at {text!r} lies before 1970")
    return moment
