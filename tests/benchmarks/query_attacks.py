"""What attacks on the query service cost the sender, and how soon the service answers again."""

import contextlib
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

from tests.benchmarks.report import Figure, part
from tests.durability.support.load import BODIES, check_all_is_kept
from tests.support.processes import Receiver, running
from tests.support.querying import ENDLESS_PLANNING, RUNAWAY, asked
from tests.support.waiting import until

SECONDS = 10.0
RATE = 20
LARGE = "SELECT repeat('x', 9000) FROM range(9999)"
NESTED_LAMBDAS = "SELECT " + "list_transform([1], lambda x: " * 30 + "x" + ")" * 30
DEEP = "[" * 50_000 + "]" * 50_000

Attack = Callable[[Receiver], AbstractContextManager[None]]


def asking(sql: str, times: int, timeout: float = 2.0) -> Attack:
    """Ask the same query several times at once."""
    return lambda receiver: asked(receiver.query_url, receiver.token, sql, times, timeout=timeout)


@contextmanager
def connections(receiver: Receiver) -> Iterator[None]:
    """Open 1,500 connections without a token."""
    host, _, port = receiver.query_url.removeprefix("http://").rpartition(":")
    with ExitStack() as opened:
        for _ in range(1_500):
            with contextlib.suppress(OSError):
                opened.enter_context(socket.create_connection((host, int(port)), 10))
        yield


ATTACKS: dict[str, Attack] = {
    "no attack": lambda _: contextlib.nullcontext(),
    "four queries whose planning never ends": asking(ENDLESS_PLANNING, 4),
    "four of thirty nested lambdas": asking(NESTED_LAMBDAS, 4),
    "twenty runaway joins": asking(RUNAWAY, 20),
    "forty large answers that nobody reads": asking(LARGE, 40, 30),
    "twenty casts to VARIANT": asking(f"SELECT '{DEEP}'::JSON::VARIANT", 20),
    "1,500 connections without a token": connections,
}


def query_attacks(directory: Path) -> list[Figure]:
    """Measure each attack on a receiver of its own."""
    figures: list[Figure] = []
    for what, attack in ATTACKS.items():
        place = directory / "query_attacks"
        shutil.rmtree(place, ignore_errors=True)
        with running(Receiver, place) as receiver:
            figures += measure(what, attack, receiver)
        shutil.rmtree(place)
    return figures


def measure(what: str, attack: Attack, receiver: Receiver) -> list[Figure]:
    """Post at a fixed rate during an attack, then ask until there is an answer, and check that all is kept."""
    receiver.sender.post("/webhooks/User.Updated", BODIES[0])
    before = receiver.children()["store"]
    with attack(receiver):
        took = posted(receiver, SECONDS)
    ended = time.monotonic()
    until(lambda: answers(receiver), what="an answer")
    seconds = time.monotonic() - ended
    kept = check_all_is_kept(receiver, {})
    restarted = "the store was restarted" if receiver.children()["store"] != before else "the store went on"
    assert kept == len(took) + 1 + 1, "notifications are missing"
    return [
        Figure(f"{what}: p50 of {len(took)} notifications", part(took, 0.5) * 1000, "ms", "≤ 10"),
        Figure(f"{what}: p99", part(took, 0.99) * 1000, "ms", "≤ 100"),
        Figure(f"{what}: until the next answer", seconds, "s", "≤ 15", restarted),
    ]


def posted(receiver: Receiver, seconds: float) -> list[float]:
    """Post at `RATE`, and return how long each took in seconds."""
    took = []
    began = time.monotonic()
    for number in range(int(seconds * RATE)):
        time.sleep(max(0.0, began + number / RATE - time.monotonic()))
        sent_at = time.monotonic()
        assert receiver.sender.post("/webhooks/User.Updated", BODIES[number % len(BODIES)]).status == 200
        took.append(time.monotonic() - sent_at)
    return took


def answers(receiver: Receiver) -> bool:
    """Tell whether the query service answers."""
    with contextlib.suppress(Exception):
        return bool(receiver.sql("SELECT 1 AS one"))
    return False
