"""Changes of several senders: their entities never mix, each is compared by its sender's rules, and bodies may tell."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from receiver.changes.change import Change, Snapshot
from receiver.changes.differ import Differ, list_changes
from receiver.changes.values import PLAIN
from receiver.database.opening import run
from receiver.deriving.tables import Rebuild
from receiver.keeping.verification import check_whole, read_extent
from receiver.senders import CENTURYLINK
from receiver.senders.sender import MISSING, FieldDifference, Item, Sender
from receiver.spool import SpoolWriter
from receiver.store.appending.appender import Appender
from tests.support.database import open_database
from tests.support.rows import NOON, notification
from tests.support.verifying import check_rows
from tests.support.way_in import open_rows

APPEARED = Change("", "added", False, None, None)
DELETED = Change("", "removed", False, None, None)
CHANGES = "SELECT seq, sender, path, kind, old_value::VARCHAR, new_value::VARCHAR, told FROM changes ORDER BY ALL"


def tell(event_type, body):
    """Tell the values of before that stand in a body's field `from`, and a member that an event adds."""
    found = [FieldDifference((path,), "changed", False, old, body[path]) for path, old in body.get("from", {}).items()]
    if event_type == "member.added":
        found.append(FieldDifference(("members", Item(body["member"])), "added", False, MISSING, body["member"]))
    return found


def align(category, before, now):
    state = [{key: value for key, value in body.items() if key not in {"from", "member"}} for body in (before, now)]
    return PLAIN.align(category, *state)


TELLING = replace(PLAIN, align=align, tell=tell, stateless=frozenset({"ping"}))
TELLER = Sender(name="teller", title="Teller", account_category="org", comparison=TELLING)
SENDERS = {CENTURYLINK.name: CENTURYLINK, TELLER.name: TELLER}


def told(before, now, event_type=None, action="Updated", before_action="Updated"):
    """Return the changes between two bodies of the teller's."""
    snapshots = [
        body and Snapshot("repository", act, json.dumps(body).encode(), 0, event)
        for body, act, event in ((before, before_action, None), (now, action, event_type))
    ]
    return list_changes(Differ(TELLING), *snapshots)


def test_what_a_body_tells_counts_from_the_first_notification_on():
    first = told(None, {"name": "new", "from": {"name": "old"}})
    assert first == [APPEARED, Change("name", "changed", False, '"old"', '"new"', told=True)]


def test_where_a_compared_difference_has_the_same_path_the_told_one_counts():
    now = {"name": "new", "size": 2, "from": {"name": "old"}}
    assert told({"name": "missed", "size": 1}, now) == [
        Change("name", "changed", False, '"old"', '"new"', told=True),
        Change("size", "changed", False, "1", "2", told=False),
    ]


def test_what_a_body_tells_counts_though_nothing_else_differs_and_is_no_unseen_change():
    same = {"name": "new", "from": {"name": "old"}}
    assert told(same, same) == [Change("name", "changed", False, '"old"', '"new"', told=True)]
    assert [change.kind for change in told({"name": "new"}, {"name": "new", "from": {}})] == ["unseen"]


def test_an_act_is_told_by_its_event():
    body = {"name": "new", "member": "octocat"}
    added = Change("members[octocat]", "added", False, None, '"octocat"', told=True)
    assert told(None, body, "member.added") == [APPEARED, added]
    assert told({"name": "new"}, body, "member.added") == [added]
    assert [change.kind for change in told({"name": "new"}, body, "member.seen")] == ["unseen"]


def test_a_deletion_tells_too_and_a_second_one_tells_nothing_else():
    body = {"name": "new", "from": {"name": "old"}}
    change = Change("name", "changed", False, '"old"', '"new"', told=True)
    assert told(None, body, action="Deleted") == [DELETED, change]
    assert told({"name": "new"}, body, action="Deleted") == [DELETED, change]
    assert told(body, body, action="Deleted", before_action="Deleted") == [change]


def test_a_body_that_tells_too_much_or_can_not_be_read_tells_of_a_change_without_extent():
    beyond = Change("", "changed", False, None, None)
    many = {f"f{number}": 1 for number in range(3_000)}
    assert told(None, {**many, "from": many}) == [APPEARED, beyond]
    odd = Snapshot("repository", "Updated", b"[" * 200_000, 0, "edited")
    assert list_changes(Differ(TELLING), None, odd) == [APPEARED, beyond]


@pytest.fixture
def connection(tmp_path):
    store = open_database(tmp_path / "clc.duckdb")
    yield store
    store.close()


@pytest.fixture
def append(connection, tmp_path):
    """Return what appends notifications: a batch a call, each by an appender of its own, as after a new start."""
    writer = SpoolWriter(tmp_path / "spool")

    def append(*rows, senders=SENDERS):
        writer.append_all(list(rows))
        reader = open_rows(tmp_path)
        appender = Appender(connection.cursor(), reader, tmp_path, duplicate_window_seconds=10, senders=senders)
        appender.append_new()
        assert appender.set_aside == 0
        reader.close()

    yield append
    writer.close()


def of(sender, minute, body, **changed):
    """Make a sender's notification of the entity `web`, so many minutes after noon."""
    at = NOON + timedelta(minutes=minute)
    columns = {"category": "Server", "event_type": "Server.Updated", "entity_id": "WEB", "account_alias": "ACME"}
    told_columns = {"sender": sender, "payload": json.dumps(body).encode(), "received_at": at, "occurred_at": at}
    return notification(**{**columns, **told_columns, **changed})


