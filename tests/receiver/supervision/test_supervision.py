"""What the supervisor does when its processes end, and they when it does."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from shutil import copytree, rmtree

import duckdb
import pytest
import urllib3

import receiver as package
from receiver.data_directory.access import find_running_serve
from receiver.keeping.care.facts import gather
from receiver.processes.child import NO_RESTART_HELPS
from receiver.processes.state import WENT_ON, ServeState, read_state, write_state
from receiver.settings import read_settings
from receiver.supervision.keeper import BackOff
from tests.durability.support.commands import run_command
from tests.durability.support.load import BODIES, check_all_is_kept
from tests.durability.support.stores import accepted, append, spool
from tests.receiver.senders.profile.profiles import MINIMAL
from tests.support.keys import key_directory
from tests.support.processes import PreparedReceiver, Process, Receiver, Sender, environment, running, stopped
from tests.support.sizes import take_few
from tests.support.waiting import until

TOKEN = "a token for tests alone"


class Serve(Process):
    """A `serve` that nothing is known of."""

    def __init__(self, data_dir: Path, **settings: str) -> None:
        self.data_dir = data_dir
        data_dir.mkdir(exist_ok=True)
        super().__init__([sys.executable, "-m", "receiver", "serve"], environment(data_dir, **settings), cwd=data_dir)


class ServeWithoutStore(Serve):
    """A `serve` whose listener is up, whatever the store does."""

    def __init__(self, data_dir: Path, **settings: str) -> None:
        super().__init__(data_dir, **settings)
        self.until_logged("the listener takes notifications")
        self.sender = Sender(self.until_logged(r"(http://\S+)/webhooks/EVENT")[1])


def processes_of(serve):
    return read_state(serve.data_dir).processes


def metric(text, name):
    lines = [line for line in text.decode().splitlines() if line.startswith(name)]
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines}


def kill_and_await(serve, name):
    before = processes_of(serve)[name].pid
    os.kill(before, signal.SIGKILL)
    until(lambda: processes_of(serve)[name].pid not in {before, None}, what=f"a new {name}")
    until(lambda: processes_of(serve)[name].state == "running", what=f"{name} at work")


@pytest.fixture(scope="module")
def used(tmp_path_factory):
    """The files in the settings of `shared`, which a test may take away for a while."""
    directory = tmp_path_factory.mktemp("used")
    (directory / "public.pem").write_bytes((key_directory() / "public.pem").read_bytes())
    (directory / "own").mkdir()
    (directory / "own" / "example.toml").write_text(MINIMAL.replace('"none"', '"token"\nheader = "X-Token"'))
    (directory / "secrets").mkdir()
    (directory / "secrets" / "example").write_text(TOKEN)
    return directory


@pytest.fixture(scope="module")
def shared(tmp_path_factory, used):
    """A `serve` for tests after which all its processes are at work again."""
    settings = {"CLC_PUBLIC_KEY": "public.pem", "CLC_SENDERS": "own", "CLC_SECRETS_DIR": "secrets"}
    settings = {name: str(used / file) for name, file in settings.items()} | {"CLC_LISTENERS": "2"}
    with running(Receiver, tmp_path_factory.mktemp("shared"), **settings) as receiver:
        yield receiver


def test_restarts_are_counted_logged_and_shown_by_both_metrics(shared):
    started = read_state(shared.data_dir)
    assert (started.pid, started.version) == (shared.process.pid, package.__version__)
    assert {child.restarts for child in started.processes.values()} == {0}
    kill_and_await(shared, "listener 2")
    kill_and_await(shared, "store")
    after = processes_of(shared)
    assert [(name, child.restarts, child.last_exit) for name, child in after.items()] == [
        ("listener 1", 0, None),
        ("listener 2", 1, -9),
        ("store", 1, -9),
    ]
    shared.until_logged("listener 2 ended with code -9; it starts again in 0.1 s")
    expected = {
        'clc_restarts_total{process="listener 1"}': 0,
        'clc_restarts_total{process="listener 2"}': 1,
        'clc_restarts_total{process="store"}': 1,
    }
    assert metric(shared.sender.get("/metrics").data, "clc_restarts_total") == expected
    headers = {"Authorization": f"Bearer {shared.token}"}
    store = urllib3.request("GET", f"{shared.query_url}/metrics", headers=headers)
    assert metric(store.data, "clc_restarts_total") == expected


def test_the_pause_before_a_restart_doubles_and_starts_anew_after_a_good_while():
    back_off = BackOff()
    assert [back_off.choose_wait(0) for _ in range(8)] == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]
    assert [back_off.choose_wait(3), back_off.choose_wait(0)] == [0.1, 0.2]


def test_all_starts_again_with_the_same_key_profiles_and_secrets_though_their_files_are_gone(shared, used):
    away = used.rename(used.with_name("away"))
    settings = read_settings(env_file=None, data_dir=shared.data_dir)
    try:
        for copies in ("keys", "used_profiles"):
            rmtree(shared.data_dir / copies)
        kill_and_await(shared, "listener 1")
        kill_and_await(shared, "listener 2")
        kill_and_await(shared, "store")
        assert shared.sender.post("/senders/example", b'{"type": "A"}', {"X-Token": TOKEN}).status == 200
        (told,) = shared.sql("SELECT description->>'is_set_up' AS is_set_up FROM senders WHERE name = 'example'")
        assert told == {"is_set_up": "true"}
        assert check_all_is_kept(shared, {})
        seen = gather(settings, None).files
        assert str(used / "public.pem") in (seen.key_unusable or "")
        assert seen.profiles_unusable == [f"CLC_SENDERS is '{used / 'own'}': it must be a directory."]
        assert seen.secrets_copied
    finally:
        away.rename(used)
    seen = gather(settings, None).files
    assert (seen.key_unusable, seen.profiles_unusable) == (None, [])


def test_a_listener_that_can_never_start_ends_serve_with_its_sentence(tmp_path, monkeypatch):
    copytree(Path(package.__file__).parent, tmp_path / "site" / "receiver")
    module = tmp_path / "site" / "receiver" / "listener" / "process.py"
    never = 'from receiver.errors import SettingsError\n    error = SettingsError("The moon is full: wait.")\n'
    never += "    error.restart_may_help = False\n    raise error\n    accounts ="
    module.write_text(module.read_text().replace("accounts =", never, 1))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    with running(Serve, tmp_path / "data") as serve:
        assert serve.process.wait(60) == 1
    assert serve.lines[-1] == "Error: The moon is full: wait."


def test_a_store_that_can_never_start_leaves_the_listeners_at_work_until_an_upgrade_helps(tmp_path):
    spool(tmp_path, [accepted(0)])
    append(tmp_path)
    with duckdb.connect(str(tmp_path / "clc.duckdb")) as database:
        database.execute("INSERT INTO schema_version VALUES (99)").fetchall()
    with running(ServeWithoutStore, tmp_path) as serve:
        until(lambda: processes_of(serve)["store"].state == "failed", what="the supervisor to give the store up")
        store = processes_of(serve)["store"]
        assert (store.last_exit, store.restarts, "version 99" in store.failure) == (NO_RESTART_HELPS, 0, True)
        serve.until_logged("starting it again does not help")
        assert serve.sender.post("/webhooks/User.Updated", BODIES[1]).status == 200
        ready = serve.sender.get("/readyz")
        assert (ready.status, json.loads(ready.data)["store"]) == (200, "failed")
        with duckdb.connect(str(tmp_path / "clc.duckdb")) as database:
            database.execute("DELETE FROM schema_version WHERE version = 99").fetchall()
        assert run_command(tmp_path, "upgrade").returncode == 0
        ready = serve.sender.get("/readyz")
        assert json.loads(ready.data)["store"] == "ok"
    with running(PreparedReceiver, tmp_path) as receiver:
        assert check_all_is_kept(receiver, {}) == 3


def silences_of(data_dir):
    return [(silence.process, silence.why) for silence in read_state(data_dir).silences]


@pytest.mark.full
def test_a_silence_that_has_ended_is_remembered_also_by_the_next_serve(tmp_path):
    with running(PreparedReceiver, tmp_path) as receiver:
        store = until(lambda: processes_of(receiver)["store"].pid, what="the store")
        until(lambda: processes_of(receiver)["store"].state == "running", what="the store at work")
        os.kill(store, signal.SIGSTOP)
        since = until(lambda: processes_of(receiver)["store"].silent_since, what="the silence")
        assert silences_of(tmp_path) == []
        os.kill(store, signal.SIGCONT)
        until(lambda: silences_of(tmp_path) == [("store", WENT_ON)], what="its end")
        (silence,) = read_state(tmp_path).silences
        assert silence.since == since < silence.until
        assert f"{silence.since[:19]} store did not answer until" in run_command(tmp_path, "status").stdout
    with running(PreparedReceiver, tmp_path):
        assert silences_of(tmp_path) == [("store", WENT_ON)]


def test_a_stopped_supervisor_is_not_a_dead_one(shared):
    until(lambda: all(child.state == "running" for child in processes_of(shared).values()), what="all at work")
    kept = check_all_is_kept(shared, {})
    before = {name: child.pid for name, child in processes_of(shared).items()}
    with stopped(shared.process.pid):
        assert shared.sender.post("/webhooks/User.Updated", BODIES[0]).status == 200
    assert check_all_is_kept(shared, {}) == kept + 2
    assert {name: child.pid for name, child in processes_of(shared).items()} == before


def test_children_end_in_order_when_their_supervisor_is_killed_and_the_address_is_free_again(tmp_path):
    receiver = Receiver(tmp_path, CLC_LISTENERS="2")
    settings = {"CLC_LISTEN": receiver.url[7:], "CLC_QUERY_LISTEN": receiver.query_url[7:]}
    acknowledged = receiver.sender.post("/webhooks/User.Updated", BODIES[0]).headers["Notification-Id"]
    pids = [child.pid for child in processes_of(receiver).values()]
    receiver.stop(signal.SIGKILL)
    with running(Receiver, tmp_path, **settings) as again:
        until(lambda: not any(is_alive(pid) for pid in pids), what="the end of the old children")
        assert check_all_is_kept(again, {}) == 2
        assert again.sql("SELECT id::VARCHAR AS id FROM notifications WHERE seq = 1") == [{"id": acknowledged}]
    assert receiver.log.count("the listener has answered all that it accepted") == 2
    assert "the store is closed" in receiver.log


@pytest.mark.full
def test_an_address_that_a_killed_serve_still_holds_for_a_moment_is_waited_for(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as held:
        address = f"127.0.0.1:{held.getsockname()[1]}"
        left = {"pid": 1, "listen": address, "query_listen": "127.0.0.1:1"}
        (tmp_path / "serve.lock").write_text(json.dumps(left))
        # It notes addresses as numbers, and the setting may have a name instead.
        with running(Serve, tmp_path, CLC_LISTEN=address.replace("127.0.0.1", "127.1")) as serve:
            until(lambda: find_running_serve(tmp_path), what="the serve's lock")
            until((tmp_path / "query.token").exists, what="its looking for its addresses")
            held.close()
            serve.until_logged("the listener takes notifications")
    assert serve.process.returncode == 0


@pytest.mark.full
def test_a_child_that_is_stopped_ends_with_its_supervisor_too(tmp_path):
    receiver = Receiver(tmp_path)
    pids = [child.pid for child in processes_of(receiver).values()]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
        # Only those that have stopped already are continued by the kernel when their parent dies.
        until(lambda pid=pid: has_stopped(pid), what="its threads to stop")
    receiver.stop(signal.SIGKILL)
    until(lambda: not any(is_alive(pid) for pid in pids), what="the end of the children")


def is_alive(pid):
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    return False


def has_stopped(pid):
    return all(
        path.read_text().rpartition(")")[2].split()[0] == "T" for path in Path("/proc").glob(f"{pid}/task/*/stat")
    )


BUSY = """
import threading
from receiver.processes import child
async def serve(child, settings):
    child.heed_signals()
    print("busy", flush=True)
    threading.Event().wait()
