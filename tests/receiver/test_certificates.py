"""A certificate and a key that can't be used are named, with the reason."""

import ssl

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from receiver.errors import SettingsError
from receiver.network.tls import make_tls_context
from receiver.settings import Settings
from tests.support.keys import key_directory, make_certificate, write_key


def of_another_kind(cert):
    """Change the kind of a certificate's key to one that nobody knows."""
    kind, unknown = (bytes.fromhex(f"06072a8648ce3d02{last}") for last in ("01", "7f"))
    return ssl.DER_cert_to_PEM_cert(ssl.PEM_cert_to_DER_cert(cert.decode()).replace(kind, unknown)).encode()


@pytest.fixture
def load(tmp_path):
    def load(cert, key):
        for name, content in (("cert.pem", cert), ("key.pem", key)):
            if content is not None:
                (tmp_path / name).write_bytes(content)
        return make_tls_context(
            Settings(
                data_dir=tmp_path,
                public_key=key_directory() / "public.pem",
                tls_cert=tmp_path / "cert.pem",
                tls_key=tmp_path / "key.pem",
            )
        )

    return load


ONE, OTHER = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))


def test_a_certificate_with_its_key_is_used(load):
    assert load(make_certificate(ONE), write_key(ONE)) is not None


@pytest.mark.parametrize(
    ("cert", "key", "said"),
    [
        (make_certificate(ONE), write_key(OTHER), "is not the key of the first certificate in CLC_TLS_CERT ("),
        (write_key(ONE), write_key(ONE), "cert.pem) holds no certificate in PEM that can be used."),
        (of_another_kind(make_certificate(ONE)), write_key(ONE), "cert.pem) holds no certificate in PEM that can be"),
        (make_certificate(ONE), make_certificate(ONE), "key.pem) holds no private key in PEM that can be used."),
        (make_certificate(ONE), None, "key.pem) can't be read: No such file or directory."),
    ],
)
def test_what_can_not_be_used_is_named_with_the_reason(load, cert, key, said):
    with pytest.raises(SettingsError) as refused:
        load(cert, key)
    assert said in str(refused.value)


def test_a_key_with_a_password_is_refused_and_nobody_is_asked_for_it(load, capfd):
    encrypted = ONE.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
    with pytest.raises(SettingsError, match="has a password: `serve` can't ask for it, so name one without"):
        load(make_certificate(ONE), encrypted)
    assert capfd.readouterr().err == ""
