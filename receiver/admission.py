"""Decides on a notification: accepted, with its columns, or refused, with the reason."""

import logging
from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Literal, NamedTuple

from receiver.data_directory.accounts import AllowedAccounts
from receiver.errors import DataDirectoryError
from receiver.notification import FIRST_PROOF, Notification, Proof, SignatureStatus, make_id
from receiver.senders import CENTURYLINK
from receiver.senders.keys import PublicKey, compute_fingerprint
from receiver.senders.request import BodyError, Verdict, parse_body
from receiver.senders.sender import Columns, Event

_log = logging.getLogger(__name__)


class Refusal(NamedTuple):
    """Why a notification is not accepted: HTTP status, code, a sentence for a person, and two columns of `rejected`.

    Write the status and the code at each refusal: a test reads them there and looks them up in the documentation.
    """

    status: HTTPStatus
    code: str
    detail: str
    signature_detail: str | None = None
    sender: str | None = CENTURYLINK.name


UNKNOWN_EVENT = Refusal(
    HTTPStatus.NOT_FOUND,
    "unknown_event",
    "The path names no event; it ends in one of "
    + ", ".join(f"{event.event_type}" for event in CENTURYLINK.events)
    + ".",
)
_SIGNATURE_REFUSALS = {
    "missing": Refusal(
        HTTPStatus.UNAUTHORIZED,
        "signature_missing",
        f"The header {CENTURYLINK.verification.header} is missing; only signed notifications are accepted.",
    ),
    "invalid": Refusal(
        HTTPStatus.UNAUTHORIZED,
        "signature_invalid",
        f"The header {CENTURYLINK.verification.header} does not sign this body under the receiver's public key.",
    ),
}
_ACCOUNTS_UNREADABLE = Refusal(
    HTTPStatus.SERVICE_UNAVAILABLE,
    "accounts_unreadable",
    "The receiver can't read at the moment which accounts it has learned; its log says why.",
)


def refuse_body(error: BodyError) -> Refusal:
    """Return the refusal of a body that can't be read."""
    if error.is_json:
        return Refusal(HTTPStatus.BAD_REQUEST, "not_an_object", error.detail)
    return Refusal(HTTPStatus.BAD_REQUEST, "not_json", error.detail)


def _refuse_account(alias: str | None) -> Refusal:
    detail = f"The account {alias} is not in CLC_ACCOUNTS." if alias else "The body names no account."
    return Refusal(HTTPStatus.FORBIDDEN, "account_not_allowed", detail)


def _describe_signature(status: SignatureStatus, signature: bytes | None) -> str:
    """Return the reason why a signature is not valid."""
    if status == "missing":
        return "header missing"
    return "header malformed" if signature is None else "the signature fits no key"


def make_notification(
    columns: Columns,
    verdict: Verdict,
    payload: bytes,
    received_at: datetime,
    source_ip: str | None,
    sender: str,
    proof: Proof,
) -> Notification:
    """Make an accepted notification; its id carries the time of its receipt."""
    return Notification(
        id=make_id(received_at),
        received_at=received_at,
        event_type=columns.event_type,
        category=columns.category,
        action=columns.action,
        account_alias=columns.account_alias,
        entity_id=columns.entity_id,
        actor=columns.actor,
        occurred_at=columns.occurred_at,
        signature_status=verdict.status,
        signature=verdict.signature,
        source_ip=source_ip,
        payload=payload,
        key_fingerprint=verdict.key_fingerprint,
        sender=sender,
        proof=proof,
        signature_detail=verdict.detail,
        delivery_id=verdict.delivery_id,
    )


class Admission:
    """The rules by which notifications are accepted, the same for the listener and the import of archives.

    Args:
        key: the sender's public key.
        signatures: whether unsigned and badly signed notifications are refused (`require`) or marked (`record`).
        accounts: those whose notifications are accepted.
    """

    def __init__(self, key: PublicKey, signatures: Literal["require", "record"], accounts: AllowedAccounts) -> None:
        self._key = key
        self._key_fingerprint = compute_fingerprint(key)
        self._signatures = signatures
        self._accounts = accounts

    def decide(
        self, event: Event, payload: bytes, headers: Mapping[str, str], received_at: datetime, source_ip: str | None
    ) -> Notification | Refusal:
        """Accept a notification or refuse it.

        Where signatures are required, a body is parsed only after its signature holds: a stranger's costs one hash.
        `headers` has names in lower case.
        """
        status, signature = CENTURYLINK.verification.check(self._key, headers, payload)
        why = None if status == "valid" else _describe_signature(status, signature)
        if why and self._signatures == "require":
            return _SIGNATURE_REFUSALS[status]._replace(signature_detail=why)
        try:
            body = parse_body(payload)
        except BodyError as error:
            return refuse_body(error)._replace(signature_detail=why)
        columns = CENTURYLINK.columns(event, body, received_at)
        try:
            if not self._accepts_account(columns, status):
                return _refuse_account(columns.account_alias)._replace(signature_detail=why)
        except DataDirectoryError as error:
            _log.error("%s", error)
            return _ACCOUNTS_UNREADABLE._replace(signature_detail=why)
        judged_under = None if signature is None else self._key_fingerprint
        verdict = Verdict(status, why, signature, judged_under, delivery_id=None)
        return make_notification(columns, verdict, payload, received_at, source_ip, CENTURYLINK.name, FIRST_PROOF)

    def _accepts_account(self, columns: Columns, signature_status: SignatureStatus) -> bool:
        alias, parent = columns.account_alias, columns.parent_account
        if alias and parent is not None and signature_status == "valid" and self._accounts.allows(parent):
            self._accounts.learn(alias)
            return True
        return self._accounts.allows(alias)
