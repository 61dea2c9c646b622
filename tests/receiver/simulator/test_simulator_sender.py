"""The simulator posts to a receiver: a real server on loopback that keeps what it gets."""

import asyncio
import hashlib
import hmac
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from typing import NamedTuple

import orjson
import pytest
import tornado.web
from click.testing import CliRunner
from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPHeaders
from tornado.netutil import bind_sockets

from receiver.commands.simulate import simulate
from receiver.errors import ProfileError, SendError
from receiver.senders.centurylink.signature import check_signature, load_public_key
from receiver.senders.keys import load_or_make_key
from receiver.senders.profile import load_profile
from receiver.senders.request import SignedRequest
from receiver.simulator.history import Outgoing
from receiver.simulator.posting import Poster, schedule_at_rate, seal_with
from tests.receiver.senders.profile.profiles import MINIMAL


class Received(NamedTuple):
    path: str
    headers: HTTPHeaders
    body: bytes
    at: float


class Receiver:
    """Keeps each request and answers with `answer(number)`: a status, or None to hang up without one."""

    def __init__(self, answer=lambda _: 200):
        self.received: list[Received] = []
        self.answer = answer
        self.arrived = threading.Condition()

    def keep(self, request):
        with self.arrived:
            self.received.append(Received(request.path, request.headers, request.body, time.monotonic()))
            self.arrived.notify_all()
            return self.answer(len(self.received))

    def wait_for(self, count):
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.received) >= count, timeout=60)


class Webhook(tornado.web.RequestHandler):
    def initialize(self, receiver):
        self.receiver = receiver

    def get(self, *_):
        self.write("ok")

    def post(self, *_):
        status = self.receiver.keep(self.request)
        if status is None:
            self.detach().close()
            return
        self.set_status(status)
        if status == 200:
            self.set_header("Notification-Id", f"id-{len(self.receiver.received)}")
            self.write("ok")
        else:
            self.write({"error": "signature_invalid", "detail": "No."})

    def log_exception(self, *_):
        pass


@pytest.fixture
def receive():
    """Start receivers: `receive()` or `receive(answer)` returns its URL and what keeps what it gets."""
    stops = []

    def start(answer=lambda _: 200):
        receiver = Receiver(answer)
        sockets = bind_sockets(0, "127.0.0.1")
        up, loops = threading.Event(), []

        async def serve():
            stop = asyncio.Event()
            application = tornado.web.Application([(r"/(.*)", Webhook, {"receiver": receiver})], log_function=str)
            server = HTTPServer(application)
            server.add_sockets(sockets)
            loops.append((asyncio.get_running_loop(), stop))
            up.set()
            await stop.wait()
            server.stop()
            await server.close_all_connections()

        thread = threading.Thread(target=lambda: asyncio.run(serve()))
        thread.start()
        up.wait()
        stops.append((thread, *loops[0]))
        return f"http://127.0.0.1:{sockets[0].getsockname()[1]}", receiver

    yield start
    for thread, loop, stop in stops:
        loop.call_soon_threadsafe(stop.set)
        thread.join()


@pytest.fixture(scope="module")
def key_path(tmp_path_factory):
    path = tmp_path_factory.mktemp("key") / "simulator.pem"
    load_or_make_key(path)
    return path


@pytest.fixture
def run(key_path):
    def run(*arguments):
        return CliRunner().invoke(simulate, ["--key", str(key_path), *arguments])

    return run


def groups_of(*names, copies=0):
    return [[Outgoing(0, 0, "User.Updated", name.encode())] * (1 + copies) for name in names]


