"""A key pair for tests, made once a run."""

import atexit
import shutil
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from receiver.senders.centurylink.signature import sign
from receiver.senders.keys import write_private_key, write_public_pem


@cache
def key_directory() -> Path:
    """Hold `private.pem` and `public.pem`."""
    directory = Path(mkdtemp(prefix="clc-keys-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    (directory / "public.pem").write_bytes(write_public_pem(_private_key(directory).public_key()))
    return directory


@cache
def _private_key(directory: Path) -> RSAPrivateKey:
    return write_private_key(directory / "private.pem")


def signed(body: bytes) -> dict[str, str]:
    """Make the headers of a notification as the sender would."""
    signature = sign(_private_key(key_directory()), body)
    return {"Content-Type": "application/json; charset=utf-8", "Tier3-RsaSha1": signature}


def in_lower_case(headers: dict[str, str]) -> dict[str, str]:
    """Name headers as those who decide on notifications look for them."""
    return {name.lower(): value for name, value in headers.items()}
