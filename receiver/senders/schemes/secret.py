"""Secrets and public keys of senders: read from their texts, they find the signatures that they made."""

import base64
import hashlib
import hmac
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal, cast

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, SHA512
from cryptography.hazmat.primitives.serialization import (
    load_der_public_key,
    load_pem_private_key,
    load_pem_public_key,
)

from receiver.errors import SecretError
from receiver.senders.keys import compute_fingerprint

Encoding = Literal["hex", "base64", "base64url"]

_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})+")
Hash = Literal["sha1", "sha256", "sha512"]
Pieces = Sequence[bytes]
"""A signed message in pieces, since joining them would copy the body."""

_DOMAIN = b"clc-webhook-analytics secret\0"
Kind = Literal["hmac", "ed25519", "rsa", "ecdsa-p256", "token"]
SecretForm = Literal["text", "base64", "hex", "whsec", "pem", "whpk"]

FEWEST_BYTES = 16
"""A shorter secret can be guessed."""
FEWEST_BITS = 2048
"""Signatures under a shorter RSA key can be forged."""

_PREFIXES = {"whsec": "whsec_", "whpk": "whpk_"}
_ED25519_BYTES = 32
_ED25519_LENGTH = 64
_PREHASHED: dict[Hash, Prehashed] = {
    "sha1": Prehashed(SHA1()),  # noqa: S303 - the sender's choice
    "sha256": Prehashed(SHA256()),
    "sha512": Prehashed(SHA512()),
}


def decode(text: str, encoding: Encoding) -> bytes | None:
    """Return the bytes of a text that encodes at least one byte; None for any other text.

    The padding of `base64url` may be missing.
    """
    if encoding == "hex":
        return bytes.fromhex(text) if _HEX.fullmatch(text) else None
    if encoding == "base64url":
        text = text.rstrip("=")
        text += "=" * (-len(text) % 4)
    try:
        decoded = base64.b64decode(text, b"-_" if encoding == "base64url" else None)
    except ValueError:
        return None
    # Python's decoder skips what it doesn't know; only the way back proves the text.
    return decoded if decoded and encode(decoded, encoding) == text else None


def encode(data: bytes, encoding: Encoding) -> str:
    """Return bytes as text."""
    if encoding == "hex":
        return data.hex()
    return (base64.urlsafe_b64encode(data) if encoding == "base64url" else base64.b64encode(data)).decode("ascii")


