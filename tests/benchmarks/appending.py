"""The appender, from a full spool: beside no other notification, a million, and ten million."""

from contextlib import closing
from pathlib import Path
from time import perf_counter

from receiver.notification import Notification
from receiver.spool import SpoolReader, SpoolWriter
from receiver.store.appending.appender import Appender
from tests.benchmarks.accept import empty
from tests.benchmarks.browser import copied
from tests.benchmarks.data import built, grown, later
from tests.benchmarks.reads import COPIES, COUNT
from tests.benchmarks.report import Figure
from tests.support.database import open_database

ROWS = 50_000


def appending(directory: Path) -> list[Figure]:
    """Append the same notifications to each store."""
    million, ten = built(directory, COUNT), grown(directory, COUNT, COPIES)
    rows = later(million, ROWS)
    with empty(directory / "appending-to-none") as none:
        first = rate(none, rows)
    figures = [Figure("appender with changes on, at the start", first, "/s", "≥ 12,000", f"{ROWS:,} rows")]
    for count, store in ((COUNT, million), (COUNT * COPIES, ten)):
        with copied(store, directory / "appending-to-some") as data_dir:
            found = rate(data_dir, rows if store == million else later(store, ROWS))
        what = f"appender with changes on, beside {count:,} notifications"
        figures.append(Figure(what, found, "/s", "≥ 12,000", f"{100 * (1 - found / first):.0f} % slower, of 10"))
    return figures


def rate(data_dir: Path, rows: list[Notification]) -> float:
    """Fill the spool, append it with a checkpoint, and return how many rows a second that were."""
    connection = open_database(data_dir / "clc.duckdb")
    writer = SpoolWriter(data_dir / "spool")
    writer.append_all(rows)
    writer.close()
    with closing(SpoolReader(data_dir / "spool")) as reader:
        appender = Appender(connection.cursor(), reader, data_dir, duplicate_window_seconds=10)
        began = perf_counter()
        while appender.append_new():
            pass
        appender.checkpoint()
        seconds = perf_counter() - began
    connection.close()
    return len(rows) / seconds
