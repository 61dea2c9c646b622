"""Builds a DuckDB file as the receiver leaves it, with rows whose counts are easy to say."""

import json
import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import duckdb
import pyarrow as pa

from tests.support.database import open_database

ACCOUNT_STATES = "INSERT INTO account_states FROM account_facts"
MIDDAY = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


@dataclass
class Row:
    """A notification to be put in a store; `event_type` says category and action, unless `category` says its own."""

    event_type: str
    account_alias: str | None
    entity_id: str | None
    body: Mapping[str, Any] = field(default_factory=dict)
    received_at: datetime = MIDDAY
    actor: str | None = None
    signature_status: str = "valid"
    duplicate_of: UUID | None = None
    id: UUID = field(default_factory=uuid4)
    occurred_at: datetime | None = None
    sender: str = "centurylink"
    category: str | None = None


@dataclass
class Refused:
    """A refused notification to be put in a store."""

    reason: str
    path: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})
    received_at: datetime = MIDDAY
    source_ip: str = "192.0.2.7"
    sender: str | None = "centurylink"
    signature_detail: str | None = None


@dataclass
class Changed:
    """A row of `changes` to be put in a store, of the notification with this `seq`; values are JSON."""

    seq: int
    path: str
    kind: str
    old_value: str | None = None
    new_value: str | None = None
    noise: bool = False
    told: bool = False


CHANGED = """
INSERT INTO changes
SELECT
    id, seq, occurred_at, category, entity_id, account_alias, actor, $path, $kind, $noise, $old_value, $new_value,
    $told, sender
FROM notifications WHERE seq = $seq
"""


def build_store(
    path: Path, rows: Iterable[Row], refused: Iterable[Refused] = (), changes: Iterable[Changed] = ()
) -> Path:
    """Write a new DuckDB file of these rows, `seq` from 1 in their order, and return its path."""
    open_database(path).close()
    with duckdb.connect(str(path)) as connection:
        table = pa.Table.from_pylist([as_columns(seq, row) for seq, row in enumerate(rows, 1)])
        if table.num_rows:
            connection.register("arrived", table)
            connection.execute("INSERT INTO notifications BY NAME FROM arrived")
        for one in refused:
            connection.execute(
                "INSERT INTO rejected VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    *(uuid4(), one.received_at, one.reason, one.path, one.source_ip, json.dumps(one.headers)),
                    *(one.body, one.sender, one.signature_detail),
                ],
            )
        for change in changes:
            connection.execute(CHANGED, asdict(change))
        connection.execute(ACCOUNT_STATES)
    return path


def as_columns(seq: int, row: Row) -> dict[str, Any]:
    """Return the columns of a row."""
    category, _, action = row.event_type.partition(".")
    # An event type without a dot is a category whose event is unknown.
    return {
        "seq": seq,
        "id": str(row.id),
        "received_at": row.received_at,
        "event_type": row.event_type if action or row.category else None,
        "category": row.category or category,
        "action": ("Updated" if row.category else action) or None,
        "account_alias": row.account_alias,
        "entity_id": row.entity_id,
        "actor": row.actor,
        "occurred_at": row.occurred_at or row.received_at,
        "signature_status": row.signature_status,
        "signature": b"\x01" * 256 if row.signature_status != "missing" else None,
        "source_ip": "192.0.2.1",
        "duplicate_of": str(row.duplicate_of) if row.duplicate_of else None,
        "payload": json.dumps(dict(row.body), separators=(",", ":"), ensure_ascii=False),
        "key_fingerprint": "5e" * 32 if row.signature_status != "missing" else None,
        "sender": row.sender,
        "proof": "third-party" if row.sender == "centurylink" else "shared-secret",
        "signature_detail": None,
        "delivery_id": None,
    }


def account(alias: str, name: str, parent: str | None, **more: Any) -> Row:
    """Return an Account.Created of this account."""
    body = {"accountAlias": alias, "businessName": name, "status": "Active", "primaryDataCenter": "WA1"}
    if parent:
        body["parentAlias"] = parent
    return Row("Account.Created", alias, alias, body, **more)


def server(alias: str, name: str, **more: Any) -> Row:
    """Return a Server.Updated of this server."""
    body = {
        "id": name.lower(),
        "name": name,
        "status": "active",
        "details": {"cpu": 2, "memoryMB": 4096, "powerState": "started", "ipAddresses": [{"internal": "10.1.2.3"}]},
        "changeInfo": {"modifiedBy": more.get("actor"), "modifiedDate": "2026-03-02T12:00:00Z"},
        "links": [{"rel": "account", "href": f"/v2/accounts/{alias}", "id": alias.lower()}],
    }
    return Row(more.pop("event_type", "Server.Updated"), alias, name, body, **more)


