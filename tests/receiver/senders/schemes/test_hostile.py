"""Requests of strangers: no request raises, no flipped bit verifies, and work is bounded."""

import hmac
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from receiver.senders.request import SignedRequest
from receiver.senders.schemes import Detail
from receiver.senders.schemes.places import MOST_SIGNATURES, Envelope
from receiver.senders.schemes.secret import HmacSecret
from tests.receiver.senders.schemes.rivals import RIVALS, TABLES, post, read_scheme, scheme_of

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
SHARED = "0123456789abcdef0123456789abcdef"
SIGNING = {rival.scheme: rival.signing[0] for rival in RIVALS if rival.signing}
SECRETS = {rival.scheme: rival.secrets[0] for rival in RIVALS}
SCHEMES = {name: scheme_of(name) for name in TABLES} | {"none": read_scheme({"type": "none", "id": {"header": "X-Id"}})}
LOADED = {
    name: [scheme.load_secret(SECRETS.get(name, SHARED))] for name, scheme in SCHEMES.items() if name != "none"
} | {"none": []}


def headers_of(scheme):
    """Return the names of all headers that a scheme reads, in lower case."""
    places = list(scheme.signatures.places) if scheme.signatures and isinstance(scheme.signatures.places, tuple) else []
    places += [scheme.timestamp.place] if scheme.timestamp else []
    places += [scheme.delivery_id] if scheme.delivery_id else []
    return sorted({place.name.lower() for place in places if hasattr(place, "name")} | {"content-type"})


HEADERS = sorted({name for scheme in SCHEMES.values() for name in headers_of(scheme)})
ODD_TEXTS = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        [
            *(
                "",
                " ",
                "=",
                ",",
                "v1,",
                "v1=",
                "t=,v1=",
                "sha256=",
                "v0=",
                "\x00",
                "\ud800",
                "é",
                "€",
                "1e9",
                "-1",
                "²",
            ),
            *("9" * 14, "9" * 400, "0001-01-01T00:00:00+23:59", "application/x-www-form-urlencoded"),
            *("sha256=" + "00" * 32, "v1," + "AAAA " * 50, "t=1," + "v1=00," * 50, "t=1,t=2,v1=0"),
        ]
    ),
)
ODD_BODIES = st.one_of(
    st.binary(max_size=60),
    st.sampled_from(
        [
            b'{"signature":{"timestamp":1,"token":[],"signature":"00"}}',
            b'{"signature":{"timestamp":true,"token":"\\u0000","signature":"' + b"00" * 32 + b'"}}',
            b'{"signature":["00"]}',
            b'{"n":99999999999999999999999999999}',
            b"a=%ff&%=&=",
            b"\r\n\r\n",
        ]
    ),
)


@settings(max_examples=150, deadline=None)
@given(headers=st.dictionaries(st.sampled_from(HEADERS), ODD_TEXTS), body=ODD_BODIES, url=ODD_TEXTS)
def test_no_request_raises_and_none_without_the_secret_is_valid(headers, body, url):
    request = SignedRequest("POST", url, headers, body)
    for name, scheme in SCHEMES.items():
        verdict = scheme.check(request, LOADED[name], NOW)
        assert verdict.status in {"invalid", "missing"}, name
        assert (verdict.detail is None) == (name == "none"), name
        assert verdict.detail is None or type(verdict.detail) is str
        assert verdict.detail is None or Detail(verdict.detail)


def flips(scheme, request):
    """Yield requests that differ by one bit in what is signed or in the signature."""
    for position in range(len(request.body)):
        body = bytearray(request.body)
        body[position] ^= 1 << (position % 8)
        yield f"byte {position} of the body", request._replace(body=bytes(body))
    for name in headers_of(scheme):
        text = request.headers.get(name, "")
        for position in range(len(text) if name != "content-type" else 0):
            other = text[:position] + chr(ord(text[position]) ^ 1) + text[position + 1 :]
            yield f"character {position} of {name}", request._replace(headers={**request.headers, name: other})


