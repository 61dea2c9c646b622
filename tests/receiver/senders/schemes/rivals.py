"""Schemes of real senders, each beside code that is not ours and that signs and verifies the same."""

import base64
import hmac
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import stripe
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from slack_sdk.signature import Clock, SignatureVerifier
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from receiver.senders import schemes
from receiver.senders.request import SignedRequest
from receiver.senders.tables import Table

URL = "https://receiver.example/webhooks/sender"
STANDARD_PLACES: dict[str, Any] = {
    "header": "webhook-signature",
    "format": "space",
    "encoding": "base64",
    "signed": "{id}.{timestamp}.{body}",
    "timestamp": {"header": "webhook-timestamp"},
    "id": {"header": "webhook-id"},
}
TABLES: dict[str, dict[str, Any]] = {
    "github": {"type": "hmac", "header": "X-Hub-Signature-256", "prefix": "sha256="},
    "shopify": {"type": "hmac", "header": "X-Shopify-Hmac-Sha256", "encoding": "base64"},
    "stripe": {
        "type": "hmac",
        "header": "Stripe-Signature",
        "format": "pairs",
        "pair": "v1",
        "signed": "{timestamp}.{body}",
        "timestamp": {"pair": "t"},
        "id": {"body": "/id"},
    },
    "slack": {
        "type": "hmac",
        "header": "X-Slack-Signature",
        "prefix": "v0=",
        "signed": "v0:{timestamp}:{body}",
        "timestamp": {"header": "X-Slack-Request-Timestamp"},
    },
    "standard": {"type": "hmac", "secret": "whsec", "prefix": "v1,", **STANDARD_PLACES},
    "standard-public": {"type": "ed25519", "secret": "whpk", "prefix": "v1a,", **STANDARD_PLACES},
    "discord": {
        "type": "ed25519",
        "secret": "hex",
        "header": "X-Signature-Ed25519",
        "signed": "{timestamp}{body}",
        "timestamp": {"header": "X-Signature-Timestamp"},
    },
    "sendgrid": {
        "type": "ecdsa-p256",
        "secret": "base64",
        "header": "X-Twilio-Email-Event-Webhook-Signature",
        "encoding": "base64",
        "signed": "{timestamp}{body}",
        "timestamp": {"header": "X-Twilio-Email-Event-Webhook-Timestamp"},
    },
    "rsa": {"type": "rsa", "header": "X-Signature", "encoding": "base64url"},
    "twilio": {
        "type": "hmac",
        "hash": "sha1",
        "header": "X-Twilio-Signature",
        "encoding": "base64",
        "signed": "{url}{form}",
    },
    "mailgun": {
        "type": "hmac",
        "body": "/signature/signature",
        "signed": "{timestamp}{id}",
        "timestamp": {"body": "/signature/timestamp"},
        "id": {"body": "/signature/token"},
    },
    "gitlab": {"type": "token", "header": "X-Gitlab-Token"},
}

Headers = dict[str, str]


class Rival(NamedTuple):
    """Code that is not ours.

    `sign` takes a secret, a body and a time; `accepts` takes a secret, headers, a body and the time of the check.
    """

    scheme: str
    secrets: tuple[str, str]
    """Of the sender, and of somebody else, as the receiver gets them."""
    sign: Callable[[str, bytes, datetime], Headers]
    accepts: Callable[[str, Headers, bytes, datetime], bool]
    signing: tuple[str, str] | None = None
    """The private halves, where the secrets are public keys."""


def post(headers, body, url=URL):
    """Return a request with these headers."""
    return SignedRequest("POST", url, {name.lower(): text for name, text in headers.items()}, body)


def read_scheme(values):
    """Read a table `verification`."""
    return schemes.read_scheme(Table(Path("profile.toml"), "", ("verification",), values, None))


def scheme_of(name):
    """Return the scheme of a sender."""
    return read_scheme(TABLES[name])


def _stamp(at):
    return str(int(at.timestamp()))


def _sign_github(secret, body, _):
    return {"X-Hub-Signature-256": "sha256=" + hmac.digest(secret.encode(), body, "sha256").hex()}


def _github_accepts(secret, headers, body, _):
    return headers.get("X-Hub-Signature-256") == _sign_github(secret, body, None)["X-Hub-Signature-256"]


def _sign_stripe(secret, body, at):
    return {
        "Stripe-Signature": stripe.WebhookSignature.generate_signature_header(
            body.decode(), secret, int(at.timestamp())
        )
    }


def _stripe_accepts(secret, headers, body, _):
    try:
        return stripe.WebhookSignature.verify_header(body, headers.get("Stripe-Signature"), secret, 300)
    except stripe.SignatureVerificationError:
        return False


def _sign_slack(secret, body, at):
    signature = SignatureVerifier(secret).generate_signature(timestamp=_stamp(at), body=body)
    return {"X-Slack-Request-Timestamp": _stamp(at), "X-Slack-Signature": signature}


def _slack_accepts(secret, headers, body, now):
    class Then(Clock):
        def now(self):
            return now.timestamp()

    return SignatureVerifier(secret, Then()).is_valid_request(body, headers)


def _sign_standard(secret, body, at):
    signature = Webhook(secret).sign("msg_1", at, body.decode())
    return {"webhook-id": "msg_1", "webhook-timestamp": _stamp(at), "webhook-signature": signature}


def _standard_accepts(secret, headers, body, _):
    try:
        Webhook(secret).verify(body, headers, json_parse=False)
    except (WebhookVerificationError, ValueError):
        return False
    return True


