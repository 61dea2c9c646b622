"""Signatures of notifications and their keys: RSASSA-PKCS1-v1_5 with SHA-1 over the raw body, in `Tier3-RsaSha1`."""

import binascii
import hashlib
import logging
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from receiver.errors import KeyFileError
from receiver.files import make_directory, write_new, write_whole
from receiver.notification import SignatureStatus

_log = logging.getLogger(__name__)

Keys = dict[str, RSAPublicKey]
"""Public keys by their fingerprints."""
SIGNATURE_HEADER = "Tier3-RsaSha1"

_PADDING = PKCS1v15()
_HASH = SHA1()  # noqa: S303 - the sender's choice, and the wire contract
_FEWEST_BITS = 2048
_PRIVATE_KEY_MARK = b"PRIVATE KEY-----"


def load_public_key(path: Path | None) -> RSAPublicKey:
    """Return the RSA public key of a PEM file, or for None the one that the platform published.

    Raises:
        KeyFileError: the file can't be read, holds something else, or a key of fewer than 2,048 bits.
    """
    if path is None:
        return _public_key_of(files(__package__).joinpath("keys", "platform.pem").read_bytes(), "the platform's key")
    return _public_key_of(_read(path), str(path))


def _public_key_of(pem: bytes, name: str) -> RSAPublicKey:
    if _PRIVATE_KEY_MARK in pem:
        raise KeyFileError(
            f"The key file {name} holds a private key, and signatures are verified with the public one: "
            f"extract it with `openssl pkey -in {name} -pubout` and name that file."
        )
    try:
        key = load_pem_public_key(pem)
    except ValueError:
        raise KeyFileError(
            f"The key file {name} holds no public key in PEM form: name a file that begins with "
            "`-----BEGIN PUBLIC KEY-----`."
        ) from None
    if not isinstance(key, RSAPublicKey):
        raise KeyFileError(f"The key file {name} holds a public key that is not RSA: name the file of an RSA key.")
    if key.key_size < _FEWEST_BITS:
        raise KeyFileError(
            f"The key file {name} holds an RSA key of {key.key_size} bits, under which signatures can be forged: "
            f"name the file of a key of at least {_FEWEST_BITS:,} bits."
        )
    return key


def load_private_key(path: Path) -> RSAPrivateKey:
    """Return the RSA private key of an unencrypted PEM file.

    Raises:
        KeyFileError: the file can't be read, or holds something else.
    """
    try:
        key = load_pem_private_key(_read(path), password=None)
    except TypeError:
        raise KeyFileError(
            f"The key file {path} is protected by a password: "
            f"write it without one with `openssl pkey -in {path} -out FILE` and name that file."
        ) from None
    except ValueError:
        raise KeyFileError(
            f"The key file {path} holds no private key in PEM form: make one with `openssl genrsa -out FILE 2048`."
        ) from None
    if not isinstance(key, RSAPrivateKey):
        raise KeyFileError(f"The key file {path} holds a private key that is not RSA: name the file of an RSA key.")
    return key


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise KeyFileError(
            f"The key file {path} can't be read ({error.strerror}): name one that exists and may be read."
        ) from error


def write_private_key(path: Path) -> RSAPrivateKey:
    """Make a fresh 2048-bit key, write it as a PEM file that only its owner may read, and return it.

    Raises:
        KeyFileError: the file exists already or can't be written.
    """
    key = generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    try:
        write_new(path, pem)
    except OSError as error:
        raise KeyFileError(
            f"The key file {path} can't be written ({error.strerror}): name a new file in a directory that can be."
        ) from error
    return key


def public_pem(key: RSAPublicKey) -> bytes:
    """Return a public key as the text of a PEM file."""
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def key_fingerprint(key: RSAPublicKey) -> str:
    """Return the SHA-256 of a key's SubjectPublicKeyInfo, in hexadecimal."""
    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def sign(key: RSAPrivateKey, body: bytes) -> str:
    """Return the signature header's value for a body: base64 on one line."""
    return binascii.b2a_base64(key.sign(body, _PADDING, _HASH), newline=False).decode("ascii")


def check_signature(key: RSAPublicKey, header: str | None, body: bytes) -> tuple[SignatureStatus, bytes | None]:
    """Return what the signature header says of a body, and the signature itself where it is base64."""
    text = "" if header is None else header.strip(" \t\r\n")
    if not text:
        return "missing", None
    signature = _decode_base64(text)
    if signature is None:
        return "invalid", None
    return ("valid" if signs(key, signature, body) else "invalid"), signature


def signs(key: RSAPublicKey, signature: bytes, body: bytes) -> bool:
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


def by_fingerprint(keys: Iterable[RSAPublicKey]) -> Keys:
    """Return keys by their fingerprints."""
    return {key_fingerprint(key): key for key in keys}


def remember_key(data_dir: Path, key: RSAPublicKey) -> None:
    """Keep a key before a notification is received under it; a full disk keeps none, and no notification out."""
    path = data_dir / "keys" / f"{key_fingerprint(key)}.pem"
    if path.exists():
        return
    try:
        make_directory(path.parent)
        write_whole(path, public_pem(key))
    except OSError as error:
        _log.error("the public key could not be kept as %s: %s; `clc-receiver verify` needs it", path, error)


def remembered_keys(data_dir: Path) -> Keys:
    """Return the keys that were kept; a file that holds another key than its name says counts as none."""
    keys: Keys = {}
    for path in sorted((data_dir / "keys").glob("*.pem")):
        try:
            key = load_public_key(path)
        except KeyFileError:
            continue
        if key_fingerprint(key) == path.stem:
            keys[path.stem] = key
    return keys
