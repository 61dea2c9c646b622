"""Decides on the lines of an archive: posted ones as the listener would, exported ones by what the store kept."""

import json
from collections.abc import Mapping
from typing import Literal, NamedTuple
from urllib.parse import quote

from receiver.admission import Admission, Refusal, refuse_body
from receiver.importer.archive import ArchivedNotification, ArchivedRow, ArchiveLineError
from receiver.notification import Notification, Proof, Rejection, make_id
from receiver.sender_admission import PREFIX, SenderAdmission, refuse_signature
from receiver.senders.judge import SignatureJudge
from receiver.senders.profile import Handshake, Profile
from receiver.senders.request import BodyError, SignedRequest, parse_body
from receiver.spool import Row


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
