"""The audit: the appender with changes on, all rules over the whole history, and the Entity page's SQL."""

import time
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from analytics.client.client import Client
from analytics.findings.running import find
from analytics.findings.snapshot import KeptFindings
from analytics.queries import make_query
from tests.benchmarks.asking import client_of, median_seconds
from tests.benchmarks.data import built, figures_of
from tests.benchmarks.report import Figure
from tests.support.processes import Receiver, running

COUNT = 1_000_000
PAGE_ROWS = 30
ENTITIES = (
    "SELECT category, entity_id, count(*) AS n FROM events WHERE category <> 'Alert' GROUP BY ALL ORDER BY n DESC"
)
EXTENT = "SELECT min(occurred_at) AS since, max(occurred_at) AS until FROM notifications"


def audit(directory: Path) -> list[Figure]:
    """Measure all of it on a million notifications."""
    data_dir = built(directory, COUNT)
    rates = figures_of(data_dir)
    figures = [
        Figure("appender with changes on, at the start", rates["first"], "/s", "≥ 3,000"),
        Figure("appender with changes on, at the end", rates["last"], "/s", "≥ 3,000"),
    ]
    with running(Receiver, data_dir) as receiver, client_of(receiver) as client:
        figures.append(_all_rules(client))
        figures += _entity_page(client)
    return figures


def _all_rules(client: Client) -> Figure:
    extent = client.df(EXTENT).iloc[0]
    since, until = extent["since"].to_pydatetime(), extent["until"].to_pydatetime() + timedelta(seconds=1)
    seconds, found = median_seconds(lambda: find(client, since, until))
    assert not found.problems, found.problems
    remark = f"{len(found.findings):,} findings of {(until - since).days:,} days"
    return Figure("all rules over all notifications", seconds * 1000, "ms", "< 3,000", remark)


def _entity_page(client: Client) -> list[Figure]:
    """Measure the busiest server, user and account."""
    kept = KeptFindings(client)
    began = time.perf_counter()
    findings = kept.read_up_to(patience=600, upto=datetime.now(UTC))
    assert findings
    several = [one for one in findings.findings if len(one.notification_ids) > 1]
    first = Figure(
        "findings kept for all pages, at first", (time.perf_counter() - began) * 1000, "ms", "",
        f"in a thread of its own; {len(several):,} findings with several notifications",
    )  # fmt: skip
    busiest = client.df(ENTITIES).groupby("category", sort=False).head(1)
    return [first] + [
        Figure(
            f"Entity page's SQL, the busiest {str(about.category).lower()}",
            median_seconds(partial(_open_entity, client, str(about.category), str(about.entity_id)))[0] * 1000,
            "ms",
            "< 200",
            f"{about.n:,} notifications",
        )
        for about in busiest.itertuples()
    ]


def _open_entity(client: Client, category: str, entity: str) -> None:
    """Ask all that the page asks when it is opened: the entity, a page of its timeline, its latest step, and so on."""
    about = {"category": category, "entity": entity}
    _ask(client, "freshness")
    _ask(client, "accounts")
    found = _ask(client, "entity", at=datetime.now(UTC), at_seq=1 << 62, **about).iloc[0]
    latest = int(found["last_seq"])
    _ask(client, "entity_position", step=latest, **about)
    rows = _ask(client, "entity_notifications", page_rows=PAGE_ROWS, position=0, **about)
    span = {"first": int(rows["seq"].min()), "last": int(rows["seq"].max())}
    _ask(client, "entity_changes", **span, **about)
    if category == "Server":
        _ask(client, "alerts_of_entity", entity=entity, **span)
    if category == "User":
        _ask(client, "acts_of_user", entity=entity, page_rows=50)
    if category == "Account":
        _ask(client, "entities_of_account", alias=entity, page_rows=200)
    _ask(client, "notification", seq=latest)
    _ask(client, "changes_of_step", seq=latest)
    _ask(client, "happened_since", seen=latest)
    _ask(client, "ids_of_entity", page_rows=100_000, **about)


def _ask(client: Client, name: str, **values: Any) -> Any:
    return client.df(*make_query(name, values))