@settings(max_examples=4, deadline=None)
@given(body=st.binary(max_size=30))
def test_what_is_signed_verifies_and_no_flipped_bit_does(body):
    for name in set(SCHEMES) - {"none", "gitlab", "mailgun", "twilio"}:
        scheme = SCHEMES[name]
        secret = scheme.load_signing_secret(SIGNING.get(name) or SECRETS.get(name, SHARED))
        request = post(scheme.sign(post({}, body), secret, NOW, "msg_1"), body)
        assert scheme.check(request, LOADED[name], NOW).status == "valid", name
        for change, other in flips(scheme, request):
            assert scheme.check(other, LOADED[name], NOW).status != "valid", (name, change)


def test_of_ten_thousand_signatures_sixteen_are_looked_at():
    for name, join in (("standard", " ".join), ("stripe", ",".join)):
        scheme = SCHEMES[name]
        signed = scheme.sign(post({}, b"{}"), LOADED[name][0], NOW, "msg_1")
        header = scheme.signatures.places[0].name
        own = signed[header].rpartition(",")[2] if name == "stripe" else signed[header]
        first = [signed[header].partition(",")[0]] if name == "stripe" else []
        garbage = "v1=" + "0" * 64 if name == "stripe" else "v1," + "A" * 43 + "="
        for before, status in ((MOST_SIGNATURES - 1, "valid"), (MOST_SIGNATURES, "invalid"), (10_000, "invalid")):
            text = join([*first, *[garbage] * before, own])
            begin = time.process_time()
            verdict = scheme.check(post({**signed, header: text}, b"{}"), LOADED[name], NOW)
            assert verdict.status == status, (name, before)
            assert time.process_time() - begin < 0.05


def test_no_body_is_parsed_for_an_id_before_its_signature_holds(monkeypatch):
    stripe, (secret,), body = SCHEMES["stripe"], LOADED["stripe"], b'{"id":"evt_1"}'
    signed = stripe.sign(post({}, body), secret, NOW, None)
    assert stripe.check(post(signed, body), [secret], NOW).delivery_id == "evt_1"
    monkeypatch.setattr(Envelope, "find_member", lambda *_: pytest.fail("the body was parsed"))
    for headers in ({}, {"Stripe-Signature": "v1="}, signed | {"Stripe-Signature": f"t=1,v1={'0' * 64}"}):
        assert stripe.check(post(headers, body), [secret], NOW).delivery_id is None


def test_a_huge_header_costs_little():
    for name in ("github", "standard", "stripe", "slack", "gitlab", "sendgrid"):
        scheme = SCHEMES[name]
        for text in ("a" * 5_000_000, scheme.signatures.prefix + "0" * 5_000_000, "v1=" + "0" * 5_000_000):
            request = post(dict.fromkeys(headers_of(scheme), text), b"{}")
            begin = time.process_time()
            assert scheme.check(request, LOADED[name], NOW).status == "invalid"
            assert time.process_time() - begin < 0.2, name


def test_of_many_pairs_the_first_are_read():
    envelope = Envelope(post({"X": "a=1," * 10_000}, b""))
    assert len(envelope.list_pairs("x", ",")) == 64


def test_a_text_or_whole_number_of_the_body_is_read_and_nothing_else():
    envelope = Envelope(post({}, b'{"a/b": [{"n": 7}, "t", true, 1.5, null, ""], "": {"~": "e"}}'))
    members = {("a/b", "0", "n"): "7", ("a/b", "1"): "t", ("", "~"): "e"}
    others = [("a/b", step) for step in ("0", "2", "3", "4", "5", "6", "-1", "x", "9" * 5000)]
    assert {pointer: envelope.find_member(pointer) for pointer in members} == members
    assert {envelope.find_member(pointer) for pointer in [*others, ("a/b", "1", "0"), ("n",), ("a/b",)]} == {None}


def test_a_signature_without_its_prefix_is_malformed():
    for name in ("github", "slack", "standard"):
        scheme = SCHEMES[name]
        signed = scheme.sign(post({}, b"{}"), LOADED[name][0], NOW, "msg_1")
        header = scheme.signatures.places[0].name
        bare = signed | {header: signed[header].removeprefix(scheme.signatures.prefix)}
        assert scheme.check(post(bare, b"{}"), LOADED[name], NOW).detail == "header malformed", name


