"""Changes that an older version derived are derived again after the upgrade, and not judged before."""

import json
import re
from datetime import UTC, datetime

import duckdb
import pytest

from receiver.database.migrations import find_newest_version, read_migrations
from receiver.database.opening import connect, run
from receiver.deriving.tables import Rebuild
from receiver.keeping.verification import can_check_changes
from tests.support.database import open_database
from tests.support.stored import Received, store_of

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
SINCE = 6
TO_THE_VERSION_BEFORE = """
DROP VIEW account_facts;
DROP VIEW account_bodies;
DROP VIEW entities;
DROP VIEW events;
ALTER TABLE notifications DROP COLUMN key_fingerprint;
ALTER TABLE notifications DROP COLUMN sender;
ALTER TABLE rejected DROP COLUMN sender;
ALTER TABLE notifications DROP COLUMN proof;
ALTER TABLE notifications DROP COLUMN signature_detail;
ALTER TABLE notifications DROP COLUMN delivery_id;
ALTER TABLE rejected DROP COLUMN signature_detail;
ALTER TABLE changes DROP COLUMN told;
ALTER TABLE changes DROP COLUMN sender;
ALTER TABLE changes_rebuilt DROP COLUMN told;
ALTER TABLE changes_rebuilt DROP COLUMN sender;
ALTER TABLE account_states DROP COLUMN sender;
CREATE VIEW events AS SELECT * FROM notifications WHERE duplicate_of IS NULL;
DROP TABLE underived;
DROP TABLE underived_rebuilt;
DROP TABLE delivery_ids;
DROP TABLE senders;
DROP TABLE counts_by_quarter;
DROP TABLE counts_by_year;
DROP TABLE counted;
DROP TABLE dropped;
DELETE FROM schema_version WHERE version > 5;
UPDATE changes SET changed_at = '9999-12-31 23:59:59Z';
INSERT INTO rebuilding VALUES (1);
INSERT INTO changes_rebuilt FROM changes;
"""


class FileOf:
    """Reads a store as `clc-receiver verify` does."""

    def __init__(self, connection):
        self.read_rows = lambda sql, parameters: run(connection, sql, parameters)


@pytest.fixture
def older(tmp_path):
    """Return a store of the version before, in which a change lies in the year 9999 and a rebuild is under way."""
    bodies = [
        {"name": "WA1ACMEWEB01", "details": {"cpu": cpu}, "changeInfo": {"modifiedDate": f"{year}-01-01T00:00:00Z"}}
        for cpu, year in ((2, 2026), (4, 9999))
    ]
    file = store_of(tmp_path, [Received("Server.Updated", NOON, json.dumps(body)) for body in bodies])
    with duckdb.connect(str(file)) as store:
        store.execute(TO_THE_VERSION_BEFORE).fetchall()
        for step, view in ((2, "entities"), (3, "account_bodies")):
            definition = re.search(
                rf"^CREATE (OR REPLACE )?VIEW {view} .*?;", read_migrations()[step], re.DOTALL | re.MULTILINE
            )
            store.execute(definition[0]).fetchall()
    return file


def old_values_derived_again(file, seq):
    """Open an older store, let it derive its changes again, and return the old values of a notification's."""
    store = open_database(file)
    try:
        rebuild = Rebuild(store)
        while rebuild.done is not None:
            rebuild.step()
        return run(store, "SELECT path, old_value::VARCHAR FROM changes WHERE seq = ? ORDER BY path", [seq])
    finally:
        store.close()


def test_an_older_store_derives_its_changes_again_from_the_beginning(older):
    store = open_database(older)
    try:
        rebuild = Rebuild(store)
        assert rebuild.done == 0
        while rebuild.done is not None:
            rebuild.step()
        [(seq, changed_at)] = run(store, "SELECT seq, changed_at FROM changes WHERE path = 'details.cpu'")
        assert (seq, changed_at) == (2, NOON)
        assert run(store, "SELECT count(*) FROM changes WHERE path = ''") == [(1,)]
        assert can_check_changes(FileOf(store))
    finally:
        store.close()


