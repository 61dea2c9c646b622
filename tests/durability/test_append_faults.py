"""Whatever fails while rows are appended, each is stored once, and only its own values set a row aside."""

import threading
from datetime import timedelta

import duckdb
import pytest

import receiver.database.rows as rows_module
from receiver.changes import differ
from receiver.changes.differ import Differ
from receiver.changes.values import as_json
from receiver.database.appended import read_appended
from receiver.database.faults import CommitError, NotOneRowError, OutOfStepError
from receiver.database.opening import run
from receiver.deriving import Deriver, LastBodies
from receiver.deriving.tables import Rebuild
from receiver.settings import read_settings
from receiver.spool import SpoolReader, SpoolWriter
from receiver.store.appending import exactly_once
from receiver.store.appending.appender import Appender
from receiver.store.appending.condition import Retry
from receiver.store.loop import AppendLoop
from receiver.store.status import StatusKeeper
from tests.durability.support.commands import run_command
from tests.durability.support.stores import accepted
from tests.support.database import open_database
from tests.support.rows import NOON, notification, rejection
from tests.support.sizes import take_few
from tests.support.waiting import until

ROWS = 12
COUNTS = """
SELECT
    (SELECT count(*) FROM notifications),
    (SELECT count(DISTINCT id) FROM notifications),
    (SELECT count(*) FROM rejected WHERE reason = 'not_storable')
"""


@pytest.fixture
def spool(tmp_path):
    writer = SpoolWriter(tmp_path / "spool", rows_per_segment=100)
    yield writer
    writer.close()


@pytest.fixture
def store(tmp_path):
    connection = open_database(tmp_path / "clc.duckdb")
    yield connection
    connection.close()


@pytest.fixture
def appender(store, tmp_path):
    return make_appender(store, tmp_path)


def make_appender(store, tmp_path):
    reader = SpoolReader(tmp_path / "spool")
    return Appender(store.cursor(), reader, tmp_path, duplicate_window_seconds=0)


def update(number, user="kim", **changed):
    """Make the update of a user in which `number` differs."""
    body = b'{"accountAlias":"ACME","userName":"%s","n":%d}' % (user.encode(), number)
    return notification(number, entity_id=user.upper(), **{"payload": body, **changed})


def changed_numbers(store):
    return run(store, "SELECT seq, new_value::INTEGER FROM changes WHERE path = 'n' ORDER BY seq")


def raising(error):
    def fail(*_arguments, **_options):
        raise error

    return fail


AFTER_COMMIT = ["receiver.spool.SpoolReader.list_segments", "receiver.store.appending.appender.write_appended"]
AFTER_COMMIT += ["receiver.deriving.Deriver.settling", "receiver.store.appending.rejected.RejectedBudget.add"]


@pytest.mark.parametrize("task", AFTER_COMMIT)
@pytest.mark.parametrize(
    "error", take_few([OSError(5, "Input/output error"), KeyError(), MemoryError(), duckdb.IOException("no")], 2)
)
def test_an_error_after_the_commit_neither_doubles_a_row_nor_sets_one_aside(
    store, spool, appender, tmp_path, monkeypatch, task, error
):
    spool.append_all([update(number) for number in range(ROWS)])
    with monkeypatch.context() as fault:
        # Reading lists the spool as well, which may work.
        read = list(appender._spool.read_new({}, ROWS, 10**6))
        fault.setattr(appender._spool, "read_new", lambda *_: read)
        fault.setattr(task, raising(error))
        assert appender.append_new() == ROWS
        assert appender.housekeeping.failures > 0
        assert len(appender.housekeeping.failing) == 1
    assert appender.append_new() == 0
    spool.append_all([update(ROWS), rejection(1)])
    assert appender.append_new() == 2
    assert appender.housekeeping.failing == {}
    assert run(store, COUNTS) == [(ROWS + 1, ROWS + 1, 0)]
    assert changed_numbers(store) == [(number + 1, number) for number in range(1, ROWS + 1)]
    assert read_appended(tmp_path).notifications == ROWS + 1


def test_what_a_commit_wrote_that_raised_an_error_is_not_written_again(store, spool, appender, monkeypatch):
    spool.append_all([update(number) for number in range(ROWS)])

    def commit_and_fail(connection, sql, *arguments):
        found = run(connection, sql, *arguments)
        if sql == "COMMIT":
            raise duckdb.IOException("fsync: Input/output error")
        return found

    with monkeypatch.context() as fault:
        fault.setattr(exactly_once, "run", commit_and_fail)
        with pytest.raises(CommitError):
            appender.append_new()
    spool.append_all([update(ROWS)])
    assert appender.append_new() == 1
    assert run(store, COUNTS) == [(ROWS + 1, ROWS + 1, 0)]
    assert changed_numbers(store)[-1] == (ROWS + 1, ROWS)


