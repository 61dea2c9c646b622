"""Verdicts beside those of code that is not ours, and the worked examples of senders' documentation."""

import base64
import hmac
from datetime import UTC, datetime, timedelta

import pytest

from receiver.senders.schemes import template
from receiver.senders.schemes.secret import HmacSecret
from tests.receiver.senders.schemes.rivals import RIVALS, URL, post, scheme_of

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
BODY = b'{"id":"evt_1","name":"K\xc3\xb6ln","n":1}'
ALTERED = BODY.replace(b'"n":1', b'"n":2')
BEYOND = timedelta(seconds=330)
"""Longer than any tolerance, by more than a slow machine needs for a test."""

SLACK_BODY = (
    b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar"
    b"&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2F"
    b"hooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
    b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
)
"""The body of the example in Slack's "Verifying requests from Slack"."""


def signature_header(scheme):
    return scheme.signatures.places[0].name


def cases(rival, scheme, now):
    """Yield a name, headers, a body, the secrets, and the detail that is expected (None: valid)."""
    own, other = rival.secrets
    signing, signing_other = rival.signing or rival.secrets
    header = signature_header(scheme)
    good = rival.sign(signing, BODY, now)
    foreign = rival.sign(signing_other, BODY, now)
    yield "valid", good, BODY, [own], None
    yield "wrong key", good, BODY, [other], "the signature fits no secret"
    yield "altered body", good, ALTERED, [own], "the signature fits no secret"
    yield "missing", {name: text for name, text in good.items() if name != header}, BODY, [own], "header missing"
    yield "empty", good | {header: ""}, BODY, [own], "header missing"
    yield "malformed", good | {header: "what?"}, BODY, [own], "header malformed"
    yield "second of two secrets", good, BODY, [other, own], None
    yield "first of two secrets", good, BODY, [own, other], None
    if scheme.timestamp is not None:
        yield "stale", rival.sign(signing, BODY, now - BEYOND), BODY, [own], "stale timestamp"
        yield "from the future", rival.sign(signing, BODY, now + BEYOND), BODY, [own], "timestamp in the future"
        stale = rival.sign(signing, BODY, now - BEYOND)
        yield "altered and stale", stale, ALTERED, [own], "the signature fits no secret"
        yield "almost stale", rival.sign(signing, BODY, now - BEYOND + timedelta(seconds=60)), BODY, [own], None
    if scheme.signatures.format == "space":
        for first, second in ((foreign, good), (good, foreign)):
            yield "two signatures", good | {header: f"{first[header]} {second[header]}"}, BODY, [own], None
        yield "of other versions", good | {header: f"v9,AAAA {good[header]}"}, BODY, [own], None
    if scheme.signatures.format == "pairs":
        yield "two signatures", good | {header: f"{good[header]},v0=00,v1={'0' * 64}"}, BODY, [own], None
        yield "own signature last", {header: good[header].replace("v1", f"v0=00,v1={'0' * 64},v1")}, BODY, [own], None


@pytest.mark.parametrize("rival", RIVALS, ids=[rival.scheme for rival in RIVALS])
def test_each_verdict_is_that_of_code_that_is_not_ours(rival):
    scheme = scheme_of(rival.scheme)
    names = []
    # Standard Webhooks' and Stripe's code reads the clock itself.
    now = datetime.now(UTC)
    for name, headers, body, secrets, detail in cases(rival, scheme, now):
        names.append(name)
        verdict = scheme.check(post(headers, body), [scheme.load_secret(text) for text in secrets], now)
        assert verdict.detail == detail, name
        status = "missing" if detail == "header missing" else "invalid" if detail else "valid"
        assert verdict.status == status, name
        judges_time = rival.scheme in {"slack", "standard", "stripe"}
        asks_rival = judges_time or "timestamp" not in str(detail)
        if asks_rival and (rival.scheme, name) != ("stripe", "from the future"):  # which Stripe's code lets pass
            accepted = any(rival.accepts(secret, headers, body, now) for secret in secrets)
            assert accepted == (verdict.status == "valid"), name
        if verdict.status == "valid":
            assert verdict.key_fingerprint == scheme.load_secret(rival.secrets[0]).fingerprint, name
    assert len(names) >= 8