HOSTILE_NAME = (
    "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\"> "
    "![picture](http://127.0.0.1:9/x.png) [link](http://127.0.0.1:9/) :red[red] **bold** $x^2$ `code` "
    "\u202eesrever\u2066"
)
LONG_NAME = "LONG" + "0123456789" * 1000


def hostile_rows(now: datetime) -> list[Row]:
    """Return notifications whose every name is made to be taken for markup."""
    body = {"accountAlias": "EVIL", "businessName": HOSTILE_NAME, "parentAlias": "ROOT", HOSTILE_NAME: HOSTILE_NAME}
    user = {"accountAlias": HOSTILE_NAME, "userName": HOSTILE_NAME, "status": "Active"}
    return [
        Row("Account.Updated", "EVIL", "EVIL", body, now - timedelta(seconds=9), actor=HOSTILE_NAME),
        Row("User.Created", HOSTILE_NAME, HOSTILE_NAME, user, now - timedelta(seconds=8), actor=HOSTILE_NAME),
        Row("Server.Created", "ACME", LONG_NAME, {"name": LONG_NAME}, now - timedelta(seconds=7), actor=LONG_NAME),
        Row("Server", LONG_NAME, HOSTILE_NAME, {"name": HOSTILE_NAME}, now - timedelta(seconds=6)),
    ]


def hostile_refusals(now: datetime) -> list[Refused]:
    """Return refused notifications whose path, headers and body are made to be taken for markup."""
    headers = {"User-Agent": HOSTILE_NAME, HOSTILE_NAME: "x"}
    return [
        Refused("not_json", f"/webhooks/Server.Updated?{HOSTILE_NAME}", HOSTILE_NAME.encode(), headers, now),
        Refused("not_json", "/webhooks/User.Created", bytes(range(256)) * 8, received_at=now),
        Refused("signature_missing", "/webhooks/Account.Updated", b'{"accountAlias":"ACME"}', received_at=now),
    ]


WORLD = [
    ("ROOT", "Northwind Cloud Resale", None),
    ("ACME", "Acme Manufacturing", "ROOT"),
    ("ACEU", "Acme Europe GmbH", "ACME"),
    ("ACAP", "Acme Asia Pacific", "ACME"),
    ("BRIX", "Brix & Sons", "ROOT"),
    ("CUBE", "Cube Analytics", "ROOT"),
    ("DELT", "Delta Freight", "BRIX"),
]
WEIGHTS = {
    "Server.Updated": 50,
    "Alert.Notification": 18,
    "User.Updated": 12,
    "Server.Created": 7,
    "Server.Deleted": 5,
    "User.Created": 4,
    "Account.Updated": 3,
    "User.Deleted": 1,
}


def many_rows(count: int, now: datetime, days: float = 30) -> Iterator[Row]:
    """Yield a month of made-up notifications that ends now, the same for the same count."""
    dice = random.Random(7)
    for place, (alias, name, parent) in enumerate(WORLD):
        yield account(alias, name, parent, received_at=now - timedelta(days=days, minutes=-place))
    span = days * 86400
    for age in sorted((span * dice.random() ** 2.5 for _ in range(count)), reverse=True):
        event = dice.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        alias, name, parent = dice.choices(WORLD, [3, 9, 6, 2, 5, 8, 1])[0]
        at = now - timedelta(seconds=age)
        actor = f"ops{dice.randrange(4)}@{alias.lower()}.example"
        if event.startswith("Account"):
            body = {"accountAlias": alias, "businessName": name, "parentAlias": parent, "status": "Active"}
            yield Row(event, alias, alias, body, at)
        elif event.startswith("User"):
            user = f"user{dice.randrange(20)}@{alias.lower()}.example"
            body = {"accountAlias": alias, "userName": user, "emailAddress": user, "status": "Active"}
            yield Row(event, alias, user.upper(), body, at)
        elif event.startswith("Alert"):
            host = f"WA1{alias}WEB{dice.randrange(1, 30):02}"
            trigger = {"metric": "cpu", "state": "triggered", "duration": "00:05:00", "data": {"cpuPercent": 93.5}}
            yield Row(event, alias, host, {"accountAlias": alias, "serverName": host, "triggers": [trigger]}, at)
        else:
            host = f"WA1{alias}WEB{dice.randrange(1, 30):02}"
            status = "missing" if dice.random() < 0.01 else "valid"
            yield server(alias, host, received_at=at, actor=actor, event_type=event, signature_status=status)


if __name__ == "__main__":
    import sys

    moment = datetime.now(UTC)
    target = Path(sys.argv[1])
    target.unlink(missing_ok=True)
    build_store(target, [*many_rows(int(sys.argv[2]), moment), *hostile_rows(moment)], hostile_refusals(moment))
