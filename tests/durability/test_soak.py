"""A soak: at 70 % of the top rate, memory stays flat, the lag bounded, and answers quick."""

import contextlib
import json
import statistics
import subprocess
import time
from datetime import datetime
from typing import NamedTuple

import pytest

from tests.durability.support.faults import resident_bytes
from tests.durability.support.load import Simulation, check_all_is_kept
from tests.support.processes import Receiver, running
from tests.support.sizes import size

MIB = 1024 * 1024
MEMORY = "192MiB"


class Sample(NamedTuple):
    """How things were at a moment: seconds since the start, bytes of each process, the store's lag in seconds."""

    seconds: float
    memory: dict[str, int]
    lag: float


def lag_of(receiver):
    """Say how far the newest row that SQL shows is behind, in seconds."""
    return receiver.sql("SELECT epoch(now()) - epoch(max(received_at)) AS lag FROM notifications")[0]["lag"]


def observe(receiver, simulation):
    """Look twice a second until all is sent."""
    samples, began, sending = [], time.monotonic(), True
    while sending:
        passed = time.monotonic() - began
        processes = {"serve": receiver.process.pid, **receiver.children()}
        memory = {name: resident_bytes(pid) for name, pid in processes.items()}
        samples.append(Sample(passed, memory, lag_of(receiver)))
        with contextlib.suppress(subprocess.TimeoutExpired):
            simulation.process.wait(0.5)
            sending = False
    return samples


def top_rate(receiver, directory, count):
    """Measure how many notifications a second are answered when they come as fast as the simulator sends."""
    directory.mkdir()
    with Simulation(directory, receiver.url, rate=0, count=count) as simulation:
        simulation.process.wait(600)
    lines = [json.loads(line) for line in simulation.report.read_text().splitlines()]
    return count / (last_answer(lines) - first_sending(lines)).total_seconds(), simulation.acknowledged()


def first_sending(lines):
    """Say when the first of a report's notifications was sent."""
    return min(datetime.fromisoformat(line["sent_at"]) for line in lines)


def last_answer(lines):
    """Say when the last of a report's notifications was answered."""
    return max(datetime.fromisoformat(line["answered_at"]) for line in lines)


def seconds_of(line):
    """Say how long an answer took."""
    sent, answered = (datetime.fromisoformat(line[name]) for name in ("sent_at", "answered_at"))
    return (answered - sent).total_seconds()


def trend(samples, name):
    """Compare the medians of the second and the last quarter of the samples of a process's memory."""
    quarter = len(samples) // 4
    values = [sample.memory[name] for sample in samples]
    return statistics.median(values[quarter : 2 * quarter]), statistics.median(values[-quarter:])


@pytest.mark.slow
def test_at_70_percent_of_the_top_rate_memory_stays_flat_and_the_lag_bounded(tmp_path, capsys):
    with running(Receiver, tmp_path / "data", CLC_QUERY_MEMORY=MEMORY) as receiver:
        top, promised = top_rate(receiver, tmp_path / "top", size(1_000, 20_000))
        (tmp_path / "soak").mkdir()
        rate = int(0.7 * top)
        with Simulation(tmp_path / "soak", receiver.url, rate=rate, count=rate * size(4, 300)) as simulation:
            samples = observe(receiver, simulation)
        promised |= simulation.acknowledged()
        kept = check_all_is_kept(receiver, promised)
    lines = [json.loads(line) for line in simulation.report.read_text().splitlines()]
    rate = len(lines) / (last_answer(lines) - first_sending(lines)).total_seconds()
    assert {line["status"] for line in lines} == {200}
    took = sorted(seconds_of(line) for line in lines)
    p50, p99 = (took[int(len(took) * part)] for part in (0.5, 0.99))
    memory = {name: trend(samples, name) for name in samples[0].memory}
    lags = [sample.lag for sample in samples]
    with capsys.disabled():
        print(
            f"\nsoak: {samples[-1].seconds:.0f} s at {rate:.0f}/s, 70 % of {top:.0f}/s; answers p50 "
            f"{p50 * 1000:.1f} ms, p99 {p99 * 1000:.1f} ms; lag at most {max(lags):.1f} s; {kept:,} stored, 0 lost\n"
            "memory in MiB, second quarter and last: "
            + ", ".join(f"{name} {early / MIB:.0f} {late / MIB:.0f}" for name, (early, late) in memory.items())
        )
    # A short run beside other work is no measurement of speed: it is held to what shows that something got stuck.
    assert max(lags) < 10
    assert p99 < size(10, 1) / 2
    for name, (early, late) in memory.items():
        assert late < early * 1.1 + (48 * MIB if name == "store" else 6 * MIB), name
