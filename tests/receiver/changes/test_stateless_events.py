"""Events that do not state their entity: what they tell shows, and the others are compared as if they had not come."""

import json
import random
from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import pytest

from receiver.database.opening import run
from receiver.deriving.tables import Rebuild
from receiver.keeping.verification import rows as rows_of_verify
from receiver.senders import CENTURYLINK
from receiver.spool import SpoolWriter
from receiver.store.appending.appender import Appender
from tests.receiver.changes.test_several_senders import TELLER, TELLING, violations
from tests.support.database import open_database
from tests.support.rows import NOON, notification
from tests.support.sizes import size
from tests.support.way_in import open_rows

CHANGES = """
    SELECT notification_id, path, kind, noise, old_value::VARCHAR, new_value::VARCHAR, told
    FROM changes JOIN (SELECT id AS notification_id, event_type FROM notifications) USING (notification_id)
"""
COMPARISON = replace(
    TELLING, is_stateless=lambda event: event == "member.added", bare={"repository": frozenset({"id"})}
)
SENDERS = {
    CENTURYLINK.name: CENTURYLINK,
    "teller": replace(TELLER, comparison=COMPARISON),
}


def of(minute, body, event_type="repository.edited", action="Updated", entity_id="web"):
    """Make a notification of the teller's, that happened so many minutes after noon."""
    at = NOON + timedelta(minutes=minute)
    return notification(
        sender="teller", category="repository", event_type=event_type, action=action, entity_id=entity_id,
        account_alias="acme", occurred_at=at, received_at=at,
        payload=json.dumps(body).encode(),
    )  # fmt: skip


def added(minute, member, **others):
    return of(minute, {"member": member}, "member.added", **others)


def list_changes(connection):
    """Return the path and the values of each change, in order of receipt."""
    query = "SELECT path, kind, old_value::VARCHAR, new_value::VARCHAR FROM changes ORDER BY seq, path"
    return run(connection, query)


def rebuild(connection):
    rebuilding = Rebuild(connection, SENDERS)
    rebuilding.begin()
    while rebuilding.done is not None:
        rebuilding.step()


@pytest.fixture
def stores(tmp_path):
    """Return what stores batches of notifications in a store of its own, and returns its connection."""
    opened = []

    def store(batches, senders=SENDERS):
        directory = tmp_path / str(len(opened))
        directory.mkdir()
        connection = open_database(directory / "clc.duckdb")
        opened.append(connection)
        with closing(SpoolWriter(directory / "spool")) as writer:
            for batch in batches:
                writer.append_all(batch)
                with closing(open_rows(directory)) as reader:
                    appender = Appender(
                        connection.cursor(), reader, directory, duplicate_window_seconds=10, senders=senders
                    )
                    appender.append_new()
        return connection

    yield store
    for each in opened:
        each.close()


def test_what_changed_before_such_an_event_shows_with_the_next_one(stores):
    connection = stores([[of(0, {"name": "old"})], [added(1, "jo")], [of(2, {"name": "new"})]])
    assert list_changes(connection) == [
        ("", "added", None, None),
        ("members[jo]", "added", None, '"jo"'),
        ("name", "changed", '"old"', '"new"'),
    ]
    assert violations(connection, SENDERS) == []


def make_history(rng, entity_id):
    """Make an entity's notifications: creations, updates, deletions without a state, and members, at random moments."""
    rows = []
    for number in range(rng.randint(2, 12)):
        minute = rng.randint(1, 50)
        body = {"id": entity_id, "name": rng.choice("abc"), "size": number}
        rows.append(
            rng.choice([
                of(minute, body, entity_id=entity_id),
                of(minute, body, "repository.created", "Created", entity_id=entity_id),
                of(minute, {"id": entity_id}, "repository.deleted", "Deleted", entity_id=entity_id),
                added(minute, f"m{number}", entity_id=entity_id),
                added(minute, f"n{number}", entity_id=entity_id),
            ])
        )  # fmt: skip
    return rows


def is_stating(row):
    return row.event_type != "member.added"


def test_the_others_show_what_they_would_show_if_such_events_had_not_come(stores, monkeypatch):
    """In whatever order they happened and came, after any start, and derived again."""
    rng = random.Random(20261201)
    rows = [row for number in range(size(30, 800)) for row in make_history(rng, f"web{number}")]
    rng.shuffle(rows)
    rows = [row._replace(received_at=NOON + timedelta(minutes=60 + place)) for place, row in enumerate(rows)]
    cuts = sorted(rng.sample(range(len(rows)), 20))
    batches = [rows[start:end] for start, end in zip([0, *cuts], [*cuts, None], strict=True)]
    whole = stores(batches)
    told = {row.id for row in rows if not is_stating(row)}
    members = run(whole, f"{CHANGES} WHERE event_type = 'member.added' ORDER BY ALL")
    assert {(row[0], *row[2:4]) for row in members} == {(key, "added", False) for key in told}
    stating = stores([[row for row in batch if is_stating(row)] for batch in batches])
    expected = run(stating, f"{CHANGES} ORDER BY ALL")
    assert run(whole, f"{CHANGES} WHERE event_type <> 'member.added' ORDER BY ALL") == expected
    assert len(expected) > len(rows) / 2
    monkeypatch.setattr(rows_of_verify, "_ROWS_PER_BATCH", 50)  # what comes before may be in a later batch
    assert violations(whole, SENDERS) == []
    before = run(whole, f"{CHANGES} ORDER BY ALL")
    rebuild(whole)
    assert run(whole, f"{CHANGES} ORDER BY ALL") == before


def test_what_was_stored_before_an_event_was_called_stateless_shows_so_once_changes_are_derived_again(stores):
    rows = [of(0, {"name": "old"}), added(1, "jo"), of(2, {"name": "new"})]
    connection = stores([rows], {**SENDERS, "teller": replace(TELLER, comparison=TELLING)})
    assert ("name", "changed", '"old"', '"new"') not in list_changes(connection)
    assert violations(connection, SENDERS) != []
    rebuild(connection)
    assert ("name", "changed", '"old"', '"new"') in list_changes(connection)
    assert violations(connection, SENDERS) == []
