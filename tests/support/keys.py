"""A key pair for tests, made once a run, and certificates of other keys."""

import atexit
import shutil
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

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


def make_certificate(key: EllipticCurvePrivateKey, age: timedelta = timedelta()) -> bytes:
    """Return a certificate in PEM that its own key has signed, valid for a day."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "receiver.example")])
    begin = datetime.now(UTC) - age
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, begin, begin + timedelta(days=1))
    return made.sign(key, SHA256()).public_bytes(Encoding.PEM)


def write_key(key: EllipticCurvePrivateKey) -> bytes:
    """Return a private key in PEM."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
