"""Secrets: how their text becomes a key, and that nothing shows them."""

import base64
import hashlib
import pickle
import traceback

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_public_key,
)

from receiver.errors import SecretError
from receiver.senders.keys import compute_fingerprint
from tests.receiver.senders.schemes.rivals import RIVALS, read_scheme, scheme_of

KEY = bytes(range(16))


def public_pem(private):
    return private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def private_pem(private, encryption=None):
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption()).decode()


def scheme(kind, form=None):
    return read_scheme({"type": kind, "header": "X-S"} | ({"secret": form} if form else {}))


def test_texts_of_each_form_become_the_same_key():
    texts = {
        "text": KEY.decode(),
        "hex": KEY.hex().upper(),
        "base64": base64.b64encode(KEY).decode(),
        "whsec": "whsec_" + base64.b64encode(KEY).decode(),
    }
    loaded = {form: scheme("hmac", form).load_secret(text) for form, text in texts.items()}
    loaded["without padding"] = scheme("hmac", "base64").load_secret(texts["base64"].rstrip("="))
    loaded["without its prefix"] = scheme("hmac", "whsec").load_secret(texts["base64"])
    loaded["with a line end"] = scheme("hmac", "hex").load_secret(f" {KEY.hex()}\r\n")
    assert len({secret.fingerprint for secret in loaded.values()}) == 1
    assert {secret.sign([b"a", b"b"]) for secret in loaded.values()} == {loaded["hex"].sign([b"ab"])}


def test_a_fingerprint_is_no_plain_hash_of_the_secret():
    secret = scheme("hmac", "hex").load_secret(KEY.hex())
    assert len(secret.fingerprint) == 64
    assert secret.fingerprint not in {hashlib.sha256(KEY).hexdigest(), hashlib.sha256(KEY.hex().encode()).hexdigest()}
    assert secret.fingerprint != scheme("hmac", "hex").load_secret("00" * 16).fingerprint


def test_the_fingerprint_of_a_public_key_is_that_of_all_other_keys():
    rsa_text = next(rival.secrets[0] for rival in RIVALS if rival.scheme == "rsa")
    assert scheme("rsa").load_secret(rsa_text).fingerprint == compute_fingerprint(
        load_pem_public_key(rsa_text.encode())
    )
    for kind, private in (
        ("ed25519", ed25519.Ed25519PrivateKey.generate()),
        ("ecdsa-p256", ec.generate_private_key(ec.SECP256R1())),
    ):
        der = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        expected = hashlib.sha256(der).hexdigest()
        assert scheme(kind).load_secret(public_pem(private)).fingerprint == expected
        assert scheme(kind, "base64").load_secret(base64.b64encode(der).decode()).fingerprint == expected
        assert scheme(kind).load_signing_secret(private_pem(private)).fingerprint == expected


REFUSED = [
    ("hmac", "text", "short secret 15", "The secret has 15 bytes and could be guessed: use one of at least 16 bytes."),
    ("hmac", "text", "", "The secret has 0 bytes"),
    ("hmac", "text", "\ud800 in a long enough secret", "The secret has characters that are no text"),
    ("hmac", "hex", "00112233445566778899aabbccddeeffg0", "The secret is not hexadecimal"),
    ("hmac", "hex", "00112233445566778899aabbccddeeff0", "The secret is not hexadecimal"),
    ("hmac", "base64", "AAECAwQFBgcICQoLDA0O!!", "The secret is not base64"),
    ("hmac", "base64", "AAECAwQFBgcICQoLDA0O", "The secret has 15 bytes"),
    ("hmac", "whsec", "whsec_schlüssel-und-noch-mehr", "The secret is not base64"),
    ("token", None, "fifteen letters", "The secret has 15 bytes"),
    ("ed25519", None, "no key at all, but long", "The text is no public key in PEM form"),
    ("ed25519", "hex", "00" * 31, "The text is no public key in DER form"),
    ("ed25519", "whpk", "whpk_AAAA", "The text is no public key in DER form"),
    ("rsa", "base64", "AAECAwQFBgcICQoLDA0ODw==", "The text is no public key in DER form"),
]


def test_a_text_that_is_no_secret_is_refused_in_one_line_without_it():
    for kind, form, text, message in REFUSED:
        with pytest.raises(SecretError) as caught:
            scheme(kind, form).load_secret(text)
        whole = "".join(traceback.format_exception(caught.value)).replace("whpk_", "")
        assert str(caught.value).startswith(message), text
        assert "\n" not in str(caught.value)
        assert not text or text not in whole
        assert caught.value.__context__ is None or caught.value.__suppress_context__


def test_keys_that_do_not_fit_the_scheme_are_refused():
    weak = rsa.generate_private_key(65537, 1024)
    strong = ed25519.Ed25519PrivateKey.generate()
    other_curve = ec.generate_private_key(ec.SECP384R1())
    for kind, text, message in (
        ("rsa", public_pem(weak), "The RSA key has 1024 bits"),
        ("rsa", public_pem(strong), "The key is of another type than the profile says: it must be one of rsa"),
        ("ed25519", private_pem(strong), "The text is a private key, and signatures are verified with the public one"),
        ("ed25519", public_pem(weak), "The key is of another type than the profile says: it must be one of ed25519"),
        ("ecdsa-p256", public_pem(strong), "The key is of another type than the profile says"),
        ("ecdsa-p256", public_pem(other_curve), "The key is of the curve secp384r1: it must be one of P-256."),
    ):
        with pytest.raises(SecretError, match=message):
            scheme(kind).load_secret(text)
    for text in (public_pem(strong), private_pem(strong, BestAvailableEncryption(b"pw")), "nothing"):
        with pytest.raises(SecretError, match="no private key in PEM form without a password"):
            scheme("ed25519").load_signing_secret(text)


def test_a_secret_hides_itself():
    text = "a secret that nobody sees"
    for secret in (scheme("hmac").load_secret(text), scheme("token").load_secret(text)):
        for shown in (repr(secret), str(secret), f"{secret}", f"{[secret]}"):
            assert text not in shown
            assert secret.fingerprint[:16] in shown
        assert not hasattr(secret, "__dict__")
    with pytest.raises(TypeError):
        pickle.dumps(scheme("hmac").load_secret(text))


def test_a_public_key_signs_nothing_and_a_sender_without_signatures_has_no_secret():
    rival = next(rival for rival in RIVALS if rival.scheme == "discord")
    with pytest.raises(SecretError, match="A public key only verifies"):
        scheme_of("discord").load_secret(rival.secrets[0]).sign([b""])
    with pytest.raises(ValueError, match="does not sign"):
        read_scheme({"type": "none"}).load_secret("a secret of 16 bytes or more")
