"""Counts that are kept are those of the rows, whatever comes late, is derived again, or fails."""

import random
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime, timedelta

import duckdb
import pytest

from receiver.database.opening import run
from receiver.deriving.counts import TABLES, count_that_agree
from receiver.deriving.tables import Rebuild, make_read
from receiver.spool import SpoolReader, SpoolWriter
from receiver.store import arranging
from receiver.store.appending.appender import Appender
from receiver.store.arranging import ArrangeLoop, Arranger, Counter
from tests.support.database import do_next, open_database
from tests.support.rows import notification
from tests.support.sizes import take_few
from tests.support.waiting import until

ROWS = 300
BEGIN = datetime(2025, 11, 20, tzinfo=UTC)
DAYS = 90
STORED = {table: f"SELECT * FROM {table} ORDER BY ALL" for table in TABLES}


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(arranging, "COUNTED_AT_ONCE", ROWS)
    monkeypatch.setattr(arranging, "_LOOK_SECONDS", 0.0)


@pytest.fixture
def connection(tmp_path):
    opened = open_database(tmp_path / "clc.duckdb")
    yield opened
    opened.close()


@pytest.fixture
def fill(connection, tmp_path):
    writer, reader = SpoolWriter(tmp_path / "spool"), SpoolReader(tmp_path / "spool")
    appender = Appender(connection.cursor(), reader, tmp_path, duplicate_window_seconds=10)
    dice = random.Random(1)

    def make(number, at):
        name = f"user{dice.randrange(40)}@acme.example"
        body = f'{{"accountAlias": "ACME", "userName": "{name}", "number": {number}}}'.encode()
        who = {"entity_id": name.upper(), "account_alias": f"A{number % 7}", "actor": dice.choice([None, "ann", "bob"])}
        return notification(number, received_at=at, occurred_at=at, payload=body, **who)

    def fill(count, at=None):
        """Append notifications of some months, or of one moment."""
        when = [at or BEGIN + timedelta(days=DAYS * dice.random()) for _ in range(count)]
        writer.append_all([make(number, moment) for number, moment in enumerate(when)])
        while appender.append_new():
            pass

    yield fill
    writer.close()
    reader.close()


def disagreeing(connection):
    return [row for row in count_that_agree(make_read(connection)) if row[1] != row[2]]


def stored(connection):
    return [run(connection, sql) for sql in STORED.values()]


def count_all(connection):
    counter = Counter(connection, nullcontext)
    while do_next(counter):
        pass


def test_full_parts_are_counted_and_the_rest_is_left(connection, fill):
    fill(2 * ROWS + 20)
    counter = Counter(connection, nullcontext)
    assert [do_next(counter) for _ in range(3)] == [True, True, False]
    assert run(connection, "SELECT last_seq FROM counted") == [(2 * ROWS,)]
    assert run(connection, "SELECT sum(notifications) FROM counts_by_quarter") == [(2 * ROWS,)]
    assert {what for (what,) in run(connection, "SELECT what FROM counts_by_year")} == {"account", "actor", "entity"}
    assert disagreeing(connection) == []


def test_a_store_that_nobody_has_counted_agrees(connection, fill):
    fill(10)
    assert disagreeing(connection) == []
    assert stored(connection) == [[], [], []]


def test_the_loop_counts_what_comes(connection, fill, tmp_path):
    fill(ROWS)
    arranger, counter = Arranger(connection, nullcontext), Counter(connection, nullcontext)
    loop = ArrangeLoop(arranger, counter, tmp_path, lambda: nullcontext(True), on_fatal=pytest.fail)
    loop.start()
    until(lambda: run(connection, "SELECT last_seq FROM counted") == [(ROWS,)], what="the first part")
    loop.stop()
    assert disagreeing(connection) == []


def test_copies_are_not_counted(connection, fill):
    fill(ROWS)
    run(connection, "UPDATE notifications SET duplicate_of = id WHERE seq <= 100")
    count_all(connection)
    assert run(connection, "SELECT sum(notifications) FROM counts_by_quarter") == [(ROWS - 100,)]


def test_a_notification_that_comes_late_takes_back_the_changed_fields_that_were_counted(connection, fill):
    fill(ROWS)
    count_all(connection)
    changed = run(connection, "SELECT quarter, sum(changed_fields) FROM counts_by_quarter GROUP BY ALL")
    fill(200, at=BEGIN - timedelta(days=1))
    assert disagreeing(connection) == []
    assert changed != run(connection, "SELECT quarter, sum(changed_fields) FROM counts_by_quarter GROUP BY ALL")
    fill(ROWS)
    count_all(connection)
    assert disagreeing(connection) == []


def test_counts_are_made_anew_when_changes_are_derived_again(connection, fill):
    fill(ROWS)
    count_all(connection)
    run(connection, "DELETE FROM changes WHERE seq > 50")
    rebuild = Rebuild(connection.cursor())
    rebuild.begin()
    while rebuild.done is not None:
        rebuild.step()
    assert stored(connection) == [[], [], []]
    count_all(connection)
    assert disagreeing(connection) == []


def test_changes_that_are_replaced_while_a_part_is_counted_are_counted_as_they_are_then(connection, fill):
    fill(ROWS)

    @contextmanager
    def after_late_ones():
        fill(50, at=BEGIN - timedelta(days=1))
        yield

    assert do_next(Counter(connection, after_late_ones))
    assert disagreeing(connection) == []


def test_counts_that_were_forgotten_meanwhile_begin_anew(connection, fill):
    fill(2 * ROWS)
    assert do_next(Counter(connection, nullcontext))

    @contextmanager
    def after_forgetting():
        for table in TABLES:
            run(connection, f"DELETE FROM {table}")
        yield

    do_next(Counter(connection, after_forgetting))
    assert stored(connection) == [[], [], []]
    count_all(connection)
    assert disagreeing(connection) == []


def test_a_part_whose_transaction_fails_is_counted_another_time(connection, fill):
    fill(2 * ROWS)
    do_next(Counter(connection, nullcontext))
    other = connection.cursor()

    @contextmanager
    def while_another_forgets():
        run(other, "BEGIN")
        run(other, "DELETE FROM counts_by_year")
        yield

    with pytest.raises(duckdb.Error):
        do_next(Counter(connection, while_another_forgets))
    run(other, "ROLLBACK")
    assert run(connection, "SELECT last_seq FROM counted") == [(ROWS,)]
    assert disagreeing(connection) == []
    count_all(connection)
    assert run(connection, "SELECT last_seq FROM counted") == [(2 * ROWS,)]
    assert disagreeing(connection) == []


@pytest.mark.parametrize(
    "statement",
    take_few(
        [
            "DELETE FROM counts_by_quarter WHERE rowid = 3",
            "UPDATE counts_by_quarter SET changed_fields = changed_fields + 1 WHERE rowid = 3",
            "INSERT INTO counts_by_quarter VALUES ('2020-01-01', 'centurylink', 'User', 'User.Updated', 1, 0)",
            "DELETE FROM counts_by_year WHERE rowid = 3",
            "UPDATE counts_by_year SET name = 'NOBODY' WHERE rowid = 3",
            "UPDATE counted SET last_seq = last_seq - 1",
            "UPDATE counted SET newest = '2020-01-01'",
            "DELETE FROM counted",
        ],
        3,
    ),
)
def test_counts_that_are_not_those_of_the_rows_are_told(connection, fill, statement):
    fill(ROWS)
    count_all(connection)
    run(connection, statement)
    assert disagreeing(connection)
