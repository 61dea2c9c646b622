"""Senders with a profile post to /senders/NAME: accepted, refused, and greeted, over real sockets."""

import json
from datetime import UTC, datetime

import pytest

from receiver.keeping.care.facts import gather
from receiver.senders.profile import load_shipped
from receiver.senders.request import SignedRequest
from receiver.settings import read_settings
from receiver.simulator.signed_examples import sign_examples
from tests.receiver.senders.profile.profiles import MINIMAL
from tests.support.prepared import run_program
from tests.support.processes import ListenerProcess, environment, running
from tests.support.sizes import take_few
from tests.support.waiting import until

PROFILES = load_shipped()
SECRETS = {name: f"a secret of {name} for tests" for name in PROFILES} | {
    "standard-webhooks": "whsec_" + "c2VjcmV0IGZvciB0ZXN0cyBhbG9uZQ==",
}
SET_UP = {name: text for name, text in SECRETS.items() if name != "shopify"}


def variable(name):
    return "CLC_SECRET_" + name.upper().replace("-", "_")


@pytest.fixture(scope="module")
def listener(tmp_path_factory):
    settings = {variable(name): f"an older one of {name}, {text}".replace("an older one of standard-webhooks, ", "")
                for name, text in SET_UP.items()}  # fmt: skip
    with running(ListenerProcess, tmp_path_factory.mktemp("listener"), **settings) as process:
        yield process


@pytest.fixture
def new(listener):
    """Return what was spooled since the test began."""
    seen = {kind: len(listener.spooled(kind)) for kind in ("notifications", "rejected")}
    return lambda kind="notifications": listener.spooled(kind)[seen[kind] :]


def is_greeting(example):
    return example.file.name == "url_verification.json"


def examples_of(name, listener, text=None):
    profile = PROFILES[name]
    secret = profile.scheme.load_signing_secret(text or SECRETS[name])
    return sign_examples(profile, secret, listener.url, datetime.now(UTC))


@pytest.mark.parametrize("name", sorted(SET_UP))
def test_each_example_of_a_sender_is_accepted_with_the_columns_that_its_profile_expects(listener, new, name):
    profile = PROFILES[name]
    sent = examples_of(name, listener)
    for example in sent:
        answer = listener.sender.post(example.path, example.body, example.headers)
        assert answer.status == 200, (example.subject, answer.data)
    rows = new()
    expected = [example.row for example in profile.examples if example.row is not None and not is_greeting(example)]
    assert len(rows) == len(expected)
    for row, columns in zip(rows, expected, strict=True):
        kept = columns.keys() - {"says", "entity_name"}  # which pages derive from the payload
        assert {name: getattr(row, name) for name in kept} == {name: columns[name] for name in kept}
        assert (row.sender, row.signature_status, row.proof) == (name, "valid", profile.scheme.proof)
        assert row.signature_detail is None
        assert isinstance(json.loads(row.payload), dict)


def test_a_wrong_secret_and_none_are_refused_and_kept_with_the_reason(listener, new):
    wrong = examples_of("github", listener, "a secret that nobody gave the receiver")[0]
    answer = listener.sender.post(wrong.path, wrong.body, wrong.headers)
    assert (answer.status, json.loads(answer.data)["error"]) == (401, "signature_invalid")
    assert json.loads(answer.data)["detail"] == "The signature of GitHub is not valid: the signature fits no secret."
    bare = {name: text for name, text in wrong.headers.items() if "signature" not in name}
    answer = listener.sender.post(wrong.path, wrong.body, bare)
    assert (answer.status, json.loads(answer.data)["error"]) == (401, "signature_missing")
    assert [(row.reason, row.sender, row.signature_detail) for row in new("rejected")] == [
        ("signature_invalid", "github", "the signature fits no secret"),
        ("signature_missing", "github", "header missing"),
    ]
    assert new() == []


