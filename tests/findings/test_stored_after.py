"""After what a notification was stored, or all that a rule looks at for it: the queries beside a plain loop."""

import random
from datetime import timedelta
from uuid import UUID

import duckdb
import pytest

from analytics import queries
from tests.findings.history import NOON
from tests.support.sizes import size

COLUMNS = {
    "id": "UUID", "seq": "BIGINT", "received_at": "TIMESTAMPTZ", "occurred_at": "TIMESTAMPTZ", "sender": "VARCHAR",
    "category": "VARCHAR", "entity_id": "VARCHAR", "duplicate_of": "UUID",
}  # fmt: skip


def make_history(rng):
    """Make notifications of few entities, of which some come late, at once with others, or twice."""
    rows, delays = [], rng.choice([[0], [0, 0, -2, 5, 30]])
    step, farthest = rng.choice([(timedelta(seconds=3), 2), (timedelta(hours=5), 12), (timedelta(hours=9), 12)])
    for seq in range(rng.choice([8, 40])):
        occurred_at = NOON + (seq - (rng.random() < 0.15) * rng.randint(0, farthest)) * step
        late = rng.choice(delays) * min(step, timedelta(minutes=1))
        rows.append({
            "id": UUID(int=rng.getrandbits(128)), "seq": seq, "received_at": occurred_at + late,
            "occurred_at": occurred_at, "sender": rng.choice("aaab"), "category": "c",
            "entity_id": rng.choice([None, "x", "x", "x", "x", "y"]),
            "duplicate_of": rng.choice(rows)["id"] if rows and rng.random() < 0.1 else None,
        })  # fmt: skip
    return rows


def place(row):
    return min(row["occurred_at"], row["received_at"]), row["seq"]


def tell_latest(rows, row):
    """Return the latest receipt until a notification was stored, or all that a rule looks at; None if it tells no more.

    A rule looks at the entity's notifications of the day before, and each of these is compared with one of two before.
    """
    own = max((each["received_at"] for each in rows[: row["seq"]]), default=row["received_at"])
    moments = [own] if own > row["received_at"] else []
    if row["entity_id"] is not None and row["duplicate_of"] is None:
        order = sorted((each for each in rows if is_of_its_entity(each, row)), key=place)
        order = order[: order.index(row) + 1]
        of_a_day = [each for each in order if place(each) >= (place(row)[0] - timedelta(days=1), row["seq"])]
        seq = max(each["seq"] for each in order[-len(of_a_day) - 2 :])
        moments += [max(each["received_at"] for each in rows[: seq + 1])] if seq > row["seq"] else []
    return max(moments, default=None)


def is_of_its_entity(other, row):
    return other["duplicate_of"] is None and all(other[key] == row[key] for key in ("sender", "category", "entity_id"))


@pytest.mark.parametrize("name", ["stored_after", "all_stored_after"])
def test_a_notification_is_stored_after_what_a_plain_loop_says(name):
    rng = random.Random(20261202)
    for _ in range(size(25, 1_000)):
        rows = make_history(rng)
        wanted = rng.sample(rows, rng.randint(1, len(rows))) if name == "stored_after" else rows
        with duckdb.connect() as connection:
            connection.execute(f"CREATE TABLE notifications ({', '.join(map(' '.join, COLUMNS.items()))})")
            values = [list(row.values()) for row in rows]
            connection.executemany(f"INSERT INTO notifications VALUES ({', '.join('?' * len(COLUMNS))})", values)
            query, parameters = queries.make_query(name, {"ids": [str(row["id"]) for row in wanted]})
            answer = dict(connection.execute(query, parameters).fetchall())
        expected = {str(row["id"]): tell_latest(rows, row) for row in wanted}
        assert answer == {key: latest for key, latest in expected.items() if latest}
