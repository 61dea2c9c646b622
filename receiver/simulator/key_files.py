"""The simulator's own key: made when it is first needed, its public half beside it for the receiver."""

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from receiver.errors import KeyFileError
from receiver.signature import load_private_key, public_pem, write_private_key


def public_key_path(path: Path) -> Path:
    """Return where the public half of a private key file lies."""
    return path.with_name(f"{path.name}.pub")


def key_at(path: Path) -> tuple[RSAPrivateKey, bool]:
    """Return the private key of a file, and whether it had to be made; its public half is written where missing.

    Raises:
        KeyFileError: a file can't be read or written, or holds something else.
    """
    made = not path.exists()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        key = write_private_key(path) if made else load_private_key(path)
        public = public_key_path(path)
        if made or not public.exists():
            public.write_bytes(public_pem(key.public_key()))
    except OSError as error:
        raise KeyFileError(
            f"The key file {path} can't be made ({error.strerror}): name one in a directory that can be written."
        ) from error
    return key, made