def test_a_body_over_the_limit_is_refused_and_kept_without_it_under_its_senders_name(listener, new):
    headers = {"X-GitHub-Event": "push", "X-GitHub-Delivery": "72d3162e"}
    for path in ("/senders/github", "/senders/nobody"):
        answer = listener.sender.post(path, b"x" * 1_100_000, headers)
        assert (answer.status, json.loads(answer.data)["error"]) == (413, "too_large")
    rows = until(lambda: new("rejected")[1:] and new("rejected"), what="the rows")
    assert [(row.reason, row.sender, row.body) for row in rows] == [
        ("too_large", "github", b""),
        ("unknown_sender", None, b""),
    ]
    assert json.loads(rows[0].headers)["X-Github-Delivery"] == "72d3162e"


@pytest.mark.parametrize("content_type", ["application/json", "application/x-www-form-urlencoded", "text/plain"])
@pytest.mark.parametrize("name", ["github", "slack"])
def test_no_content_type_makes_a_text_within_signed_json_the_body(listener, new, name, content_type):
    """No signature covers that header, so whoever has seen a signed body can post it again with another one."""
    body = json.dumps({"type": "comment", "text": "Nice! &payload=%7B%22type%22%3A%22forged%22%7D&"}).encode()
    scheme = PROFILES[name].scheme
    secret = scheme.load_signing_secret(SECRETS[name])
    signed = scheme.sign(SignedRequest("POST", listener.url, {}, body), secret, datetime.now(UTC), None)
    headers = {"X-GitHub-Event": "issue_comment", "Content-Type": content_type, **signed}
    assert listener.sender.post(f"/senders/{name}", body, headers).status == 200
    assert [(row.payload, row.signature_status) for row in new()] == [(body, "valid")]


@pytest.mark.parametrize("name", ["github", "slack"])
def test_a_signed_form_is_the_same_whatever_content_type_it_comes_with(listener, new, name):
    form = next(each for each in examples_of(name, listener) if each.headers["content-type"].endswith("urlencoded"))
    for added in ({}, {"content-type": "application/json"}):
        assert listener.sender.post(form.path, form.body, {**form.headers, **added}).status == 200
    first, second = new()
    assert (first.event_type, first.payload) == (second.event_type, second.payload)


@pytest.mark.parametrize("path", ["/senders/shopify", "/senders/nobody", "/senders/", "/senders/nobody/push"])
def test_a_sender_without_a_secret_is_as_unknown_as_one_without_a_profile(listener, new, path):
    answer = listener.sender.post(path, b"{}", {"X-Shopify-Hmac-SHA256": "AAAA"})
    assert (answer.status, json.loads(answer.data)["error"]) == (404, "unknown_sender")
    assert [(row.reason, row.sender) for row in new("rejected")] == [("unknown_sender", None)]


def test_a_handshake_is_answered_and_is_no_notification(listener, new):
    body = json.dumps({"type": "url_verification", "token": "x", "challenge": "3eZbrw1aB10FEMAGAZd4FyFQ"}).encode()
    profile = PROFILES["slack"]
    secret = profile.scheme.load_signing_secret(SECRETS["slack"])
    signed = profile.scheme.sign(SignedRequest("POST", listener.url, {}, body), secret, datetime.now(UTC), None)
    answer = listener.sender.post("/senders/slack", body, {"Content-Type": "application/json", **signed})
    assert (answer.status, answer.data) == (200, b"3eZbrw1aB10FEMAGAZd4FyFQ")
    assert answer.headers["Content-Type"].startswith("text/plain")
    unsigned = listener.sender.post("/senders/slack", body, {"Content-Type": "application/json"})
    assert unsigned.status == 401
    assert new() == []


def test_a_token_is_never_kept_and_a_body_that_is_no_json_is(listener, new):
    example = examples_of("gitlab", listener)[0]
    refused = listener.sender.post(example.path, b"no json", example.headers)
    assert (refused.status, json.loads(refused.data)["error"]) == (400, "not_json")
    wrong = listener.sender.post(example.path, example.body, {**example.headers, "x-gitlab-token": "another token!!"})
    assert wrong.status == 401
    rows = new("rejected")
    assert [(row.reason, row.sender) for row in rows] == [("not_json", "gitlab"), ("signature_invalid", "gitlab")]
    assert all("a secret of" not in row.headers and "another token" not in row.headers for row in rows)
    assert b"no json" in [row.body for row in rows]