def closed_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def test_each_notification_is_posted_once_to_its_events_route_with_the_senders_headers(receive, run, key_path):
    url, receiver = receive()
    result = run("--to", url, "--count", "300", "--rate", "0")
    assert result.exit_code == 0, result.output
    assert "Sent 300 in" in result.stderr
    assert "300 answered 200." in result.stderr
    assert "p99" in result.stderr
    assert len(receiver.received) == 300
    public = load_public_key(key_path.with_name("simulator.pem.pub"))
    for got in receiver.received:
        assert re.fullmatch(r"/webhooks/(Account|Alert|Server|User)\.[A-Z][a-z]+", got.path)
        assert check_signature(public, got.headers, got.body)[0] == "valid"
        assert set(got.headers) == {"Host", "Content-Type", "Accept", "Content-Length", "Expect", "Tier3-Rsasha1"}
        assert got.headers["Content-Type"] == "application/json; charset=utf-8"
        assert got.headers["Accept"] == "application/json"
        assert got.headers["Content-Length"] == str(len(got.body))
        assert got.headers["Expect"] == "100-continue"


@pytest.mark.full
def test_two_runs_of_a_seed_post_the_same_story(receive, run):
    stories = []
    for _ in range(2):
        url, receiver = receive()
        run("--to", url, "--count", "50", "--rate", "0", "--concurrency", "1", "--seed", "9")
        stories.append([(got.path, re.sub(rb"\d{4}-\d\d-\d\dT[\d:]{8}Z", b"", got.body)) for got in receiver.received])
    servers = re.compile(rb'"name":"(\w+)"')
    told = [[(path, servers.findall(body)) for path, body in story] for story in stories]
    assert told[0] == told[1]


def test_the_rate_follows_a_schedule_however_long_answers_take(receive, key_path):
    def slow(_):
        time.sleep(0.01)
        return 200

    url, receiver = receive(slow)
    poster = Poster(url, seal_with(load_or_make_key(key_path)[0]), concurrency=4)
    poster.send(groups_of(*"abcdefghijklmnopqrstu"), dues=schedule_at_rate(50))
    spread = receiver.received[-1].at - receiver.received[0].at
    assert 0.2 < spread < 4  # 0.4 by the schedule, whatever keeps the first or the last one back
    assert poster.tally.accepted == 21


def test_a_copy_goes_out_with_its_original_and_counts(receive, key_path):
    url, receiver = receive()
    poster = Poster(url, seal_with(load_or_make_key(key_path)[0]), concurrency=1)
    poster.send(groups_of("a", "b", "c", copies=1), dues=schedule_at_rate(0), count=5)
    assert [got.body for got in receiver.received] == [b"a", b"a", b"b", b"b", b"c"]


def test_refusals_are_counted_by_status_and_code_and_never_sent_again(receive, run):
    url, receiver = receive(lambda number: 401 if number % 4 == 0 else 200)
    result = run("--to", url, "--count", "40", "--rate", "0")
    assert result.exit_code == 1
    assert "30 answered 200." in result.stderr
    assert "Not accepted: 10 (401 signature_invalid)." in result.stderr
    assert "CLC_PUBLIC_KEY=" in result.stderr
    assert len(receiver.received) == 40


def test_a_receiver_that_hangs_up_gets_nothing_a_second_time(receive, run):
    url, receiver = receive(lambda number: None if number == 3 else 200)
    result = run("--to", url, "--count", "10", "--rate", "0", "--concurrency", "1")
    assert result.exit_code == 1
    assert "Sent 10" in result.stderr
    assert "Not accepted: 1 (connection broken)." in result.stderr
    assert len(receiver.received) == 10


def test_where_nothing_listens_one_sentence_says_so_before_anything_is_sent(run):
    port = closed_port()
    result = run("--to", f"http://127.0.0.1:{port}", "--count", "5")
    assert isinstance(result.exception, SendError)
    assert str(result.exception) == (
        f"No receiver answers at http://127.0.0.1:{port} (connection refused): "
        "start one with `clc-receiver serve`, or correct --to."
    )


