"""Imports an archive, in batches: posted lines as the listener takes them, exported ones by what the store kept."""

import json
import signal
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from typing import BinaryIO, Literal, NamedTuple
from urllib.parse import quote

from receiver.admission import Admission, Refusal, refuse_body
from receiver.errors import ArchiveError
from receiver.importer.archive import ArchivedNotification, ArchivedRow, ArchiveLineError, parse_line
from receiver.notification import Notification, Proof, Rejection, make_id
from receiver.sender_admission import PREFIX, SenderAdmission, refuse_signature
from receiver.senders.judge import SignatureJudge
from receiver.senders.profile import Handshake, Profile
from receiver.senders.request import BodyError, SignedRequest, parse_body
from receiver.spool import Row, SpoolWriter

_LINES_PER_COMMIT = 1_000
_BYTES_PER_COMMIT = 64 * 1024 * 1024
# JSON may write each byte of a body as six characters.
_LONGEST_ESCAPE = 6
_BYTES_BESIDE_BODY = 1024 * 1024


class Deciders(NamedTuple):
    """The parts that decide on a line."""

    admission: Admission
    """On the first sender's."""
    senders: SenderAdmission
    """On those of other senders, as they were posted."""
    profiles: Mapping[str, Profile]
    judge: SignatureJudge
    """Judges the signatures of exported ones."""
    signatures: Literal["require", "record"]

    def decide(self, line: ArchivedNotification) -> Row:
        """Return the row of a line: a notification, or a rejection.

        Raises:
            ArchiveLineError: the line is no notification of a sender that is known here.
        """
        if line.event is not None:
            decision: Notification | Refusal | Handshake = self.admission.decide(
                line.event, line.body, line.headers_in_lower_case, line.received_at, line.source_ip
            )
        elif line.row is None:
            request = SignedRequest("POST", "", line.headers_in_lower_case, line.body)
            decision = self.senders.decide(_make_path(line), request, line.received_at, line.source_ip)
        elif line.sender in self.profiles:
            decision = self._readmit(line, line.row, self.profiles[line.sender])
        else:
            raise ArchiveLineError(f"there is no sender {line.sender!r} with a profile; CLC_SENDERS names a directory")
        if isinstance(decision, Handshake):
            raise ArchiveLineError("it is a handshake, no notification")
        return decision if isinstance(decision, Notification) else self._reject(line, decision)

    def _readmit(self, line: ArchivedNotification, row: ArchivedRow, profile: Profile) -> Notification | Refusal:
        """Decide on a stored notification: its columns stay, and its signature is judged as far as that can be."""
        try:
            parse_body(line.body)
        except BodyError as error:
            return refuse_body(error)._replace(sender=line.sender)
        kept = Notification(
            id=make_id(line.received_at),
            received_at=line.received_at,
            event_type=line.event_name,
            source_ip=line.source_ip,
            payload=line.body,
            sender=line.sender,
            **row._asdict(),
        )
        judged = self._judge(kept, profile.scheme.proof)
        if judged.signature_status == "valid" or profile.scheme.proof == "none" or self.signatures == "record":
            return judged
        return refuse_signature(profile, judged.signature_status, judged.signature_detail)

    def _judge(self, kept: Notification, proof: Proof) -> Notification:
        fits = self.judge.judge(kept)
        if fits:
            return kept._replace(signature_status="valid", signature_detail=None, proof=proof)
        if fits is False and kept.signature_status == "valid":
            return kept._replace(signature_status="invalid", signature_detail="the signature fits no secret")
        return kept

    def _reject(self, line: ArchivedNotification, why: Refusal) -> Rejection:
        hidden = self.senders.token_headers
        return Rejection(
            id=make_id(line.received_at),
            received_at=line.received_at,
            reason=why.code,
            path=_make_path(line),
            source_ip=line.source_ip,
            headers=json.dumps({name: text for name, text in line.headers.items() if name.lower() not in hidden}),
            body=line.body,
            sender=why.sender,
            signature_detail=why.signature_detail,
        )


def _make_path(line: ArchivedNotification) -> str:
    if line.event is not None:
        return f"/webhooks/{line.event_name}"
    return PREFIX + "/".join(quote(part, safe="") for part in (line.sender, line.event_name) if part)