child._LAST_SECONDS = 1
child.run_child("Never looks at its signals.", serve)
"""
STARTING = """
import threading
from receiver.processes import child
def settings():
    print("busy", flush=True)
    threading.Event().wait()
child._read_settings = settings
child.run_child("Never gets as far as its signals.", None)
"""


@pytest.mark.parametrize(
    ("program", "end"),
    take_few([(BUSY, -signal.SIGALRM), (STARTING, -signal.SIGTERM)], 1),
    ids=take_few(["busy", "just started"], 1),
)
def test_a_child_that_hears_no_signal_ends_with_its_supervisor_too(tmp_path, program, end):
    life, held = os.pipe()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        fds = (listening.fileno(), life)
        arguments = ["--socket", str(fds[0]), "--life", str(life), "--name", "child"]
        child = Process([sys.executable, "-c", program, *arguments], environment(tmp_path), cwd=tmp_path, pass_fds=fds)
    os.close(life)
    child.until_logged("busy")
    os.close(held)
    assert child.process.wait(60) == end
    child.stop()


def test_the_state_file_is_never_seen_half_written(tmp_path):
    write_state(tmp_path, ServeState(pid=1, version="1", started_at="then"))
    write_state(tmp_path, ServeState(pid=2, version="1", started_at="then"))
    assert read_state(tmp_path).pid == 2
    assert [path.name for path in tmp_path.iterdir()] == ["serve.json"]
    (tmp_path / "serve.json").write_text('{"pid": ')
    assert read_state(tmp_path) is None


@pytest.mark.parametrize("number", take_few([signal.SIGINT, signal.SIGTERM], 1))
def test_an_orderly_end_says_so_in_the_state_and_a_second_signal_to_stop_changes_nothing(tmp_path, number):
    receiver = Receiver(tmp_path)
    assert read_state(tmp_path).state == "running"
    receiver.process.send_signal(number)
    receiver.until_logged("stopping")
    assert receiver.stop(number) == 0
    assert "stopped" in receiver.log
    state = read_state(tmp_path)
    assert (state.state, {child.state for child in state.processes.values()}) == ("stopped", {"stopped"})


IN_A_TERMINAL = """
import os, pty, signal, sys
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # that of a shell, also where the tests run under nohup
pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.executable, [sys.executable, "-m", "receiver", "serve"])
said = b""
while b"takes notifications" not in said:
    said += os.read(terminal, 1000)