def test_one_of_several_headers_may_have_the_signature():
    scheme = read_scheme({"type": "hmac", "header": ["X-Signature-1", "X-Signature-2"]})
    secret = scheme.load_secret(SHARED)
    good = scheme.sign(post({}, b"{}"), secret, NOW, None)["X-Signature-1"]
    for headers in ({"X-Signature-2": good}, {"X-Signature-1": "00" * 32, "X-Signature-2": good}):
        assert scheme.check(post(headers, b"{}"), [secret], NOW).status == "valid"
    assert scheme.check(post({"X-Signature-3": good}, b"{}"), [secret], NOW).detail == "header missing"


def test_an_id_of_any_other_kind_is_none():
    scheme = SCHEMES["standard"]
    signed = scheme.sign(post({}, b"{}"), LOADED["standard"][0], NOW, "msg_1")
    for text in ("", "a\nb", "\ud800", "x" * 5000):
        verdict = scheme.check(post({**signed, "webhook-id": text}, b"{}"), LOADED["standard"], NOW)
        assert (verdict.delivery_id, verdict.detail) == (None, "delivery id missing")


def test_an_id_that_is_not_signed_is_read_too():
    scheme = read_scheme(TABLES["github"] | {"id": {"header": "X-GitHub-Delivery"}})
    request = post(scheme.sign(post({}, b"{}"), LOADED["github"][0], NOW, "d-1"), b"{}")
    assert scheme.check(request, LOADED["github"], NOW).delivery_id == "d-1"
    nothing = SCHEMES["none"].check(post({"X-Id": "d-1"}, b"{}"), [], NOW)
    assert nothing == ("missing", None, None, None, "d-1")


TIMESTAMPS = [
    ("s", "1772366400", None),
    ("s", "1772366400.5", "timestamp malformed"),
    ("s", "\uff11\uff17\uff17\uff12", "timestamp malformed"),
    ("s", "soon", "timestamp malformed"),
    ("s", "-1772366400", "timestamp malformed"),
    ("s", "1772366400000", "timestamp in the future"),
    ("s", "", "timestamp missing"),
    ("ms", "1772366400000", None),
    ("ms", "1772366100000", None),
    ("ms", "1772366099999", "stale timestamp"),
    ("iso", "2026-03-01T12:00:00Z", None),
    ("iso", "2026-03-01T13:05:00.000+01:00", None),
    ("iso", "2026-03-01T13:05:01+01:00", "timestamp in the future"),
    ("iso", "2026-03-01T12:00:00", "timestamp malformed"),
    ("iso", "0001-01-01T00:00:00+23:59", "stale timestamp"),
    ("iso", "2026-03-01T12:00:00" + "0" * 100 + "Z", "timestamp malformed"),
]


def test_a_timestamp_is_judged_in_its_unit_after_the_signature():
    table: dict[str, Any] = {"type": "hmac", "header": "X-S", "signed": "{header:X-T}|{body}"}
    for unit, text, detail in TIMESTAMPS:
        scheme = read_scheme(table | {"timestamp": {"header": "X-T", "unit": unit}})
        secrets = [scheme.load_secret(SHARED)]
        mac = hmac.digest(SHARED.encode(), text.encode() + b"|{}", "sha256").hex()
        assert scheme.check(post({"X-T": text, "X-S": mac}, b"{}"), secrets, NOW).detail == detail, (unit, text)
        wrong = scheme.check(post({"X-T": text, "X-S": "00" * 32}, b"{}"), secrets, NOW)
        assert wrong.detail == "the signature fits no secret", (unit, text)


def test_a_request_without_what_is_signed_says_what_it_lacks():
    github = {"x-hub-signature-256": "sha256=" + "00" * 32}
    by_header = read_scheme(TABLES["github"] | {"signed": "{header:X-T}{body}"})
    assert by_header.check(post(github, b""), LOADED["github"], NOW).detail == "a signed header is missing"
    slack = SCHEMES["slack"].check(post({"X-Slack-Signature": "v0=" + "00" * 32}, b""), LOADED["slack"], NOW)
    assert slack.detail == "timestamp missing"


@pytest.mark.parametrize("unit", ["s", "ms", "iso"])
def test_a_time_that_is_signed_here_is_read_again(unit):
    table = TABLES["slack"] | {"timestamp": {"header": "X-T", "unit": unit, "tolerance": 1}}
    scheme = read_scheme(table)
    secrets = [scheme.load_secret(SHARED)]
    request = post(scheme.sign(post({}, b"{}"), secrets[0], NOW, None), b"{}")
    assert scheme.check(request, secrets, NOW).status == "valid"
    assert scheme.check(request, secrets, NOW.replace(second=2)).detail == "stale timestamp"


