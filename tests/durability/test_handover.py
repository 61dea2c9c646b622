"""Upgrades and stops under load: what is asked is answered, whether connections are kept open or not."""

import http.client
import os
import signal
import socket
import subprocess
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copytree
from urllib.parse import urlsplit

import pytest

import receiver as package
from receiver.data_directory.access import Running, announce, take
from receiver.processes.state import ProcessState, UpgradeState, read_state
from receiver.supervision.handover import Held, make_handover
from tests.durability.support.commands import run_command
from tests.durability.support.load import BODIES, Clients, check_all_is_kept
from tests.support.keys import signed
from tests.support.ports import free_address
from tests.support.processes import PreparedReceiver, Receiver, running
from tests.support.sizes import size, take_few
from tests.support.waiting import until

RATE = 300


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A `serve` for tests after which it is at work, whatever became of an upgrade."""
    with running(Receiver, tmp_path_factory.mktemp("shared")) as receiver:
        yield receiver


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A copy of the program that a test may change, as an installation of another version would."""
    site = tmp_path_factory.mktemp("site")
    copytree(Path(package.__file__).parent, site / "receiver")
    return site / "receiver"


@pytest.fixture(scope="module")
def of_installed(tmp_path_factory, installed):
    """A `serve` of that program."""
    settings = {"CLC_LISTENERS": "2", "PYTHONPATH": str(installed.parent)}
    with running(Receiver, tmp_path_factory.mktemp("installed"), **settings) as receiver:
        yield receiver


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


@contextmanager
def clients_of(receiver):
    """Two groups of clients at work: one with connections that it keeps open, one with a new one each time."""
    both = [Clients(receiver.url, rate=RATE / 2, keep_alive=keep_alive) for keep_alive in (True, False)]
    try:
        yield both
    finally:
        for clients in both:
            clients.stop()


def acknowledged(both):
    return {name: digest for clients in both for name, digest in clients.acknowledged().items()}


def load_each(both, answers):
    """Wait until each group of clients has so many more answers."""
    wanted = [len(clients.answers) + answers for clients in both]
    until(lambda: all(len(clients.answers) > each for clients, each in zip(both, wanted, strict=True)), what="load")


