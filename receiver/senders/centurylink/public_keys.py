"""The public keys under which notifications were received.

`CLC_DATA_DIR/keys` holds each as `<fingerprint>.pem`, so that a signature is checked under the key that judged it,
whatever key a later `serve` or a shell names.
"""

import logging
from collections.abc import Iterable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from receiver.errors import KeyFileError
from receiver.files import make_directory, write_whole
from receiver.senders.centurylink.signature import key_fingerprint, load_public_key, public_pem

_log = logging.getLogger(__name__)

Keys = dict[str, RSAPublicKey]
"""Public keys by their fingerprints."""


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
