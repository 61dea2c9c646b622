"""Signatures checked again after receipt: of a request its body, its signature and the delivery's id are kept."""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from receiver.senders.request import Detail, SignedRequest
from receiver.senders.schemes.places import BodyPlace, Envelope, HeaderPlace
from receiver.senders.schemes.scheme import Scheme
from receiver.senders.schemes.secret import Secret
from receiver.senders.schemes.template import Field, Texts
from receiver.senders.schemes.timestamp import Timestamp

MOST_TOLERANCE = 3600
"""Of a time that is not kept, each second so near the receipt may be the one that was signed."""
_KEPT_FIELDS = {"body", "timestamp", "id", "method"}


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
