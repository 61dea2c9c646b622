"""TLS: the certificate and the key of the listeners, and how long a certificate is valid."""

import ssl
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_pem_x509_certificate

from receiver.errors import SettingsError
from receiver.settings import Settings

_CERT, _KEY = "CLC_TLS_CERT", "CLC_TLS_KEY"
_SOON = timedelta(days=14)
_LAST_PART = 5
"""A certificate ends soon in the last fifth of its time, too: some are valid for six days."""


class Validity(NamedTuple):
    """The begin and the end of the time in which a certificate is valid."""

    begins: datetime
    ends: datetime

    def is_valid(self, now: datetime) -> bool:
        """Tell whether a sender trusts the certificate now."""
        return self.begins <= now <= self.ends

    def find_trouble(self, now: datetime) -> str | None:
        """Say that the certificate is not valid, or not for long; None if all is well."""
        end = f"{self.ends:%Y-%m-%d %H:%M} UTC"
        if now < self.begins:
            return f"begins on {self.begins:%Y-%m-%d %H:%M} UTC: is the clock of this machine right?"
        if now > self.ends:
            return f"ended on {end}, so no sender trusts it: renew it, then run `clc-receiver upgrade`."
        if self.ends - now < min(_SOON, (self.ends - self.begins) / _LAST_PART):
            return f"ends on {end}: renew it, then run `clc-receiver upgrade`."
        return None


def read_validity(cert: Path) -> Validity | None:
    """Read how long a certificate is valid; None if it has a form that OpenSSL alone reads, or can't be read."""
    try:
        certificate = load_pem_x509_certificate(cert.read_bytes())
    except (OSError, ValueError):
        return None
    return Validity(certificate.not_valid_before_utc, certificate.not_valid_after_utc)


def make_tls_context(settings: Settings) -> ssl.SSLContext | None:
    """Make a server's TLS context from the settings; None where they name no certificate.

    Raises:
        SettingsError: certificate or key can't be read, or don't fit each other.
    """
    if settings.tls_cert is None or settings.tls_key is None:
        return None
    return _load(settings.tls_cert, settings.tls_key)


def find_tls_trouble(cert: Path, key: Path) -> str | None:
    """Say in a sentence why a certificate and a key can't be used; None if they can."""
    try:
        _load(cert, key)
    except SettingsError as error:
        return str(error)
    return None


def _load(cert: Path, key: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(cert, key, password="")  # without one, OpenSSL asks at a terminal, and waits
    except (OSError, ssl.SSLError) as error:
        _check_files(cert, key)
        raise SettingsError(f"{cert} and {key} can't be used for TLS: {error}.") from None
    return context


def _check_files(cert: Path, key: Path) -> None:
    """Check a certificate and a key that can't be used: OpenSSL's error names no file.

    Raises:
        SettingsError: a reason is found.
    """
    certified = _read_pem(_CERT, cert, lambda pem: load_pem_x509_certificate(pem).public_key(), "certificate")
    private = _read_pem(_KEY, key, lambda pem: load_pem_private_key(pem, password=None), "private key")
    if certified != private.public_key():
        raise SettingsError(
            f"{_KEY} ({key}) is not the key of the first certificate in {_CERT} ({cert}): they must belong together."
        )


def _read_pem(variable: str, path: Path, load: Callable[[bytes], Any], what: str) -> Any:
    try:
        return load(path.read_bytes())
    except OSError as error:
        raise SettingsError(f"{variable} ({path}) can't be read: {error.strerror or error}.") from None
    except TypeError:
        raise SettingsError(
            f"{variable} ({path}) has a password: `serve` can't ask for it, so name one without."
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        raise SettingsError(f"{variable} ({path}) holds no {what} in PEM that can be used.") from None
