"""What a store takes of the disk, and what the processes take of the memory."""

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from receiver.spool import SpoolWriter
from tests.benchmarks.accept import POSTS, empty, post, simulated, written
from tests.benchmarks.browser import copied
from tests.benchmarks.browser_load import giving_way, viewers, weighed_by_priority
from tests.benchmarks.data import built, grown, later
from tests.benchmarks.reads import COPIES, COUNT
from tests.benchmarks.report import Figure
from tests.support.browsing import a_dashboard
from tests.support.processes import ListenerProcess, Process, Receiver, running
from tests.support.waiting import until

SAMPLE = 100_000
SPOOLED = 50_000
REFRESHES = 12
MB = 1_000_000
BODIES = "SELECT sum(strlen(payload)) FROM notifications"
# A segment of DuckDB's zstd lies in blocks of its own.
PAYLOAD = """
SELECT sum(len(additional_block_ids)) FROM pragma_storage_info('notifications') WHERE column_name = 'payload'
"""
WHOLE = "SELECT used_blocks * block_size, block_size FROM pragma_database_size()"
SORTED = "SELECT max(last_seq) AS seq FROM arranged_widely"
ARRIVAL = "SELECT payload FROM notifications ORDER BY seq LIMIT ?"


def sizes(directory: Path) -> list[Figure]:
    """Measure all of it."""
    return [*disk(built(directory, COUNT)), *memory(directory)]


def disk(data_dir: Path) -> list[Figure]:
    """Compare what a store takes with the bodies as they came, and with those under gzip."""
    with duckdb.connect(str(data_dir / "clc.duckdb"), read_only=True) as store:
        bodies, payload, (whole, block) = (store.execute(sql).fetchone() for sql in (BODIES, PAYLOAD, WHOLE))
        sample = b"\n".join(body.encode() for (body,) in store.execute(ARRIVAL, [SAMPLE]).fetchall())
    raw, kept = bodies[0], payload[0] * block
    zipped = len(sample) / len(gzip.compress(sample, 6))
    beside = f"{raw / MB:,.0f} MB ÷ {kept / MB:,.0f}"
    return [
        Figure("raw bodies ÷ DuckDB's bytes of payload", raw / kept, "", "≥ 20", beside),
        Figure("raw bodies ÷ the whole file", raw / whole, "", "≥ 6", f"{whole / MB:,.0f} MB, 256 of them signatures"),
        Figure("gzip -6 of the same bodies", zipped, "", "", f"the first {SAMPLE:,}, in order of arrival"),
    ]


def memory(directory: Path) -> list[Figure]:
    """Let the processes do what takes most of it, and say how much they ever took."""
    with empty(directory / "sizes") as place, running(ListenerProcess, place / "listener") as listener:
        post(listener.url, written(place / "posts", simulated(POSTS)), seconds=20)
        accepting = most_memory(listener.process.pid)
    with copied(built(directory, COUNT), directory / "appending") as data_dir, full_spool(data_dir) as receiver:
        store = receiver.children()["store"]
        appending = most_memory(store)
        before = receiver.sql(SORTED)
        until(lambda: receiver.sql(SORTED) != before, seconds=600, what="rows side by side")
        sorting = most_memory(store)
    return [
        Figure("memory of a listener", accepting, "MB", "≤ 80", "most that it took in 20 s at full speed"),
        Figure("memory of the store while appending", appending, "MB", "≤ 600", f"beside {COUNT:,} notifications"),
        Figure("… until the new rows lie side by side", sorting, "MB", "≤ 1,000", "CLC_STORE_MEMORY is 1 GB"),
        watched(grown(directory, COUNT, COPIES), f"of {COUNT * COPIES:,} notifications"),
    ]


@contextmanager
def full_spool(data_dir: Path) -> Iterator[Receiver]:
    """Run a receiver whose spool was full when it began and is empty now."""
    writer = SpoolWriter(data_dir / "spool")
    writer.append_all(later(data_dir, SPOOLED))
    writer.close()
    with running(Receiver, data_dir) as receiver:
        until(lambda: stored(receiver) == COUNT + SPOOLED, seconds=600, what="the spool's notifications")
        yield receiver


def stored(receiver: Receiver) -> int:
    """Count the notifications of a store."""
    return receiver.sql("SELECT count(*) AS rows FROM notifications")[0]["rows"]


def watched(data_dir: Path, what: str) -> Figure:
    """Open ten pages on ten million notifications, and say how much the store ever took."""
    with (
        weighed_by_priority(),
        running(Receiver, data_dir) as receiver,
        a_dashboard(data_dir, receiver.query_url, kind=Process) as url,
        giving_way(data_dir),
        viewers(url) as pages,
    ):
        for page in pages:
            page.wait_for_function(f"() => window.refreshes >= {REFRESHES}")
        most = most_memory(receiver.children()["store"])
    return Figure(
        f"memory of the store under ten viewers {what}", most, "MB", "≤ 2,000",
        f"most that it took until each had refreshed {REFRESHES} times",
    )  # fmt: skip


def most_memory(process: int) -> float:
    """Return how much memory a process held at most, in MB."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    (peak,) = (line for line in lines if line.startswith("VmHWM"))
    return int(peak.split()[1]) * 1024 / MB
