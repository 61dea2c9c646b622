"""What is kept of accounts is what the latest notification of each tells, whatever that is and whenever it arrives."""

import json
from datetime import timedelta

import pytest

from receiver.database.opening import run, transaction
from receiver.deriving.tables import Rebuild, derive_account_states
from receiver.spool import SpoolWriter
from receiver.store.appending.appender import Appender
from tests.support.database import open_database
from tests.support.rows import NOON, notification
from tests.support.sizes import take_few
from tests.support.way_in import open_rows

STATES = "SELECT alias, seq, business_name, parent_alias FROM account_states ORDER BY alias"
TREE = "SELECT alias, business_name, parent_alias, depth, root_path FROM accounts ORDER BY alias"


@pytest.fixture
def connection(tmp_path):
    store = open_database(tmp_path / "clc.duckdb")
    yield store
    store.close()


@pytest.fixture
def append(connection, tmp_path):
    """Return what appends Account notifications, a batch a call."""
    writer = SpoolWriter(tmp_path / "spool")
    appender = Appender(connection.cursor(), open_rows(tmp_path), tmp_path, duplicate_window_seconds=10)

    def append(*rows):
        writer.append_all(list(rows))
        appender.append_new()
        assert appender.set_aside == 0

    yield append
    writer.close()


def account(second, alias, body, **changed):
    """Make an account's notification, so many seconds after noon."""
    payload = json.dumps(body).encode() if isinstance(body, dict) else body
    return notification(
        second, event_type="Account.Updated", category="Account", account_alias=alias, entity_id=alias, payload=payload,
        **changed,
    )  # fmt: skip


def test_the_latest_notification_of_each_account_is_kept(connection, append):
    append(
        account(1, "ROOT", {"businessName": "Root"}), account(2, "LEFT", {"businessName": "L", "parentAlias": "root"})
    )
    append(account(3, "LEFT", {"businessName": "Left", "parentAlias": "root"}))
    assert run(connection, STATES) == [("LEFT", 3, "Left", "ROOT"), ("ROOT", 1, "Root", None)]
    assert run(connection, TREE) == [("LEFT", "Left", "ROOT", 1, ["ROOT", "LEFT"]), ("ROOT", "Root", None, 0, ["ROOT"])]


def test_an_older_form_names_the_parent_in_a_link(connection, append):
    links = [{"rel": "self", "href": "/v2/accounts/OLD"}, {"rel": "parentAccount", "href": "/v2/accounts/root"}]
    append(account(1, "OLD", {"businessName": "Old", "links": links}))
    assert run(connection, STATES) == [("OLD", 1, "Old", "ROOT")]


OLD_FORM = {"alias": "ACME", "businessName": "Acme Two"}
DELETED = {"accountAlias": "ACME", "status": "Deleted"}


@pytest.mark.parametrize("at_once", [True, False], ids=["at once", "one by one"])
@pytest.mark.parametrize(("body", "name"), [(OLD_FORM, "Acme Two"), (DELETED, "Acme")], ids=["old form", "deletion"])
def test_the_name_and_the_parent_that_were_told_last_stay(connection, append, body, name, at_once):
    rows = [account(1, "ACME", {"businessName": "Acme", "parentAlias": "ROOT"}), account(2, "ACME", body)]
    for batch in [rows] if at_once else [[row] for row in rows]:
        append(*batch)
    assert run(connection, STATES) == [("ACME", 2, name, "ROOT")]
    assert run(connection, TREE)[0] == ("ACME", name, "ROOT", 1, ["ROOT", "ACME"])


def test_what_a_late_one_told_between_counts_where_the_last_tells_nothing(connection, append):
    append(account(1, "ACME", {"businessName": "First"}))
    append(account(90, "ACME", DELETED))
    append(
        account(91, "ACME", {"businessName": "Second", "parentAlias": "ROOT"}, occurred_at=NOON + timedelta(seconds=60))
    )
    append(account(92, "ACME", {"businessName": "Zeroth", "parentAlias": "ELSE"}, occurred_at=NOON))
    assert run(connection, STATES) == [("ACME", 2, "Second", "ROOT")]
    kept = run(connection, "FROM account_states")
    with transaction(connection):
        derive_account_states(connection)
    assert run(connection, "FROM account_states") == kept


def test_what_arrives_late_does_not_replace_what_happened_after_it(connection, append):
    append(account(60, "ACME", {"businessName": "Now"}))
    append(account(90, "ACME", {"businessName": "Before"}, occurred_at=NOON))
    assert run(connection, STATES) == [("ACME", 1, "Now", None)]


def test_a_copy_replaces_nothing(connection, append):
    append(account(1, "ACME", {"businessName": "Acme"}))
    append(account(2, "ACME", {"businessName": "Acme"}))
    assert run(connection, "SELECT count(*) FROM notifications") == [(2,)]
    assert run(connection, STATES) == [("ACME", 1, "Acme", None)]


@pytest.mark.parametrize(
    ("body", "name", "parent"),
    take_few(
        [
            (b"{}", None, None),
            (b'{"businessName": null, "parentAlias": null}', None, None),
            (b'{"businessName": 7, "parentAlias": ""}', "7", None),
            (b'{"businessName": {"a": [1]}, "parentAlias": ["x"]}', '{"a":[1]}', '["X"]'),
            (b'{"links": 5}', None, None),
            (b'{"links": {"rel": "parentAccount", "href": "/v2/accounts/x"}}', None, None),
            (b'{"links": [5, null, "x", [], {"rel": "parentAccount"}]}', None, None),
            (b'{"links": [{"rel": ["parentAccount"], "href": 5}]}', None, None),
            (b'{"links": [{"rel": "parentAccount", "href": "root"}]}', None, "ROOT"),
            (b'{"businessName": "a\\u0000b"}', "a\x00b", None),
            (b'{"businessName": "first", "businessName": "second"}', "first", None),
            (b'{"businessName": ' + b"[" * 900 + b"]" * 900 + b"}", "[" * 900 + "]" * 900, None),
        ],
        3,
    ),
)
def test_no_body_however_odd_stops_the_appender(connection, append, body, name, parent):
    append(account(1, "ODD", body), account(2, "ROOT", {"businessName": "Root"}))
    assert run(connection, STATES)[0] == ("ODD", 1, name, parent)
    assert len(run(connection, "SELECT * FROM accounts")) >= 2


def test_a_cycle_of_parents_ends_the_walk(connection, append):
    append(account(1, "A", {"parentAlias": "B"}), account(2, "B", {"parentAlias": "A"}))
    assert [row[0] for row in run(connection, TREE)] == ["A", "B"]


def test_rebuild_derives_them_again(connection, append):
    append(*(account(number, f"A{number}", {"businessName": f"{number}"}) for number in range(5)))
    expected = run(connection, STATES)
    run(connection, "DELETE FROM account_states WHERE alias < 'A3'")
    run(connection, "INSERT INTO account_states VALUES ('FORGED', 9, 'x', NULL, 'centurylink')")
    rebuild = Rebuild(connection.cursor())
    rebuild.begin()
    while rebuild.done is not None:
        rebuild.step()
    assert run(connection, STATES) == expected
    assert len(expected) == len(range(5))


def test_the_time_of_a_fast_clock_counts_no_later_than_its_receipt(connection, append):
    append(account(1, "ACME", {"businessName": "Fast"}, occurred_at=NOON + timedelta(days=9)))
    append(account(60, "ACME", {"businessName": "After"}))
    assert run(connection, STATES) == [("ACME", 2, "After", None)]