def test_a_value_error_at_the_commit_is_no_rows_fault(store, spool, appender, monkeypatch):
    spool.append_all([update(number) for number in range(ROWS)])

    def refuse_to_commit(connection, sql, *arguments):
        if sql == "COMMIT":
            raise duckdb.ConstraintException("at the commit")
        return run(connection, sql, *arguments)

    with monkeypatch.context() as fault:
        fault.setattr(exactly_once, "run", refuse_to_commit)
        with pytest.raises(CommitError):
            appender.append_new()
    assert run(store, COUNTS) == [(0, 0, 0)]
    assert appender.append_new() == ROWS


def test_a_refused_commit_leaves_the_last_bodies_at_hand_as_they_were(store, spool, appender, tmp_path, monkeypatch):
    spool.append_all([update(0)])
    assert appender.append_new() == 1

    def refuse_to_commit(connection, sql, *arguments):
        if sql == "COMMIT":
            raise duckdb.IOException("no space left on device")
        return run(connection, sql, *arguments)

    spool.append_all([update(1)])
    with monkeypatch.context() as fault:
        fault.setattr(exactly_once, "run", refuse_to_commit)
        with pytest.raises(CommitError):
            appender.append_new()
    assert dict(LastBodies(tmp_path).read([1, 2])) == {1: update(0).payload}
    assert appender.append_new() == 1
    assert changed_numbers(store) == [(2, 1)]


def test_the_store_refuses_positions_that_it_has_already(store, spool, appender, tmp_path):
    spool.append_all([update(number) for number in range(ROWS)])
    make_appender(store, tmp_path).append_new()
    with pytest.raises(OutOfStepError, match="stored up to 12"):
        appender.append_new()
    assert run(store, COUNTS) == [(ROWS, ROWS, 0)]
    assert appender.append_new() == 0


NO_ROWS_FAULT = [
    duckdb.IOException("no space left on device"),
    ValueError("a bug"),
    OSError(24, "Too many open files"),
    FileNotFoundError(2, "No such file or directory", "places.sql"),
    MemoryError(),
    ImportError("pandas"),
    KeyError("a bug"),
    duckdb.OutOfMemoryException("out of memory"),
    duckdb.BinderException("a bug"),
    duckdb.InvalidInputException("Required module 'pyarrow.lib' failed to import"),
]
WHILE_STORING = ["insert_notifications", "write_changes", "replace_account_states"]


@pytest.mark.parametrize("step", WHILE_STORING)
@pytest.mark.parametrize("error", take_few(NO_ROWS_FAULT, 2), ids=repr)
def test_what_duckdb_does_not_say_of_a_rows_values_sets_nothing_aside(store, spool, appender, monkeypatch, step, error):
    spool.append_all([update(number) for number in range(ROWS)])
    with monkeypatch.context() as fault:
        fault.setattr(f"receiver.store.appending.appender.{step}", raising(error))
        for _ in range(2):
            with pytest.raises(type(error)):
                appender.append_new()
    assert run(store, COUNTS) == [(0, 0, 0)]
    assert appender.append_new() == ROWS
    assert run(store, COUNTS) == [(ROWS, ROWS, 0)]
    assert changed_numbers(store) == [(number + 1, number) for number in range(1, ROWS)]


def test_a_file_of_the_program_that_is_away_while_deriving_sets_nothing_aside(store, spool, appender, monkeypatch):
    spool.append_all([update(number) for number in range(2)])
    appender.append_new()
    spool.append_all([update(number + 5, occurred_at=NOON - timedelta(hours=1)) for number in range(3)])
    with monkeypatch.context() as fault:
        fault.setattr("receiver.deriving.deriver.read_sql_file", raising(FileNotFoundError("places.sql")))
        with pytest.raises(FileNotFoundError):
            appender.append_new()
    assert appender.append_new() == 3
    assert run(store, COUNTS) == [(5, 5, 0)]
    assert run(store, "SELECT count(*) FROM underived") == [(0,)]


