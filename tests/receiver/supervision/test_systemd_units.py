"""What systemd is given, and what it gives: the units, the sockets it passes, and the word that all is ready."""

import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import receiver as package
from receiver.network.sockets import notify_systemd, take_passed_sockets
from receiver.processes.state import read_state
from tests.durability.support.commands import run_command
from tests.durability.support.load import BODIES, Clients, check_all_is_kept
from tests.support.processes import Process, Receiver, Sender, environment
from tests.support.waiting import until

DEPLOY = Path(package.__file__).parent / "deploy"
AS_SYSTEMD = """
import fcntl, os, sys
count = int(sys.argv[1])
out_of_the_way = [fcntl.fcntl(int(fd), fcntl.F_DUPFD, 100) for fd in sys.argv[2 : 2 + count]]
for number, fd in enumerate(out_of_the_way, start=3):
    os.dup2(fd, number)
os.environ |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": str(count), "LISTEN_FDNAMES": sys.argv[2 + count]}
os.execv(sys.executable, [sys.executable, "-m", "receiver", "serve"])
"""


class Activated(Receiver):
    """A `serve` that is started as systemd does it, with sockets."""

    def __init__(self, data_dir: Path, names: str, *passed: socket.socket, **settings: str) -> None:
        data_dir.mkdir(exist_ok=True)
        self.data_dir = data_dir
        numbers = [str(one.fileno()) for one in passed]
        command = [sys.executable, "-c", AS_SYSTEMD, str(len(numbers)), *numbers, names]
        fds = tuple(one.fileno() for one in passed)
        Process.__init__(self, command, environment(data_dir, **settings), cwd=data_dir, pass_fds=fds)
        self.url = self.until_logged(r"(https?://\S+)/webhooks/EVENT")[1]
        self.query_url = self.until_logged(r"(http://\S+)/query")[1]
        self.sender = Sender(self.url)
        self.until_logged("the store is open")


def opened(port=0):
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listening.bind(("127.0.0.1", port))
    listening.listen()
    return listening


def port_of(listening):
    return listening.getsockname()[1]


@pytest.fixture
def units(tmp_path):
    """The units as installed, with a program where theirs is."""
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not installed (package systemd)")
    for unit in DEPLOY.glob("clc-*"):
        text = re.sub(r"/opt/clc-receiver/bin/[a-z-]+", shutil.which("true"), unit.read_text())
        (tmp_path / unit.name).write_text(text)
    return sorted(tmp_path.glob("clc-*"))


def analyze(*arguments):
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, check=False)


def test_the_units_are_right_for_systemd(units):
    assert [unit.name for unit in units] == ["clc-dashboard.service", "clc-receiver.service", "clc-receiver.socket"]
    done = analyze("verify", *map(str, units))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_services_have_little_room_to_do_harm(units):
    for unit in units[:2]:
        done = analyze("security", "--offline=true", "--threshold=20", str(unit))
        assert done.returncode == 0, done.stdout


def test_a_store_that_starts_for_long_is_left_to_it():
    assert "TimeoutStartSec=1h" in (DEPLOY / "clc-receiver.service").read_text().splitlines()


def test_the_dashboard_has_a_home_directory_though_its_user_is_in_no_list():
    assert "Environment=HOME=/var/lib/clc-dashboard" in (DEPLOY / "clc-dashboard.service").read_text().splitlines()


def test_a_wrong_unit_would_be_seen(units):
    units[1].write_text(units[1].read_text().replace("KillMode=mixed", "KillMode=sometimes"))
    assert "kill mode" in analyze("verify", str(units[1])).stderr


@pytest.mark.full
@pytest.mark.slow
def test_sockets_passed_by_systemd_are_used_and_hold_what_comes_while_serve_is_away(tmp_path):
    first = opened()
    second, query = opened(port_of(first)), opened()
    receiver = Activated(tmp_path, "notifications:notifications:query", first, second, query, CLC_LISTEN="127.0.0.1:1")
    assert receiver.url == f"http://127.0.0.1:{port_of(first)}"
    assert receiver.query_url == f"http://127.0.0.1:{port_of(query)}"
    assert sorted(read_state(tmp_path).processes) == ["listener 1", "listener 2", "store"]
    clients = Clients(receiver.url, rate=50, keep_alive=False)
    until(lambda: len(clients.answers) > 20, what="load")
    assert run_command(tmp_path, "upgrade").returncode == 0
    assert receiver.stop() == 0
    receiver = Activated(tmp_path, "notifications:notifications:query", first, second, query)
    sent = len(clients.answers)
    until(lambda: len(clients.answers) > sent + 20, what="load")
    clients.stop()
    assert clients.failed() == []
    assert check_all_is_kept(receiver, clients.acknowledged()) == len(clients.answers) + 1
    assert receiver.stop() == 0
    for passed in (first, second, query):
        passed.close()


def test_listeners_share_the_one_socket_that_is_passed(tmp_path):
    only = opened()
    receiver = Activated(tmp_path, "clc-receiver.socket", only, CLC_LISTENERS="2")
    until(lambda: {child.state for child in read_state(tmp_path).processes.values()} == {"running"})
    assert sorted(read_state(tmp_path).processes) == ["listener 1", "listener 2", "store"]
    assert receiver.sender.post("/webhooks/User.Updated", BODIES[0]).status == 200
    assert receiver.stop() == 0
    only.close()


def test_sockets_for_another_process_are_left_alone():
    variables = {"LISTEN_PID": "1", "LISTEN_FDS": "1", "LISTEN_FDNAMES": "query", "HOME": "/"}
    assert take_passed_sockets(variables) == ([], None)
    assert variables == {"HOME": "/"}


def test_what_is_no_listening_socket_is_refused_in_one_sentence(tmp_path):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unfit:
        command = [sys.executable, "-c", AS_SYSTEMD, "1", str(unfit.fileno()), "odd"]
        done = subprocess.run(
            command,
            env=environment(tmp_path),
            cwd=tmp_path,
            pass_fds=(unfit.fileno(),),
            capture_output=True,
            text=True,
            check=False,
        )
    (line,) = done.stderr.strip().splitlines()
    assert (done.returncode, "odd" in line, "ListenStream=" in line) == (1, True, True)


def test_systemd_is_told_once_notifications_are_taken_and_when_all_stops(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.bind(str(tmp_path / "notify"))
        channel.settimeout(30)
        receiver = Receiver(tmp_path / "data", NOTIFY_SOCKET=str(tmp_path / "notify"))
        assert channel.recv(100) == b"READY=1"
        assert receiver.stop() == 0
        assert channel.recv(100) == b"STOPPING=1"
        channel.setblocking(False)
        with pytest.raises(BlockingIOError):
            channel.recv(100)


def test_nobody_is_told_where_nobody_asks(tmp_path, monkeypatch):
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.bind(address)
        channel.settimeout(30)
        monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
        notify_systemd("READY=1")
        for asking in ("/no/such/socket", address):
            monkeypatch.setenv("NOTIFY_SOCKET", asking)
            notify_systemd("STOPPING=1")
        assert channel.recv(100) == b"STOPPING=1"
