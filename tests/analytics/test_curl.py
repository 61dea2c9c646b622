"""The `curl` command of a notification: a shell runs it, and a receiver gets the very same bytes."""

import base64
import shutil
import subprocess
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from analytics.export.curl import SentRequest, is_plain, make_address, write_command
from tests.analytics.client.scripted_service import serve
from tests.support import bodies

SIGNATURE = bytes(range(256))
NASTY = (
    b"""{"a":"'; touch never; '","b":"$(touch never) `touch never` ${HOME} $HOME","c":"!! !$ \\\\ \\" %s %% ~ * ? |","""
    b""""d":"<script> \\u0027 -- @file","e":"''''"}"""
)
BODIES = {
    "account": bodies.ACCOUNT,
    "user": bodies.USER,
    "server": bodies.SERVER,
    "shell": NASTY,
    "wide": '{"name":"zo\u00eb \U0001f600 \u4e2d"}'.encode(),
    "spaced": b' {\n\t"a": 1.50,\r\n "b": "\x7f"}\n\n',
    "hidden": '{"a":"\u202e\u2066\u200b\ufeff"}'.encode(),
    "at": b"@/etc/passwd",
    "dash": b"-v",
    "empty": b"",
    "binary": b"\xff\xfe\x00\x01 no json '\n",
}


class Recorder(HTTPServer):
    """Keeps what it is sent."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.got = []


class Handler(BaseHTTPRequestHandler):
    server: Recorder

    def do_POST(self):
        self.server.got.append((self.path, self.headers, self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def recorder():
    with serve(Recorder()) as server:
        yield server


def shells():
    return [shell for shell in ("sh", "bash", "zsh") if shutil.which(shell)]


def run(text, shell, directory):
    if not shutil.which("curl"):
        pytest.skip("no curl on this machine")
    done = subprocess.run([shell, "-c", text], check=False, capture_output=True, cwd=directory, timeout=30)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(b"HTTP/1.0 200")
    assert done.stdout.endswith(b"ok")


@pytest.mark.parametrize("shell", shells())
@pytest.mark.parametrize("name", BODIES)
def test_a_shell_sends_the_very_same_body_and_signature(recorder, tmp_path, shell, name):
    sent = SentRequest(BODIES[name], SIGNATURE, signed=True)
    address = f"http://127.0.0.1:{recorder.server_port}/webhooks/User.Updated?a=[1]&b={{x}}"
    run(write_command(sent, address, "body.json"), shell, tmp_path)
    path, headers, body = recorder.got[-1]
    assert body == BODIES[name]
    assert path == "/webhooks/User.Updated?a=[1]&b={x}"
    assert headers["Content-Type"] == "application/json; charset=utf-8"
    assert headers["Tier3-RsaSha1"] == base64.b64encode(SIGNATURE).decode()
    assert list(tmp_path.iterdir()) == []


def test_a_long_body_is_sent_from_the_file_that_was_downloaded(recorder, tmp_path):
    body = b'{"a":"' + b"'x" * 100_000 + b'"}'
    (tmp_path / "it's a body.json").write_bytes(body)
    text = write_command(
        SentRequest(body, None, signed=False),
        f"http://127.0.0.1:{recorder.server_port}/webhook/user",
        "it's a body.json",
    )
    assert len(text) < 500
    run(text, "sh", tmp_path)
    _, headers, got = recorder.got[-1]
    assert got == body
    assert headers["Tier3-RsaSha1"] is None


def test_the_command_reads_as_one_would_write_it():
    sent = SentRequest(b'{"userName":"o\'neil"}', b"\x01\x02", signed=True)
    assert write_command(sent, "http://127.0.0.1:8080/webhooks/User.Updated", "body.json") == (
        "curl --globoff --include \\\n"
        "  --url 'http://127.0.0.1:8080/webhooks/User.Updated' \\\n"
        "  --header 'Content-Type: application/json; charset=utf-8' \\\n"
        "  --header 'Accept: application/json' \\\n"
        "  --header 'Tier3-RsaSha1: AQI=' \\\n"
        "  --data-raw '{\"userName\":\"o'\\''neil\"}'"
    )


def test_a_signature_that_was_no_base64_is_replaced_by_one_that_is_none_either():
    text = write_command(SentRequest(b"{}", None, signed=True), "http://h/webhooks/User.Updated", "body.json")
    assert "--header 'Tier3-RsaSha1: (no base64, and so not kept)'" in text


def test_an_address_can_be_no_option_and_ends_no_quotes(tmp_path):
    text = write_command(SentRequest(b"{}", None, signed=False), "-o'; touch never; '\n", "body.json")
    subprocess.run(["sh", "-c", text], check=False, capture_output=True, cwd=tmp_path, timeout=30)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("base", "address"),
    [
        ("", "http://127.0.0.1:8080/webhooks/User.Updated"),
        (" https://hooks.example/ ", "https://hooks.example/webhooks/User.Updated"),
        ("https://hooks.example:8443", "https://hooks.example:8443/webhooks/User.Updated"),
        ("https://hooks.example/in?x=1", "https://hooks.example/in?x=1"),
        ("hooks.example", "hooks.example/webhooks/User.Updated"),
    ],
)
def test_the_address_is_made_of_what_the_user_wrote(base, address):
    assert make_address(base, "User.Updated", "User") == address


def test_a_receiver_with_a_secret_in_its_paths_has_its_place_in_the_address():
    assert make_address("http://h", "User.Updated", "User", "SECRET/") == "http://h/webhooks/SECRET/User.Updated"
    assert make_address("http://h", None, "Server", "SECRET/") == "http://h/webhook/SECRET/server"


def test_a_notification_whose_event_is_not_known_goes_to_its_category():
    assert make_address("http://h", None, "Server") == "http://h/webhook/server"


@pytest.mark.parametrize(
    ("name", "plain"), [("server", True), ("wide", True), ("spaced", False), ("hidden", False), ("binary", False)]
)
def test_what_can_not_be_seen_is_not_pasted_as_it_is(name, plain):
    assert is_plain(BODIES[name]) is plain
