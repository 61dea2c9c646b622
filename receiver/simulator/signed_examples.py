"""The examples of a sender's profile, signed as if they were sent now: what tries a profile out."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import NamedTuple
from urllib.parse import quote
from uuid import uuid4

from receiver.senders.profile import Example, Profile
from receiver.senders.request import SignedRequest
from receiver.senders.schemes import Secret


class SignedExample(NamedTuple):
    """A request to post; `subject` names its example."""

    subject: str
    path: str
    headers: Mapping[str, str]
    body: bytes


def sign_examples(profile: Profile, secret: Secret | None, base_url: str, now: datetime) -> Iterator[SignedExample]:
    """Yield the profile's examples that must be accepted, signed anew.

    Args:
        profile: of the sender.
        secret: signs; None where the sender signs nothing.
        base_url: the receiver's, for senders that sign the URL.
        now: the time of signing.
    """
    for example in profile.examples:
        if example.row is not None:
            yield _sign(profile, example, secret, base_url, now)


def _sign(profile: Profile, example: Example, secret: Secret | None, base_url: str, now: datetime) -> SignedExample:
    path = f"/senders/{profile.name}" + (f"/{quote(example.event)}" if example.event else "")
    body = example.file.read_bytes()
    headers = dict(example.headers)
    if secret is not None:
        request = SignedRequest("POST", base_url + path, headers, body)
        signed = profile.scheme.sign(request, secret, now, str(uuid4()))
        headers |= {name.lower(): text for name, text in signed.items()}
    return SignedExample(example.file.name, path, headers, body)
