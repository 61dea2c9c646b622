"""The stores of three nodes agree row by row, in whatever order rows reach the shared spool and leave it."""

import json
import os
import signal
from contextlib import ExitStack, suppress
from datetime import timedelta
from random import Random

import pytest
import urllib3

from receiver.database.opening import run
from receiver.shared_spool import shipper
from receiver.store.appending import appender
from tests.receiver.shared_spool.nodes import Node
from tests.support.processes import PreparedReceiver, running
from tests.support.rows import NOON, notification, rejection
from tests.support.sizes import size
from tests.support.waiting import until

SEEDS = range(size(1, 60))
STEPS = 150
DERIVED = {
    "notifications": "SELECT * FROM notifications ORDER BY seq",
    "changes": "SELECT * FROM changes ORDER BY seq, path, kind, old_value, new_value",
    "rejected": "SELECT * FROM rejected ORDER BY id",
}
WITH_CHANGES = """
SELECT seq, id::VARCHAR AS id, duplicate_of::VARCHAR AS original, path, kind, old_value::VARCHAR AS old
FROM notifications
LEFT JOIN changes USING (seq)
ORDER BY ALL
"""


@pytest.fixture
def nodes(tmp_path, database):
    nodes = [Node(tmp_path / name, database) for name in ("one", "two", "three")]
    yield nodes
    for node in nodes:
        node.close()


class Senders:
    """Posts notifications of few entities, all at about the same time, to any node or to two."""

    def __init__(self, random, nodes):
        self.random, self.nodes, self.seconds = random, nodes, 0.0

    def post(self):
        self.seconds += self.random.choice([0, 0, 0.5, 4, 11])
        received_at = NOON + timedelta(seconds=self.seconds)
        if self.random.random() < 0.1:
            self.random.choice(self.nodes).writer.append_all([rejection(int(self.seconds))])
            return
        late = timedelta(seconds=self.random.choice([0, 0, 0, 3, 30]))
        entity, body = (
            self.random.randrange(3),
            {"mail": self.random.choice("abc"), "roles": [self.random.choice("xy")]},
        )
        row = notification(
            entity,
            received_at=received_at,
            occurred_at=received_at - late,
            delivery_id=self.random.choice([None, None, None, "first", "second"]),
            action=self.random.choice(["Updated", "Updated", "Updated", "Created", "Deleted"]),
            payload=json.dumps({"userName": f"user{entity}@acme.example", **body}).encode(),
        )
        row = row._replace(event_type=f"User.{row.action}")
        for node in self.random.sample(self.nodes, self.random.choice([1, 1, 2])):
            received_at += timedelta(seconds=self.random.choice([0, 0, 1]))
            node.writer.append_all([row._replace(id=notification().id, received_at=received_at)])


def settle(nodes):
    for node in nodes:
        while node.shipper.turn():
            pass
    for node in nodes:
        while node.append():
            pass


@pytest.mark.parametrize("seed", SEEDS)
def test_three_stores_agree_row_by_row(seed, nodes, monkeypatch):
    random = Random(seed)
    senders = Senders(random, nodes)
    late = nodes[2]
    for step in range(STEPS):
        monkeypatch.setattr(shipper, "_ROWS_PER_BATCH", random.choice([1, 2, 7, 50]))
        monkeypatch.setattr(appender, "_ROWS_PER_BATCH", random.choice([1, 3, 20, 100]))
        node = random.choice(nodes)
        match random.choice(["post", "post", "post", "ship", "append", "end"]):
            case "post":
                senders.post()
            case "ship":
                node.shipper.turn()
            case "append" if node is not late or step > STEPS / 2:
                node.append()
            case "end" if random.random() < 0.2:
                node.end()
    settle(nodes)
    one, two, three = nodes
    for table, query in DERIVED.items():
        assert run(one.store, query), table
        assert run(one.store, query) == run(two.store, query) == run(three.store, query), table
    assert run(one.store, "SELECT count(*) > 3 FROM notifications WHERE duplicate_of IS NOT NULL") == [(True,)]


@pytest.mark.full
@pytest.mark.slow
def test_three_machines_agree_though_one_begins_late_and_the_store_of_one_is_killed(tmp_path, database):
    posted = []

    def post(number, *receivers):
        body = b'{"accountAlias":"ACME","userName":"user%d@acme.example","n":%d}' % (number % 3, number % 7)
        for receiver in receivers:
            assert receiver.sender.post("/webhooks/User.Updated", body).status == 200
            posted.append(body)

    def has_all(receiver):
        with suppress(urllib3.exceptions.HTTPError):  # its store starts again
            return receiver.sql("SELECT count(*) AS n FROM notifications") == [{"n": len(posted)}]

    with ExitStack() as machines:

        def begin(name):
            return machines.enter_context(running(PreparedReceiver, tmp_path / name, CLC_SHARED_SPOOL=database))

        one, two = begin("one"), begin("two")
        for number in range(30):
            post(number, *[one, two][number % 3 == 0 :])
        os.kill(two.children()["store"], signal.SIGKILL)
        for number in range(30, 60):
            post(number, *[two, one][number % 4 == 0 :])
        three = begin("three")
        for number in range(60, 90):
            post(number, one, two, three)
        for receiver in (one, two, three):
            until(lambda receiver=receiver: has_all(receiver), what="all notifications")
        derived = one.sql(WITH_CHANGES)
        assert derived == two.sql(WITH_CHANGES) == three.sql(WITH_CHANGES)
        assert any(row["original"] for row in derived)
        assert any(row["old"] for row in derived)