def test_a_store_that_takes_no_row_at_all_blames_none(store, spool, appender, monkeypatch):
    spool.append_all([update(number) for number in range(ROWS)])
    with monkeypatch.context() as fault:
        refuse = raising(duckdb.ConversionException("no UUID"))
        for module in ("appender", "rejected"):
            fault.setattr(f"receiver.store.appending.{module}.insert_notifications", refuse)
        with pytest.raises(NotOneRowError):
            appender.append_new()
    assert run(store, COUNTS) == [(0, 0, 0)]
    assert appender.append_new() == ROWS


def test_a_refusal_that_can_not_be_stored_is_set_aside_with_what_of_it_can(store, spool, appender, monkeypatch):
    spool.append_all([rejection(number) for number in range(3)])
    (first,) = appender._spool.read_new({}, 1, 10**6)
    odd = first._replace(row=first.row._replace(path="/\ud800", source_ip="\ud800"))
    monkeypatch.setattr(appender._spool, "read_new", lambda *_: [odd])
    appender.append_new()
    monkeypatch.undo()
    assert appender.append_new() == 2
    assert run(store, "SELECT path FROM rejected WHERE reason = 'not_storable'") == [("/\\ud800",)]
    assert run(store, "SELECT count(*) FROM rejected") == [(3,)]


@pytest.fixture
def bug(monkeypatch):
    """Make comparing two bodies raise where the later one has the number 7."""
    compare = Differ.compare

    def broken(differ, category, before, now):
        if now.get("n") == 7:
            raise KeyError(now["n"])
        return compare(differ, category, before, now)

    with monkeypatch.context() as fault:
        fault.setattr(Differ, "compare", broken)
        yield fault


