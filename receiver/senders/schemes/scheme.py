"""A scheme: how a sender signs its requests, and the verdict on each of them.

It also says where requests have what their signature needs, for people who look for a missing part.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import orjson

from receiver.notification import Proof, SignatureStatus
from receiver.senders.pointers import follow
from receiver.senders.request import Detail, SignedRequest, Verdict
from receiver.senders.schemes.places import (
    BodyPlace,
    Envelope,
    HeaderPlace,
    PairPlace,
    Place,
    Signatures,
    Timestamp,
    read_bounded,
)
from receiver.senders.schemes.secret import Algorithm, Secret
from receiver.senders.schemes.template import Field, Template, Texts

LARGEST_EXPLAINED = 64 * 1024
"""The largest body, in bytes, of which is found out whether it was altered on the way."""
_MISSING = {Detail.HEADER_MISSING, Detail.SIGNATURE_MISSING}
MOST_TOLERANCE = 3600
"""Of a time that is not kept, each second so near the receipt may be the one that was signed."""
_KEPT_FIELDS = {"body", "timestamp", "id", "method"}


class _Finding(NamedTuple):
    """The part of a verdict that says something of the signature."""

    status: SignatureStatus
    detail: Detail | None
    signature: bytes | None
    key_fingerprint: str | None


class _Match(NamedTuple):
    """A signature, and the secret that made it."""

    secret: Secret
    signature: bytes


@dataclass(frozen=True, slots=True)
class Scheme:
    """How a sender signs."""

    proof: Proof
    algorithm: Algorithm | None
    """None where nothing is signed."""
    signatures: Signatures | None
    template: Template
    timestamp: Timestamp | None
    delivery_id: Place | None

    def load_secret(self, text: str) -> Secret:
        """Return the secret of a text, with which requests are checked: a shared one, or a public key.

        Raises:
            SecretError: the text is no such secret, or too weak a one; the message does not contain it.
        """
        return self._need_algorithm().load(text)

    def load_signing_secret(self, text: str) -> Secret:
        """Return the secret of a text, with which requests are signed: a shared one, or a private key in PEM form.

        Raises:
            SecretError: as `load_secret`.
        """
        return self._need_algorithm().load_signing(text)

    @property
    def token_headers(self) -> frozenset[str]:
        """The headers, in lower case, that prove the sender by themselves, so that nobody may read them."""
        names = self.signatures.headers if self.signatures and self.proof == "token" else []
        return frozenset(map(str.lower, names))

    def check(self, request: SignedRequest, secrets: Sequence[Secret], now: datetime) -> Verdict:
        """Return the verdict on a request; raises nothing, whatever the request.

        A body is parsed for what its signature needs, but for an id only once the signature holds: a large one of a
        stranger would cost a second and a gigabyte.

        Args:
            request: as it was posted.
            secrets: of the sender, each of which may have signed.
            now: when the request was received, with a time zone.
        """
        envelope = Envelope(request)
        found = self._judge(envelope, secrets, now)
        is_unproven = found.status != "valid" and self.algorithm is not None
        delivery_id = None if is_unproven and isinstance(self.delivery_id, BodyPlace) else self.read_id(envelope)
        return Verdict(
            status=found.status,
            detail=None if found.detail is None else found.detail.value,
            signature=None if self.algorithm is None or self.algorithm.kind == "token" else found.signature,
            key_fingerprint=found.key_fingerprint,
            delivery_id=delivery_id,
        )

    def renew_time(self, body: bytes, now: datetime) -> bytes:
        """Return a body with another time, where its time stands in it: the old one of an example would be refused."""
        if self.timestamp is None or not isinstance(self.timestamp.place, BodyPlace):
            return body
        pointer = self.timestamp.place.pointer
        outer, key = pointer[:-1], pointer[-1]
        try:
            document = orjson.loads(body)
            fields = follow(document, outer)
            text = self.timestamp.write(now)
            fields[key] = int(text) if isinstance(fields[key], int) else text
            return orjson.dumps(document)
        except (ValueError, TypeError, KeyError):  # the body has no time there
            return body

    def sign(self, request: SignedRequest, secret: Secret, now: datetime, delivery_id: str | None) -> dict[str, str]:
        """Return the headers by which a request verifies, beside those that it has; for simulators and examples.

        Raises:
            SecretError: the secret is a public key: load the private one with `load_signing_secret`.
            ValueError: headers can't carry the signature, or the request lacks what is signed.
        """
        if self.algorithm is None or self.signatures is None:
            return {}
        headers: dict[str, str] = {}
        if isinstance(self.delivery_id, HeaderPlace) and delivery_id is not None:
            headers[self.delivery_id.name] = delivery_id
        pair = None
        if self.timestamp is not None:
            text = self.timestamp.write(now)
            if isinstance(self.timestamp.place, HeaderPlace):
                headers[self.timestamp.place.name] = text
            elif isinstance(self.timestamp.place, PairPlace):
                pair = (self.timestamp.place.key, text)
        known = {**request.headers, **{name.lower(): text for name, text in headers.items()}}
        envelope = Envelope(request._replace(headers=known))
        texts = self.read_texts(envelope)
        if pair is not None:
            texts = texts._replace(timestamp=pair[1])
        message = self.template.compose(envelope, texts, request.body)
        if isinstance(message, Detail):
            raise ValueError(f"The request can't be signed: {message.value}.")  # noqa: TRY004 - it is of the right type
        return headers | self.signatures.write(secret.sign(message), pair)

    def read_texts(self, envelope: Envelope) -> Texts:
        """Return what a request says of its time and id, as far as the signed text contains them by name."""
        return Texts(
            self.read_time(envelope) if self.template.covers("timestamp") else None,
            self.read_id(envelope) if self.template.covers("id") else None,
        )

    def read_time(self, envelope: Envelope) -> str | None:
        """Return what a request says of its time."""
        return None if self.timestamp is None else read_bounded(self.timestamp.place, envelope)

    def read_id(self, envelope: Envelope) -> str | None:
        """Return what a request says of its id."""
        return None if self.delivery_id is None else read_bounded(self.delivery_id, envelope)

    def _need_algorithm(self) -> Algorithm:
        if self.algorithm is None:
            raise ValueError("This sender does not sign, so it has no secret.")
        return self.algorithm

    def _judge(self, envelope: Envelope, secrets: Sequence[Secret], now: datetime) -> _Finding:
        if self.algorithm is None or self.signatures is None:
            return _Finding("missing", None, None, None)
        first = secrets[0].fingerprint if secrets else None
        signatures = self.signatures.read(envelope)
        if isinstance(signatures, Detail):
            return _Finding("missing" if signatures in _MISSING else "invalid", signatures, None, first)
        if not secrets:
            return _Finding("invalid", Detail.NO_SECRET, signatures[0], None)
        texts = self.read_texts(envelope)
        match = self._find(envelope, texts, envelope.request.body, secrets, signatures)
        if isinstance(match, Detail):
            return _Finding("invalid", match, signatures[0], first)
        if match is None:
            reason = self._explain(envelope, texts, secrets, signatures)
            return _Finding("invalid", reason, signatures[0], first)
        # Only after the signature: nobody without the secret learns how the time is judged.
        late = None if self.timestamp is None else self.timestamp.judge(self.read_time(envelope), now)
        return _Finding("invalid" if late else "valid", late, match.signature, match.secret.fingerprint)

    def _find(
        self, envelope: Envelope, texts: Texts, body: bytes, secrets: Sequence[Secret], signatures: list[bytes]
    ) -> _Match | Detail | None:
        """Try every secret, also after a match: the time does not tell which one fits."""
        message = self.template.compose(envelope, texts, body)
        if isinstance(message, Detail):
            return message
        tries = [(secret, secret.find(message, signatures)) for secret in secrets]
        return next((_Match(secret, signature) for secret, signature in tries if signature is not None), None)

    def _explain(self, envelope: Envelope, texts: Texts, secrets: Sequence[Secret], signatures: list[bytes]) -> Detail:
        """Return why no signature fits."""
        if self.algorithm is not None and self.algorithm.kind == "token":
            return Detail.TOKEN_FITS_NO_SECRET
        lengths = {secret.length for secret in secrets}
        if None not in lengths and lengths.isdisjoint(len(signature) for signature in signatures):
            return Detail.OTHER_LENGTH
        body = envelope.request.body
        if self.template.covers("body") and len(body) <= LARGEST_EXPLAINED:
            for detail, original in _restore_originals(body):
                if isinstance(self._find(envelope, texts, original, secrets, signatures), _Match):
                    return detail
        return Detail.FITS_NO_SECRET


def _restore_originals(body: bytes) -> Iterator[tuple[Detail, bytes]]:
    """Yield the bodies that proxies and frameworks most often turn into this one, at most three."""
    if b"\n" in body:
        other = body.replace(b"\r\n", b"\n") if b"\r\n" in body else body.replace(b"\n", b"\r\n")
        yield Detail.OTHER_LINE_ENDS, other
    stripped = body.removesuffix(b"\n").removesuffix(b"\r")
    yield Detail.OTHER_LAST_LINE_END, stripped if body.endswith(b"\n") else body + b"\n"
    try:
        compact = orjson.dumps(orjson.loads(body))
    except (ValueError, TypeError):  # it is no JSON, or nested too deeply to be written
        return
    if compact != body:
        yield Detail.OTHER_JSON, compact


def describe_places(scheme: Scheme) -> dict[str, str]:
    """Return the places of `signature`, `timestamp`, `id` and the other signed `headers`, those that there are."""
    return {name: words for name, words in _list_places(scheme) if words}


def _list_places(scheme: Scheme) -> Iterator[tuple[str, str]]:
    if scheme.signatures is not None:
        yield "signature", " or ".join(map(_describe_place, scheme.signatures.places))
    if scheme.timestamp is not None:
        yield "timestamp", _describe_place(scheme.timestamp.place)
    if scheme.delivery_id is not None:
        yield "id", _describe_place(scheme.delivery_id)
    signed = [part.header for part in scheme.template.parts if isinstance(part, Field) and part.header]
    yield "headers", ", ".join(f"the header {name}" for name in dict.fromkeys(signed))


def _describe_place(place: Place) -> str:
    match place:
        case HeaderPlace(name):
            return f"the header {name}"
        case PairPlace(header, key):
            return f"{key}= in the header {header}"
        case BodyPlace(pointer):
            return f"/{'/'.join(pointer)} in the body"


class KeptRequest(NamedTuple):
    """What is kept of a request."""

    body: bytes
    signature: bytes
    delivery_id: str | None
    received_at: datetime


def describe_lack(scheme: Scheme) -> str | None:
    """Return what a scheme signs and nothing keeps; None if its signatures can be checked again."""
    if scheme.algorithm is None:
        return "nothing is signed"
    if scheme.algorithm.kind == "token":
        return "tokens are not kept"
    for part in scheme.template.parts:
        if isinstance(part, Field) and part.name not in _KEPT_FIELDS:
            return f"the signed {f'header {part.header}' if part.header else part.name} is not kept"
    if scheme.timestamp is not None and not _is_time_found(scheme.timestamp):
        return "the signed time is not kept"
    return None


def _is_time_found(timestamp: Timestamp) -> bool:
    if isinstance(timestamp.place, BodyPlace):
        return True
    return timestamp.unit == "s" and timestamp.tolerance <= MOST_TOLERANCE


def fits(scheme: Scheme, secret: Secret, kept: KeptRequest) -> bool:
    """Tell whether a secret made a kept signature, at a time that was accepted at the receipt.

    Call it only for schemes that lack nothing, see `describe_lack`. A time that stood in a header is not kept: then
    each second that would have been accepted is tried, so the verdict is that of the receipt.
    """
    headers = {}
    if isinstance(scheme.delivery_id, HeaderPlace) and kept.delivery_id is not None:
        headers[scheme.delivery_id.name.lower()] = kept.delivery_id
    envelope = Envelope(SignedRequest("POST", "", headers, kept.body))
    texts = scheme.read_texts(envelope)
    return any(
        _is_made_by(secret, scheme, envelope, texts._replace(timestamp=time), kept)
        for time in _list_times(scheme.timestamp, scheme.read_time(envelope), kept.received_at)
    )


def _is_made_by(secret: Secret, scheme: Scheme, envelope: Envelope, texts: Texts, kept: KeptRequest) -> bool:
    message = scheme.template.compose(envelope, texts, kept.body)
    return not isinstance(message, Detail) and secret.find(message, [kept.signature]) is not None


def _list_times(timestamp: Timestamp | None, said: str | None, received_at: datetime) -> Iterator[str | None]:
    """Yield the times that a request may have said, those nearest to its receipt first.

    Args:
        timestamp: where requests say it, and how.
        said: what this one says, where that is kept.
        received_at: the time of the receipt.
    """
    if timestamp is None:
        yield None
    elif isinstance(timestamp.place, BodyPlace):
        if timestamp.judge(said, received_at) is None:
            yield said
    else:
        now = int(received_at.timestamp())
        for distance in range(timestamp.tolerance + 2):
            for second in {now - distance, now + distance}:
                if timestamp.judge(str(second), received_at) is None:
                    yield str(second)
