"""Upgrades and stops under load: what is asked is answered, whether connections are kept open or not."""

import http.client
import json
import os
import signal
from pathlib import Path
from shutil import copytree
from urllib.parse import urlsplit

import pytest

import receiver as package
from receiver.processes.state import read_state
from tests.durability.support.commands import run_command
from tests.durability.support.load import BODIES, Clients, check_all_is_kept
from tests.support.keys import signed
from tests.support.ports import free_address
from tests.support.processes import Receiver, running
from tests.support.sizes import size
from tests.support.waiting import until

RATE = 300


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """A copy of the program that a test may change, as an installation of another version would."""
    copytree(Path(package.__file__).parent, tmp_path / "site" / "receiver")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    return tmp_path / "site" / "receiver"


def install(directory, module, old, new):
    text = (directory / module).read_text()
    assert old in text
    (directory / module).write_text(text.replace(old, new))


def upgrade(receiver):
    return run_command(receiver.data_dir, "upgrade")


def state_at_work(receiver):
    """Read the state once it says that all processes are at work: it follows them by a moment."""
    state = read_state(receiver.data_dir)
    return state if {child.state for child in state.processes.values()} == {"running"} else None


def listeners_of(receiver):
    state = read_state(receiver.data_dir)
    return {name: child.pid for name, child in state.processes.items() if name != "store"}


@pytest.mark.slow
@pytest.mark.parametrize("keep_alive", [False, True], ids=["new connections", "connections kept open"])
def test_upgrades_under_load_fail_no_request(tmp_path, capsys, keep_alive):
    upgrades = size(1, 15)
    with running(Receiver, tmp_path, CLC_LISTENERS="2") as receiver:
        clients = Clients(receiver.url, rate=RATE, keep_alive=keep_alive)
        for number in range(1, upgrades + 1):
            before, sent = listeners_of(receiver), len(clients.answers)
            done = upgrade(receiver)
            assert done.returncode == 0, done.stderr + receiver.log
            assert not set(before.values()) & set(listeners_of(receiver).values())
            assert read_state(tmp_path).upgrade.number == number
            until(lambda sent=sent: len(clients.answers) > sent + RATE, what="a second of load")
        rate = clients.stop()
        assert clients.failed() == []
        kept = check_all_is_kept(receiver, clients.acknowledged())
        assert kept == len(clients.answers) + 1
    with capsys.disabled():
        kind = "kept-open" if keep_alive else "new"
        print(f"\n{upgrades} upgrades at {rate:.0f}/s on {kind} connections: {len(clients.answers)} requests, 0 failed")


def test_an_open_connection_is_answered_once_more_and_told_to_close(tmp_path):
    with running(Receiver, tmp_path) as receiver:
        connection = http.client.HTTPConnection(urlsplit(receiver.url).netloc, timeout=30)
        connection.request("GET", "/healthz")
        connection.getresponse().read()
        (old,) = listeners_of(receiver).values()
        done = upgrade(receiver)
        assert done.returncode == 0, done.stderr
        assert "1 of the old listeners" in done.stderr
        assert [(child.pid, child.name) for child in read_state(tmp_path).retiring] == [(old, "listener 1")]
        connection.request("POST", "/webhooks/User.Updated", BODIES[0], signed(BODIES[0]))
        answer = connection.getresponse()
        assert (answer.status, answer.read(), answer.headers["Connection"]) == (200, b"ok", "close")
        until(lambda: not read_state(tmp_path).retiring, what="the old listener's end")
        assert not Path(f"/proc/{old}").exists()


def test_an_idle_connection_is_closed_after_the_time_to_drain(tmp_path):
    with running(Receiver, tmp_path, CLC_DRAIN_SECONDS="0.5") as receiver:
        connection = http.client.HTTPConnection(urlsplit(receiver.url).netloc, timeout=30)
        connection.connect()
        assert upgrade(receiver).returncode == 0
        assert connection.sock.recv(1) == b""
        connection.close()
        until(lambda: not read_state(tmp_path).retiring, what="the old listener's end")


