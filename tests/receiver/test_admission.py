"""What a stranger's body may cost before it is refused, counted in work instead of time."""

import json
import sys
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from receiver import admission
from receiver.admission import Admission, Refusal
from receiver.data_directory.accounts import AllowedAccounts
from receiver.notification import Notification
from receiver.sender_admission import SenderAdmission
from receiver.senders.centurylink.events import classify, find_event_by_name
from receiver.senders.centurylink.signature import SIGNATURE_HEADER, load_public_key, signs
from receiver.senders.judge import SignatureJudge
from receiver.senders.profile import load_shipped
from receiver.senders.request import BodyError, SignedRequest, parse_body
from receiver.senders.sender import Event
from tests.receiver.senders.profile.profiles import profile_of
from tests.support.hostile_bodies import hostile_bodies
from tests.support.keys import in_lower_case, key_directory, signed

NOW = datetime(2015, 9, 22, tzinfo=UTC)
EVENT = find_event_by_name("User.Updated")
BROKEN = b'{"userName":'
EVERYONE = AllowedAccounts(None, Path("unused"))


@pytest.fixture
def decide():
    """Decide on a body by the rules of `require`."""
    rules = Admission(load_public_key(key_directory() / "public.pem"), "require", EVERYONE)
    return lambda body, headers: rules.decide(EVENT, body, in_lower_case(headers), NOW, None)


@contextmanager
def counted_calls():
    """Count the calls of functions, those of the C library included, into the list's only item."""
    count = [0]

    def note(_frame, event, _argument):
        count[0] += event in {"call", "c_call"}

    sys.setprofile(note)
    try:
        yield count
    finally:
        sys.setprofile(None)


@pytest.mark.parametrize("header", [None, "", "?", "AAAA", signed(b"{}")[SIGNATURE_HEADER]])
def test_a_body_is_not_parsed_before_its_signature_holds(decide, monkeypatch, header):
    def fail(_):
        pytest.fail("the body of a stranger was parsed")

    monkeypatch.setattr(admission, "parse_body", fail)
    decision = decide(BROKEN, {} if header is None else {SIGNATURE_HEADER: header})
    assert isinstance(decision, Refusal)
    assert decision.code == ("signature_invalid" if header else "signature_missing")


@pytest.mark.parametrize(
    ("header", "status", "detail"),
    [
        (None, "missing", "header missing"),
        (" ", "missing", "header missing"),
        ("no base64!", "invalid", "header malformed"),
        ("AAAA", "invalid", "the signature fits no key"),
        (signed(b"{}")[SIGNATURE_HEADER], "invalid", "the signature fits no key"),
        (signed(b'{"userName":"kim"}')[SIGNATURE_HEADER], "valid", None),
    ],
)
def test_a_row_says_why_its_signature_is_not_valid_whether_it_is_accepted_or_refused(decide, header, status, detail):
    headers = {} if header is None else {SIGNATURE_HEADER: header}
    recording = Admission(load_public_key(key_directory() / "public.pem"), "record", EVERYONE)
    row = recording.decide(EVENT, b'{"userName":"kim"}', in_lower_case(headers), NOW, None)
    assert isinstance(row, Notification)
    assert (row.signature_status, row.signature_detail) == (status, detail)
    assert (row.proof, row.delivery_id) == ("third-party", None)
    if detail:
        refusals = [
            decide(b'{"userName":"kim"}', headers),
            recording.decide(EVENT, b"[]", in_lower_case(headers), NOW, None),
        ]
        assert [refusal.signature_detail for refusal in refusals] == [detail] * 2


@pytest.mark.parametrize(("body", "code"), [(BROKEN, "not_json"), (b"[]", "not_an_object")])
def test_a_signed_body_that_is_no_object_is_refused_as_such(decide, body, code):
    assert decide(body, signed(body)).code == code


@pytest.mark.parametrize("length", [0, 1, 255, 257, 10_000])
def test_a_signature_of_another_length_than_the_keys_costs_no_hash(length):
    class Key:
        key_size = 2048

        def verify(self, *_):
            pytest.fail("the body was hashed")

    key: Any = Key()
    assert not signs(key, b"x" * length, b"body")


def test_no_hostile_body_costs_more_calls_than_a_few_for_each_of_its_first_thousand_values():
    costly = {}
    for name, body in hostile_bodies(256 * 1024):
        with counted_calls() as calls, suppress(BodyError):
            parsed = parse_body(body)
            for category in ("Account", "Alert", "Server", "User"):
                classify(Event(category, None), parsed, NOW)
        if calls[0] > 40_000:
            costly[name] = calls[0]
    assert costly == {}


def test_of_a_recorded_request_of_any_sender_the_id_in_its_body_is_kept_though_its_signature_is_not_valid():
    stripe = load_shipped()["stripe"]
    secrets = {"stripe": (stripe.scheme.load_secret("a secret for tests alone"),)}
    rules = SenderAdmission({"stripe": stripe}, secrets, "record")
    for headers in ({}, {"stripe-signature": f"t=1,v1={'0' * 64}"}):
        row = rules.decide("/senders/stripe", SignedRequest("POST", "", headers, b'{"id":"evt_1"}'), NOW, None)
        assert isinstance(row, Notification)
        assert row.delivery_id == "evt_1"


def test_a_state_that_is_not_where_the_profile_says_is_logged_once_a_category_for_a_hundred_of_them(tmp_path, caplog):
    profile = profile_of(tmp_path, '[columns.action]\ndeleted = ["*.deleted"]\n[state]\nat."*" = "/data"')
    rules = SenderAdmission({"example": profile}, {}, "require")

    def count_logged(bodies):
        caplog.clear()
        for body in bodies:
            rules.decide("/senders/example", SignedRequest("POST", "", {}, json.dumps(body).encode()), NOW, None)
        return len(caplog.messages)

    assert count_logged([{"type": "a.deleted", "id": 1}, {"type": "a.b"}, {"type": "a.b", "id": 1, "data": {}}]) == 0
    assert count_logged([{"type": "a.b", "id": 1}] * 2) == 1
    assert count_logged([{"type": f"a{n}.b", "id": 1} for n in range(150)]) == 99


@pytest.mark.parametrize(
    ("signatures", "before", "code"),
    [
        ("require", b"", "signature_invalid"),
        ("require", b"payload=", "signature_invalid"),
        ("record", b"", "accepted"),
        ("record", b"payload=", "accepted"),
    ],
)
def test_a_body_that_is_nested_deeper_than_json_is_written_is_no_error_of_the_program(signatures, before, code):
    github = load_shipped()["github"]
    secrets = {"github": (github.scheme.load_secret("a secret for tests alone"),)}
    rules = SenderAdmission({"github": github}, secrets, signatures)
    headers = {"x-hub-signature-256": f"sha256={'0' * 64}"}
    body = before + b'{"a":' + b"[" * 300 + b"]" * 300 + b"}"
    decision = rules.decide("/senders/github/push", SignedRequest("POST", "", headers, body), NOW, None)
    if isinstance(decision, Notification):
        assert code == "accepted"
        assert SignatureJudge({"github": github}, secrets).judge(decision) is False
    else:
        assert isinstance(decision, Refusal)
        assert decision.code == code