ALTERATIONS = [
    (b'{"a": 1}\n{"b": 2}', b'{"a": 1}\r\n{"b": 2}', "its line ends were converted"),
    (b'{"a": 1}\r\n{"b": 2}', b'{"a": 1}\n{"b": 2}', "its line ends were converted"),
    (b'{"a":1}', b'{"a":1}\n', "its last line end was added or removed"),
    (b'{"a":1}', b'{"a":1}\r\n', "its last line end was added or removed"),
    (b'{"a":1}\n', b'{"a":1}', "its last line end was added or removed"),
    (b'{"b":"\xc3\xa9","a":[1,2]}', b'{\n  "b": "\\u00e9",\n  "a": [1, 2]\n}', "its JSON was written anew"),
]


def test_a_body_that_was_altered_on_the_way_is_told_from_a_forged_one():
    for sent, received, how in ALTERATIONS:
        for name in ("github", "slack", "standard-public"):
            scheme = SCHEMES[name]
            secret = scheme.load_signing_secret(SIGNING.get(name) or SECRETS[name])
            headers = scheme.sign(post({}, sent), secret, NOW, "msg_1")
            verdict = scheme.check(post(headers, received), LOADED[name], NOW)
            assert (verdict.status, verdict.detail) == ("invalid", f"the body was altered on the way: {how}"), received
            forged = scheme.check(post(headers, received.replace(b"a", b"c")), LOADED[name], NOW)
            assert forged.detail == "the signature fits no secret", received


@pytest.fixture
def calls(monkeypatch):
    """Note the message of each search for a signature."""
    noted = []
    whole = HmacSecret.find

    def find(self, message, signatures):
        noted.append(message)
        return whole(self, message, signatures)

    monkeypatch.setattr(HmacSecret, "find", find)
    return noted


def test_a_body_that_does_not_verify_is_tried_in_three_other_forms_if_it_has_them_and_is_small(calls):
    for name, body, most in (
        ("github", b'{"a":\n1}', 4),
        ("github", b'{"a":1}', 2),
        ("github", b'{"a":\n1}' + b" " * 70_000, 1),
        ("twilio", b"a=1", 1),
    ):
        calls.clear()
        scheme = SCHEMES[name]
        headers = scheme.sign(post(FORM, body), LOADED[name][0], NOW, None) | FORM
        secrets = [scheme.load_secret(f"another secret {number}") for number in range(2)]
        assert scheme.check(post(headers, body), secrets, NOW).detail == "the signature fits no secret"
        assert len(calls) == most * len(secrets), body[:20]


def test_a_signature_of_another_length_is_told():
    for name, text in (("github", "sha256=" + "00" * 20), ("rsa", "AAAA"), ("discord", "00" * 63)):
        scheme = SCHEMES[name]
        headers = dict.fromkeys(headers_of(scheme), text)
        assert scheme.check(post(headers, b""), LOADED[name], NOW).detail == "signature of another length", name


def test_every_signature_is_compared_with_every_secret_also_after_a_match(monkeypatch):
    compared = []
    whole = hmac.compare_digest

    def compare(own, other):
        compared.append(other)
        return whole(own, other)

    monkeypatch.setattr(hmac, "compare_digest", compare)
    scheme = SCHEMES["standard"]
    signed = scheme.sign(post({}, b"{}"), LOADED["standard"][0], NOW, "msg_1")
    signed["webhook-signature"] += " v1," + "A" * 43 + "="
    secrets = [*LOADED["standard"], scheme.load_secret(SHARED * 2)]
    assert scheme.check(post(signed, b"{}"), secrets, NOW).status == "valid"
    assert len(compared) == 4


def test_the_body_is_hashed_where_it_lies(calls):
    body = b"x" * 100
    scheme = SCHEMES["slack"]
    headers = scheme.sign(post({}, body), LOADED["slack"][0], NOW, None)
    assert scheme.check(post(headers, body), LOADED["slack"], NOW).status == "valid"
    assert any(piece is body for piece in calls[0])
    assert b"".join(calls[0]) == b"v0:1772366400:" + body
