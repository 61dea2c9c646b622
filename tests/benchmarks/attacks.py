"""How soon the sender is answered while strangers attack the listener."""

import contextlib
import http.client
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import quantiles
from typing import NamedTuple

import click

from tests.benchmarks.accept import empty
from tests.benchmarks.attackers import ATTACKS, BEGUN
from tests.benchmarks.report import Figure
from tests.support.keys import signed
from tests.support.processes import ListenerProcess, running

RATE = 20
SECONDS = 15
HIGHEST_PRIORITY = -20
BODY = b'{"accountAlias":"ACME","userName":"kim@acme.example","status":"Active"}'


class Sent(NamedTuple):
    """How the sender fared: seconds of each notification in order of length, and how many were not answered 200."""

    seconds: list[float]
    failed: int

    def percentile(self, percent: int) -> float:
        """Return within how many milliseconds so many of a hundred were answered."""
        return quantiles(self.seconds, n=100, method="inclusive")[percent - 1] * 1000


def attacks(directory: Path) -> list[Figure]:
    """Let a sender post 20 notifications a second under each attack, every other one on a new connection."""
    figures: list[Figure] = []
    with click.progressbar(["no attack", *ATTACKS], label="Attacks", file=sys.stderr) as names:
        for name in names:
            with empty(directory / "attacks") as place, running(ListenerProcess, place) as listener:
                address = listener.url.removeprefix("http://")
                with attackers(name, address):
                    sent = send(address)
                again = seconds_until_ready(address)
                kept = len(listener.spooled())
            lost = len(sent.seconds) - sent.failed - kept
            told = (
                f"{len(sent.seconds)} sent, {sent.failed} not answered 200, {lost} lost, ready again in {again:.2f} s"
            )
            figures.append(Figure(f"{name}: p50", sent.percentile(50), "ms", "< 10", told))
            figures.append(Figure(f"{name}: p99", sent.percentile(99), "ms", "< 100", ""))
    return figures


@contextlib.contextmanager
def attackers(name: str, address: str) -> Iterator[None]:
    """Attack for the length of a block, at full speed whatever else this machine does: as strangers elsewhere would."""
    if name not in ATTACKS:
        yield
        return
    host, _, port = address.partition(":")
    command = [sys.executable, "-m", "tests.benchmarks.attackers", name, host, port]
    process = subprocess.Popen(
        command, cwd=Path(__file__).parents[2], start_new_session=True, stdout=subprocess.PIPE, text=True
    )
    try:
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, process.pid, HIGHEST_PRIORITY)
            Path(f"/proc/{process.pid}/autogroup").write_text(f"{HIGHEST_PRIORITY}")
        assert process.stdout
        assert process.stdout.readline().strip() == BEGUN
        yield
    finally:
        process.kill()
        process.communicate()


def send(address: str) -> Sent:
    """Post from a thread that waits for no other program of this machine, as a sender elsewhere would."""
    found: list[tuple[float, bool]] = []
    thread = threading.Thread(target=_send, args=(address, found))
    thread.start()
    thread.join()
    return Sent(sorted(seconds for seconds, _ in found), sum(not is_answered for _, is_answered in found))


def _send(address: str, found: list[tuple[float, bool]]) -> None:
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    headers = signed(BODY)
    kept = http.client.HTTPConnection(address, timeout=30)
    began = time.monotonic()
    for number in range(RATE * SECONDS):
        time.sleep(max(0.0, began + number / RATE - time.monotonic()))
        connection = kept if number % 2 else http.client.HTTPConnection(address, timeout=30)
        sent_at = time.perf_counter()
        status = None
        try:
            connection.request("POST", "/webhooks/User.Updated", BODY, headers)
            response = connection.getresponse()
            response.read()
            status = response.status
        except (OSError, http.client.HTTPException):
            connection.close()
        found.append((time.perf_counter() - sent_at, status == 200))
        if connection is not kept:
            connection.close()


def seconds_until_ready(address: str) -> float:
    """Wait until a stranger's connection is answered again, and say how long that took."""
    began = time.monotonic()
    connection = http.client.HTTPConnection(address, timeout=60)
    connection.request("GET", "/healthz")
    connection.getresponse().read()
    connection.close()
    return time.monotonic() - began
