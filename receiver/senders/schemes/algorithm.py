"""The way from a secret's text to the secret, for each type of signature."""

import hashlib
from dataclasses import dataclass
from functools import partial
from typing import Literal, cast

from cryptography.exceptions import UnsupportedAlgorithm
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
from receiver.senders.schemes.encodings import Encoding, decode
from receiver.senders.schemes.secret import Hash, HmacSecret, KeySecret, Pieces, Secret, TokenSecret

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
            return _make_ed25519(public, cast("Ed25519PrivateKey | None", private))
        if self.kind == "rsa" and isinstance(public, RSAPublicKey):
            return _make_rsa(self.hash_name, public, cast("RSAPrivateKey | None", private))
        if self.kind == "ecdsa-p256" and isinstance(public, EllipticCurvePublicKey):
            return _make_ecdsa(self.hash_name, public, cast("EllipticCurvePrivateKey | None", private))
        raise SecretError(f"The key is of another type than the profile says: it must be one of {self.kind}.")


def _make_ed25519(public: Ed25519PublicKey, private: Ed25519PrivateKey | None) -> Secret:
    """Return the secret of a key of Ed25519, which reads a message twice and so needs it in one piece."""
    return KeySecret(public, _ED25519_LENGTH, b"".join, public.verify, None if private is None else private.sign)


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