@pytest.mark.parametrize("rival", RIVALS, ids=[rival.scheme for rival in RIVALS])
def test_what_is_signed_here_is_accepted_by_code_that_is_not_ours(rival):
    scheme = scheme_of(rival.scheme)
    secret = scheme.load_signing_secret((rival.signing or rival.secrets)[0])
    now = datetime.now(UTC)
    headers = scheme.sign(post({}, BODY), secret, now, "msg_1")
    assert rival.accepts(rival.secrets[0], headers, BODY, now)
    assert not rival.accepts(rival.secrets[1], headers, BODY, now)
    verdict = scheme.check(post(headers, BODY), [scheme.load_secret(rival.secrets[0])], now)
    assert verdict.status == "valid"
    assert verdict.delivery_id == {"stripe": "evt_1"}.get(rival.scheme, "msg_1" if scheme.delivery_id else None)


def test_the_example_of_githubs_documentation_verifies():
    scheme = scheme_of("github")
    expected = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    secret = scheme.load_secret("It's a Secret to Everybody")
    verdict = scheme.check(post({"X-Hub-Signature-256": f"sha256={expected}"}, b"Hello, World!"), [secret], NOW)
    assert verdict == ("valid", None, bytes.fromhex(expected), secret.fingerprint, None)


def test_the_example_of_slacks_documentation_verifies_at_its_time_and_is_stale_today():
    scheme = scheme_of("slack")
    headers = {
        "X-Slack-Request-Timestamp": "1531420618",
        "X-Slack-Signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
    }
    secrets = [scheme.load_secret("8f742231b10e8888abcd99yyyzzz85a5")]
    request = post(headers, SLACK_BODY)
    sent = datetime.fromtimestamp(1531420618, UTC)
    limits = {0: None, 300: None, 301: "stale timestamp", -300: None, -301: "timestamp in the future"}
    for seconds, detail in limits.items():
        assert scheme.check(request, secrets, sent + timedelta(seconds=seconds)).detail == detail, seconds
    assert scheme.check(request, secrets, NOW).detail == "stale timestamp"


@pytest.mark.parametrize(
    ("body", "signature"),
    [
        (
            b"To=%2B18005551212&Digits=1234&From=%2B14158675309&Caller=%2B14158675309&CallSid=CA1234567890ABCDE",
            "RSOYDt4T1cUTdK1PDd93/VVr8B8=",
        ),
        (b"SidAccount=AC123&Sid=CA123&Digits=5678&Digits=1234&Digits=1234", "IK+Dwps556ElfBT0I3Rgjkr1wJU="),
    ],
    ids=["of its documentation", "with a repeated field, of its libraries"],
)
def test_the_examples_of_twilio_verify(body, signature):
    headers = {"X-Twilio-Signature": signature, "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8"}
    request = post(headers, body, "https://mycompany.com/myapp.php?foo=1&bar=2")
    secret = HmacSecret(b"12345", "sha1")  # too short to be loaded
    scheme = scheme_of("twilio")
    assert scheme.check(request, [secret], NOW).status == "valid"
    assert scheme.check(request._replace(url=request.url + "0"), [secret], NOW).status == "invalid"
    assert scheme.check(request._replace(body=body + b"&Digits=9"), [secret], NOW).status == "invalid"


def test_form_fields_are_signed_as_their_text():
    secret = "a secret of 16 bytes or more"
    mac = hmac.digest(secret.encode(), f"{URL}Bodyhellö + wörldTo".encode(), "sha1")
    headers = {
        "X-Twilio-Signature": base64.b64encode(mac).decode(),
        "Content-Type": "application/x-www-form-urlencoded",
    }
    scheme = scheme_of("twilio")
    verdict = scheme.check(post(headers, b"To=&Body=hell%C3%B6+%2B+w%C3%B6rld"), [scheme.load_secret(secret)], NOW)
    assert verdict.status == "valid"


def test_bytes_that_a_signature_over_form_fields_does_not_cover_are_refused():
    scheme = scheme_of("twilio")
    secret = scheme.load_secret("a secret of 16 bytes or more")
    headers = scheme.sign(post({}, b""), secret, NOW, None)
    assert scheme.check(post(headers, b""), [secret], NOW).status == "valid"
    form, as_json = {"Content-Type": "application/x-www-form-urlencoded"}, {"Content-Type": "application/json"}
    for added, body in (({}, b'{"n":1}'), (form, b'{"n":1}'), (form, b"&"), (form, b"n"), (as_json, b"n=1")):
        verdict = scheme.check(post(headers | added, body), [secret], NOW)
        assert (verdict.status, verdict.detail) == ("invalid", "the body is no form"), body


