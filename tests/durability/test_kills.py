"""Kills with -9 at random times, under load: what was acknowledged is there once, byte for byte."""

import contextlib
import os
import signal
import time
from random import Random
from typing import Any

import pytest

from receiver.processes.state import read_state
from tests.durability.support.commands import run_command
from tests.durability.support.load import Simulation, check_all_is_kept
from tests.support.ports import free_address
from tests.support.processes import PreparedReceiver
from tests.support.sizes import size
from tests.support.waiting import until

RATE = 800


class Serve:
    """A `serve` that is started again, on the same addresses, when it has been killed."""

    def __init__(self, directory):
        self.directory = directory
        self.settings: dict[str, Any] = {
            "CLC_LISTEN": free_address(),
            "CLC_QUERY_LISTEN": free_address(),
            "CLC_LISTENERS": "2",
        }
        self.receiver = PreparedReceiver(directory, **self.settings)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.receiver.stop()

    def kill(self, kind):
        """Kill a listener, the store or the supervisor, and wait until it is back."""
        if kind == "supervisor":
            os.kill(self.receiver.process.pid, signal.SIGKILL)
            self.receiver.stop()
            self.receiver = PreparedReceiver(self.directory, **self.settings)
            return
        names = ["listener 1", "listener 2"] if kind == "listener" else ["store"]
        name, pid = until(lambda: self._one_at_work(names), what=f"a {kind} at work")
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        until(lambda: self._process(name).pid not in {pid, None}, what=f"a new {name}")

    def _one_at_work(self, names):
        at_work = [(name, self._process(name)) for name in names]
        return next(((name, process.pid) for name, process in at_work if process.state == "running"), None)

    def _process(self, name):
        return read_state(self.directory).processes[name]


@pytest.mark.slow
def test_kills_of_each_process_under_load_lose_and_double_nothing(tmp_path, capsys):
    kills, random = size(3, 120), Random(20)
    kinds = ["listener", "store", "supervisor"] * (kills // 3)
    random.shuffle(kinds)
    with Serve(tmp_path / "data") as serve:
        with Simulation(tmp_path, serve.receiver.url, RATE, concurrency=32) as simulation:
            began = time.monotonic()
            for kind in kinds:
                wanted = simulation.accepted() + random.randint(1, size(200, 500))
                until(lambda wanted=wanted: simulation.accepted() >= wanted, seconds=120, what="a moment under load")
                serve.kill(kind)
            rate = simulation.sent() / (time.monotonic() - began)
            simulation.stop(signal.SIGINT)
        acknowledged = simulation.acknowledged()
        total = simulation.sent()
        stored = check_all_is_kept(serve.receiver, acknowledged)
        assert serve.receiver.stop() == 0
    verified = run_command(serve.directory, "verify")
    assert verified.returncode == 0, verified.stdout[:1000] + verified.stderr
    by_kind = ", ".join(f"{kinds.count(kind)} {kind}" for kind in sorted(set(kinds)))
    with capsys.disabled():
        print(
            f"\n{kills} kills ({by_kind}) at {rate:.0f}/s: {total} sent, also while nobody listened; "
            f"{len(acknowledged)} acknowledged, of these 0 lost, 0 doubled, bytes equal; "
            f"{stored - 1 - len(acknowledged)} stored whose answer did not arrive"
        )
