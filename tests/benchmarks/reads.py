"""What readers wait for beside ten million notifications, and beside one: Activity's SQL, and single lookups."""

import random
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from analytics.client.client import Client
from analytics.comparison import BEFORE, find_comparison
from analytics.pages.activity.filters import ActivityFilters
from analytics.pages.activity.kept.counts import Kept, is_long, make_kept
from analytics.pages.activity.page import list_queries
from analytics.pages.activity.time_range import When
from analytics.pages.shared.store import null_to_none
from analytics.queries import make_query
from analytics.times import EPOCH, Interval, make_span
from tests.benchmarks.asking import client_of
from tests.benchmarks.data import built, grown, grown_again
from tests.benchmarks.report import Figure, part
from tests.support.processes import Receiver, running

COUNT, COPIES = 1_000_000, 10
ROUNDS = 20
ZONE = ZoneInfo("UTC")
TIMELINE = "SELECT seq, received_at, payload FROM events WHERE category = 'Server' AND entity_id = ? ORDER BY seq"
SERVERS = (
    "SELECT entity_id FROM events WHERE category = 'Server' GROUP BY ALL ORDER BY count(*) DESC, entity_id LIMIT 1000"
)
BY_ID = "FROM notifications WHERE id = ?::UUID"
ID = "SELECT id FROM notifications WHERE seq = ?"
Ask = Callable[[], Any]


class Store:
    """A store that is asked, and what is asked of it."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.random = random.Random(1)
        extent = client.df("SELECT max(seq) AS last, max(received_at) AS newest FROM notifications").iloc[0]
        self.last, self.newest = int(extent["last"]), extent["newest"].to_pydatetime().astimezone(UTC)
        self.servers = list(client.df(SERVERS)["entity_id"])

    def ask(self, name: str, **values: Any) -> Any:
        """Ask one of the dashboard's queries."""
        return self.client.df(*make_query(name, values))

    def activity(self, length: str) -> list[tuple[str, dict[str, Any]]]:
        """Return all that the page asks for a range, as it opens."""
        at = self.newest + timedelta(seconds=1)
        span = make_span(length, None, at, None, ZONE)
        compared = find_comparison(span.since, span.until, BEFORE)
        time = When(span, Interval(span.since, span.until), compared, BEFORE, EPOCH)
        kept = self.read_kept() if is_long(time.bin_values) else None
        return list(list_queries(ActivityFilters(), time, ZONE, kept=kept).items())

    def read_kept(self) -> Kept | None:
        """Ask what the store's counts hold, as the page does."""
        rows = self.ask("kept")
        return None if rows.empty else make_kept(rows.iloc[0])

    def by_id(self) -> Ask:
        """Read a notification of a random number by its id."""
        seq = self.random.randint(1, self.last)
        identity = str(self.client.df(ID, [seq]).iloc[0]["id"])
        return lambda: self.client.df(BY_ID, [identity])

    def filtered(self) -> Ask:
        """Read the first page of a list with filters."""
        name = self.random.choice(self.servers)
        since = self.newest - timedelta(days=self.random.randint(1, 300))
        values = {"event_types": ["Server.Updated"], "entity": name[3:9], "without_copies": True, "page_rows": 50}
        return lambda: self.ask("newest_notifications", since=since, **values)

    def timeline(self) -> Ask:
        """Read all notifications of a server with their bodies."""
        name = self.random.choice(self.servers)
        return lambda: self.client.df(TIMELINE, [name])

    def state(self) -> Ask:
        """Find what a server was at a time, and read that."""
        name = self.random.choice(self.servers)
        at = self.newest - timedelta(days=self.random.uniform(0, 300))

        def ask() -> None:
            then = self.ask("entity", category="Server", entity=name, at=at, at_seq=self.last)
            found = null_to_none(then.iloc[0]["seq_then"])
            if found is not None:
                self.ask("notification", seq=int(found))

        return ask


LOOKUPS = {
    "one notification by its id": Store.by_id,
    "first page of a filtered list": Store.filtered,
    "a server's timeline with bodies": Store.timeline,
    "a server's state at a time": Store.state,
}


def reads(directory: Path) -> list[Figure]:
    """Measure both stores in turn."""
    ten_times = grown(directory, COUNT, COPIES)
    with a_store(built(directory, COUNT)) as small, a_store(ten_times) as large:
        figures = activity(small, large, "24 h", "≤ 100") + activity(small, large, "year", "≤ 150")
        for what, ask in LOOKUPS.items():
            figures += lookups(small, large, what, ask, "≤ 20" if ask == Store.by_id else "≤ 50")
    return figures


def hundred_million(directory: Path) -> list[Figure]:
    """Measure a store of a hundred million beside one of a tenth; it takes 43 GB, and nearly an hour to build."""
    hundred, ten = grown_again(directory, COUNT, COPIES), grown(directory, COUNT, COPIES)
    with a_store(ten) as small, a_store(hundred) as large:
        figures = activity(small, large, "year", "≤ 400")
        for what, ask in LOOKUPS.items():
            figures += lookups(small, large, what, ask, "")
    return figures


@contextmanager
def a_store(data_dir: Path, **settings: str) -> Iterator[Store]:
    """Run a receiver on a data directory, and give what asks it."""
    with running(Receiver, data_dir, **settings) as receiver, client_of(receiver) as client:
        yield Store(client)


def activity(small: Store, large: Store, length: str, goal: str) -> list[Figure]:
    """Ask for all that the page Activity shows, one query after the other."""
    took: dict[int, list[dict[str, float]]] = {small.last: [], large.last: []}
    for _ in range(ROUNDS):
        for store in (small, large):
            began = time.perf_counter()
            asked = store.activity(length)
            before = {"kept": (time.perf_counter() - began) * 1000}
            each = {name: timed(partial(store.ask, name, **values)) * 1000 for name, values in asked}
            took[store.last].append(before | each)
    sums = {last: [sum(one.values()) for one in rounds] for last, rounds in took.items()}
    p95 = {last: part(times, 0.95) for last, times in sums.items()}
    alone = {name: statistics.median(one[name] for one in took[large.last]) for name in took[large.last][0]}
    most = max(alone, key=lambda name: alone[name])
    what = f"Activity's SQL, {length}, {large.last:,} notifications, p95"
    said = f"median {statistics.median(sums[large.last]):,.0f}; {most} alone {alone[most]:,.0f}"
    return [
        Figure(what, p95[large.last], "ms", goal, said),
        Figure("… ÷ the same of a tenth", p95[large.last] / p95[small.last], "", "≤ 3", f"{p95[small.last]:,.0f} ms"),
    ]


def lookups(small: Store, large: Store, what: str, ask: Callable[[Store], Ask], goal: str) -> list[Figure]:
    """Ask for something else each time."""
    took = {store.last: [timed(ask(store)) * 1000 for _ in range(ROUNDS)] for store in (small, large)}
    remark = f"median {statistics.median(took[large.last]):,.0f}; of a tenth {part(took[small.last], 0.95):,.0f}"
    return [Figure(f"{what}, {large.last:,} notifications, p95", part(took[large.last], 0.95), "ms", goal, remark)]


def timed(ask: Ask) -> float:
    """Return how many seconds it takes."""
    began = time.perf_counter()
    ask()
    return time.perf_counter() - began