def test_a_form_that_is_signed_by_its_fields_is_read_up_to_a_thousand_and_256_kib(monkeypatch):
    scheme = scheme_of("twilio")
    secret = scheme.load_secret("a secret of 16 bytes or more")
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for body in (b"&".join([b"n=1"] * 1000), b"n=".ljust(256 * 1024, b"1")):
        signed = scheme.sign(post(form, body), secret, NOW, None)
        assert scheme.check(post(form | signed, body), [secret], NOW).status == "valid"
        monkeypatch.setattr(template, "unquote_to_bytes", lambda _: pytest.fail("the form of a stranger was read"))
        larger = body + b"&n=1" if b"&" in body else body + b"1"
        assert scheme.check(post(form | signed, larger), [secret], NOW).detail == "the body is no form"
        monkeypatch.undo()


def test_no_text_within_a_signed_form_becomes_json_by_other_borders_between_names_and_values():
    """Such a signature covers no border: names and values are signed one after the other."""
    scheme = scheme_of("twilio")
    secret = scheme.load_secret("a secret of 16 bytes or more")
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    genuine = post(form, b"Body=%22%7D%7B%22event%22%3A%22forged%22%2C%22z%22%3A%22&From=1")
    signed = scheme.sign(genuine, secret, NOW, None)
    assert scheme.check(post(form | signed, genuine.body), [secret], NOW).status == "valid"
    forged = post(form | signed, b'{"event":"forged","z":"=From1&B=ody"}')
    assert scheme.check(forged, [secret], NOW).detail == "the body is no form"


def test_a_signature_in_the_body_is_checked_there():
    scheme = scheme_of("mailgun")
    secret = scheme.load_secret("key-of-mailgun-0123456789")
    stamp = str(int(NOW.timestamp()))

    def body(signature, token="tok1"):
        return b'{"signature":{"timestamp":"%b","token":"%b","signature":%b},"event-data":{}}' % (
            stamp.encode(),
            token.encode(),
            signature,
        )

    mac = hmac.digest(b"key-of-mailgun-0123456789", f"{stamp}tok1".encode(), "sha256").hex().encode()
    assert scheme.proof == "token"  # it does not cover the rest of the body
    assert scheme.check(post({}, body(b'"%b"' % mac)), [secret], NOW)[:2] == ("valid", None)
    assert scheme.check(post({}, body(b'"%b"' % mac)), [secret], NOW).delivery_id == "tok1"
    assert scheme.check(post({}, body(b'"%b"' % mac, "tok2")), [secret], NOW).detail == "the signature fits no secret"
    assert scheme.check(post({}, body(b'"xyz"')), [secret], NOW).detail == "signature malformed in the body"
    for nothing in (body(b"null"), body(b'""'), b"[]", b"", b"\xff", b"[" * 10_000):
        assert scheme.check(post({}, nothing), [secret], NOW)[:2] == ("missing", "signature missing in the body")


def test_a_token_is_compared_and_never_kept():
    scheme = scheme_of("gitlab")
    secrets = [scheme.load_secret(text) for text in ("another token of gitlab", "the token of gitlab")]
    assert scheme.proof == "token"
    for token, status, detail in (
        ("the token of gitlab", "valid", None),
        ("the token of gitlaB", "invalid", "the token fits no secret"),
        ("the token of gitlab!", "invalid", "the token fits no secret"),
        ("tökén € \ud800", "invalid", "the token fits no secret"),
        ("", "missing", "header missing"),
    ):
        verdict = scheme.check(post({"X-Gitlab-Token": token}, BODY), secrets, NOW)
        assert verdict[:3] == (status, detail, None), token
    assert scheme.check(post({"X-Gitlab-Token": "the token of gitlab"}, BODY), [], NOW).detail == "no secret is known"
    assert scheme.sign(post({}, BODY), secrets[1], NOW, None) == {"X-Gitlab-Token": "the token of gitlab"}


def test_shopifys_signature_is_base64_of_the_whole_body():
    scheme = scheme_of("shopify")
    secret = "hush-hush-0123456789"
    text = base64.b64encode(hmac.digest(secret.encode(), BODY, "sha256")).decode()
    assert (
        scheme.check(post({"X-Shopify-Hmac-Sha256": text}, BODY), [scheme.load_secret(secret)], NOW).status == "valid"
    )
