"""The columns of `notifications` and `rejected`: one definition in code, which spool and store keep to."""

from datetime import datetime
from uuid import UUID

import pytest

from receiver.changes.change import Change
from receiver.database.opening import DERIVED_TABLES, run
from receiver.database.rows import insert_notifications, insert_rejections, make_numbered, select_numbered
from receiver.deriving.derived import Cause
from receiver.notification import Notification, NumberedNotification, Rejection, list_columns
from receiver.spool import SpoolReader, SpoolWriter
from tests.support.database import open_database
from tests.support.rows import notification, rejection

DUCKDB_TYPES = {UUID: "UUID", datetime: "TIMESTAMP WITH TIME ZONE", str: "VARCHAR", bytes: "BLOB"}
OF_THE_STORE = {"seq", "duplicate_of"}
RECEIVED = {"notifications", "rejected"}
ABOUT_THE_STORE = {"watermarks", "schema_version", "rebuilding", "arranged", "arranged_widely", "senders", "dropped"}


@pytest.fixture
def store(tmp_path):
    connection = open_database(tmp_path / "clc.duckdb")
    yield connection
    connection.close()


@pytest.mark.parametrize(("table", "kind"), [("notifications", Notification), ("rejected", Rejection)])
def test_the_tables_have_the_columns_that_are_defined_in_code(store, table, kind):
    query = "SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = ? ORDER BY column_index"
    found = [(name, data_type) for name, data_type in run(store, query, [table]) if name not in OF_THE_STORE]
    assert found == [
        (column.name, "JSON" if column.is_json else DUCKDB_TYPES[column.type]) for column in list_columns(kind)
    ]


def test_the_table_of_changes_has_the_columns_that_are_defined_in_code(store):
    query = "SELECT column_name FROM duckdb_columns() WHERE table_name = 'changes' ORDER BY column_name"
    assert [name for (name,) in run(store, query)] == sorted([*Cause._fields, *Change._fields])


def test_a_row_comes_back_from_a_segment_and_from_the_store_as_it_was(store, tmp_path):
    accepted = notification(1, sender="another", actor="kim")
    refused = [rejection(2, sender=None), rejection(3, sender="another")]
    writer = SpoolWriter(tmp_path / "spool")
    writer.append_all([accepted, *refused])
    writer.close()
    reader = SpoolReader(tmp_path / "spool")
    spooled = [
        each.row
        for segment in reader.list_segments()
        for kind in ("notifications", "rejected")
        for each in segment.read(kind, 0, 9)
    ]
    reader.close()
    assert spooled == [accepted, *refused]
    numbered = NumberedNotification(7, accepted, UUID(int=5))
    insert_notifications(store, [numbered])
    insert_rejections(store, refused)
    query = select_numbered("SELECT /* columns */ * FROM notifications")
    assert list(map(make_numbered, run(store, query))) == [numbered]
    assert list(map(Rejection._make, run(store, f"SELECT {', '.join(Rejection._fields)} FROM rejected"))) == refused


def test_each_table_of_the_store_is_derived_or_named_here_as_one_that_is_not(store):
    tables = {name for (name,) in run(store, "SELECT table_name FROM duckdb_tables()")}
    assert tables == DERIVED_TABLES | RECEIVED | ABOUT_THE_STORE
