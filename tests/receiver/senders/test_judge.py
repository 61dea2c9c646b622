"""A kept signature is judged again as it was at receipt, as far as what is kept of the request allows that."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from receiver.notification import Notification
from receiver.sender_admission import SenderAdmission
from receiver.senders.judge import SignatureJudge, Unjudged
from receiver.senders.profile import load_shipped
from receiver.senders.request import SignedRequest
from receiver.senders.schemes import KeptRequest, fits
from receiver.simulator.signed_examples import sign_examples
from tests.receiver.senders.schemes.rivals import read_scheme

PROFILES = load_shipped()
NOON = datetime(2026, 3, 2, 12, 0, 0, 700_000, UTC)
SECRET = "whsec_" + "c2VjcmV0IGZvciB0ZXN0cyBhbG9uZQ=="


def received(name, signed_at=NOON):
    """Return the rows of a sender's examples, signed at a time and received at noon, and their secrets."""
    profile = PROFILES[name]
    secrets = {name: (profile.scheme.load_secret(SECRET),)}
    admission = SenderAdmission(PROFILES, secrets, "record")
    signed = sign_examples(profile, profile.scheme.load_signing_secret(SECRET), "https://receiver.example", signed_at)
    decisions = [
        admission.decide(each.path, SignedRequest("POST", "", each.headers, each.body), NOON, None) for each in signed
    ]
    return [row for row in decisions if isinstance(row, Notification)], secrets


@pytest.mark.parametrize("name", ["generic-hmac", "github", "shopify", "slack", "standard-webhooks", "stripe"])
def test_each_signature_fits_again_and_no_other_body_does(name):
    rows, secrets = received(name, NOON - timedelta(seconds=250))
    judge = SignatureJudge(PROFILES, secrets)
    verdicts = [judge.judge(row) for row in rows]
    assert True in verdicts
    assert False not in verdicts
    forms = sum(count for why, count in judge.unjudged.items() if "form" in why.reason)
    assert (verdicts.count(None), judge.judged) == (forms, {name: verdicts.count(True)})
    altered = [row._replace(payload=row.payload.replace(b"{", b'{ "added": 1,', 1)) for row in rows]
    assert {judge.judge(row) for row in altered} == {False}


@pytest.mark.parametrize("late", [timedelta(seconds=-400), timedelta(seconds=400)])
def test_a_time_that_was_not_accepted_at_receipt_is_not_accepted_later(late):
    rows, secrets = received("stripe", NOON + late)
    assert {row.signature_status for row in rows} == {"invalid"}
    assert {SignatureJudge(PROFILES, secrets).judge(row) for row in rows} == {False}


@pytest.mark.parametrize(
    ("name", "secrets", "reason"),
    [
        ("gitlab", True, "tokens are not kept"),
        ("stripe", False, "set CLC_SECRET_STRIPE to it, or CLC_SECRETS_DIR to a directory with it in a file stripe"),
    ],
)
def test_what_can_not_be_judged_is_counted_with_its_reason(name, secrets, reason):
    rows, known = received(name)
    judge = SignatureJudge(PROFILES, known if secrets else {})
    assert {judge.judge(row) for row in rows} == {None}
    ((why, count),) = judge.unjudged.items()
    assert (why.sender, count, why.is_lacking) == (name, len(rows), not secrets)
    assert why.reason.endswith(reason)


def test_a_signature_of_a_sender_without_a_profile_is_not_judged_for_lack_of_that():
    row = received("stripe")[0][0]._replace(sender="gone")
    judge = SignatureJudge(PROFILES, {})
    assert judge.judge(row) is None
    why = Unjudged("gone", "there is no profile of this sender: set CLC_SENDERS", True, "notification")
    assert list(judge.unjudged) == [why]


@pytest.mark.parametrize(
    ("keys", "lack"),
    [
        ({"signed": "{url}{body}"}, "the signed url is not kept"),
        ({"signed": "{header:Date}.{body}"}, "the signed header date is not kept"),
        (
            {"signed": "{timestamp}.{body}", "timestamp": {"header": "Date", "unit": "ms"}},
            "the signed time is not kept",
        ),
    ],
)
def test_what_is_signed_and_not_kept_is_named(keys, lack):
    scheme = read_scheme({"type": "hmac", "header": "X-Signature", **keys})
    profile = replace(PROFILES["generic-hmac"], scheme=scheme)
    row = received("generic-hmac")[0][0]
    judge = SignatureJudge({"generic-hmac": profile}, {})
    assert judge.judge(row) is None
    assert list(judge.unjudged) == [Unjudged("generic-hmac", lack)]


def test_a_time_in_the_body_is_the_one_that_counts():
    scheme = read_scheme(
        {"type": "hmac", "header": "X-Signature", "timestamp": {"body": "/at", "unit": "iso"}, "signed": "{body}"}
    )
    secret = scheme.load_secret(SECRET)
    body = b'{"at":"2026-03-02T12:00:00Z"}'
    kept = KeptRequest(body, secret.sign([body]), None, NOON)
    assert fits(scheme, secret, kept)
    assert not fits(scheme, secret, kept._replace(received_at=NOON + timedelta(minutes=6)))