class _Line(NamedTuple):
    """A line of an archive: its number from 1, its bytes in the file, and its text; None where it is too long."""

    number: int
    size: int
    text: bytes | None


def import_archive(
    file: BinaryIO,
    name: str,
    deciders: Deciders,
    spool: SpoolWriter,
    report: Callable[[str, str], None],
    advance: Callable[[int], None],
    *,
    max_body_bytes: int,
) -> Counter[str]:
    """Spool an archive's notifications; refused ones go to `rejected`.

    Malformed lines and lines whose body is too large are left out.

    Args:
        file: the archive, open.
        name: its name in sentences.
        deciders: decide on each line as the listener would.
        spool: takes the rows; when this returns they are on disk.
        report: called with the result of each line that is left out, and a sentence that names file, line and reason.
        advance: called with the number of bytes done since the last call.
        max_body_bytes: the largest body that is taken, as by the listener.

    Returns:
        Lines by result: `accepted`, a refusal's code, `too_large`, or `malformed`.

    Raises:
        ArchiveError: the file can't be read, the spool can't be written, or Ctrl-C came; the text says how much is in.
    """
    results: Counter[str] = Counter()
    done = 0
    try:
        for batch in _make_batches(_read_lines(file, _LONGEST_ESCAPE * max_body_bytes + _BYTES_BESIDE_BODY)):
            rows: list[Row] = []
            for line in batch:
                if line.text is not None and line.text.isspace():
                    continue
                try:
                    row = deciders.decide(_parse(line, max_body_bytes))
                except (ArchiveLineError, _TooLargeError) as error:
                    result = "too_large" if isinstance(error, _TooLargeError) else "malformed"
                    results[result] += 1
                    report(result, f"{name}, line {line.number}: {error}.")
                else:
                    results[row.reason if isinstance(row, Rejection) else "accepted"] += 1
                    rows.append(row)
            with _holding_back_interrupt():  # what the spool was given is committed, whatever comes
                spool.append_all(rows)
                done = batch[-1].number
            advance(sum(line.size for line in batch))
    except KeyboardInterrupt:
        raise ArchiveError(_describe_stop(name, done)) from None
    except (OSError, sqlite3.Error) as error:
        raise ArchiveError(_describe_end(name, done, error)) from None
    return results


@contextmanager
def _holding_back_interrupt() -> Iterator[None]:
    """Let Ctrl-C wait for the end of a block, if it would stop this program."""
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    held: list[int] = []
    signal.signal(signal.SIGINT, lambda number, _frame: held.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if held:
        raise KeyboardInterrupt


def _describe_stop(name: str, done: int) -> str:
    """Say that an import was stopped, how many lines are in, and how to go on."""
    if not done:
        return f"The import of {name} was stopped, and nothing of it is in."
    return f"The import of {name} was stopped; its first {done:,} lines are in. {_describe_rest(done)}"


def _describe_rest(done: int) -> str:
    return (
        f"`tail -n +{done + 1} FILE` writes the rest, to import it alone: an import of the whole file stores those "
        "lines again, as copies."
    )


def _describe_end(name: str, done: int, error: OSError | sqlite3.Error) -> str:
    """Say why an import ended before its end, how many lines are in, and how to go on."""
    start = f"The archive {name} can't be taken in"
    reason, remedy = getattr(error, "strerror", None) or error, "Put that right (is there room for the spool?)"
    if not done:
        return f"{start} ({reason}), and nothing of it is. {remedy}, and import it again."
    return (
        f"{start} as a whole ({reason}); its first {done:,} lines are. {remedy}, and import the rest. "
        f"{_describe_rest(done)}"
    )


class _TooLargeError(Exception):
    """Raised when a line's body is larger than the listener takes."""


def _parse(line: _Line, max_body_bytes: int) -> ArchivedNotification:
    parsed = parse_line(line.text) if line.text is not None else None
    if parsed is None or len(parsed.body) > max_body_bytes:
        raise _TooLargeError(f"its body is larger than {max_body_bytes} bytes (CLC_MAX_BODY_BYTES)")
    return parsed


def _read_lines(file: BinaryIO, longest: int) -> Iterator[_Line]:
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


def _make_batches(lines: Iterator[_Line]) -> Iterator[list[_Line]]:
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
