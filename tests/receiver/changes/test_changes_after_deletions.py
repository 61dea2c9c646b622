"""What follows a deletion is compared with the last body that stated the entity: a replayed deletion hides nothing."""

import json
import random
from datetime import timedelta
from itertools import permutations
from typing import NamedTuple

import pytest

from receiver.changes.change import Change, Snapshot
from receiver.changes.differ import Differ, follow, list_changes
from receiver.database.opening import run
from receiver.deriving import states
from receiver.deriving.tables import Rebuild
from receiver.keeping.verification import check_whole, read_extent
from receiver.senders import CENTURYLINK
from receiver.spool import SpoolWriter
from receiver.store.appending.appender import Appender
from tests.support.database import open_database
from tests.support.rows import NOON, notification
from tests.support.sizes import size, take_few
from tests.support.verifying import check_rows
from tests.support.way_in import open_rows

APPEARED = Change("", "added", False, None, None)
CAME_BACK = Change("", "added", False, '"deleted"', None)
DELETED = Change("", "removed", False, None, None)
BARE = {"accountAlias": "ACME", "name": "WA1ACMEWEB01"}
COMPARED = {"", "description", "emailAddress"}
CHANGES = "SELECT seq, path, kind, old_value::VARCHAR, new_value::VARCHAR FROM changes ORDER BY changed_at, seq, path"

differ = Differ(CENTURYLINK.comparison)


def user(action, email, status="Active"):
    body = {"userName": "kim", "accountAlias": "ACME", "emailAddress": email, "status": status}
    return Snapshot("User", action, json.dumps(body).encode())


def server(action, body):
    return Snapshot("Server", action, json.dumps({**BARE, **body}).encode())


def changes_along(*history):
    """Return the changes of each notification of an entity, in the order in which they happened."""
    before, changes = None, []
    for now in history:
        changes.append(list_changes(differ, before, now))
        before = follow(differ, before, now)
    return changes


def email(old, new):
    return Change("emailAddress", "changed", False, json.dumps(old), json.dumps(new))


def test_an_update_after_a_replayed_deletion_shows_what_it_changed():
    history = user("Updated", "old"), user("Deleted", "old"), user("Updated", "new")
    assert changes_along(*history) == [[APPEARED], [DELETED], [CAME_BACK, email("old", "new")]]


def test_an_update_is_compared_with_the_last_body_of_no_deletion_whatever_old_body_a_replayed_deletion_has():
    history = user("Updated", "old"), user("Deleted", "old"), user("Updated", "kim"), user("Deleted", "old")
    assert changes_along(*history, user("Updated", "eve"))[4] == [CAME_BACK, email("kim", "eve")]
    assert changes_along(*history, user("Updated", "old"))[4] == [CAME_BACK, email("kim", "old")]


def test_what_comes_back_as_it_was_has_no_other_change():
    history = user("Updated", "old"), user("Deleted", "old"), user("Created", "old")
    assert changes_along(*history)[2] == [CAME_BACK]


def test_a_second_deletion_shows_its_differences_and_is_no_other_deletion():
    history = (
        user("Updated", "a"),
        user("Deleted", "a"),
        user("Deleted", "b"),
        user("Deleted", "b"),
        user("Updated", "b"),
    )
    assert changes_along(*history)[1:] == [[DELETED], [email("a", "b")], [], [CAME_BACK, email("a", "b")]]


def test_after_deletions_that_state_nothing_the_body_before_them_counts():
    history = server("Updated", {"description": "a"}), server("Deleted", {}), server("Deleted", {})
    described = Change("description", "changed", False, '"a"', '"b"')
    assert changes_along(*history, server("Updated", {"description": "b"})) == [
        [APPEARED], [DELETED], [], [CAME_BACK, described],
    ]  # fmt: skip


def test_where_no_body_stated_the_entity_before_there_is_nothing_to_compare():
    assert changes_along(server("Deleted", {}), server("Created", {"description": "b"})) == [[DELETED], [CAME_BACK]]


class History(NamedTuple):
    """What became of an entity: the action and the body of each notification, and the changes that they make."""

    category: str
    sent: list[tuple[str, dict[str, str]]]
    changes: list[tuple[int, str, str, str | None, str | None]]