def test_other_methods_and_the_routes_of_the_first_sender_stay_as_they_were(listener):
    answer = listener.sender.request("GET", "/senders/github")
    assert (answer.status, answer.headers["Allow"]) == (405, "POST")
    assert listener.sender.post("/webhooks/User.Updated", b'{"accountAlias":"ACME","userName":"kim"}').status == 200


def test_a_listener_starts_again_whatever_became_of_the_files_with_secrets_and_profiles(tmp_path):
    (tmp_path / ".env").write_text("CLC_SECRET_STRIPE=a secret that nobody can read\n<<<<<<< HEAD\n")
    away = {"CLC_SECRETS_DIR": str(tmp_path / "away"), "CLC_SENDERS": str(tmp_path / "nowhere")}
    settings = {variable("github"): SECRETS["github"], variable("shopify"): "short", **away}
    with running(ListenerProcess, tmp_path, **settings) as listener:
        assert listener.sender.post("/webhooks/User.Updated", b'{"accountAlias":"ACME","userName":"kim"}').status == 200
        for name, status in {"github": 200, "stripe": 404, "shopify": 404}.items():
            sent = examples_of(name, listener)[0]
            assert listener.sender.post(sent.path, sent.body, sent.headers).status == status, name
        log = listener.log
    for lack in (
        ".env can't be used: line 2",
        "CLC_SECRETS_DIR is",
        "CLC_SENDERS is",
        "CLC_SECRET_SHOPIFY can't be used",
    ):
        assert log.count(lack) == 1, lack
    assert log.count("make it usable, then run `clc-receiver upgrade`") == 4


def test_a_profile_that_became_unusable_takes_no_other_away_and_no_token_of_its_sender_is_kept(tmp_path):
    own = tmp_path / "own"
    own.mkdir()
    acme = MINIMAL.replace('"example"', '"acme"').replace('"none"', '"token"\nheader = "X-Acme-Token"')
    (own / "acme.toml").write_text(acme)
    (own / "bolt.toml").write_text('name = "bol')
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "bolt").write_text('a token with "quotes" of bolt\n')
    settings = {"CLC_SENDERS": str(own), "CLC_SECRETS_DIR": str(tmp_path / "secrets")}
    with running(
        ListenerProcess, tmp_path, CLC_SECRET_ACME="an older one of acme, the token of acme", **settings
    ) as listener:
        for name, token, status in (("acme", "the token of acme", 200), ("bolt", 'a token with "quotes" of bolt', 404)):
            headers = {f"X-{name.capitalize()}-Token": token}
            assert listener.sender.post(f"/senders/{name}", b'{"type":"A"}', headers).status == status, listener.log
        assert listener.sender.post("/senders/none", b"{}", {"X-Lost": "Bearer the token of acme"}).status == 404
        (said,) = gather(read_settings(env_file=None, data_dir=tmp_path, senders=own), None).files.profiles_unusable
        assert said.startswith(f"{own / 'bolt.toml'}: it is no TOML")
        assert listener.log.count("bolt.toml: it is no TOML") == 1
        (bolt, other) = (json.loads(row.headers) for row in listener.spooled("rejected"))
    assert (bolt["X-Bolt-Token"], other["X-Lost"]) == ("SECRET", "Bearer SECRET")


@pytest.mark.parametrize(
    ("settings", "said"),
    take_few(
        [
            ({"CLC_SECRET_GITHUB": "short"}, "CLC_SECRET_GITHUB can't be used"),
            ({"CLC_SENDERS": "/does/not/exist"}, "CLC_SENDERS is '/does/not/exist'"),
        ],
        1,
    ),
)
def test_a_secret_or_directory_that_can_not_be_used_stops_the_start_in_one_line(tmp_path, settings, said):
    done = run_program("receiver", "serve", env=environment(tmp_path, **settings), cwd=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert "short" not in done.stderr.replace("shorter", "")