def test_the_next_version_takes_over_in_the_same_process(tmp_path, installed):
    with running(Receiver, tmp_path / "data") as receiver:
        install(installed, "__init__.py", '__version__ = "', '__version__ = "9.')
        done = upgrade(receiver)
        assert done.returncode == 0, done.stderr
        state = read_state(receiver.data_dir)
        assert (state.pid, state.version[:2]) == (receiver.process.pid, "9.")
        assert {child.version[:2] for child in state.processes.values()} == {"9."}
        assert f"Version {state.version} has taken over from {package.__version__}." in done.stderr
        assert check_all_is_kept(receiver, {}) == 1


def running_in(state):
    return {name: (process.pid, process.state, process.restarts) for name, process in state.processes.items()}


BROKEN = [
    ("supervision/supervisor.py", "import asyncio", "import no_such_module", "no_such_module"),
    ("store/process.py", "import asyncio", "import asyncio nonsense", "SyntaxError"),
    ("supervision/handover.py", "_FORMAT = 1", "_FORMAT = 2", "format 1"),
]


def test_a_version_that_can_not_start_is_refused_and_all_goes_on(tmp_path, installed):
    with running(Receiver, tmp_path / "data") as receiver:
        before = until(lambda: state_at_work(receiver), what="all at work")
        for number, (module, old, new, words) in enumerate(BROKEN, 1):
            install(installed, module, old, new)
            done = upgrade(receiver)
            install(installed, module, new, old)
            (line,) = done.stderr.strip().splitlines()[1:]
            assert (done.returncode, words in line) == (1, True), done.stderr
            after = read_state(receiver.data_dir)
            assert (after.upgrade.number, after.upgrade.state) == (number, "refused")
            assert running_in(after) == running_in(before)
        assert check_all_is_kept(receiver, {}) == 1


def test_settings_that_can_not_work_refuse_an_upgrade(tmp_path):
    with running(Receiver, tmp_path) as receiver:
        (tmp_path / ".env").write_text("CLC_TLS_CERT=alone.pem")
        receiver.process.send_signal(signal.SIGHUP)
        until(lambda: read_state(tmp_path).upgrade.state == "refused", what="the refusal")
        assert "CLC_TLS_CERT and CLC_TLS_KEY" in read_state(tmp_path).upgrade.detail
        assert check_all_is_kept(receiver, {}) == 1


def test_a_new_listener_that_does_not_become_ready_leaves_the_old_ones_at_work(tmp_path, installed):
    with running(Receiver, tmp_path / "data", CLC_LISTENERS="2") as receiver:
        before = read_state(receiver.data_dir)
        broken = 'if child.name == "listener 2":\n        raise ListenerError("The moon is full.")\n    '
        install(installed, "listener/process.py", "child.heed_signals()", broken + "child.heed_signals()")
        install(installed, "listener/process.py", "import logging", "import logging\nfrom receiver.errors import *")
        done = upgrade(receiver)
        assert (done.returncode, "The moon is full." in done.stderr) == (1, True), done.stderr
        after = read_state(receiver.data_dir)
        assert after.upgrade.state == "failed"
        assert {name: child.pid for name, child in after.processes.items()} == {
            name: child.pid for name, child in before.processes.items()
        }
        until(lambda: not read_state(receiver.data_dir).retiring, what="the end of the new ones")
        assert check_all_is_kept(receiver, {}) == 1
        install(installed, "listener/process.py", '"listener 2"', '"no listener"')
        assert upgrade(receiver).returncode == 0
        assert check_all_is_kept(receiver, {}) == 2


def test_a_second_request_for_an_upgrade_is_followed_after_the_first(tmp_path):
    with running(Receiver, tmp_path) as receiver:
        receiver.process.send_signal(signal.SIGHUP)
        until(lambda: read_state(tmp_path).upgrade.state == "running", what="the first upgrade")
        receiver.process.send_signal(signal.SIGHUP)
        until(lambda: ended(tmp_path, 2), what="the second upgrade")
        assert check_all_is_kept(receiver, {}) == 1


def ended(data_dir, number):
    upgrade = read_state(data_dir).upgrade
    return upgrade.number == number and upgrade.state == "done"


