"""Two machines beside one: receivers that share a spool, and shared spools that each have a store of their own.

What belongs to one machine is bound to one processor, its sender and, if it has one of its own, its PostgreSQL, too. So
two machines have twice as many processors as one.
"""

import os
import statistics
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter

import click

from receiver.notification import Notification, Rejection
from receiver.shared_spool import SharedSpoolReader, Shipper, SpoolServer
from receiver.spool import SpoolReader, SpoolWriter
from receiver.store.appending.appender import Appender
from tests.benchmarks.accept import POSTS, empty, post, simulated, written
from tests.benchmarks.data import built, later
from tests.benchmarks.report import Figure
from tests.benchmarks.shared_spool import a_server
from tests.support.database import open_database
from tests.support.processes import Receiver

PROCESSORS = sorted(os.sched_getaffinity(0))[:2]
ROUNDS = 5
ROWS = 30_000


def machines(directory: Path) -> list[Figure]:
    """Measure both."""
    with empty(directory / "machines") as place:
        return [two_receivers(place), two_shared_spools(place, directory)]


def two_receivers(place: Path) -> Figure:
    """Post to one receiver and to two, in turn, which send what they take to one PostgreSQL meanwhile."""
    posts = written(place / "posts", simulated(POSTS))
    with a_server() as server, ExitStack() as opened:
        urls = []
        for processor in PROCESSORS:
            with bound(processor):
                machine = Receiver(place / f"receiver-{processor}", only="listener", CLC_SHARED_SPOOL=server.url())
                urls.append(opened.enter_context(machine).url)

        def rate(processors: list[int]) -> float:
            bind(server.list_processes(), processors)
            with ThreadPoolExecutor() as threads:
                turns = [threads.submit(post_from, *turn) for turn in zip(processors, urls, [posts] * 2, strict=False)]
                return sum(turn.result() for turn in turns)

        found = in_turn("Two receivers and one", lambda: rate(PROCESSORS), lambda: rate(PROCESSORS[:1]))
    return compared("two receivers of one shared spool ÷ one, accepted", found, "≥ 1.8")


def post_from(processor: int, url: str, posts: Path) -> float:
    """Post from a sender on a processor, and return how many notifications a second were answered with 200."""
    with bound(processor):
        answered = post(url, posts)
    return answered.rate


def two_shared_spools(place: Path, directory: Path) -> Figure:
    """Append from two shared spools, each to a store of its own, and from one of them, in turn."""
    rows = later(built(directory, 50_000), ROWS)
    with ExitStack() as opened, ProcessPoolExecutor(2, get_context("spawn")) as processes:
        servers = [opened.enter_context(a_server()) for _ in PROCESSORS]
        for processor, server in zip(PROCESSORS, servers, strict=True):
            bind(server.list_processes(), [processor])
            fill(place / f"spool-{processor}", server.url(), rows)

        def rate(count: int) -> float:
            turns = [
                processes.submit(append, place, server.url(), processor)
                for processor, server in list(zip(PROCESSORS, servers, strict=True))[:count]
            ]
            return sum(turn.result() for turn in turns)

        found = in_turn("Two shared spools and one", lambda: rate(2), lambda: rate(1))
    return compared("two shared spools ÷ one, appended", found, "")


def fill(place: Path, url: str, rows: Sequence[Notification | Rejection]) -> None:
    """Send rows to a shared spool."""
    with closing(SpoolWriter(place)) as writer:
        writer.append_all(rows)
    with closing(Shipper(SpoolReader(place), SpoolServer(url, "sending"), {})) as shipper:
        while shipper.turn():
            pass


def append(place: Path, url: str, processor: int) -> float:
    """Append all rows of a shared spool to a new store on a processor, and return how many a second."""
    bind([os.getpid()], [processor])
    with empty(place / f"store-{processor}") as data_dir:
        connection, source = open_database(data_dir / "clc.duckdb"), SharedSpoolReader(SpoolServer(url, "reading"))
        with closing(connection), closing(source):
            appender = Appender(connection.cursor(), source, data_dir, duplicate_window_seconds=10)
            began, rows = perf_counter(), 0
            while done := appender.append_new():
                rows += done
            return rows / (perf_counter() - began)


@contextmanager
def bound(processor: int) -> Iterator[None]:
    """Bind what this thread starts to a processor, for the length of a block."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {processor})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def bind(processes: Sequence[int], processors: Sequence[int]) -> None:
    """Bind processes to processors."""
    for process in processes:
        os.sched_setaffinity(process, processors)


def in_turn(label: str, two: Callable[[], float], one: Callable[[], float]) -> list[tuple[float, float]]:
    """Measure two and one in turn, after one round that does not count, and return the rates."""
    with click.progressbar(range(ROUNDS + 1), label=label, file=sys.stderr) as bar:
        return [(two(), one()) for _ in bar][1:]


def compared(what: str, rounds: list[tuple[float, float]], goal: str) -> Figure:
    """Return the median ratio as a figure."""
    both, alone = (statistics.median(rates) for rates in zip(*rounds, strict=True))
    remark = f"{both:,.0f}/s beside {alone:,.0f}; {ROUNDS} rounds"
    return Figure(what, statistics.median(two / one for two, one in rounds), "", goal, remark)
