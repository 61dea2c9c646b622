"""What an operator waits for: an archive to be taken in and verified, a start, and pauses beside ten million."""

import multiprocessing
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from time import perf_counter, time

import urllib3

from receiver.network.sockets import find_free_address
from receiver.notification import Notification, make_id
from receiver.simulator.history import NOTIFICATIONS_A_DAY
from receiver.spool import SpoolWriter
from tests.benchmarks.accept import empty, simulated, written
from tests.benchmarks.alongside import watch
from tests.benchmarks.browser import copied
from tests.benchmarks.data import built, grown, later
from tests.benchmarks.reads import COPIES, COUNT
from tests.benchmarks.report import Figure
from tests.support.keys import key_directory
from tests.support.processes import Process, Receiver, Sender, environment, running
from tests.support.waiting import until

ARCHIVED, DAYS = 50_000, 215
SPOOLED, AT_ONCE = 1_000_000, 50_000
RATE, SECONDS = 500, 40
DAY_SECONDS = 86_400
BODY = b'{"accountAlias":"ACME","userName":"kim@acme.example","status":"Active"}'


def operating(directory: Path) -> list[Figure]:
    """Measure all of it, on directories of its own."""
    with empty(directory / "operating") as place:
        figures = archive(place)
        figures.append(start_after_kill(place / "killed", later(built(directory, COUNT), AT_ONCE)))
        with copied(grown(directory, COUNT, COPIES), place / "ten-million") as data_dir:
            figures.append(first_answer(data_dir, f"start beside {COUNT * COPIES:,} notifications"))
            # What happened before the last that is stored would be late to its entity, which costs the store more.
            until_then = time() + RATE * SECONDS / NOTIFICATIONS_A_DAY * DAY_SECONDS
            figures += pauses(data_dir, written(place / "posts", simulated(RATE * SECONDS, until_then)))
    return figures


def archive(place: Path) -> list[Figure]:
    """Take in an archive with true signatures, and verify what was stored."""
    file, data_dir = place / "archive.jsonl", place / "imported"
    much = ["--days", str(DAYS), "--count", str(ARCHIVED)]
    signing = timed(
        ["simulate", "--archive", str(file), *much, "--key", str(key_directory() / "private.pem")], data_dir
    )
    imported = timed(["import", str(file)], data_dir)
    with running(Receiver, data_dir) as receiver:
        until(lambda: stored(receiver) == ARCHIVED, seconds=600, what="the store to take all")
    verified = timed(["verify"], data_dir)
    cores = os.cpu_count() or 1
    remark = f"{ARCHIVED:,}, on {cores} cores, the start of the program included; to sign them took {signing:,.0f} s"
    return [
        Figure("import of an archive with signatures, a core", ARCHIVED / imported / cores, "/s", "≥ 3,000", remark),
        Figure("verify", ARCHIVED / verified, "/s", "≥ 15,000", f"{ARCHIVED:,}, the start of the program included"),
    ]


def timed(arguments: list[str], data_dir: Path) -> float:
    """Run a command of the product to its end, and return its seconds."""
    data_dir.mkdir(exist_ok=True)
    began = perf_counter()
    subprocess.run(
        [sys.executable, "-m", "receiver", *arguments], env=environment(data_dir), check=True, capture_output=True
    )
    return perf_counter() - began


def stored(receiver: Receiver) -> int:
    """Count what is stored."""
    (row,) = receiver.sql("SELECT count(*) AS rows FROM notifications")
    return int(row["rows"])


def start_after_kill(data_dir: Path, rows: list[Notification]) -> Figure:
    """Start beside a spool that a killed process has left full."""
    data_dir.mkdir()
    writer = multiprocessing.get_context("fork").Process(target=fill_and_die, args=(data_dir / "spool", rows))
    writer.start()
    writer.join()
    return first_answer(data_dir, f"start beside {SPOOLED:,} notifications in the spool, after kill -9")


def fill_and_die(spool: Path, rows: list[Notification]) -> None:
    """Spool the same notifications again and again, and die in the midst of it."""
    writer = SpoolWriter(spool)
    for _ in range(SPOOLED // AT_ONCE):
        writer.append_all([row._replace(id=make_id(row.received_at)) for row in rows])
    os.kill(os.getpid(), signal.SIGKILL)


def first_answer(data_dir: Path, what: str) -> Figure:
    """Start, and say after how long the first notification is accepted."""
    address = find_free_address("127.0.0.1:0")
    sender = Sender(f"http://{address}")

    def accepted() -> bool:
        with suppress(urllib3.exceptions.HTTPError):
            return sender.post("/webhooks/User.Updated", BODY).status == 200
        return False

    began = perf_counter()
    serve = [sys.executable, "-m", "receiver", "serve"]
    with Process(serve, environment(data_dir, CLC_LISTEN=address), cwd=data_dir) as process:
        until(lambda: accepted() or process.ended(), what="the first answer")
        seconds = perf_counter() - began
        process.until_logged("the store is open")
        remark = f"its store is open after {(perf_counter() - began) * 1000:,.0f}"
    return Figure(f"{what}: until the first 200", seconds * 1000, "ms", "≤ 1,000", remark)


def pauses(data_dir: Path, posts: Path) -> list[Figure]:
    """Post and read for some checkpoints' time, and say how long what took longest took."""
    with running(Receiver, data_dir) as receiver:
        seen = watch(receiver, posts, RATE, SECONDS)
    what = f"beside {COUNT * COPIES:,} notifications, the longest"
    remark = f"{seen.answered.rate:,.0f}/s for {SECONDS} s, {seen.answered.failed:,} failed"
    return [
        Figure(f"{what} answer to a sender", seen.answered.longest, "ms", "", remark),
        Figure(f"{what} wait from receipt to visible", max(seen.visible) * 1000, "ms", "≤ 500"),
        Figure(f"{what} answer to a reader", max(seen.asked) * 1000, "ms", "≤ 500", f"{len(seen.asked):,} questions"),
    ]
