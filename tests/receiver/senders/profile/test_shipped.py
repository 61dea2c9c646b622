"""The shipped profiles: their examples hold, verify by the senders' own libraries, and cover real payloads."""

import json
import os
import re
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import patch

import pytest
import standardwebhooks
import stripe
from slack_sdk.signature import Clock, SignatureVerifier

from receiver.senders.request import SignedRequest
from receiver.trial import run_examples
from tests.receiver.senders.profile.profiles import shipped
from tests.support.processes import PreparedReceiver, running
from tests.support.waiting import until

NAMES = ["generic-hmac", "github", "gitlab", "shopify", "slack", "standard-webhooks", "stripe"]
OCTOKIT = os.environ.get("OCTOKIT_EXAMPLES")
EVIDENCE = Path(__file__).parents[4] / "docs" / "evidence.md"
RECEIVED = datetime(2026, 1, 1, tzinfo=UTC)
OF_NO_ACCOUNT = ("security_advisory", "enterprise")
"""Events of all of GitHub or of a whole server, whose payloads name no account."""


def test_all_shipped_profiles_are_read():
    assert sorted(shipped()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_the_examples_of_a_shipped_profile_are_as_they_say(name):
    assert [f"{each.subject}: {each.text}" for each in run_examples(shipped()[name]) if not each.is_expected] == []


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_profile_says_what_to_do_at_the_sender(name):
    profile = shipped()[name]
    assert any("{url}" in step for step in profile.setup)
    assert profile.documentation.startswith("https://")


@pytest.mark.parametrize("name", NAMES)
def test_each_file_beside_a_shipped_profile_is_one_of_its_examples(name):
    profile = shipped()[name]
    assert set((profile.path.parent / "examples").iterdir()) == {example.file for example in profile.examples}


@pytest.mark.parametrize("name", NAMES)
def test_the_page_on_evidence_names_each_header_that_fills_a_column_though_no_signature_covers_it(name):
    profile = shipped()[name]
    text = profile.path.read_text(encoding="utf-8")
    headers = set(re.findall(r"header:([\w-]+)", text))
    if not profile.scheme.template.covers("id"):
        headers.update(re.findall(r'\nid = \{ header = "(.+)" \}', text))
    title = "any HMAC" if name == "generic-hmac" else profile.title
    row = re.search(rf"\n\| {title} \|.*\|(.*)\|\n", EVIDENCE.read_text(encoding="utf-8"))
    assert row
    assert set(re.findall(r"`(.+?)`", row[1])) == headers


def test_a_shop_that_shopifys_body_names_counts_before_that_of_a_header():
    """No signature covers the header."""
    headers = {"x-shopify-topic": "customers/redact", "x-shopify-shop-domain": "another.myshopify.com"}
    for name in ("shop_domain", "myshopify_domain"):
        columns = shipped()["shopify"].classify(None, headers, {name: "Ours.myshopify.com"}, RECEIVED)
        assert columns.account_alias == "ours.myshopify.com"
    assert shipped()["shopify"].classify(None, headers, {}, RECEIVED).account_alias == "another.myshopify.com"


def examples_of(name):
    return [(each, each.file.read_bytes()) for each in shipped()[name].examples]


@pytest.mark.parametrize("name", shipped())
def test_what_the_body_of_an_example_tells_is_derived_again_from_it_alone(name):
    profile = shipped()[name]
    for example, posted in examples_of(name):
        if example.row is not None:
            body = profile.read_body(posted)
            columns = profile.classify(example.event, example.headers, body, example.received_at)
            again = profile.derive_again(columns.event_type, body, example.received_at)
            assert again == {column: getattr(columns, column) for column in again}
            assert {"category", "action", "entity_id", "actor"} <= again.keys()
            assert ("event_type" in again) == (name in {"slack", "stripe"})


def test_stripes_own_library_agrees_on_each_example():
    for example, body in examples_of("stripe"):
        with patch("time.time", return_value=example.received_at.timestamp()):
            try:
                header = example.headers["stripe-signature"]
                is_valid = stripe.WebhookSignature.verify_header(body.decode(), header, example.secret, 300)
            except stripe.SignatureVerificationError:
                is_valid = False
        assert is_valid == (example.refused is None), example


def test_slacks_own_library_agrees_on_each_example():
    for example, body in examples_of("slack"):
        with patch.object(Clock, "now", lambda _, example=example: example.received_at.timestamp()):
            is_valid = SignatureVerifier(example.secret).is_valid_request(body, dict(example.headers))
        assert is_valid == (example.refused is None), example


def test_the_library_of_standard_webhooks_agrees_on_each_example():
    for example, body in examples_of("standard-webhooks"):
        with patch("standardwebhooks.webhooks.datetime") as clock:
            clock.now.return_value = example.received_at
            clock.fromtimestamp = datetime.fromtimestamp
            try:
                standardwebhooks.Webhook(example.secret).verify(body.decode(), dict(example.headers))
                is_valid = True
            except standardwebhooks.WebhookVerificationError:
                is_valid = False
        assert is_valid == (example.refused is None), example


@pytest.mark.skipif(
    not OCTOKIT, reason="OCTOKIT_EXAMPLES is not set: the directory of npm's @octokit/webhooks-examples"
)
def test_each_payload_of_octokits_examples_has_its_event_account_entity_and_actor():
    github, missing, count = shipped()["github"], Counter(), 0
    for file in Path(OCTOKIT).rglob("index.json"):
        for event in json.loads(file.read_text("utf-8")):
            for payload in event["examples"]:
                found = github.classify(None, {"x-github-event": event["name"]}, payload, RECEIVED)
                count += 1
                untold = {"account_alias"} if event["name"] in OF_NO_ACCOUNT else set()
                untold |= {"entity_id", "action"} if event["name"] == "enterprise" else set()
                untold |= {"actor"} if "login" not in payload.get("sender", {}) else set()
                for column in {"event_type", "account_alias", "entity_id", "action", "actor"} - untold:
                    missing[column, found.event_type] += getattr(found, column) is None
    print(f"{count} payloads")
    assert +missing == {}
    assert count > 300


@pytest.mark.skipif(
    not OCTOKIT, reason="OCTOKIT_EXAMPLES is not set: the directory of npm's @octokit/webhooks-examples"
)
def test_each_payload_of_octokits_examples_is_accepted_and_compared_and_the_wrong_secret_refuses_each(tmp_path):
    scheme = shipped()["github"].scheme
    right, wrong = (
        scheme.load_signing_secret(text) for text in ("the right secret of tests", "a wrong secret of tests")
    )
    with running(PreparedReceiver, tmp_path, CLC_SECRET_GITHUB="the right secret of tests") as receiver:
        count = 0
        for event in json.loads((Path(OCTOKIT) / "api.github.com" / "index.json").read_text("utf-8")):
            for payload in event["examples"]:
                body, headers = json.dumps(payload).encode(), {"x-github-event": event["name"]}
                request = SignedRequest("POST", "", headers, body)
                for secret, expected in ((wrong, 401), (right, 200)):
                    signed = headers | scheme.sign(request, secret, datetime.now(UTC), f"delivery-{count}")
                    assert receiver.sender.post("/senders/github", body, signed).status == expected, event["name"]
                count += 1
        found = "SELECT count(*) AS n, count(event_type) AS named FROM notifications WHERE signature_status = 'valid'"
        until(lambda: receiver.sql(found) == [{"n": count, "named": count}], what="all of them in the store")
        assert receiver.sql("SELECT count(*) AS n FROM underived") == [{"n": 0}]
        assert receiver.sql("SELECT count(*) > 300 AS many FROM changes") == [{"many": True}]
    assert count > 300