os.close(terminal)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""


HUNG_UP_AT_ONCE = """
import os, signal
from receiver.cli import main
from receiver.data_directory import access
announce = access.announce
def announce_and_hang_up(*arguments):
    announce(*arguments)
    os.kill(os.getpid(), signal.SIGHUP)
access.announce = announce_and_hang_up
main()
"""


@pytest.mark.full
def test_an_upgrade_that_is_asked_for_while_serve_begins_follows_its_start(tmp_path):
    serve = Process([sys.executable, "-c", HUNG_UP_AT_ONCE, "serve"], environment(tmp_path), cwd=tmp_path)
    serve.until_logged("the upgrade is done")
    assert serve.stop() == 0


@pytest.mark.full
def test_a_terminal_that_closes_ends_serve(tmp_path):
    command = [sys.executable, "-c", IN_A_TERMINAL]
    done = subprocess.run(command, env=environment(tmp_path), cwd=tmp_path, timeout=60, check=False)
    # 120 is Python's own code where what was said last can't be written any more.
    assert done.returncode in {0, 120}
    assert read_state(tmp_path).state == "stopped"


@pytest.mark.full
def test_an_upgrade_says_which_changed_settings_it_does_not_take_over(tmp_path):
    with running(Receiver, tmp_path) as receiver:
        (tmp_path / ".env").write_text("CLC_LISTENERS=2\nCLC_SPOOL_DIR=elsewhere\n")
        done = run_command(tmp_path, "upgrade")
        assert done.returncode == 0, done.stderr
        assert "has taken over from" in done.stderr
        assert "CLC_SPOOL_DIR, CLC_LISTENERS have changed, and that takes a stop and a start of `serve`" in done.stderr
        assert "listener 2" not in processes_of(receiver)
