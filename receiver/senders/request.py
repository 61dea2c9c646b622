"""A request as far as a signature can cover it, and what its verification says."""

from collections.abc import Mapping
from typing import NamedTuple

from receiver.notification import Proof, SignatureStatus

__all__ = ["Proof", "SignedRequest", "Verdict"]


class SignedRequest(NamedTuple):
    """A posted request.

    `url` is the public URL to which the sender posted, for schemes that sign it; `headers` has names in lower case.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes


class Verdict(NamedTuple):
    """The result of verifying a request.

    Args:
        status: of the signature.
        detail: a short reason in plain English where the status is not `valid`, such as `stale timestamp`; else None.
        signature: its bytes, if it could be read.
        key_fingerprint: of the secret or key that matched, or of the first one where none did.
        delivery_id: the sender's own id of the delivery, if it has one.
        is_id_signed: whether the signature covers that id.
    """

    status: SignatureStatus
    detail: str | None
    signature: bytes | None
    key_fingerprint: str | None
    delivery_id: str | None
    is_id_signed: bool