def encode_as_sent(text: str) -> bytes:
    """Return the bytes of a header's text, which HTTP servers decode as Latin-1; other text becomes UTF-8."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


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


@dataclass(frozen=True, slots=True)
class Algorithm:
    """How signatures are made: the type, the hash, and the form in which the secret is written."""

    kind: Kind
    hash_name: Hash
    form: SecretForm

    @property
    def is_shared(self) -> bool:
        """Tell whether both sides have the same secret."""
        return self.kind in {"hmac", "token"}

    def load(self, text: str) -> Secret:
        """Return the secret of a text, with which requests are checked.

        Raises:
            SecretError: the text is no secret of this form, or too weak a one.
        """
        text = text.strip()
        if self.is_shared:
            key = self._read_shared(text)
            return TokenSecret(key) if self.kind == "token" else HmacSecret(key, self.hash_name)
        return self._wrap(self._read_public(text), None)

    def load_signing(self, text: str) -> Secret:
        """Return the secret with which requests are signed: of public keys the private half, in PEM form.

        Raises:
            SecretError: as `load`.
        """
        if self.is_shared:
            return self.load(text)
        try:
            private = load_pem_private_key(_encode(text.strip()), password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise SecretError("The text is no private key in PEM form without a password.") from None
        return self._wrap(private.public_key(), private)

    def _read_shared(self, text: str) -> bytes:
        key = _encode(text) if self.form == "text" else self._decode(text)
        if len(key) < FEWEST_BYTES:
            raise SecretError(
                f"The secret has {len(key)} bytes and could be guessed: use one of at least {FEWEST_BYTES} bytes."
            )
        return key

    def _decode(self, text: str) -> bytes:
        """Return the bytes of a text in base64 or hexadecimal; base64 may lack its padding."""
        encoding: Encoding = "hex" if self.form == "hex" else "base64"
        text = text.removeprefix(_PREFIXES.get(self.form, ""))
        if encoding == "base64":
            text += "=" * (-len(text) % 4)
        decoded = decode(text, encoding)
        if decoded is None:
            name = "hexadecimal" if encoding == "hex" else "base64"
            raise SecretError(f"The secret is not {name}: copy it again, whole, as the sender shows it.")
        return decoded

    def _read_public(self, text: str) -> PublicKeyTypes:
        if "PRIVATE KEY-----" in text:
            raise SecretError("The text is a private key, and signatures are verified with the public one: use that.")
        try:
            if self.form == "pem":
                return load_pem_public_key(_encode(text))
            key = self._decode(text)
            if self.kind == "ed25519" and len(key) == _ED25519_BYTES:
                return Ed25519PublicKey.from_public_bytes(key)
            return load_der_public_key(key)
        except (ValueError, UnsupportedAlgorithm):
            form = "in PEM form: it begins with `-----BEGIN PUBLIC KEY-----`" if self.form == "pem" else "in DER form"
            raise SecretError(f"The text is no public key {form}.") from None

    def _wrap(self, public: PublicKeyTypes, private: PrivateKeyTypes | None) -> Secret:
        """Return the secret of a key and its private half, which are of one type; any other type is refused."""
        if self.kind == "ed25519" and isinstance(public, Ed25519PublicKey):
            own = cast("Ed25519PrivateKey | None", private)  # it reads a message twice, and so needs it in one piece
            return KeySecret(public, _ED25519_LENGTH, b"".join, public.verify, None if own is None else own.sign)
        if self.kind == "rsa" and isinstance(public, RSAPublicKey):
            return _make_rsa(self.hash_name, public, cast("RSAPrivateKey | None", private))
        if self.kind == "ecdsa-p256" and isinstance(public, EllipticCurvePublicKey):
            return _make_ecdsa(self.hash_name, public, cast("EllipticCurvePrivateKey | None", private))
        raise SecretError(f"The key is of another type than the profile says: it must be one of {self.kind}.")


def _make_rsa(hash_name: Hash, public: RSAPublicKey, private: RSAPrivateKey | None) -> Secret:
    if public.key_size < FEWEST_BITS:
        raise SecretError(
            f"The RSA key has {public.key_size} bits, under which signatures can be forged: "
            f"use one of at least {FEWEST_BITS:,} bits."
        )
    padding, hashed = PKCS1v15(), _PREHASHED[hash_name]
    return KeySecret(
        public,
        (public.key_size + 7) // 8,
        partial(_compute_digest, hash_name),
        partial(public.verify, padding=padding, algorithm=hashed),
        None if private is None else partial(private.sign, padding=padding, algorithm=hashed),
    )


def _make_ecdsa(hash_name: Hash, public: EllipticCurvePublicKey, private: EllipticCurvePrivateKey | None) -> Secret:
    """Return the secret of a key of P-256; its signatures are in DER form, whose length varies."""
    if not isinstance(public.curve, SECP256R1):
        raise SecretError(f"The key is of the curve {public.curve.name}: it must be one of P-256.")
    way = ECDSA(_PREHASHED[hash_name])
    return KeySecret(
        public,
        None,
        partial(_compute_digest, hash_name),
        partial(public.verify, signature_algorithm=way),
        None if private is None else partial(private.sign, signature_algorithm=way),
    )


def _compute_digest(hash_name: Hash, message: Pieces) -> bytes:
    digest = hashlib.new(hash_name)
    for piece in message:
        digest.update(piece)
    return digest.digest()


def _encode(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise SecretError("The secret has characters that are no text: copy it again.") from None