@pytest.mark.slow
def test_upgrades_under_load_fail_no_request_on_new_connections_and_on_those_kept_open(tmp_path, capsys):
    upgrades = size(1, 15)
    with running(Receiver, tmp_path, CLC_LISTENERS="2") as receiver:
        with clients_of(receiver) as both:
            for number in range(1, upgrades + 1):
                before = listeners_of(receiver)
                done = upgrade(receiver)
                assert done.returncode == 0, done.stderr + receiver.log
                assert not set(before.values()) & set(listeners_of(receiver).values())
                assert read_state(tmp_path).upgrade.number == number
                load_each(both, RATE // 4)
        assert [clients.failed() for clients in both] == [[], []]
        asked = sum(len(clients.answers) for clients in both)
        assert check_all_is_kept(receiver, acknowledged(both)) == asked + 1
    with capsys.disabled():
        print(f"\n{upgrades} upgrades at {RATE}/s on new connections and those kept open: {asked} requests, 0 failed")


@pytest.mark.full
def test_an_open_connection_is_answered_once_more_and_told_to_close(shared):
    connection = http.client.HTTPConnection(urlsplit(shared.url).netloc, timeout=30)
    connection.request("GET", "/healthz")
    connection.getresponse().read()
    (old,) = listeners_of(shared).values()
    done = upgrade(shared)
    assert done.returncode == 0, done.stderr
    assert "1 of the old listeners" in done.stderr
    assert [(child.pid, child.name) for child in read_state(shared.data_dir).retiring] == [(old, "listener 1")]
    connection.request("POST", "/webhooks/User.Updated", BODIES[0], signed(BODIES[0]))
    answer = connection.getresponse()
    assert (answer.status, answer.read(), answer.headers["Connection"]) == (200, b"ok", "close")
    until(lambda: not read_state(shared.data_dir).retiring, what="the old listener's end")
    assert not Path(f"/proc/{old}").exists()


@pytest.mark.full
def test_a_new_listener_that_ends_is_started_again_while_the_old_one_finishes_its_connections(shared):
    with socket.create_connection(urlsplit(shared.url).netloc.split(":")) as held:
        held.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert held.recv(8) == b"HTTP/1.1"
        assert upgrade(shared).returncode == 0
        (new,) = listeners_of(shared).values()
        os.kill(new, signal.SIGKILL)
        until(lambda: listeners_of(shared)["listener 1"] not in {new, None}, what="another new listener")
        assert read_state(shared.data_dir).retiring
        assert check_all_is_kept(shared, {})
    until(lambda: not read_state(shared.data_dir).retiring, what="the old listener's end")


@pytest.mark.full
def test_an_idle_connection_is_closed_after_the_time_to_drain(tmp_path):
    with running(Receiver, tmp_path, CLC_DRAIN_SECONDS="0.5") as receiver:
        connection = http.client.HTTPConnection(urlsplit(receiver.url).netloc, timeout=30)
        connection.connect()
        assert upgrade(receiver).returncode == 0
        assert connection.sock.recv(1) == b""
        connection.close()
        until(lambda: not read_state(tmp_path).retiring, what="the old listener's end")


def running_in(state):
    return {name: (process.pid, process.state, process.restarts) for name, process in state.processes.items()}


BROKEN = [
    ("supervision/supervisor.py", "import asyncio", "import no_such_module", "no_such_module"),
    ("store/process.py", "import asyncio", "import asyncio nonsense", "SyntaxError"),
    ("supervision/handover.py", "_FORMAT = 1", "_FORMAT = 2", "format 1"),
]


def test_a_version_that_can_not_start_is_refused_and_all_goes_on(of_installed, installed):
    before = until(lambda: state_at_work(of_installed), what="all at work")
    for number, (module, old, new, words) in enumerate(take_few(BROKEN, 1), 1):
        install(installed, module, old, new)
        done = upgrade(of_installed)
        install(installed, module, new, old)
        (line,) = done.stderr.strip().splitlines()[1:]
        assert (done.returncode, words in line) == (1, True), done.stderr
        after = read_state(of_installed.data_dir)
        assert (after.upgrade.number, after.upgrade.state) == (number, "refused")
        assert running_in(after) == running_in(before)
    assert check_all_is_kept(of_installed, {}) == 1


@pytest.mark.full
def test_a_new_listener_that_does_not_become_ready_leaves_the_old_ones_at_work(of_installed, installed):
    data_dir = of_installed.data_dir
    before, kept = read_state(data_dir), check_all_is_kept(of_installed, {})
    broken = 'if child.name == "listener 2":\n        raise ListenerError("The moon is full.")\n    '
    install(installed, "listener/process.py", "child.heed_signals()", broken + "child.heed_signals()")
    install(installed, "listener/process.py", "import logging", "import logging\nfrom receiver.errors import *")
    done = upgrade(of_installed)
    assert (done.returncode, "The moon is full." in done.stderr) == (1, True), done.stderr
    after = read_state(data_dir)
    assert after.upgrade.state == "failed"
    assert {name: child.pid for name, child in after.processes.items()} == {
        name: child.pid for name, child in before.processes.items()
    }
    until(lambda: not read_state(data_dir).retiring, what="the end of the new ones")
    assert check_all_is_kept(of_installed, {}) == kept + 1
    install(installed, "listener/process.py", '"listener 2"', '"no listener"')
    assert upgrade(of_installed).returncode == 0
    assert check_all_is_kept(of_installed, {}) == kept + 2


@pytest.mark.full
def test_the_next_version_takes_over_in_the_same_process(of_installed, installed):
    kept = check_all_is_kept(of_installed, {})
    install(installed, "__init__.py", '__version__ = "', '__version__ = "9.')
    done = upgrade(of_installed)
    assert done.returncode == 0, done.stderr
    state = read_state(of_installed.data_dir)
    assert (state.pid, state.version[:2]) == (of_installed.process.pid, "9.")
    assert {child.version[:2] for child in state.processes.values()} == {"9."}
    assert f"Version {state.version} has taken over from {package.__version__}." in done.stderr
    assert check_all_is_kept(of_installed, {}) == kept + 1


@pytest.fixture
def settings_file(shared):
    """The file `.env` of a `serve`, which has none afterwards."""
    path = shared.data_dir / ".env"
    yield path
    path.unlink()


@pytest.mark.full
def test_settings_that_can_not_work_refuse_an_upgrade(shared, settings_file):
    settings_file.write_text("CLC_TLS_CERT=alone.pem")
    shared.process.send_signal(signal.SIGHUP)
    until(lambda: read_state(shared.data_dir).upgrade.state == "refused", what="the refusal")
    assert "CLC_TLS_CERT and CLC_TLS_KEY" in read_state(shared.data_dir).upgrade.detail
    assert check_all_is_kept(shared, {})


@pytest.mark.full
def test_a_second_request_for_an_upgrade_is_followed_after_the_first(shared):
    before = read_state(shared.data_dir).upgrade.number
    shared.process.send_signal(signal.SIGHUP)
    until(lambda: read_state(shared.data_dir).upgrade.state == "running", what="the first upgrade")
    shared.process.send_signal(signal.SIGHUP)
    until(lambda: ended(shared.data_dir, before + 2), what="the second upgrade")
    assert check_all_is_kept(shared, {})


def ended(data_dir, number):
    upgrade = read_state(data_dir).upgrade
    return upgrade.number == number and upgrade.state == "done"


def test_serve_has_no_thread_that_takes_a_signal_which_it_holds_back(of_installed):
    pid = of_installed.process.pid
    others = [task for task in Path(f"/proc/{pid}/task").iterdir() if task.name != str(pid)]
    held = [int(read_status(task, "SigBlk"), 16) for task in others]
    assert all(mask >> (number - 1) & 1 for mask in held for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP))


