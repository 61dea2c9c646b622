"""What is asked seldom: texts in ten million bodies, all rules for the newest minute, SQL by the service or without."""

import statistics
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb

from analytics.findings.running import find
from tests.benchmarks.asking import client_of, median_seconds
from tests.benchmarks.browser import copied
from tests.benchmarks.data import built, grown
from tests.benchmarks.reads import COPIES, COUNT, Store, timed
from tests.benchmarks.report import Figure
from tests.support.processes import Receiver, running

ROUNDS = 5
SMALL_A_ROUND = 50
HITS = 100
FREQUENT, NOWHERE = "powerState", "in no body at all"
PATIENT = {"CLC_QUERY_TIMEOUT_SECONDS": "300"}
SMALL = "SELECT event_type, count(*) AS events FROM events WHERE seq > ? GROUP BY ALL ORDER BY events DESC"
ALL = "SELECT seq, received_at, event_type, account_alias, entity_id, actor FROM notifications ORDER BY seq"
NEWEST = 50_000


def seldom(directory: Path) -> list[Figure]:
    """Measure all of it."""
    with running(Receiver, grown(directory, COUNT, COPIES), **PATIENT) as receiver, client_of(receiver) as client:
        store = Store(client)
        figures = [search(store, *asked) for asked in SEARCHES] + [newest_minute(store)]
    with (
        copied(built(directory, COUNT), directory / "seldom") as data_dir,
        running(Receiver, data_dir) as receiver,
        client_of(receiver) as client,
        duckdb.connect(str(built(directory, COUNT) / "clc.duckdb"), read_only=True) as connection,
    ):
        figures += service_beside(Store(client), connection)
    return figures


SEARCHES = (
    ("of the last day", FREQUENT, timedelta(days=1), "≤ 200"),
    ("of the year, where many have it", FREQUENT, timedelta(days=365), "≤ 1,000"),
    ("of the year, where none has it", NOWHERE, timedelta(days=365), "≤ 10,000"),
)


def search(store: Store, what: str, text: str, length: timedelta, goal: str) -> Figure:
    """Look for the newest bodies that have a text, as the page Notifications does."""
    values = {"text": text, "since": store.newest - length, "page_rows": HITS}
    took, rows = median_seconds(lambda: store.ask("newest_notifications", **values))
    return Figure(f"text search, the first {HITS} {what}", took * 1000, "ms", goal, f"{len(rows):,} found")


def newest_minute(store: Store) -> Figure:
    """Run all rules over the newest minute."""
    until = store.newest + timedelta(seconds=1)
    took, found = median_seconds(lambda: find(store.client, until - timedelta(minutes=1), until))
    assert not found.problems, found.problems
    return Figure("all rules for the newest minute", took * 1000, "ms", "≤ 500", f"{len(found.findings):,} findings")


def service_beside(store: Store, connection: duckdb.DuckDBPyConnection) -> list[Figure]:
    """Ask the same of the query service and, in turn, of the database in this process."""
    last = [store.last - NEWEST]
    small = in_turn(
        lambda: [store.client.df(SMALL, last) for _ in range(SMALL_A_ROUND)],
        lambda: [connection.execute(SMALL, last).df() for _ in range(SMALL_A_ROUND)],
    )
    large = in_turn(lambda: store.client.df(ALL), lambda: connection.execute(ALL).df())
    return [
        Figure("query service ÷ in process, small answers", *compared(small, SMALL_A_ROUND, "≤ 1.8")),
        Figure(f"query service ÷ in process, {COUNT:,} rows to a DataFrame", *compared(large, 1, "≤ 2")),
    ]


def in_turn(*asked: Callable[[], Any]) -> list[tuple[float, ...]]:
    """Do several things in turn, some rounds of each after one that does not count; return the seconds of each."""
    return [tuple(timed(ask) for ask in asked) for _ in range(ROUNDS + 1)][1:]


def compared(rounds: list[tuple[float, ...]], asked: int, goal: str) -> tuple[float, str, str, str]:
    """Return the median ratio as a figure's value, its unit, its goal and a remark."""
    here, there = (statistics.median(times) / asked * 1000 for times in zip(*rounds, strict=True))
    return statistics.median(one / other for one, other in rounds), "", goal, f"{here:,.1f} ms beside {there:,.1f}"
