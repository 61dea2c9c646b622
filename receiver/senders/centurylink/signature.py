"""Signatures of notifications: RSASSA-PKCS1-v1_5 with SHA-1 over the raw body, in the header `Tier3-RsaSha1`."""

import binascii
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA1

from receiver.notification import SignatureStatus
from receiver.senders import keys
from receiver.senders.keys import PrivateKey, PublicKey

SIGNATURE_HEADER = "Tier3-RsaSha1"

_IN_LOWER_CASE = SIGNATURE_HEADER.lower()
_PADDING = PKCS1v15()
_HASH = SHA1()  # noqa: S303 - the sender's choice, and the wire contract


def load_public_key(path: Path | None) -> PublicKey:
    """Return the RSA public key of a PEM file, or for None the one that the platform published.

    Raises:
        KeyFileError: the file can't be read, holds something else, or a key of fewer than 2,048 bits.
    """
    if path is None:
        pem = files(__package__).joinpath("keys", "platform.pem").read_bytes()
        return keys.parse_public_key(pem, "the platform's key")
    return keys.load_public_key(path)


def sign(key: PrivateKey, body: bytes) -> str:
    """Return the signature header's value for a body: base64 on one line."""
    return binascii.b2a_base64(key.sign(body, _PADDING, _HASH), newline=False).decode("ascii")


def check_signature(key: PublicKey, headers: Mapping[str, str], body: bytes) -> tuple[SignatureStatus, bytes | None]:
    """Return the status of the signature header for a body, and the signature itself if it is base64.

    `headers` has names in lower case.
    """
    header = headers.get(_IN_LOWER_CASE)
    text = "" if header is None else header.strip(" \t\r\n")
    if not text:
        return "missing", None
    signature = _decode_base64(text)
    if signature is None:
        return "invalid", None
    return ("valid" if signs(key, signature, body) else "invalid"), signature


def signs(key: PublicKey, signature: bytes, body: bytes) -> bool:
    """Tell whether a signature signs a body under a key."""
    if len(signature) != (key.key_size + 7) // 8:
        return False  # the body need not be hashed to tell
    try:
        key.verify(signature, body, _PADDING, _HASH)
    except InvalidSignature:
        return False
    return True


def _decode_base64(text: str) -> bytes | None:
    """Return the bytes that standard base64 encodes as exactly this text."""
    try:
        decoded = binascii.a2b_base64(text)
    except ValueError:
        return None
    # Python's decoder skips what it doesn't know; only the way back proves the text.
    return decoded if binascii.b2a_base64(decoded, newline=False) == text.encode("ascii", "replace") else None
