"""Parts of a command: they end with it, whatever the moment of Ctrl-C."""

import os
import random
import signal
import threading
import time

import pytest

from receiver.processes import parts as parts_module
from receiver.processes.parts import EndRequestedError, EndRequests, Parts
from tests.support.sizes import size
from tests.support.waiting import until

SERVER = ("http.server", "--bind", "127.0.0.1", "0")
STUBBORN = ("tests.receiver.processes.stubborn",)


@pytest.fixture
def requests():
    with EndRequests() as requests:
        yield requests


@pytest.fixture
def log(tmp_path):
    with (tmp_path / "log").open("w+b") as log:
        yield log


def pids_of(parts):
    return [process.pid for process in parts._running.values()]


def runs(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def interrupt_after(seconds):
    timer = threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    return timer


def test_ctrl_c_at_any_moment_always_ends_all_parts(requests, log):
    rng = random.Random(1)
    for _ in range(size(3, 50)):
        requests.count = 0
        parts = Parts(requests, os.environ, log)
        timer = interrupt_after(rng.uniform(0, 0.3))
        try:
            parts.start("first", *SERVER)
            parts.run("timeit", "-n", "1", "-r", "1", "pass")
            parts.start("second", *SERVER)
            parts.wait_until(lambda: False, 30)
        except EndRequestedError:
            pids = pids_of(parts)
            assert parts.end() == []
        timer.join()
        assert requests.count == 1
        assert not any(map(runs, pids))


def test_a_part_that_ignores_the_request_is_killed_in_the_end(requests, log, monkeypatch):
    monkeypatch.setattr(parts_module, "STOP_SECONDS", 0.2)
    parts = Parts(requests, os.environ, log)
    parts.start("stubborn", *STUBBORN)
    (pid,) = pids_of(parts)
    until(lambda: b"ready" in os.pread(log.fileno(), 100, 0), what="the part")
    assert parts.end() == []
    assert not runs(pid)


def test_a_second_ctrl_c_kills_at_once_what_still_runs(requests, log):
    parts = Parts(requests, os.environ, log)
    parts.start("stubborn", *STUBBORN)
    (pid,) = pids_of(parts)
    until(lambda: b"ready" in os.pread(log.fileno(), 100, 0), what="the part")
    begun = time.monotonic()
    timer = interrupt_after(0.1)
    assert parts.end() == []
    timer.join()
    assert time.monotonic() - begun < parts_module.STOP_SECONDS
    assert not runs(pid)


def test_a_step_that_runs_when_the_end_is_requested_is_ended_too(requests, log):
    parts = Parts(requests, os.environ, log)
    timer = interrupt_after(0.2)
    with pytest.raises(EndRequestedError):
        parts.run(*SERVER)
    timer.join()
    assert parts.find_ended() is None


def test_a_part_that_ended_by_itself_is_found_with_its_exit_code(requests, log):
    parts = Parts(requests, os.environ, log)
    parts.start("short", "timeit", "--no-such-option")
    ended = until(parts.find_ended, what="its end")
    assert (ended.name, ended.code) == ("short", 2)
    assert parts.wait_until(lambda: "an answer", 30) is None
    parts.end()


def test_a_command_gives_the_signals_back():
    before = signal.getsignal(signal.SIGINT)
    with EndRequests():
        assert signal.getsignal(signal.SIGINT) != before
    assert signal.getsignal(signal.SIGINT) == before