def test_a_receiver_that_goes_away_later_shows_in_the_summary(key_path):
    poster = Poster(f"http://127.0.0.1:{closed_port()}", seal_with(load_or_make_key(key_path)[0]))
    poster.send(groups_of("a", "b"), dues=schedule_at_rate(0))
    assert poster.tally.errors == {"connection refused": 2}


def test_one_account_update_of_demo_is_the_products_hello_world(receive, run):
    url, receiver = receive()
    result = run("--to", url, "--event", "Account.Updated", "--account", "DEMO")
    assert result.exit_code == 0
    assert "Sent 1; 1 answered 200." in result.stderr
    [got] = receiver.received
    body = orjson.loads(got.body)
    assert got.path == "/webhooks/Account.Updated"
    assert (body["accountAlias"], body["businessName"]) == ("DEMO", "Demo Toys, Inc")
    run("--to", url, "--event", "account.updated", "--account", "demo")
    assert orjson.loads(receiver.received[1].body)["addressLine1"] != body["addressLine1"]


def test_the_report_has_a_line_for_each_notification_sent(receive, run, tmp_path):
    url, receiver = receive(lambda number: 503 if number == 2 else 200)
    report = tmp_path / "report.jsonl"
    run("--to", url, "--count", "20", "--rate", "0", "--concurrency", "1", "--report", str(report))
    lines = [orjson.loads(line) for line in report.read_bytes().splitlines()]
    assert [line["sha256"] for line in lines] == [hashlib.sha256(got.body).hexdigest() for got in receiver.received]
    assert [line["event"] for line in lines] == [got.path.removeprefix("/webhooks/") for got in receiver.received]
    assert [line["id"] for line in lines[:3]] == ["id-1", None, "id-3"]
    assert [line["status"] for line in lines[:3]] == [200, 503, 200]
    assert all(line["sent_at"] <= line["answered_at"] for line in lines)


def test_a_report_that_can_not_be_written_ends_the_sending_and_says_what_it_has(receive, run):
    url, receiver = receive()
    result = run("--to", url, "--count", "20", "--rate", "0", "--concurrency", "1", "--report", "/dev/full")
    assert str(result.exception) == (
        "The report /dev/full can't be written (No space left on device), so nothing more is sent: it lacks the last "
        "ones that were."
    )
    assert f"Sent {len(receiver.received)}" in result.stderr
    assert len(receiver.received) < 20


def test_ctrl_c_ends_an_endless_run_with_the_summary(receive, key_path):
    url, receiver = receive()
    program = "from receiver.commands.simulate import simulate; simulate()"
    command = [sys.executable, "-c", program, "--to", url, "--key", str(key_path), "--rate", "50"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=os.environ) as process:
        receiver.wait_for(5)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert f"Sent {len(receiver.received)} in" in said
    assert "Traceback" not in said


def test_the_url_secret_of_the_settings_stands_before_the_events_name(receive, run, monkeypatch):
    url, receiver = receive()
    monkeypatch.setenv("CLC_URL_SECRET", "correct-horse-battery")
    assert run("--to", url, "--event", "Account.Updated").exit_code == 0
    assert receiver.received[-1].path == "/webhooks/correct-horse-battery/Account.Updated"


EXAMPLE = '[[examples]]\nfile = "a.json"\nreceived_at = 2026-03-02T09:15:00Z\n[examples.row]\nevent_type = "a"\n'


def set_up_example(monkeypatch, directory, verification, body):
    """Set up the sender `example` with an example of this body, in the working directory."""
    monkeypatch.chdir(directory)
    (directory / "example.toml").write_text(MINIMAL.replace('type = "none"', verification) + EXAMPLE)
    if body is not None:
        (directory / "a.json").write_text(body)
    monkeypatch.setenv("CLC_SENDERS", ".")
    monkeypatch.setenv("CLC_SECRET_EXAMPLE", "a secret for tests alone")


