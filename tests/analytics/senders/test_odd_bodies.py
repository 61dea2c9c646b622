"""No odd body ends a shipped query or an example of the documentation."""

import json
import math
from datetime import UTC, datetime, timedelta

import pytest

import analytics
from analytics.pages.sql.side import list_shipped_queries
from tests.analytics.senders.examples import EXAMPLES
from tests.support.readable_store import Changed, Row, build_store

QUERIES = {one.name: one.sql for one in list_shipped_queries()}
ODD = [
    "many",
    "none",
    "NaN",
    "",
    "1e400",
    None,
    True,
    1.5,
    10**30,
    [],
    ["x", None, [1]],
    {"a": 1},
    [{"a": {"b": []}}, 7],
]
NOW = datetime.now(UTC) - timedelta(hours=3)


def odd_bodies():
    """Yield bodies of each category whose fields have, one at a time and all together, values of an odd kind."""
    disk, address = {"id": "0:0", "sizeGB": 1}, {"internal": "10.0.0.1", "public": "203.0.113.9"}
    details = {"cpu": 2, "memoryMB": 4096, "storageGB": 17, "powerState": "stopped"}
    for odd in ODD:
        for name in (*details, "disks", "ipAddresses"):
            yield "Server.Created", {"locationId": "WA1", "details": {"disks": [disk], **details, name: odd}}
        yield "Server.Created", {"locationId": odd, "osType": odd, "details": odd, "changeInfo": odd, "links": odd}
        for name in disk:
            yield "Server.Created", {"details": {"disks": [{**disk, name: odd}, odd]}}
        for name in address:
            yield "Server.Created", {"details": {"ipAddresses": [{**address, name: odd}, odd]}}
        yield "Server.Deleted", {"accountAlias": odd, "name": odd}
        yield "User.Updated", {"status": odd, "userName": odd, "emailAddress": odd}
        yield "Account.Created", {"businessName": odd, "parentAlias": odd, "links": odd, "status": odd}
        yield "Alert.Notification", {"triggers": odd}
        yield "Alert.Notification", {"triggers": [{"metric": odd, "state": odd, "data": odd}, odd]}


@pytest.fixture(scope="module")
def odd_store(tmp_path_factory):
    rows = [Row(event, "ODDA", f"ENTITY{n}", body, NOW) for n, (event, body) in enumerate(odd_bodies())]
    changes = [
        Changed(1, "details.cpu", "changed", json.dumps(old), json.dumps(odd)) for odd in ODD for old in (2, odd)
    ]
    details = {"cpu": 2, "memoryMB": 4096, "storageGB": 17, "disks": [{"id": "0:0", "sizeGB": 14.5}]}
    healthy = Row("Server.Created", "ODDA", "WA1ODDAWEB01", {"details": details}, NOW)
    file = build_store(tmp_path_factory.mktemp("odd") / "store.duckdb", [healthy, *rows], changes=changes)
    with analytics.connect(str(file)) as client:
        yield client


@pytest.mark.parametrize("name", QUERIES)
def test_an_odd_body_ends_no_shipped_query(odd_store, name):
    rows = odd_store.sql(QUERIES[name]).to_pylist()
    numbers = [value for row in rows for value in row.values() if isinstance(value, float)]
    assert all(map(math.isfinite, numbers))


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_odd_body_ends_no_example(odd_store, example):
    odd_store.sql(example)


def test_a_healthy_body_is_found_among_odd_ones(odd_store):
    (largest,) = (
        row for row in odd_store.sql(QUERIES["largest_servers"]).to_pylist() if row["server"] == "WA1ODDAWEB01"
    )
    assert (largest["memory_gb"], largest["cpus"], largest["storage_gb"]) == (4, 2, 17.0)
    disks = odd_store.sql(QUERIES["largest_disks"]).to_pylist()
    assert [row["size_gb"] for row in disks if row["server"] == "WA1ODDAWEB01"] == [14.5]
