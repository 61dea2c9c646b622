"""The shared spool: shipping to it, reading and appending from it, deleting from it, and how soon a row is seen."""

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from time import perf_counter, process_time
from uuid import uuid4

from receiver.shared_spool import SharedSpoolReader, Shipper, SpoolServer
from receiver.shared_spool.batches import free_rows
from receiver.shared_spool.nodes import Identity, Progress, report, say_alive
from receiver.spool import SpoolReader, SpoolWriter
from receiver.store.appending.appender import Appender
from tests.benchmarks.accept import NO_COPIES, empty, simulated, written
from tests.benchmarks.alongside import FRESH_RATE, FRESH_SECONDS, watch
from tests.benchmarks.data import built, later
from tests.benchmarks.report import Figure, part
from tests.support.database import open_database
from tests.support.postgres import PostgreSQL
from tests.support.processes import Receiver, running

ROWS = 50_000


def shared_spool(directory: Path) -> list[Figure]:
    """Measure all of it, with a PostgreSQL on this machine that syncs."""
    rows = later(built(directory, ROWS), ROWS)
    with empty(directory / "shared-spool") as place, a_server() as server:
        url = server.url()
        writer = SpoolWriter(place / "spool")
        writer.append_all(rows)
        writer.close()
        figures = [ship(place, url), read(url), append(place, url), free(url)]
        fresh = written(place / "posts", simulated(FRESH_RATE * FRESH_SECONDS, time.time()))
        server.execute("CREATE DATABASE fresh")  # the other has deleted rows that a new machine would need
        with running(Receiver, place / "fresh", CLC_SHARED_SPOOL=server.url("fresh"), **NO_COPIES) as receiver:
            seen = watch(receiver, fresh, FRESH_RATE, FRESH_SECONDS)
    remark = f"median {part(seen.visible, 0.5) * 1000:,.0f}, of {len(seen.visible):,} at {seen.answered.rate:,.0f}/s"
    what = "from receipt to visible in SQL through the shared spool, p99"
    return [*figures, Figure(what, part(seen.visible, 0.99) * 1000, "ms", "≤ 500", remark)]


@contextmanager
def a_server() -> Iterator[PostgreSQL]:
    """Run a PostgreSQL that syncs what it commits."""
    place = Path(tempfile.mkdtemp(prefix="postgres-"))
    server = PostgreSQL(place, fsync=True)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(place, ignore_errors=True)


def ship(place: Path, url: str) -> Figure:
    """Move the spool's rows to the shared one."""
    shipper = Shipper(SpoolReader(place / "spool"), SpoolServer(url, "sending"), {})
    with closing(shipper):
        return rate("shipping to the shared spool", shipper.turn, "≥ 15,000")


def read(url: str) -> Figure:
    """Read the rows, and keep none."""
    source = SharedSpoolReader(SpoolServer(url, "reading"))
    watermarks: dict[tuple[str, str], int] = {}

    def turn() -> int:
        new = list(source.read_new(watermarks, 20_000, 64 * 2**20))
        watermarks.update({(row.segment, row.kind): row.position for row in new})
        return len(new)

    with closing(source):
        return rate("reading the shared spool", turn, "")


def append(place: Path, url: str) -> Figure:
    """Append the rows to a store."""
    (place / "store").mkdir()
    connection = open_database(place / "store" / "clc.duckdb")
    source = SharedSpoolReader(SpoolServer(url, "reading"))
    with closing(connection), closing(source):
        appender = Appender(connection.cursor(), source, place / "store", duplicate_window_seconds=10)
        return rate("appending from the shared spool, with changes on", appender.append_new, "≥ 12,000")


def free(url: str) -> Figure:
    """Delete the rows, as if all machines and a backup had them."""
    server, identity = SpoolServer(url, "freeing"), Identity(uuid4(), "benchmark")
    with closing(server), server.session(600) as connection:
        say_alive(connection, identity)
        connection.execute("UPDATE clc_spool.batches SET put_at = put_at - INTERVAL '1 day'")
        report(connection, identity, Progress(2**40, 2**40, 2**40))
        found = rate("deleting from the shared spool", lambda: free_rows(connection), "")
        connection.execute("DELETE FROM clc_spool.nodes")
    return found


def rate(what: str, turn: Callable[[], int], goal: str) -> Figure:
    """Take turns until one does nothing, and return how many rows a second they did."""
    began, worked, rows = perf_counter(), process_time(), 0
    while done := turn():
        rows += done
    seconds, worked = perf_counter() - began, process_time() - worked
    remark = f"{rows:,} rows; {1e6 * worked / rows:,.0f} µs of this process's processor time for each"
    return Figure(what, rows / seconds, "/s", goal, remark)
