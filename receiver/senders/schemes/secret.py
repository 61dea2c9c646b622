"""A sender's secret or public key: it finds the signature that it made, and hides itself in messages."""

import hashlib
import hmac
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

from receiver.errors import SecretError
from receiver.senders.keys import compute_fingerprint

Hash = Literal["sha1", "sha256", "sha512"]
Pieces = Sequence[bytes]
"""A signed message in pieces, since joining them would copy the body."""

_DOMAIN = b"clc-webhook-analytics secret\0"


class Secret(ABC):
    """A secret that two sides share, or a public key."""

    __slots__ = ("fingerprint", "length")

    def __init__(self, fingerprint: str, length: int | None) -> None:
        """Take the fingerprint, and the number of bytes of a signature if that is always the same."""
        self.fingerprint = fingerprint
        self.length = length

    def __repr__(self) -> str:
        """Return the fingerprint alone: a traceback or a log may show it."""
        return f"<{type(self).__name__} {self.fingerprint[:16]}>"

    @abstractmethod
    def find(self, message: Pieces, signatures: Sequence[bytes]) -> bytes | None:
        """Return the signature that this secret made of the message, if there is one."""

    @abstractmethod
    def sign(self, message: Pieces) -> bytes:
        """Return the signature of a message.

        Raises:
            SecretError: this is a public key, which only verifies.
        """


class HmacSecret(Secret):
    """The key of an HMAC."""

    __slots__ = ("_mac",)

    def __init__(self, key: bytes, hash_name: Hash) -> None:
        """Prepare the HMAC: each message continues a copy of it."""
        self._mac = hmac.new(key, digestmod=hash_name)
        super().__init__(_compute_fingerprint(key), self._mac.digest_size)

    def find(self, message: Pieces, signatures: Sequence[bytes]) -> bytes | None:
        """Compare the message's HMAC with each signature; the time does not depend on where they differ."""
        return _find_equal(self.sign(message), signatures)

    def sign(self, message: Pieces) -> bytes:
        """Return the HMAC of a message."""
        mac = self._mac.copy()
        for piece in message:
            mac.update(piece)
        return mac.digest()


class TokenSecret(Secret):
    """A token that a request carries instead of a signature."""

    __slots__ = ("_token",)

    def __init__(self, token: bytes) -> None:
        """Take the token."""
        self._token = token
        super().__init__(_compute_fingerprint(token), None)

    def find(self, message: Pieces, signatures: Sequence[bytes]) -> bytes | None:  # noqa: ARG002 - signs no message
        """Compare digests, because comparing tokens would tell their length by its time."""
        own = hashlib.sha256(self._token).digest()
        found = _find_equal(own, [hashlib.sha256(token).digest() for token in signatures])
        return None if found is None else self._token

    def sign(self, message: Pieces) -> bytes:  # noqa: ARG002 - a token signs no message
        """Return the token."""
        return self._token


class KeySecret(Secret):
    """A public key, perhaps with its private half."""

    __slots__ = ("_condense", "_sign", "_verify")

    def __init__(
        self,
        public: PublicKeyTypes,
        length: int | None,
        condense: Callable[[Pieces], bytes],
        verify: Callable[[bytes, bytes], None],
        sign: Callable[[bytes], bytes] | None,
    ) -> None:
        """Take the key.

        Args:
            public: the key.
            length: of its signatures in bytes, if that is always the same.
            condense: returns what is signed of a message: a digest, or all of it.
            verify: takes a signature and what was signed, and raises `InvalidSignature`.
            sign: returns the signature; None without the private half.
        """
        super().__init__(compute_fingerprint(public), length)
        self._condense, self._verify, self._sign = condense, verify, sign

    def find(self, message: Pieces, signatures: Sequence[bytes]) -> bytes | None:
        """Verify each signature; nothing here is secret, so the first match ends it."""
        signed = self._condense(message)
        return next((signature for signature in signatures if self._signs(signature, signed)), None)

    def _signs(self, signature: bytes, signed: bytes) -> bool:
        try:
            self._verify(signature, signed)
        except InvalidSignature:
            return False
        return True

    def sign(self, message: Pieces) -> bytes:
        """Return the signature of a message."""
        if self._sign is None:
            raise SecretError("A public key only verifies: load the private key in PEM form to sign with.")
        return self._sign(self._condense(message))


def _compute_fingerprint(key: bytes) -> str:
    return hashlib.sha256(_DOMAIN + key).hexdigest()


def _find_equal(own: bytes, others: Sequence[bytes]) -> bytes | None:
    """Compare all, also after a match: the time tells how many there are, and nothing else."""
    equal = [other for other in others if hmac.compare_digest(own, other)]
    return equal[0] if equal else None
