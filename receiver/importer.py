"""Imports an archive by the same decisions and into the same spool as the listener.

An archive is JSON lines, each a notification as it was received: an object of `received_at` (ISO 8601 with offset),
`event` (its name, or a category where the action is not known), `source_ip`, `headers` (by name) and `body` (a string,
byte for byte as it was posted). A line of another sender has its name as `sender`, and `event` only if the URL had one.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple
from urllib.parse import quote

import orjson

from receiver.admission import Admission, Refusal
from receiver.errors import ArchiveError
from receiver.notification import Notification, Rejection, new_id
from receiver.sender_admission import PREFIX, SenderAdmission
from receiver.senders import CENTURYLINK
from receiver.senders.profile import Handshake
from receiver.senders.request import SignedRequest
from receiver.senders.sender import Event
from receiver.spool import Row, SpoolWriter


class ArchiveLineError(Exception):
    """Raised when a line is no archived notification; the text says why."""


class ArchivedNotification(NamedTuple):
    """One line of an archive."""

    received_at: datetime
    event_name: str | None
    event: Event | None
    """None for a sender with a profile."""
    sender: str
    source_ip: str | None
    headers: dict[str, str]
    body: bytes

    @property
    def headers_in_lower_case(self) -> dict[str, str]:
        """The headers by their names in lower case; if two differ only in case, the first counts."""
        return {name.lower(): value for name, value in reversed(self.headers.items())}


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
    sender = _text(fields, "sender") if "sender" in fields else CENTURYLINK.name
    if sender == CENTURYLINK.name:
        name: str | None = _text(fields, "event")
        event = CENTURYLINK.event_for_name(str(name))
        if event is None:
            raise ArchiveLineError(f"event {name!r} is none of the ten")
    else:
        name, event = _text(fields, "event") if "event" in fields else None, None
    headers = fields.get("headers", {})
    if not isinstance(headers, dict) or not all(isinstance(value, str) for value in headers.values()):
        raise ArchiveLineError("headers is not an object of strings")
    source_ip = fields.get("source_ip")
    if source_ip is not None and not isinstance(source_ip, str):
        raise ArchiveLineError("source_ip is not a string")
    return ArchivedNotification(
        _moment(_text(fields, "received_at")), name, event, sender, source_ip, headers, _text(fields, "body").encode()
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


_LINES_PER_COMMIT = 1_000
_BYTES_PER_COMMIT = 64 * 1024 * 1024
# JSON may write each byte of a body as six characters.
_LONGEST_ESCAPE = 6
_BYTES_BESIDE_BODY = 1024 * 1024

ReportLine = Callable[[str], None]
Advance = Callable[[int], None]


class Rules(NamedTuple):
    """The rules by which notifications are accepted: CenturyLink's, and those of senders with a profile."""

    admission: Admission
    senders: SenderAdmission


class _Line(NamedTuple):
    """A line of an archive: its number from 1, its bytes in the file, and its text; None where it is too long."""

    number: int
    size: int
    text: bytes | None


def import_archive(
    path: Path,
    rules: Rules,
    spool: SpoolWriter,
    report: ReportLine,
    advance: Advance,
    *,
    max_body_bytes: int,
) -> Counter[str]:
    """Spool an archive's notifications; refused ones go to `rejected`.

    Malformed lines and lines whose body is too large are left out.

    Args:
        path: the archive.
        rules: decide on each line as the listener would.
        spool: takes the rows; when this returns they are on disk.
        report: called with a sentence on each line that is left out, naming file, line and reason.
        advance: called with the number of bytes done since the last call.
        max_body_bytes: the largest body that is taken, as by the listener.

    Returns:
        Lines by result: `accepted`, a refusal's code, `too_large`, or `malformed`.

    Raises:
        ArchiveError: the file can't be read.
    """
    results: Counter[str] = Counter()
    try:
        with path.open("rb") as file:
            for batch in _batches(_lines(file, _LONGEST_ESCAPE * max_body_bytes + _BYTES_BESIDE_BODY)):
                rows: list[Row] = []
                for line in batch:
                    if line.text is not None and line.text.isspace():
                        continue
                    try:
                        row = _row(_parse(line, max_body_bytes), rules)
                    except (ArchiveLineError, _TooLargeError) as error:
                        results["too_large" if isinstance(error, _TooLargeError) else "malformed"] += 1
                        report(f"{path}, line {line.number}: {error}.")
                    else:
                        results[row.reason if isinstance(row, Rejection) else "accepted"] += 1
                        rows.append(row)
                spool.append_all(rows)
                advance(sum(line.size for line in batch))
    except OSError as error:
        raise ArchiveError(f"The archive {path} can't be taken in ({error.strerror or error}).") from None
    return results


class _TooLargeError(Exception):
    """Raised when a line's body is larger than the listener takes."""


def _parse(line: _Line, max_body_bytes: int) -> ArchivedNotification:
    parsed = parse_line(line.text) if line.text is not None else None
    if parsed is None or len(parsed.body) > max_body_bytes:
        raise _TooLargeError(f"its body is larger than {max_body_bytes} bytes (CLC_MAX_BODY_BYTES)")
    return parsed


def _lines(file: BinaryIO, longest: int) -> Iterator[_Line]:
    for number in count(1):
        text = file.readline(longest)
        if not text:
            return
        size, is_whole = len(text), text.endswith(b"\n") or len(text) < longest
        rest = b"" if is_whole else text
        while rest and not rest.endswith(b"\n"):
            rest = file.readline(longest)
            size += len(rest)
        yield _Line(number, size, text if is_whole else None)


def _batches(lines: Iterator[_Line]) -> Iterator[list[_Line]]:
    batch: list[_Line] = []
    size = 0
    for line in lines:
        batch.append(line)
        size += line.size
        if len(batch) == _LINES_PER_COMMIT or size > _BYTES_PER_COMMIT:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _row(line: ArchivedNotification, rules: Rules) -> Row:
    decision = _decide(line, rules)
    if isinstance(decision, Handshake):
        raise ArchiveLineError("it is a handshake, no notification")
    if not isinstance(decision, Refusal):
        return decision
    headers = {name: text for name, text in line.headers.items() if name.lower() not in rules.senders.token_headers}
    return Rejection(
        id=new_id(line.received_at),
        received_at=line.received_at,
        reason=decision.code,
        path=_path_of(line),
        source_ip=line.source_ip,
        headers=json.dumps(headers),
        body=line.body,
        sender=decision.sender,
        signature_detail=decision.signature_detail,
    )


def _decide(line: ArchivedNotification, rules: Rules) -> Notification | Refusal | Handshake:
    headers = line.headers_in_lower_case
    if line.event is not None:
        return rules.admission.decide(line.event, line.body, headers, line.received_at, line.source_ip)
    path = _path_of(line)
    return rules.senders.decide(path, SignedRequest("POST", path, headers, line.body), line.received_at, line.source_ip)


def _path_of(line: ArchivedNotification) -> str:
    """Return the path to which the notification was posted."""
    if line.event is not None:
        return f"/webhooks/{line.event_name}"
    return PREFIX + quote(line.sender, safe="") + (f"/{quote(line.event_name)}" if line.event_name else "")