def test_a_body_whose_changes_can_not_be_derived_is_stored_and_named_and_rebuild_tries_again(
    store, spool, appender, bug
):
    rows = [update(number, user) for number in range(ROWS) for user in ("kim", "lee")]
    spool.append_all(rows)
    assert appender.append_new() == 2 * ROWS
    assert run(store, COUNTS) == [(2 * ROWS, 2 * ROWS, 0)]
    numbers = sorted((seq + 1, row.payload) for seq, row in enumerate(rows))
    expected = [(seq, (seq - 1) // 2) for seq, _ in numbers if seq > 2]
    assert changed_numbers(store) == [(seq, number) for seq, number in expected if number != 7]
    missing = run(store, "SELECT notification_id, seq, error FROM underived ORDER BY seq")
    assert missing == [(rows[14].id, 15, "KeyError"), (rows[15].id, 16, "KeyError")]
    rebuild(store)
    assert [seq for (seq,) in run(store, "SELECT seq FROM underived ORDER BY seq")] == [15, 16]
    bug.undo()
    rebuild(store)
    assert run(store, "FROM underived") == run(store, "FROM underived_rebuilt") == []
    assert changed_numbers(store) == expected


def rebuild(store):
    again = Rebuild(store.cursor())
    again.begin()
    while again.done is not None:
        again.step()


def test_a_bug_that_concerns_nobody_knows_which_body_keeps_no_notification_out(store, spool, appender, monkeypatch):
    spool.append_all([update(number) for number in range(4)])
    appender.append_new()
    late = update(9, received_at=NOON + timedelta(minutes=1), occurred_at=NOON - timedelta(hours=1))
    spool.append_all([update(4), late, update(5), update(1, "lee"), update(2, "lee")])
    with monkeypatch.context() as fault:
        fault.setattr(Deriver, "_derive_late", raising(KeyError("a bug")))
        assert appender.append_new() == 5
    assert run(store, COUNTS) == [(9, 9, 0)]
    assert run(store, "SELECT seq FROM underived") == [(6,)]
    assert changed_numbers(store) == [(2, 1), (3, 2), (4, 3), (5, 4), (7, 5), (9, 2)]


def test_changes_that_duckdb_refuses_do_not_keep_their_notification_out(store, spool, appender, monkeypatch):
    write = as_json
    monkeypatch.setattr(differ, "as_json", lambda value: "no json" if value == 7 else write(value))
    spool.append_all([update(number) for number in range(ROWS)])
    assert appender.append_new() == ROWS
    assert run(store, COUNTS) == [(ROWS, ROWS, 0)]
    # The row after it names the same value, as the old one.
    assert run(store, "SELECT seq, error FROM underived ORDER BY seq") == [
        (8, "ConversionException"), (9, "ConversionException")
    ]  # fmt: skip
    assert [seq for seq, _ in changed_numbers(store)] == [2, 3, 4, 5, 6, 7, 10, 11, 12]


@pytest.mark.usefixtures("bug")
def test_verify_names_what_has_no_changes(tmp_path):
    rows = [accepted(number, body=b'{"accountAlias":"ACME","userName":"kim","n":%d}' % number) for number in (6, 7, 8)]
    writer = SpoolWriter(tmp_path / "spool")
    writer.append_all(rows)
    writer.close()
    connection = open_database(tmp_path / "clc.duckdb")
    make_appender(connection, tmp_path).append_new()
    run(connection, "CHECKPOINT")
    connection.close()
    verified = run_command(tmp_path, "verify")
    assert verified.returncode == 1
    (line,) = verified.stdout.splitlines()
    assert line == f"underived seq 2 id {rows[1].id}: Its changes can't be derived (KeyError), and are missing."


def test_while_appending_stands_still_the_status_is_red_and_says_why_until_it_works_again(
    store, spool, tmp_path, monkeypatch
):
    monkeypatch.setattr("receiver.store.appending.condition._FIRST_SECONDS", 0.05)
    loop = AppendLoop(store, SpoolReader(tmp_path / "spool"), 0, on_fatal=pytest.fail, data_dir=tmp_path)
    keeper = StatusKeeper(read_settings(data_dir=tmp_path, env_file=None), store, loop.read_condition)
    tried = threading.Semaphore(0)

    def fail(*_):
        tried.release()
        raise OSError(5, "Input/output error")

    insert = rows_module.insert_notifications
    monkeypatch.setattr("receiver.store.appending.appender.insert_notifications", fail)
    loop.start()
    spool.append_all([update(number) for number in range(ROWS)])
    for _ in range(3):
        assert tried.acquire(timeout=60)
    (appending,) = [figure for figure in keeper.refresh().figures if figure.name == "append_error"]
    assert appending.state == "red"
    assert "Input/output error" in appending.text
    monkeypatch.setattr("receiver.store.appending.appender.insert_notifications", insert)
    until(lambda: run(store, COUNTS) == [(ROWS, ROWS, 0)], what="all rows")
    until(lambda: loop.read_condition().failure is None, what="the end of the failure")
    (appending,) = [figure for figure in keeper.refresh().figures if figure.name == "append_error"]
    assert (appending.state, appending.text) == ("ok", "works")
    loop.stop()


def test_a_failing_checkpoint_stops_no_appending_and_is_shown(store, spool, tmp_path, monkeypatch):
    monkeypatch.setattr("receiver.store.loop._CHECKPOINT_SECONDS", 0.05)
    loop = AppendLoop(store, SpoolReader(tmp_path / "spool"), 0, on_fatal=pytest.fail, data_dir=tmp_path)
    with monkeypatch.context() as fault:
        fault.setattr(Appender, "checkpoint", raising(duckdb.IOException("no space left on device")))
        loop.start()
        for number in range(3):
            spool.append_all([update(number)])
            until(lambda number=number: run(store, COUNTS) == [(number + 1, number + 1, 0)], what="the row")
        until(lambda: loop.read_condition().failing, what="the checkpoint's failure")
        assert loop.read_condition() == (None, None, {"the checkpoint": "no space left on device"})
    until(lambda: not loop.read_condition().failing, what="a checkpoint")
    loop.stop()


def test_a_spool_that_can_not_be_looked_through_stops_no_appending_and_is_shown(store, spool, tmp_path, monkeypatch):
    monkeypatch.setattr("receiver.store.loop._CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(Appender, "tidy", raising(OSError(5, "Input/output error")))
    loop = AppendLoop(store, SpoolReader(tmp_path / "spool"), 0, on_fatal=pytest.fail, data_dir=tmp_path)
    loop.start()
    for number in range(3):
        spool.append_all([update(number)])
        until(lambda number=number: run(store, COUNTS) == [(number + 1, number + 1, 0)], what="the row")
    until(lambda: loop.read_condition().failing, what="the failure")
    assert loop.read_condition().failing == {"looking through the spool": "[Errno 5] Input/output error"}
    monkeypatch.undo()
    until(lambda: not loop.read_condition().failing, what="its end")
    loop.stop()


def test_tries_are_put_off_ever_longer_up_to_a_minute(monkeypatch):
    now = 0.0
    monkeypatch.setattr("receiver.store.appending.condition.time.monotonic", lambda: now)
    retry, waits = Retry(), []
    for _ in range(9):
        retry.fail("the disk is full")
        began = now
        while not retry.is_due():
            now += 0.5
        waits.append(now - began)
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    retry.succeed()
    assert (retry.failure, retry.since, retry.is_due()) == (None, None, True)
