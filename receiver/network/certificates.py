"""Says what is wrong with a certificate and its key, for which OpenSSL has an error that names no file."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_pem_x509_certificate

_CERT, _KEY = "CLC_TLS_CERT", "CLC_TLS_KEY"


class _FaultError(Exception):
    """Raised when a file can't be used; the text is a sentence."""


def find_fault(cert: Path, key: Path) -> str | None:
    """Say in a sentence why a certificate and a key can't be used; None if no reason is found."""
    try:
        certificate = _read(_CERT, cert, load_pem_x509_certificate, "certificate")
        private = _read(_KEY, key, lambda content: load_pem_private_key(content, password=None), "private key")
    except _FaultError as fault:
        return str(fault)
    if certificate.public_key() != private.public_key():
        return f"{_KEY} ({key}) is not the key of the first certificate in {_CERT} ({cert}): they must belong together."
    return None


def _read(variable: str, path: Path, load: Callable[[bytes], Any], what: str) -> Any:
    try:
        return load(path.read_bytes())
    except OSError as error:
        raise _FaultError(f"{variable} ({path}) can't be read: {error.strerror or error}.") from None
    except TypeError:
        raise _FaultError(
            f"{variable} ({path}) has a password: `serve` can't ask for it, so name one without."
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        raise _FaultError(f"{variable} ({path}) holds no {what} in PEM that can be used.") from None
