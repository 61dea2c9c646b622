"""The simulator's own key: made when it is first needed, its public half beside it for the receiver."""

import logging
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from receiver.data_directory.incidents import set_aside
from receiver.errors import KeyFileError
from receiver.files import is_blank, make_directory, write_whole
from receiver.senders.keys import load_private_key, public_pem, write_private_key

_log = logging.getLogger(__name__)


def public_key_path(path: Path) -> Path:
    """Return the path of a private key file's public half."""
    return path.with_name(f"{path.name}.pub")


def load_or_make_key(path: Path) -> tuple[RSAPrivateKey, bool]:
    """Return the private key of a file, and whether it had to be made; its public half is written if it is missing.

    Raises:
        KeyFileError: a file can't be read or written, or holds something else.
    """
    try:
        make_directory(path.parent)
        _put_blank_aside(path)
        made = not path.exists()
        key = write_private_key(path) if made else load_private_key(path)
        public = public_key_path(path)
        if made or not public.exists() or is_blank(public.read_bytes()):
            write_whole(public, public_pem(key.public_key()))
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
