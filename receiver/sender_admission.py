"""Decides on what is posted under /senders/NAME: accepted, with its columns, refused, or answered as a handshake."""

import logging
from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Literal
from urllib.parse import unquote

from receiver.admission import Refusal, make_notification, refuse_body
from receiver.notification import Category, Notification, SignatureStatus
from receiver.senders.pointers import spell_pointer
from receiver.senders.profile import Handshake, Profile
from receiver.senders.request import BodyError, SignedRequest
from receiver.senders.schemes import Envelope
from receiver.senders.sender import Body, Columns
from receiver.senders.set_up import Secrets

PREFIX = "/senders/"
_MOST_NOTED = 100
"""Categories come from bodies, so there may be any number of them."""
_UNKNOWN_SENDER = Refusal(
    HTTPStatus.NOT_FOUND,
    "unknown_sender",
    "The path names no sender that is set up here; `clc-receiver senders` lists them and says what each needs.",
    sender=None,
)

_log = logging.getLogger(__name__)


class SenderAdmission:
    """The rules by which notifications of senders with a profile are accepted.

    A sender is set up once a secret of it is known; one whose profile says that nothing is signed needs none.

    Args:
        profiles: the senders by name.
        secrets: their secrets.
        signatures: whether badly signed notifications are refused (`require`) or marked (`record`).
        texts: those of all secrets, also of senders without a profile.
    """

    def __init__(
        self,
        profiles: Mapping[str, Profile],
        secrets: Secrets,
        signatures: Literal["require", "record"],
        texts: frozenset[str] = frozenset(),
    ) -> None:
        self._secrets = secrets
        self._signatures = signatures
        self.set_up = {
            name: profile for name, profile in profiles.items() if name in secrets or profile.scheme.proof == "none"
        }
        """The senders that are set up, by name."""
        self._noted: set[tuple[str, Category]] = set()
        self.token_headers = frozenset().union(*(profile.scheme.token_headers for profile in profiles.values()))
        """The headers, in lower case, in which the senders send a secret itself, not a signature made with it."""
        self.secret_texts = texts

    def find(self, path: str) -> Profile | None:
        """Return the sender that a path names, if it is set up."""
        return self.set_up.get(path[len(PREFIX) :].partition("/")[0].lower())

    def greet(self, path: str, query: str, headers: Mapping[str, str]) -> Handshake | None:
        """Return the answer to a handshake by a GET of a path and a query; None for any other request."""
        profile = self.find(path)
        if profile is None:
            return None
        return profile.answer_query(headers, query, next(iter(self._secrets.get(profile.name, ())), None))

    def decide(
        self, path: str, request: SignedRequest, received_at: datetime, source_ip: str | None
    ) -> Notification | Refusal | Handshake:
        """Accept a notification, refuse it, or answer a handshake.

        A body is parsed only after its signature holds, unless it is to be recorded in any case.
        """
        profile = self.find(path)
        if profile is None:
            return _UNKNOWN_SENDER
        secrets = self._secrets.get(profile.name, ())
        verdict = profile.scheme.check(request, secrets, received_at)
        is_proven = verdict.status == "valid" or profile.scheme.proof == "none"
        if not is_proven and self._signatures == "require":
            return refuse_signature(profile, verdict.status, verdict.detail)
        try:
            body = profile.read_body(request.body)
            payload = profile.make_payload(request.body, body)
        except BodyError as error:
            return refuse_body(error)._replace(sender=profile.name, signature_detail=verdict.detail)
        secret = next((each for each in secrets if each.fingerprint == verdict.key_fingerprint), None)
        if is_proven and (handshake := profile.answer_handshake(request.headers, body, secret)):
            return handshake
        event = unquote(path[len(PREFIX) :].partition("/")[2]) or None
        columns = profile.classify(event, request.headers, body, received_at)
        if is_proven:
            self._note_missing_state(profile, columns, body)
        else:
            verdict = verdict._replace(delivery_id=profile.scheme.read_id(Envelope(request)))
        return make_notification(columns, verdict, payload, received_at, source_ip, profile.name, profile.scheme.proof)

    def _note_missing_state(self, profile: Profile, columns: Columns, body: Body) -> None:
        """Log once for each category that a body has nothing where the profile says that the entity's state stands."""
        category, key = columns.category, (profile.name, columns.category)
        place = profile.state.find_place(category)
        if place is None or key in self._noted or len(self._noted) >= _MOST_NOTED or not profile.needs_state(columns):
            return
        if profile.state.find(category, body) is None:
            self._noted.add(key)
            _log.warning(
                "a notification of %s has no state of %s at %s, so it is not compared: see [state] in its profile",
                profile.name, category, spell_pointer(place),
            )  # fmt: skip


def refuse_signature(profile: Profile, status: SignatureStatus, why: str | None) -> Refusal:
    """Return the refusal of a signature that is missing or not valid, by the reason."""
    if status == "missing":
        detail = f"The request has no signature of {profile.title}: {why}."
        return Refusal(HTTPStatus.UNAUTHORIZED, "signature_missing", detail, why, profile.name)
    detail = f"The signature of {profile.title} is not valid: {why}."
    return Refusal(HTTPStatus.UNAUTHORIZED, "signature_invalid", detail, why, profile.name)
