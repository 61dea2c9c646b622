"""A store that has dropped months: what came, how it is dropped, what stayed, and since when the store is complete."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from receiver.database.opening import run
from receiver.senders import load_senders
from receiver.spool import SpoolReader
from receiver.store.dropper import Dropper
from receiver.store.loop import AppendLoop
from tests.support.database import open_database
from tests.support.stored import Received

DAY = timedelta(days=1)
NOW = datetime.now(UTC)
SINCE = (NOW - 40 * DAY).replace(hour=0, minute=0, second=0, microsecond=0)
BUSY, QUIET, NEW = "WA1ACMEWEB01", "WA1ACMEOLD01", "WA1ACMENEW01"
KEPT = 5
"""How many older notifications stay: the last ones of two servers and a user, and an alert for each state."""
SINCE_THEN = 3 + 10 + 1
SAID = (
    f"since {SINCE:%Y-%m-%d} 00:00 UTC. "
    "Of earlier months, only the last state of each entity is here; the rest is in the lake."
)
GONE = f"not in this store any more: months before {SINCE:%Y-%m-%d} 00:00 UTC are in the lake."
REACHING = [
    ("/", "range=90+d", "range=7+d"),
    ("/notifications", "when=all", "when=30+d"),
    ("/audit", "range=all", "range=30+d"),
    ("/alerts", "range=year", "range=30+d"),
    ("/entity", f"category=Server&name={QUIET}", f"category=Server&name={NEW}"),
]
"""Pages, each with a choice that reaches before the dropped months' end, and one that does not."""


def server(name, at, cpu):
    body = {
        "name": name, "status": "active", "details": {"cpu": cpu},
        "changeInfo": {"modifiedBy": "ann", "modifiedDate": at.isoformat()},
        "links": [{"rel": "account", "id": "acme"}]
    }  # fmt: skip
    return Received("Server.Updated", at, json.dumps(body))


def user(event, name, at, mail):
    body = {"userName": name, "accountAlias": "ACME", "status": "Active", "emailAddress": mail}
    return Received(f"User.{event}", at, json.dumps(body))


def alert(at, state):
    trigger = {"metric": "cpu", "state": state, "data": {"cpuPercent": 93.5}}
    body = {"accountAlias": "ACME", "serverName": BUSY, "triggers": [trigger]}
    return Received("Alert.Notification", at, json.dumps(body))


def history():
    return [
        server(QUIET, SINCE - 30 * DAY, 1),
        user("Created", "kim", SINCE - 25 * DAY, "kim@acme.example"),
        server(QUIET, SINCE - 20 * DAY, 2),
        server(BUSY, SINCE - 15 * DAY, 1),
        alert(SINCE - 12 * DAY, "triggered"),
        alert(SINCE - 11 * DAY, "notTriggered"),
        user("Updated", "kim", SINCE - 10 * DAY, "kim@example.com"),
        server(BUSY, SINCE - 5 * DAY, 2),
        server(BUSY, SINCE + 5 * DAY, 4),
        server(NEW, SINCE + 6 * DAY, 1),
        alert(SINCE + 7 * DAY, "triggered"),
        *(server(NEW, NOW - (9.5 - number) * DAY, number) for number in range(10)),
        user("Created", "lee", NOW - DAY / 4, "lee@acme.example"),
    ]


def drop_before(file: Path, before: datetime) -> None:
    """Drop what was received before a moment from a file that no process has open."""
    spool = file.parent / "spool"
    spool.mkdir(exist_ok=True)
    store = open_database(file)
    try:
        ((last_seq,),) = run(store, "SELECT max(seq) FROM notifications")
        loop = AppendLoop(store, SpoolReader(spool), 10, on_fatal=lambda: None, data_dir=file.parent)
        assert Dropper(store, loop, load_senders()).drop(before, last_seq)
        run(store, "CHECKPOINT")
    finally:
        store.close()
