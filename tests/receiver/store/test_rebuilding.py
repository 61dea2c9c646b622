"""Changes are derived again in steps, of notifications that are read ahead, while others come or are away."""

import pytest

from receiver.database.opening import run
from receiver.deriving import tables
from receiver.deriving.tables import Rebuild
from receiver.spool import SpoolReader, SpoolWriter
from receiver.store.appending.appender import Appender
from tests.support.database import open_database
from tests.support.rows import notification

CHANGES = "SELECT * EXCLUDE (seq), seq FROM changes ORDER BY seq, path"


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(tables, "_ROWS_PER_STEP", 3)
    monkeypatch.setattr(tables, "_ROWS_READ", 10)


@pytest.fixture
def connection(tmp_path):
    opened = open_database(tmp_path / "clc.duckdb")
    yield opened
    opened.close()


@pytest.fixture
def fill(connection, tmp_path):
    writer, reader = SpoolWriter(tmp_path / "spool"), SpoolReader(tmp_path / "spool")
    appender = Appender(connection.cursor(), reader, tmp_path, duplicate_window_seconds=10)

    def fill(numbers):
        writer.append_all([row_of(number) for number in numbers])
        while appender.append_new():
            pass

    yield fill
    writer.close()
    reader.close()


def row_of(number):
    name = f"user{number % 4}@acme.example"
    body = f'{{"accountAlias": "ACME", "userName": "{name}", "number": {number}}}'.encode()
    return notification(number, entity_id=name.upper(), payload=body)


def forge(connection):
    """Let all changes be wrong, so that those that stay are seen."""
    run(connection, "UPDATE changes SET new_value = '\"forged\"'")


@pytest.mark.parametrize("away", [range(0), range(15, 60)], ids=["all there", "many away"])
def test_every_change_is_derived_again_though_notifications_come_and_others_are_away(connection, fill, away):
    fill(range(80))
    run(connection, "CREATE TEMP TABLE gone AS SELECT unnest(?) AS seq", [list(away)])
    for table in ("notifications", "changes"):
        run(connection, f"DELETE FROM {table} WHERE seq IN (FROM gone)")
    forge(connection)
    rebuild = Rebuild(connection.cursor())
    rebuild.begin()
    steps = 0
    while rebuild.done is not None:
        rebuild.step()
        steps += 1
        if steps == 5:
            fill(range(80, 90))
    there = 90 - len(away)
    assert rebuild.derived == there
    assert run(connection, "SELECT count(DISTINCT seq) FROM changes WHERE path = 'number'") == [(there - 4,)]
    wrong = "SELECT count(*) FROM changes JOIN notifications n USING (seq) WHERE new_value != n.payload ->> '$.number'"
    assert run(connection, f"{wrong} AND path = 'number'") == [(0,)]


def test_after_an_error_it_goes_on_with_what_is_not_written_yet(connection, fill, monkeypatch):
    fill(range(40))
    before = run(connection, CHANGES)
    forge(connection)
    rebuild = Rebuild(connection.cursor())
    rebuild.begin()
    written = tables.write_changes

    def fail_once(*_):
        monkeypatch.setattr(tables, "write_changes", written)
        raise OSError("the disk fails once")

    for _ in range(4):
        rebuild.step()
    monkeypatch.setattr(tables, "write_changes", fail_once)
    with pytest.raises(OSError, match="fails once"):
        rebuild.step()
    while rebuild.done is not None:
        rebuild.step()
    assert run(connection, CHANGES) == before