def test_changes_of_an_older_file_are_not_judged_by_how_they_are_derived_now(older):
    with duckdb.connect(str(older)) as store:
        store.execute("DELETE FROM rebuilding").fetchall()
    store = connect(older, "50%")
    try:
        assert not can_check_changes(FileOf(store))
    finally:
        store.close()


def test_a_store_in_which_a_deletion_cut_the_comparison_derives_its_changes_again(tmp_path):
    body = {"userName": "kim", "accountAlias": "ACME", "status": "Active"}
    sent = [("User.Updated", {**body, "emailAddress": "old"}), ("User.Deleted", body), ("User.Updated", body)]
    file = store_of(tmp_path, [Received(event, NOON, json.dumps(body)) for event, body in sent])
    with duckdb.connect(str(file)) as store:
        store.execute(
            "DROP TABLE dropped; DROP VIEW account_facts; DELETE FROM schema_version WHERE version > 11"
        ).fetchall()
        store.execute("DELETE FROM changes WHERE seq = 3 AND path <> ''").fetchall()
        store.execute("UPDATE changes SET old_value = NULL WHERE seq = 3").fetchall()
    assert old_values_derived_again(file, 3) == [("", '"deleted"'), ("emailAddress", '"old"')]


def test_a_store_in_which_a_deletion_told_the_state_derives_its_changes_again(tmp_path):
    emails = [("User.Updated", "kim"), ("User.Deleted", "old"), ("User.Updated", "eve")]
    bodies = [(event, {"userName": "kim", "accountAlias": "ACME", "emailAddress": email}) for event, email in emails]
    file = store_of(tmp_path, [Received(event, NOON, json.dumps(body)) for event, body in bodies])
    with duckdb.connect(str(file)) as store:
        store.execute(
            "DROP TABLE dropped; DROP VIEW account_facts; DELETE FROM schema_version WHERE version > 12"
        ).fetchall()
        store.execute("UPDATE changes SET old_value = '\"old\"' WHERE seq = 3 AND path <> ''").fetchall()
    assert old_values_derived_again(file, 3) == [("", '"deleted"'), ("emailAddress", '"kim"')]


def test_a_store_in_which_a_secondary_address_was_noise_derives_its_changes_again(tmp_path):
    named = {"cpu": 2, "secondaryIPAddresses": [{"public": "203.0.113.9"}]}
    bodies = [{"name": "WA1ACMEWEB01"}, {"name": "WA1ACMEWEB01", "details": named}]
    file = store_of(tmp_path, [Received("Server.Updated", NOON, json.dumps(body)) for body in bodies])
    with duckdb.connect(str(file)) as store:
        store.execute("DELETE FROM schema_version WHERE version > 15").fetchall()
        store.execute("DELETE FROM changes WHERE NOT noise").fetchall()
    assert ("details.secondaryIPAddresses[203.0.113.9]", None) in old_values_derived_again(file, 2)


def test_a_store_in_which_a_name_in_upper_case_was_another_derives_its_changes_again(tmp_path):
    bodies = [{"userName": name, "accountAlias": "ACME"} for name in ("groß", "GROSS")]
    file = store_of(tmp_path, [Received("User.Updated", NOON, json.dumps(body)) for body in bodies])
    with duckdb.connect(str(file)) as store:
        store.execute("DELETE FROM schema_version WHERE version > 16").fetchall()
        store.execute("UPDATE changes SET path = 'userName', kind = 'changed' WHERE seq = 2").fetchall()
        assert not can_check_changes(FileOf(store))
    assert old_values_derived_again(file, 2) == [("", None)]


def test_a_new_store_has_nothing_to_derive_again(tmp_path):
    store = open_database(tmp_path / "clc.duckdb")
    try:
        assert run(store, "FROM rebuilding") == []
        assert run(store, "SELECT max(version) FROM schema_version") == [(find_newest_version(),)]
        assert find_newest_version() >= SINCE
    finally:
        store.close()