def violations(connection, senders=SENDERS):
    """Return what `verify` finds in the derived tables and rows."""

    class Reader:
        def read_rows(self, sql, parameters):
            return run(connection.cursor(), sql, parameters)

    found = check_rows(Reader(), {}, senders)
    found += check_whole(Reader(), read_extent(Reader()))
    # The rows are made by hand, so their signatures and columns do not hold.
    return [str(each) for each in found if each.what not in {"signature", "derived"}]


def test_entities_of_two_senders_with_the_same_name_are_two(connection, append):
    append(of("centurylink", 0, {"cpu": 1}), of("teller", 1, {"cpu": 10}))
    append(of("centurylink", 2, {"cpu": 2}), of("teller", 3, {"cpu": 20}))
    assert run(connection, CHANGES) == [
        (1, "centurylink", "", "added", None, None, False),
        (2, "teller", "", "added", None, None, False),
        (3, "centurylink", "details.cpu", "changed", "1", "2", False),
        (4, "teller", "cpu", "changed", "10", "20", False),
    ]
    query = "SELECT sender, last_seq, notifications, payload ->> 'cpu' FROM entities ORDER BY ALL"
    assert run(connection, query) == [("centurylink", 3, 2, "2"), ("teller", 4, 2, "20")]
    assert violations(connection) == []


def test_what_arrives_late_goes_to_its_own_senders_entity(connection, append):
    append(of("centurylink", 0, {"cpu": 1}), of("teller", 10, {"cpu": 30}), of("centurylink", 20, {"cpu": 2}))
    append(of("teller", 5, {"cpu": 20}))
    assert run(connection, CHANGES) == [
        (1, "centurylink", "", "added", None, None, False),
        (2, "teller", "cpu", "changed", "20", "30", False),
        (3, "centurylink", "details.cpu", "changed", "1", "2", False),
        (4, "teller", "", "added", None, None, False),
    ]
    assert violations(connection) == []


def test_a_body_that_another_sender_sent_a_moment_ago_is_no_copy(connection, append):
    append(of("centurylink", 0, {"cpu": 1}), of("teller", 0.01, {"cpu": 1}))
    append(of("teller", 0.02, {"cpu": 1}), of("other", 0.03, {"cpu": 1}))
    query = "SELECT seq, duplicate_of IS NOT NULL FROM notifications ORDER BY seq"
    assert run(connection, query) == [(1, False), (2, False), (3, True), (4, False)]


def test_each_sender_has_its_own_categories_without_state(connection, append):
    kinds = [("centurylink", "Alert"), ("centurylink", "ping"), ("teller", "Alert"), ("teller", "ping")]
    append(*(of(sender, minute, {}, category=category) for minute, (sender, category) in enumerate(kinds)))
    assert run(connection, "SELECT sender, category FROM changes ORDER BY ALL") == [
        ("centurylink", "ping"),
        ("teller", "Alert"),
    ]
    assert violations(connection) == []


def test_the_rows_of_a_sender_that_is_not_known_are_compared_whole_and_plainly(connection, append):
    bodies = [{"from": {"name": "x"}, "name": "A", "links": [1]}, {"from": {"name": "y"}, "name": "a", "links": [2]}]
    append(*(of("gone", minute, body) for minute, body in enumerate(bodies)))
    assert [row[2:] for row in run(connection, CHANGES)] == [
        ("", "added", None, None, False),
        ("from.name", "changed", '"x"', '"y"', False),
        ("links", "changed", "[1]", "[2]", False),
        ("name", "changed", '"A"', '"a"', False),
    ]
    assert run(connection, "SELECT count(*) FROM changes WHERE noise") == [(0,)]
    assert violations(connection) == []


def test_what_a_sender_tells_is_stored_and_verified_and_derived_again(connection, append):
    append(of("teller", 0, {"name": "new", "from": {"name": "old"}}), of("teller", 1, {"name": "new", "size": 2}))
    expected = [
        (1, "teller", "", "added", None, None, False),
        (1, "teller", "name", "changed", '"old"', '"new"', True),
        (2, "teller", "size", "added", None, "2", False),
    ]
    assert run(connection, CHANGES) == expected
    assert violations(connection) == []
    rebuild = Rebuild(connection.cursor(), SENDERS)
    for _ in range(2):  # the second is written to the table that the first has made
        rebuild.begin()
        while rebuild.done is not None:
            rebuild.step()
        assert run(connection, CHANGES) == expected
    run(connection, "UPDATE changes SET told = false WHERE told")
    assert [each.partition(":")[0] for each in violations(connection)] == ["changes seq 1"]


def test_accounts_of_two_senders_with_the_same_alias_are_two(connection, append):
    account = {"category": "Account", "event_type": "Account.Updated", "entity_id": "ACME"}
    body = {"businessName": "Acme", "parentAlias": "root"}
    append(of("centurylink", 0, body, **account), of("teller", 1, body, **{**account, "category": "org"}))
    append(of("centurylink", 2, {**body, "businessName": "Acme 2"}, **account))
    append(of("teller", 3, body, **{**account, "category": "org"}))
    assert run(connection, "SELECT sender, alias, business_name, parent_alias, depth FROM accounts ORDER BY ALL") == [
        ("centurylink", "ACME", "Acme 2", "ROOT", 1),
        ("centurylink", "ROOT", None, None, 0),
        ("teller", "ACME", None, None, 0),
    ]
    assert run(connection, "SELECT sender, alias, seq FROM account_states") == [("centurylink", "ACME", 3)]
    assert violations(connection) == []
