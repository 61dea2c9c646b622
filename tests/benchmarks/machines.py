"""Two machines beside one: receivers, shared spools with a store each, and a replica beside a store by itself.

What belongs to one machine is bound to one processor, its sender and, if it has one of its own, its PostgreSQL, too. So
two machines have twice as many processors as one.
"""

import os
import statistics
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter

import click

from receiver.notification import Notification, Rejection
from receiver.shared_spool import SharedSpoolReader, Shipper, SpoolServer
from receiver.spool import SpoolReader, SpoolWriter
from receiver.store.appending.appender import Appender
from tests.benchmarks.accept import POSTS, empty, post, simulated, written
from tests.benchmarks.browser import copied
from tests.benchmarks.data import built, later
from tests.benchmarks.reads import COUNT, Store, a_store, timed
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
        return [two_receivers(place), two_shared_spools(place, directory), *replica(place, directory)]


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


def replica(place: Path, directory: Path) -> list[Figure]:
    """Ask for all that the page Activity shows: a store that shares a spool, and one that does not, in turn."""
    stored = built(directory, COUNT)
    with (
        a_server() as server,
        copied(stored, place / "replica") as shared,
        copied(stored, place / "alone") as alone,
        a_store(shared, CLC_SHARED_SPOOL=server.url()) as replica,
        a_store(alone) as single,
    ):
        figures = []
        for length in ("24 h", "year"):
            both = (partial(seconds, store, length) for store in (replica, single))
            found = in_turn("A replica and a store", *both)
            remark = "{:,.0f} ms beside {:,.0f}; {} rounds".format(*(1e3 * each for each in medians(found)), ROUNDS)
            what = f"Activity's SQL on a replica ÷ on a single machine, {length}, {COUNT:,} notifications"
            figures.append(Figure(what, ratio(found), "", "≤ 1.1", remark))
    return figures


def seconds(store: Store, length: str) -> float:
    """Return how many seconds all queries of the page Activity take, one after the other."""
    return sum(timed(partial(store.ask, name, **values)) for name, values in store.activity(length))


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
    """Measure two and one in turn, after one round that does not count, and return what was measured."""
    with click.progressbar(range(ROUNDS + 1), label=label, file=sys.stderr) as bar:
        return [(two(), one()) for _ in bar][1:]


def compared(what: str, rounds: list[tuple[float, float]], goal: str) -> Figure:
    """Return the median ratio as a figure."""
    both, alone = medians(rounds)
    return Figure(what, ratio(rounds), "", goal, f"{both:,.0f}/s beside {alone:,.0f}; {ROUNDS} rounds")


def medians(rounds: list[tuple[float, float]]) -> list[float]:
    """Return the medians of both sides."""
    return [statistics.median(side) for side in zip(*rounds, strict=True)]


def ratio(rounds: list[tuple[float, float]]) -> float:
    """Return the median of the first ÷ the second in each round."""
    return statistics.median(one / other for one, other in rounds)
