"""The dashboard in a real browser: first paint, interactions, and ten viewers while notifications come."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.benchmarks.browser_load import giving_way, weighed_by_priority, with_and_without_viewers
from tests.benchmarks.browser_paint import first_paints, interactions
from tests.benchmarks.data import built
from tests.benchmarks.report import Figure
from tests.support.browsing import a_dashboard
from tests.support.processes import Process, Receiver, running

COUNT = 1_000_000
LOAD_SECONDS = 60
BUSIEST = """
SELECT entity_id, max(seq) AS seq
FROM events
WHERE category = 'Server'
GROUP BY ALL
ORDER BY count(*) DESC
LIMIT 1
"""


def browser(directory: Path, count: int = COUNT, seconds: int = LOAD_SECONDS) -> list[Figure]:
    """Measure all of it on a copy of the store, so that the others find theirs as it was built."""
    store = built(directory, count)
    with (
        weighed_by_priority(),
        copied(store, directory / "browser") as data_dir,
        running(Receiver, data_dir) as receiver,
    ):
        # A refused one and what is sent here make that no page is empty.
        receiver.sender.post("/webhooks/Server.Updated", b"{}", {"User-Agent": "a benchmark"})
        (busiest,) = receiver.sql(BUSIEST)
        with a_dashboard(data_dir, receiver.query_url, kind=Process) as url:
            with giving_way(data_dir):
                figures = with_and_without_viewers(receiver, url, seconds, data_dir)
            figures += first_paints(url, data_dir, busiest["entity_id"], busiest["seq"])
        with giving_way(data_dir):
            figures += interactions(receiver)
    return figures


@contextmanager
def copied(source: Path, target: Path) -> Iterator[Path]:
    """Give a data directory with a copy of a store, for the length of a block."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for file in [source / "clc.duckdb", *source.glob("last_bodies.sqlite")]:
        shutil.copy(file, target)
    # Otherwise the store's first checkpoint waits until all of the copy is on the disk.
    os.sync()
    try:
        yield target
    finally:
        shutil.rmtree(target)