def _pem(key):
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


_ED_KEYS = [ed25519.Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32) for number in (1, 2)]
_EC_KEYS = [ec.derive_private_key(number, ec.SECP256R1()) for number in (1001, 1002)]
_RSA_KEYS = [rsa.generate_private_key(65537, 2048) for _ in range(2)]
_BY_PEM: dict[str, Any] = {_pem(key): key for key in (*_ED_KEYS, *_EC_KEYS, *_RSA_KEYS)}
_RAW = [key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw) for key in _ED_KEYS]
_DER = [
    base64.b64encode(key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()
    for key in _EC_KEYS
]
_PUBLIC_PEMS = [
    key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode() for key in _RSA_KEYS
]
_WHPK = ["whpk_" + base64.b64encode(raw).decode() for raw in _RAW]
_PUBLIC: dict[str, Any] = {
    **dict(zip(_WHPK, _ED_KEYS, strict=True)),
    **dict(zip([raw.hex() for raw in _RAW], _ED_KEYS, strict=True)),
    **dict(zip(_DER, _EC_KEYS, strict=True)),
    **dict(zip(_PUBLIC_PEMS, _RSA_KEYS, strict=True)),
}


def _is_signed(verify, *args):
    try:
        verify(*args)
    except InvalidSignature:
        return False
    return True


def _sign_standard_public(pem, body, at):
    signature = _BY_PEM[pem].sign(b"msg_1.%b.%b" % (_stamp(at).encode(), body))
    text = "v1a," + base64.b64encode(signature).decode()
    return {"webhook-id": "msg_1", "webhook-timestamp": _stamp(at), "webhook-signature": text}


def _standard_public_accepts(secret, headers, body, _):
    message = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    signatures = headers.get("webhook-signature", "").split()
    key = _PUBLIC[secret].public_key()
    return any(
        _is_signed(key.verify, base64.b64decode(text.removeprefix("v1a,")), message)
        for text in signatures
        if text.startswith("v1a,")
    )


def _sign_discord(pem, body, at):
    signature = _BY_PEM[pem].sign(_stamp(at).encode() + body).hex()
    return {"X-Signature-Timestamp": _stamp(at), "X-Signature-Ed25519": signature}


def _discord_accepts(secret, headers, body, _):
    message = headers["X-Signature-Timestamp"].encode() + body
    try:
        signature = bytes.fromhex(headers.get("X-Signature-Ed25519", ""))
    except ValueError:
        return False
    return _is_signed(_PUBLIC[secret].public_key().verify, signature, message)


def _sign_sendgrid(pem, body, at):
    signature = _BY_PEM[pem].sign(_stamp(at).encode() + body, ec.ECDSA(SHA256()))
    return {
        "X-Twilio-Email-Event-Webhook-Timestamp": _stamp(at),
        "X-Twilio-Email-Event-Webhook-Signature": base64.b64encode(signature).decode(),
    }


def _sendgrid_accepts(secret, headers, body, _):
    message = headers["X-Twilio-Email-Event-Webhook-Timestamp"].encode() + body
    try:
        signature = base64.b64decode(headers.get("X-Twilio-Email-Event-Webhook-Signature", ""), validate=True)
    except ValueError:
        return False
    return _is_signed(_PUBLIC[secret].public_key().verify, signature, message, ec.ECDSA(SHA256()))


def _sign_rsa(pem, body, _):
    signature = _BY_PEM[pem].sign(body, padding.PKCS1v15(), SHA256())
    return {"X-Signature": base64.urlsafe_b64encode(signature).decode()}


def _rsa_accepts(secret, headers, body, _):
    try:
        signature = base64.urlsafe_b64decode(headers.get("X-Signature", ""))
    except ValueError:
        return False
    return _is_signed(_PUBLIC[secret].public_key().verify, signature, body, padding.PKCS1v15(), SHA256())


RIVALS = [
    Rival("github", ("a secret of github", "another one of it"), _sign_github, _github_accepts),
    Rival("stripe", ("whsec_of_stripe_is_text", "whsec_another_of_stripe"), _sign_stripe, _stripe_accepts),
    Rival(
        "slack", ("8f742231b10e8888abcd99yyyzzz85a5", "another1b10e8888abcd99yyyzzz85a5"), _sign_slack, _slack_accepts
    ),
    Rival(
        "standard",
        ("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        _sign_standard,
        _standard_accepts,
    ),
    Rival(
        "standard-public",
        (_WHPK[0], _WHPK[1]),
        _sign_standard_public,
        _standard_public_accepts,
        (_pem(_ED_KEYS[0]), _pem(_ED_KEYS[1])),
    ),
    Rival(
        "discord",
        (_RAW[0].hex(), _RAW[1].hex()),
        _sign_discord,
        _discord_accepts,
        (_pem(_ED_KEYS[0]), _pem(_ED_KEYS[1])),
    ),
    Rival(
        "sendgrid",
        (_DER[0], _DER[1]),
        _sign_sendgrid,
        _sendgrid_accepts,
        (_pem(_EC_KEYS[0]), _pem(_EC_KEYS[1])),
    ),
    Rival(
        "rsa",
        (_PUBLIC_PEMS[0], _PUBLIC_PEMS[1]),
        _sign_rsa,
        _rsa_accepts,
        (_pem(_RSA_KEYS[0]), _pem(_RSA_KEYS[1])),
    ),
]
