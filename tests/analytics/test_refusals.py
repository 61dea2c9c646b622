"""The words for refusals: each reason that the receiver has, and those for senders with a profile."""

import ast
import json
from pathlib import Path

import pytest

import analytics
from analytics import queries, senders
from analytics.pages.notifications.refused import Group, list_groups, read_group
from analytics.senders.described import as_sender
from analytics.words.refusals import ADVICE, REFUSALS, describe_refusal, find_title
from receiver.senders.profile import load_shipped
from receiver.senders.schemes import Detail, describe_places
from tests.support.readable_store import Refused, build_store
from tests.test_readme import refusals_made

RECEIVER = Path(__file__).parents[2] / "receiver"
NOT_KEPT = {"method_not_allowed", "not_found", "spool_unavailable"}
SET_ASIDE = {"not_storable", "damaged_in_spool"}
DESCRIPTION = {
    "secret_variable": "CLC_SECRET_ACME",
    "places": {"signature": "the header X-Acme-Signature", "timestamp": "the header X-Acme-Time"},
}


@pytest.fixture
def acme():
    senders.learn([as_sender("acme", "Acme billing", json.dumps(DESCRIPTION), ())])
    yield
    senders.learn([])


def test_each_reason_that_the_receiver_keeps_says_what_to_do():
    modules = [ast.parse(path.read_text("utf-8")) for path in RECEIVER.rglob("*.py")]
    codes = {ast.literal_eval(code) for module in modules for _, code in refusals_made(module)}
    assert set(REFUSALS) == (codes - NOT_KEPT) | SET_ASIDE
    assert all(refusal.why.endswith(".") and refusal.remedy.endswith(".") for refusal in REFUSALS.values())
    assert find_title("signature_missing") == "Unsigned"
    assert find_title("nonesuch") == "nonesuch"


def test_each_reason_for_which_a_signature_is_not_valid_has_advice():
    assert set(ADVICE) == {detail.value for detail in Detail}


@pytest.mark.usefixtures("acme")
@pytest.mark.parametrize(
    ("reason", "detail", "words"),
    [
        ("signature_invalid", "the signature fits no secret", "Check that CLC_SECRET_ACME,"),
        ("signature_invalid", "header malformed", "writes the header X-Acme-Signature as its profile says"),
        ("signature_invalid", "stale timestamp", "the unit of the header X-Acme-Time with"),
        ("signature_invalid", "timestamp in the future", "the unit of the header X-Acme-Time with"),
        ("signature_invalid", "timestamp missing", "sets the header X-Acme-Time,"),
        ("signature_missing", "header missing", "sets the header X-Acme-Signature, and whether a proxy drops it."),
    ],
)
def test_a_refused_signature_names_the_sender_the_reason_and_what_its_profile_says(reason, detail, words):
    refusal = describe_refusal(reason, "acme", detail)
    assert "Acme billing" in refusal.why
    assert refusal.why.endswith(f": {detail}.")
    assert words in refusal.remedy
    assert "CLC_PUBLIC_KEY" not in refusal.remedy
    assert "CLC_SIGNATURES" not in refusal.remedy


@pytest.mark.usefixtures("acme")
def test_the_advice_for_the_first_sender_names_its_own_header_alone_and_begins_with_it():
    remedy = describe_refusal("signature_missing", "centurylink", "header missing").remedy
    assert "drops the header Tier3-RsaSha1. " in remedy
    assert remedy.index("Tier3-RsaSha1") < remedy.index("CLC_SIGNATURES=record")


@pytest.mark.parametrize(
    ("name", "places"),
    [
        ("slack", {"signature": "the header X-Slack-Signature", "timestamp": "the header X-Slack-Request-Timestamp"}),
        ("stripe", {"signature": "the header Stripe-Signature", "timestamp": "t= in the header Stripe-Signature"}),
        ("gitlab", {"signature": "the header X-Gitlab-Token"}),
    ],
)
def test_a_profile_says_where_its_requests_have_what_a_signature_needs(name, places):
    said = describe_places(load_shipped()[name].scheme)
    assert {place: words for place, words in said.items() if place in places} == places


@pytest.mark.usefixtures("acme")
def test_refused_ones_are_grouped_by_sender_and_by_what_is_wrong_with_its_signatures(tmp_path, monkeypatch):
    def of_acme(detail):
        return Refused("signature_invalid", "/senders/acme", b"{}", sender="acme", signature_detail=detail)

    other = Refused("signature_invalid", "/webhooks/User.Created", b"{}", signature_detail="the signature fits no key")
    stale = [of_acme("stale timestamp")] * 2
    unknown = Refused("unknown_sender", "/senders/x", b"{}", sender=None)
    store = build_store(tmp_path / "s.duckdb", [], [*stale, of_acme("header malformed"), other, unknown])
    with analytics.connect(str(store)) as client:
        counts = client.sql(*queries.make_query("rejected_counts", {})).to_pandas()
        groups = list_groups(counts)

        def count(group):
            return client.sql(*queries.make_query("rejected_total", group._asdict())).to_pylist()[0]["total"]

        assert {group.key: count(group) for group in groups} == {
            "signature_invalid/acme/stale timestamp": 2,
            "signature_invalid/acme/header malformed": 1,
            "signature_invalid/centurylink": 1,
            "unknown_sender": 1,
        }
        for group in groups:
            values = {"page_rows": 9, "position": 0, **group._asdict()}
            listed = client.sql(*queries.make_query("rejected", values)).num_rows
            assert listed == count(group)
        assert count(Group("signature_invalid")) == 4
    monkeypatch.setattr("analytics.pages.shared.address.get", {"reason": "signature_invalid"}.get)
    assert read_group(groups) == Group("signature_invalid")