BARE_DELETIONS = History(
    "Server",
    [
        ("Updated", {**BARE, "description": "a"}),
        ("Deleted", BARE),
        ("Deleted", BARE),
        ("Updated", {**BARE, "description": "b"}),
        ("Deleted", BARE),
    ],
    [
        (0, "", "added", None, None),
        (1, "", "removed", None, None),
        (3, "", "added", '"deleted"', None),
        (3, "description", "changed", '"a"', '"b"'),
        (4, "", "removed", None, None),
    ],
)
REPLAYED_DELETION = History(
    "User",
    [
        ("Updated", {"emailAddress": "old"}),
        ("Deleted", {"emailAddress": "old"}),
        ("Updated", {"emailAddress": "kim"}),
        ("Deleted", {"emailAddress": "old"}),
        ("Updated", {"emailAddress": "eve"}),
    ],
    [
        (0, "", "added", None, None),
        (1, "", "removed", None, None),
        (2, "", "added", '"deleted"', None),
        (2, "emailAddress", "changed", '"old"', '"kim"'),
        (3, "", "removed", None, None),
        (3, "emailAddress", "changed", '"kim"', '"old"'),
        (4, "", "added", '"deleted"', None),
        (4, "emailAddress", "changed", '"kim"', '"eve"'),
    ],
)


@pytest.fixture
def connection(tmp_path):
    store = open_database(tmp_path / "clc.duckdb")
    yield store
    store.close()


def received(history, place, turn):
    """Return a step of a history; each tells its own time, so that it may come at any turn."""
    action, body = history.sent[place]
    return notification(
        category=history.category,
        event_type=f"{history.category}.{action}",
        action=action,
        entity_id=BARE["name"],
        payload=json.dumps(body).encode(),
        occurred_at=NOON + timedelta(minutes=place),
        received_at=NOON + timedelta(hours=1 + turn),
    )


def append(connection, directory, rows):
    """Append some rows, then one, then the others, each with an appender of its own, as after a new start."""
    writer = SpoolWriter(directory / "spool")
    for batch in (rows[:2], rows[2:3], rows[3:]):
        writer.append_all(batch)
        reader = open_rows(directory)
        Appender(connection.cursor(), reader, directory, duplicate_window_seconds=0).append_new()
        reader.close()
    writer.close()


def changes_by_place(connection, arrived):
    return [(arrived[seq - 1], *rest) for seq, *rest in run(connection, CHANGES) if rest[0] in COMPARED]


def violations(connection):
    class Reader:
        def read_rows(self, sql, parameters):
            return run(connection.cursor(), sql, parameters)

    found = check_rows(Reader(), {})
    found += check_whole(Reader(), read_extent(Reader()))
    # The rows are made by hand, so their signatures and columns do not hold.
    return [str(each) for each in found if each.what not in {"signature", "derived"}]


@pytest.mark.parametrize("history", [BARE_DELETIONS, REPLAYED_DELETION], ids=["bare", "replayed"])
@pytest.mark.parametrize("arrived", list(permutations(range(5)))[:: size(60, 7)], ids=str)
def test_in_whatever_order_they_arrive_store_and_rebuild_and_verify_agree(connection, tmp_path, arrived, history):
    append(connection, tmp_path, [received(history, place, turn) for turn, place in enumerate(arrived)])
    assert changes_by_place(connection, arrived) == history.changes
    assert violations(connection) == []
    rebuild = Rebuild(connection.cursor())
    rebuild.begin()
    while rebuild.done is not None:
        rebuild.step()
    assert changes_by_place(connection, arrived) == history.changes


@pytest.mark.full
@pytest.mark.parametrize("seed", take_few([1, 0, 2, 3], 1))
def test_of_many_deletions_only_the_last_that_states_the_entity_counts(connection, tmp_path, monkeypatch, seed):
    monkeypatch.setattr(states, "_DELETIONS_AT_ONCE", 2)
    drawn = random.Random(seed)
    first = [("Updated", {**BARE, "description": "first"})] if seed % 2 else []
    deletions = [
        ("Deleted", drawn.choice([BARE, BARE, BARE, {**BARE, "description": str(number)}])) for number in range(14)
    ]
    history = History("Server", [*first, *deletions, ("Updated", {**BARE, "description": "last"})], [])
    rows = [received(history, place, place) for place in range(len(history.sent))]
    for row in rows:
        append(connection, tmp_path, [row])
    along = changes_along(*(server(action, body) for action, body in history.sent))
    told = [(place, change.path, change.kind) for place, changes in enumerate(along) for change in changes]
    stored = run(connection, "SELECT seq - 1, path, kind, old_value FROM changes ORDER BY seq, path")
    assert [row[:3] for row in stored] == told
    assert [row[3] for row in stored] == [change.old_value for changes in along for change in changes]