def test_an_example_of_a_sender_that_signs_the_url_is_signed_with_the_url_secret_in_it(receive, monkeypatch, tmp_path):
    url, receiver = receive()
    set_up_example(monkeypatch, tmp_path, 'type = "hmac"\nheader = "X-A"\nsigned = "{url}"', "{}")
    monkeypatch.setenv("CLC_URL_SECRET", "correct-horse-battery")
    assert CliRunner().invoke(simulate, ["--sender", "example", "--to", f"{url}/"]).exit_code == 0
    (received,) = receiver.received
    assert received.path == "/senders/correct-horse-battery/example"
    signed = hmac.digest(b"a secret for tests alone", f"{url}{received.path}".encode(), "sha256").hex()
    assert received.headers["X-A"] == signed


@pytest.mark.parametrize(("unit", "old", "kind"), [("ms", 1772442903000, int), ("iso", "2026-03-02T09:15:03Z", str)])
def test_an_example_that_says_its_time_in_the_body_says_the_time_now(receive, monkeypatch, tmp_path, unit, old, kind):
    url, receiver = receive()
    verification = f'type = "hmac"\nheader = "X-A"\ntimestamp = {{ body = "/sent/at", unit = "{unit}" }}'
    set_up_example(monkeypatch, tmp_path, verification, orjson.dumps({"sent": {"at": old}, "type": "a"}).decode())
    assert CliRunner().invoke(simulate, ["--sender", "example", "--to", url]).exit_code == 0
    (received,) = receiver.received
    scheme = load_profile(tmp_path / "example.toml").scheme
    headers = {name.lower(): text for name, text in received.headers.items()}
    request = SignedRequest("POST", url, headers, received.body)
    secrets = [scheme.load_secret("a secret for tests alone")]
    assert scheme.check(request, secrets, datetime.now(UTC)).status == "valid"
    assert isinstance(orjson.loads(received.body)["sent"]["at"], kind)


@pytest.mark.parametrize(
    ("verification", "body", "to", "said"),
    [
        ('type = "token"\nbody = "/token"', "{}", ["--to", "http://127.0.0.1:1"], "has its signature in the body"),
        ('type = "hmac"\nheader = "X-A"\nsigned = "{header:X-B}{body}"', "{}", ["--archive", "x"], "header is missing"),
        ('type = "hmac"\nheader = "X-A"', "no JSON", ["--archive", "x"], "The body is not JSON in UTF-8"),
        ('type = "hmac"\nheader = "X-A"', None, ["--archive", "x"], "read: No such file or directory"),
    ],
)
def test_an_example_that_can_not_be_read_or_signed_is_named(monkeypatch, tmp_path, verification, body, to, said):
    set_up_example(monkeypatch, tmp_path, verification, body)
    with pytest.raises(ProfileError, match=rf"example\.toml: its example a\.json can't be .*{said}"):
        CliRunner().invoke(simulate, ["--sender", "example", *to], catch_exceptions=False)


def test_no_example_is_sent_if_one_of_them_can_not_be_read(monkeypatch, tmp_path):
    set_up_example(monkeypatch, tmp_path, 'type = "hmac"\nheader = "X-A"', "{}")
    with (tmp_path / "example.toml").open("a") as profile:
        profile.write(EXAMPLE.replace("a.json", "b.json"))
    with pytest.raises(
        ProfileError, match=r"its example b\.json can't be read"
    ):  # and no SendError because of the first
        CliRunner().invoke(simulate, ["--sender", "example", "--to", "http://127.0.0.1:1"], catch_exceptions=False)


def test_a_profile_without_an_example_to_send_is_named(monkeypatch, tmp_path):
    (tmp_path / "example.toml").write_text(MINIMAL)
    monkeypatch.setenv("CLC_SENDERS", str(tmp_path))
    with pytest.raises(ProfileError, match=r"example\.toml: it has no example that must be accepted"):
        CliRunner().invoke(simulate, ["--sender", "example", "--to", "http://127.0.0.1:1"], catch_exceptions=False)