def read_status(task, name):
    return next(line.split()[1] for line in (task / "status").read_text().splitlines() if line.startswith(f"{name}:"))


@pytest.mark.full
def test_settings_that_need_a_stop_stay_and_others_change(shared, settings_file):
    settings_file.write_text("CLC_LOG_FORMAT=json\nCLC_SPOOL_DIR=elsewhere\n")
    assert upgrade(shared).returncode == 0
    shared.until_logged("CLC_SPOOL_DIR has changed")
    for name in ("serve", "listener 1", "store"):
        shared.until_logged(f'(?m)^{{.*"process": "{name}"')
    assert check_all_is_kept(shared, {})


PHASES = ["is being tried", "takes over from", "take notifications, the old ones"]


@pytest.mark.full
def test_a_stop_in_the_middle_of_an_upgrade_stops_all(tmp_path):
    receiver = Receiver(tmp_path)
    for number, phase in enumerate(PHASES, 1):
        assert receiver.sender.post("/webhooks/User.Updated", BODIES[number]).status == 200
        receiver.process.send_signal(signal.SIGHUP)
        until(lambda: phase in receiver.log + read_state(tmp_path).upgrade.detail, what="the upgrade's phase")  # noqa: B023
        pids = {child.pid for child in read_state(tmp_path).processes.values()}
        assert receiver.stop() == 0
        assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]
        receiver = Receiver(tmp_path)
        assert check_all_is_kept(receiver, {}) == 2 * number
    receiver.stop()


def test_a_handover_has_room_for_as_many_listeners_as_there_may_be_in_a_crash_loop(tmp_path):
    at = [(datetime.now(UTC) - timedelta(seconds=5.5 * number)).isoformat() for number in range(650, 0, -1)]
    crashing = ProcessState(state="waiting", restarts=650, restarted_at=at, failure="it does not start. " * 10)
    with (tmp_path / "lock").open("w") as lock, socket.socket() as listening:
        made = make_handover(
            Held(lock, 0, 0, None, [listening] * 64),
            processes={f"listener {number}": crashing for number in range(64)},
            version="1",
            started_at=at[0],
            kept={},
            children=[],
            upgrade=UpgradeState(),
            upgrade_again=False,
        )
    subprocess.run(["true"], env={"HANDOVER": made.model_dump_json()}, check=True)
    assert made.processes["listener 0"].restarted_at == at[-10:]


def test_an_upgrade_without_a_running_serve_says_so(tmp_path):
    done = run_command(tmp_path, "upgrade")
    (line,) = done.stderr.strip().splitlines()
    assert (done.returncode, "No `clc-receiver serve` is using" in line) == (1, True)


def test_an_upgrade_of_a_process_that_is_not_there_says_so(tmp_path):
    gone = subprocess.Popen(["true"])
    gone.wait()
    with take(tmp_path) as lock:
        announce(lock, Running(gone.pid, "127.0.0.1:1", "127.0.0.1:2"))
        done = run_command(tmp_path, "upgrade")
    (line,) = done.stderr.strip().splitlines()
    assert (done.returncode, f"Process {gone.pid}, which used {tmp_path} last, is not there" in line) == (1, True)


def test_check_tells_whether_serve_could_start(tmp_path):
    done = run_command(tmp_path, "serve", "--check")
    assert (done.returncode, done.stdout.strip()) == (0, package.__version__)
    done = run_command(tmp_path, "serve", "--check", CLC_PUBLIC_KEY="/no/such.pem")
    assert (done.returncode, "/no/such.pem" in done.stderr) == (1, True)


@pytest.mark.full
def test_a_stop_under_load_answers_all_that_it_has_read(tmp_path):
    receiver = Receiver(tmp_path, CLC_LISTENERS="2", CLC_LISTEN=free_address())
    with clients_of(receiver) as both:
        load_each(both, RATE // 4)
        assert receiver.stop() == 0
        until(lambda: all(clients.failed() for clients in both), what="the first requests that nobody takes")
    # What came too late was never read: refused, or reset in the queue of connections. No request got a 503, and
    # what was stored without an answer would be more than what was acknowledged.
    assert {answer.status for clients in both for answer in clients.failed()} == {None}
    with running(Receiver, tmp_path) as again:
        assert check_all_is_kept(again, acknowledged(both)) == len(acknowledged(both)) + 1


def test_a_request_that_is_being_read_when_all_stops_is_answered(tmp_path):
    receiver = PreparedReceiver(tmp_path)
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