def test_serve_has_no_thread_that_takes_a_signal_which_it_holds_back(tmp_path):
    with running(Receiver, tmp_path) as receiver:
        threads = Path(f"/proc/{receiver.process.pid}/task")
        assert list(threads.iterdir()) == [threads / str(receiver.process.pid)]


@pytest.mark.parametrize("phase", ["is being tried", "takes over from", "take notifications, the old ones"])
def test_a_stop_in_the_middle_of_an_upgrade_stops_all(tmp_path, phase):
    receiver = Receiver(tmp_path)
    assert receiver.sender.post("/webhooks/User.Updated", BODIES[0]).status == 200
    receiver.process.send_signal(signal.SIGHUP)
    until(lambda: phase in receiver.log + read_state(tmp_path).upgrade.detail, what="the upgrade's phase")
    pids = {child.pid for child in read_state(tmp_path).processes.values()}
    assert receiver.stop() == 0
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]
    with running(Receiver, tmp_path) as again:
        assert check_all_is_kept(again, {}) == 2


def test_an_upgrade_without_a_running_serve_says_so(tmp_path):
    done = run_command(tmp_path, "upgrade")
    (line,) = done.stderr.strip().splitlines()
    assert (done.returncode, "No `clc-receiver serve` is using" in line) == (1, True)


def test_settings_that_need_a_stop_stay_and_others_change(tmp_path):
    with running(Receiver, tmp_path) as receiver:
        (tmp_path / ".env").write_text("CLC_LOG_FORMAT=json\nCLC_SPOOL_DIR=elsewhere\n")
        assert upgrade(receiver).returncode == 0
        receiver.until_logged("CLC_SPOOL_DIR has changed")
        lines = [line for line in receiver.log.splitlines() if line.startswith("{")]
        assert {json.loads(line)["process"] for line in lines} >= {"serve", "listener 1", "store"}
        assert check_all_is_kept(receiver, {}) == 1


def test_check_tells_whether_serve_could_start(tmp_path):
    done = run_command(tmp_path, "serve", "--check")
    assert (done.returncode, done.stdout.strip()) == (0, package.__version__)
    done = run_command(tmp_path, "serve", "--check", CLC_PUBLIC_KEY="/no/such.pem")
    assert (done.returncode, "/no/such.pem" in done.stderr) == (1, True)


@pytest.mark.parametrize("keep_alive", [False, True], ids=["new connections", "connections kept open"])
def test_a_stop_under_load_answers_all_that_it_has_read(tmp_path, keep_alive):
    receiver = Receiver(tmp_path, CLC_LISTENERS="2", CLC_LISTEN=free_address())
    clients = Clients(receiver.url, rate=RATE, keep_alive=keep_alive)
    until(lambda: len(clients.answers) > RATE, what="a second of load")
    assert receiver.stop() == 0
    until(clients.failed, what="the first request that nobody takes")
    clients.stop()
    # What came too late was never read: refused, or reset in the queue of connections. No request got a 503, and
    # what was stored without an answer would be more than what was acknowledged.
    assert {answer.status for answer in clients.failed()} == {None}
    with running(Receiver, tmp_path) as again:
        kept = check_all_is_kept(again, clients.acknowledged())
        assert kept == len(clients.acknowledged()) + 1


def test_a_request_that_is_being_read_when_all_stops_is_answered(tmp_path):
    receiver = Receiver(tmp_path)
    body = BODIES[0]
    connection = http.client.HTTPConnection(urlsplit(receiver.url).netloc, timeout=30)
    connection.putrequest("POST", "/webhooks/User.Updated")
    for name, value in {**signed(body), "Content-Length": str(len(body)), "Expect": "100-continue"}.items():
        connection.putheader(name, value)
    connection.endheaders(body[:10])
    assert connection.sock.recv(12, 2) == b"HTTP/1.1 100"
    os.kill(receiver.process.pid, signal.SIGTERM)
    receiver.until_logged("takes no new connections")
    connection.send(body[10:])
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (200, b"ok")
    connection.close()
    assert receiver.stop() == 0
