"""Handshakes over real sockets: a signed answer, an echo of a parameter or a header, and a signed parameter."""

import hashlib
import hmac
import json
import time
from base64 import b64encode
from urllib.parse import quote

import pytest

from receiver.errors import ProfileError
from receiver.senders.profile import load_profile
from tests.support.processes import ListenerProcess, running

SECRET = "a secret for tests alone"
HEAD = """\
name = "{name}"
title = "A sender"
documentation = "https://sender.example/webhooks"
[columns]
event_type = "/event"
entity_id = "/id"
[verification]
type = "hmac"
"""
LIKE_ZOOM = """\
header = "x-zm-signature"
prefix = "v0="
signed = "v0:{timestamp}:{body}"
timestamp = { header = "x-zm-request-timestamp" }
[handshake]
when = { "/event" = "endpoint.url_validation" }
echo = "/payload/plainToken"
answer = { plainToken = "{text}", encryptedToken = "{signature}" }
"""
LIKE_META = """\
header = "X-Hub-Signature-256"
prefix = "sha256="
[handshake]
method = "GET"
when = { "hub.mode" = "subscribe", "hub.verify_token" = "words of ours" }
echo = "hub.challenge"
"""
LIKE_X = """\
header = "x-twitter-webhooks-signature"
prefix = "sha256="
encoding = "base64"
[handshake]
method = "GET"
echo = "crc_token"
answer = { response_token = "sha256={signature}" }
encoding = "base64"
"""
LIKE_OKTA = """\
header = "X-Signature"
[handshake]
method = "GET"
echo = "header:X-Okta-Verification-Challenge"
answer = { verification = "{text}" }
"""
KINDS = {"like-zoom": LIKE_ZOOM, "like-meta": LIKE_META, "like-x": LIKE_X, "like-okta": LIKE_OKTA}


def mac(text):
    return hmac.new(SECRET.encode(), text.encode(), hashlib.sha256)


def write_profile(directory, name, text):
    path = directory / f"{name}.toml"
    path.write_text(HEAD.replace("{name}", name) + text)
    return path


@pytest.fixture(scope="module")
def listener(tmp_path_factory):
    directory = tmp_path_factory.mktemp("profiles")
    for name, text in KINDS.items():
        write_profile(directory, name, text)
    secrets = {f"CLC_SECRET_{name.upper().replace('-', '_')}": SECRET for name in KINDS}
    data_dir = tmp_path_factory.mktemp("listener")
    with running(ListenerProcess, data_dir, CLC_SENDERS=str(directory), **secrets) as process:
        yield process


def post_like_zoom(listener, body, secret_text=None):
    now = str(int(time.time()))
    signature = secret_text or mac(f"v0:{now}:{body}").hexdigest()
    headers = {"x-zm-request-timestamp": now, "x-zm-signature": f"v0={signature}", "Content-Type": "application/json"}
    return listener.sender.post("/senders/like-zoom", body.encode(), headers)


def test_a_posted_token_is_answered_with_its_signature_once_the_request_is_signed(listener):
    body = json.dumps({"event": "endpoint.url_validation", "payload": {"plainToken": "qgg8vlvZRS6UYooatFL8Aw"}})
    answer = post_like_zoom(listener, body)
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")
    encrypted = mac("qgg8vlvZRS6UYooatFL8Aw").hexdigest()
    assert json.loads(answer.data) == {"plainToken": "qgg8vlvZRS6UYooatFL8Aw", "encryptedToken": encrypted}
    assert post_like_zoom(listener, body, "00" * 32).status == 401
    assert listener.spooled("notifications") == []


def test_a_challenge_in_the_url_is_echoed_where_all_parameters_fit(listener):
    path = "/senders/like-meta?hub.mode=subscribe&hub.verify_token=words+of+ours&hub.challenge="
    answer = listener.sender.request("GET", path + "1158201444")
    assert (answer.status, answer.data) == (200, b"1158201444")
    assert answer.headers["Content-Type"].startswith("text/plain")
    for other in (
        path + quote("<b>hi</b>"),
        path + "x" * 201,
        path.replace("words", "guesses") + "1",
        "/senders/like-meta",
    ):
        assert listener.sender.request("GET", other).status == 405


def test_a_challenge_in_a_header_is_echoed(listener):
    def ask(challenge):
        headers = {"X-Okta-Verification-Challenge": challenge}
        return listener.sender.request("GET", "/senders/like-okta", None, headers)

    answer = ask("iqBHhQ8vQ")
    assert (answer.status, json.loads(answer.data)) == (200, {"verification": "iqBHhQ8vQ"})
    assert ask("<b>").status == 405


def test_a_token_in_the_url_is_answered_with_its_signature(listener):
    answer = listener.sender.request("GET", "/senders/like-x?crc_token=MDg1MWY4ZTg%3D&nonce=1")
    token = b64encode(mac("MDg1MWY4ZTg=").digest()).decode()
    assert (answer.status, json.loads(answer.data)) == (200, {"response_token": f"sha256={token}"})


def test_no_handshake_signs_what_a_notification_could_be(listener):
    """Anybody may ask for the signature of a token; what comes back must not make a notification valid."""
    for body in ('{"event":"paid","id":"1"}', "{}", " {}", "[1]", '"a"', "a b", "a\n", "x" * 201):
        assert listener.sender.request("GET", f"/senders/like-x?crc_token={quote(body)}").status == 405
    for body in ("1", "null", "e30=", "event=paid"):
        token = json.loads(listener.sender.request("GET", f"/senders/like-x?crc_token={quote(body)}").data)
        headers = {"x-twitter-webhooks-signature": token["response_token"]}
        for content_type in ("application/json", "application/x-www-form-urlencoded"):
            answer = listener.sender.post("/senders/like-x", body.encode(), headers | {"Content-Type": content_type})
            assert (answer.status, json.loads(answer.data)["error"]) in {(400, "not_json"), (400, "not_an_object")}
    assert listener.spooled("notifications") == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("[handshake]", '[body]\nform = "*"\n[handshake]'), "no forms"),
        (('header = "x', 'signed = "{method}"\nheader = "x'), "needs {body} in signed"),
        (('type = "hmac"', 'type = "ed25519"'), "needs type = 'hmac'"),
        (("{signature}", "{secret}"), "allowed in braces are {text} and {signature}"),
        (("{signature}", "{signature.__class__}"), "allowed in braces are {text} and {signature}"),
        (('"GET"', '"PUT"'), "allowed are GET, POST"),
        (('"crc_token"', '"header:X Token"'), "handshake.echo is 'header:X Token'"),
    ],
)
def test_a_handshake_that_could_sign_a_notification_is_no_profile(tmp_path, change, said):
    path = write_profile(tmp_path, "like-x", LIKE_X)
    path.write_text(path.read_text().replace(*change))
    with pytest.raises(ProfileError) as caught:
        load_profile(path)
    assert said in str(caught.value)
