"""Public and private keys in PEM files: the sender's, those of earlier notifications, and the simulator's own."""

import hashlib
import logging
from collections.abc import Iterable
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey, generate_private_key
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from receiver.data_directory.incidents import set_aside
from receiver.errors import KeyFileError
from receiver.files import is_blank, make_directory, write_new, write_whole

PublicKey = RSAPublicKey
PrivateKey = RSAPrivateKey
Keys = dict[str, PublicKey]
"""Public keys by their fingerprints."""

_FEWEST_BITS = 2048
_PRIVATE_KEY_MARK = b"PRIVATE KEY-----"

_log = logging.getLogger(__name__)


def load_public_key(path: Path) -> PublicKey:
    """Return the RSA public key of a PEM file.

    Raises:
        KeyFileError: the file can't be read, holds something else, or a key of fewer than 2,048 bits.
    """
    return parse_public_key(_read(path), str(path))


def parse_public_key(pem: bytes, name: str) -> PublicKey:
    """Return the RSA public key of a PEM file's bytes; `name` is the file's name in `KeyFileError`."""
    if _PRIVATE_KEY_MARK in pem:
        raise KeyFileError(
            f"The key file {name} holds a private key, and signatures are verified with the public one: "
            f"extract it with `openssl pkey -in {name} -pubout` and name that file."
        )
    key: object
    try:
        key = load_pem_public_key(pem)
    except ValueError:
        raise KeyFileError(
            f"The key file {name} holds no public key in PEM form: name a file that begins with "
            "`-----BEGIN PUBLIC KEY-----`."
        ) from None
    except UnsupportedAlgorithm:
        key = None
    if not isinstance(key, RSAPublicKey):
        raise KeyFileError(f"The key file {name} holds a public key that is not RSA: name the file of an RSA key.")
    if key.key_size < _FEWEST_BITS:
        raise KeyFileError(
            f"The key file {name} holds an RSA key of {key.key_size} bits, under which signatures can be forged: "
            f"name the file of a key of at least {_FEWEST_BITS:,} bits."
        )
    return key


def load_private_key(path: Path) -> PrivateKey:
    """Return the RSA private key of an unencrypted PEM file.

    Raises:
        KeyFileError: the file can't be read, or holds something else.
    """
    key: object
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
    except UnsupportedAlgorithm:
        key = None
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


def write_private_key(path: Path) -> PrivateKey:
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


def write_public_pem(key: PublicKey) -> bytes:
    """Return a public key as the text of a PEM file."""
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def compute_fingerprint(key: PublicKeyTypes) -> str:
    """Return the SHA-256 of a key's SubjectPublicKeyInfo, in hexadecimal; the key may be of any type."""
    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def index_by_fingerprint(keys: Iterable[PublicKey]) -> Keys:
    """Return keys by their fingerprints."""
    return {compute_fingerprint(key): key for key in keys}


def remember_key(data_dir: Path, key: PublicKey) -> Path | None:
    """Save a key before notifications are received under it, and return its file; if the disk is full, log that."""
    fingerprint = compute_fingerprint(key)
    path = data_dir / "keys" / f"{fingerprint}.pem"
    if fingerprint in load_remembered_keys(data_dir):
        return path
    try:
        make_directory(path.parent)
        write_whole(path, write_public_pem(key))
    except OSError as error:
        _log.error("the public key could not be kept as %s: %s; `clc-receiver verify` needs it", path, error)
        return None
    return path


def list_remembered_files(data_dir: Path) -> dict[str, Path]:
    """Return the files of saved keys by their names, which are the keys' fingerprints unless a file was altered."""
    return {path.stem: path for path in sorted((data_dir / "keys").glob("*.pem"))}


def load_remembered_keys(data_dir: Path) -> Keys:
    """Return the saved keys; a file whose name is not its key's fingerprint is ignored."""
    keys: Keys = {}
    for name, path in list_remembered_files(data_dir).items():
        try:
            key = load_public_key(path)
        except KeyFileError:
            continue
        if compute_fingerprint(key) == name:
            keys[name] = key
    return keys


def find_public_key_path(path: Path) -> Path:
    """Return the path of a private key file's public half."""
    return path.with_name(f"{path.name}.pub")


def load_or_make_key(path: Path) -> tuple[PrivateKey, bool]:
    """Return the simulator's private key, and whether it had to be made; its public half is written if it is missing.

    Raises:
        KeyFileError: a file can't be read or written, or holds something else.
    """
    try:
        make_directory(path.parent)
        _put_blank_aside(path)
        made = not path.exists()
        key = write_private_key(path) if made else load_private_key(path)
        public = find_public_key_path(path)
        if made or not public.exists() or is_blank(public.read_bytes()):
            write_whole(public, write_public_pem(key.public_key()))
    except OSError as error:
        raise KeyFileError(
            f"The key file {path} can't be made ({error.strerror}): name one in a directory that can be written."
        ) from error
    return key, made


def _put_blank_aside(path: Path) -> None:
    """Move an empty key file aside, as a power cut leaves it; any other file may be somebody's key."""
    if path.is_file() and is_blank(path.read_bytes()):
        moved_to = set_aside([path], path.parent)
        _log.warning("the key file %s is empty: it is kept in %s, and another key is made", path, moved_to)
