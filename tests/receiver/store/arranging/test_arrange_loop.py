"""The loop arranges what comes, gives way to the appender, and ends or goes on as each error asks."""

import shutil
import threading
from contextlib import contextmanager, nullcontext, suppress

import duckdb
import pytest

from receiver.database.opening import run
from receiver.spool import SpoolReader
from receiver.store.appending.condition import GivesWay, Pace
from receiver.store.arranging import ArrangeLoop, Arranger, Counter
from receiver.store.loop import AppendLoop
from tests.receiver.store.arranging.rows import IN_PLACE, NEWEST, ROW_GROUP, contents
from tests.support.database import do_next
from tests.support.sizes import take_few
from tests.support.waiting import until


@pytest.fixture
def ended():
    """One item for each loop that ended by itself."""
    return []


@pytest.fixture
def looped(connection, tmp_path, ended):
    loops = []

    def start(alone=nullcontext, turn=lambda: nullcontext(True), keeps_up=lambda: True):
        loop = ArrangeLoop(
            Arranger(connection, alone, keeps_up),
            Counter(connection, alone),
            tmp_path,
            turn,
            lambda: ended.append(True),
        )
        loop.start()
        loops.append(loop)
        return loop

    yield start
    for loop in loops:
        loop.stop()


def test_the_loop_arranges_what_comes(connection, fill, tmp_path, looped):
    fill(ROW_GROUP + NEWEST)
    before = contents(connection)
    looped()
    until(lambda: run(connection, "FROM arranged") == [(ROW_GROUP,)], what="the first row group")
    assert contents(connection) == before
    until(lambda: not (tmp_path / "arranging").exists(), what="the note's end")


def test_a_stop_in_the_middle_of_it_undoes_it(connection, fill, looped):
    fill(ROW_GROUP + NEWEST)
    before = contents(connection)
    begun = threading.Event()

    @contextmanager
    def for_ever():
        begun.set()
        loop._arranger._connection.execute("SELECT sum(range) FROM range(1_000_000_000_000)").fetchall()
        yield

    loop = looped(for_ever)
    assert begun.wait(60)
    loop.stop()
    assert contents(connection) == before
    assert run(connection, "FROM arranged") == []
    assert [seq for seq, _ in run(connection, IN_PLACE)] == list(range(1, ROW_GROUP + NEWEST + 1))


def test_an_error_that_only_a_new_process_survives_is_told_and_counted(
    connection, fill, tmp_path, looped, ended, caplog
):
    fill(ROW_GROUP + NEWEST)

    @contextmanager
    def fatal():
        raise duckdb.FatalException("invalidated")
        yield

    for count in (1, 2, 3):
        looped(fatal)
        until(lambda count=count: len(ended) == count, what="the end")
        assert (tmp_path / "arranging").read_text() == f"{count}"
    looped()
    until(lambda: "delete" in caplog.text, what="the log")
    assert run(connection, "FROM arranged") == []
    (tmp_path / "arranging").unlink()
    looped()
    until(lambda: run(connection, "FROM arranged") == [(ROW_GROUP,)], what="the first row group")


@pytest.mark.parametrize("error", take_few([MemoryError, duckdb.OutOfMemoryException], 1))
def test_it_goes_on_when_there_is_memory_again(connection, fill, looped, monkeypatch, error):
    monkeypatch.setattr("receiver.store.arranging._RETRY_SECONDS", 0)
    fill(ROW_GROUP + NEWEST)
    errors = [error("none left")] * 2

    @contextmanager
    def without_memory():
        if errors:
            raise errors.pop()
        yield

    loop = looped(without_memory)
    until(lambda: run(connection, "FROM arranged") == [(ROW_GROUP,)], what="the first row group")
    assert loop.failure is None


def test_what_is_wrong_with_a_part_ends_nothing_else(fill, tmp_path, looped, ended, caplog):
    fill(ROW_GROUP + NEWEST)

    @contextmanager
    def damaged():
        raise duckdb.Error("Corrupt database file: computed checksum 1 does not match 2")
        yield

    loop = looped(damaged)
    until(lambda: "verify" in caplog.text, what="the log")
    assert loop.failure.startswith("not until the next start: Error; ")
    assert ended == []
    assert not (tmp_path / "arranging").exists()
    assert not (tmp_path / "suspect").exists()


def test_while_it_may_not_nothing_is_arranged(connection, fill, looped):
    fill(ROW_GROUP + NEWEST)
    asked = threading.Semaphore(0)

    def turn():
        asked.release()
        return nullcontext(False)

    looped(turn=turn)
    for _ in range(5):
        assert asked.acquire(timeout=60)
    assert run(connection, "FROM arranged") == []


def test_while_the_appender_does_not_keep_up_nothing_begins_but_once_in_ten_minutes(monkeypatch):
    clock, keeps_up = iter(range(0, 100_000, 5)), False
    monkeypatch.setattr("receiver.store.appending.condition.time.monotonic", lambda: next(clock))
    gives_way = GivesWay(lambda: keeps_up)
    assert [look * 5 for look in range(600) if gives_way.may_begin()] == [600, 1205, 1810, 2415]
    keeps_up = True
    assert gives_way.may_begin()


@pytest.mark.full
def test_a_step_that_has_begun_goes_on_when_the_appender_keeps_up_again(connection, fill):
    fill(ROW_GROUP + NEWEST)
    answers = [False, False, True] * 3
    arranger = Arranger(connection, nullcontext, lambda: answers.pop(0))
    assert do_next(arranger)
    assert answers == []
    assert run(connection, "FROM arranged") == [(ROW_GROUP,)]


@pytest.mark.full
def test_the_loop_arranges_nothing_while_the_appender_does_not_keep_up(connection, fill, looped):
    fill(ROW_GROUP + NEWEST)
    asked, keeps_up = threading.Semaphore(0), threading.Event()

    def look():
        asked.release()
        return keeps_up.is_set()

    looped(keeps_up=look)
    for _ in range(5):
        assert asked.acquire(timeout=60)
    assert run(connection, "FROM arranged") == []
    keeps_up.set()
    until(lambda: run(connection, "FROM arranged") == [(ROW_GROUP,)], what="the first row group")


@pytest.mark.full
def test_a_stop_ends_a_break(connection, fill, looped, monkeypatch):
    monkeypatch.setattr("receiver.store.appending.condition._LONGEST_PAUSE_SECONDS", 3600)
    monkeypatch.setattr("receiver.store.appending.condition._PATIENCE_SECONDS", 0)
    fill(ROW_GROUP + NEWEST)
    loop = looped(keeps_up=lambda: False)
    until(lambda: loop._count_noted() == 1, what="the step's begin")
    loop.stop()
    assert run(connection, "FROM arranged") == []


def test_the_appender_keeps_up_while_no_row_waits_for_a_second(monkeypatch):
    times = iter([0.0, 0.2, 0.2, 0.2, 0.4, 0.4, 0.4, 2.0, 2.0, 2.0, 2.1, 2.1, 2.1, 3.5])
    monkeypatch.setattr("receiver.store.appending.condition.time.monotonic", lambda: next(times))
    pace, found = Pace(), []
    for moved in (150, 150, 700, 900):
        pace.begin()
        pace.end(moved)
        found.append(pace.keeps_up())
    assert found == [True, True, False, True]
    assert not pace.keeps_up()  # as it has looked for nothing for a while


def test_an_appender_that_leaves_rows_does_not_keep_up():
    pace = Pace()
    pace.begin()
    pace.end(5_000)
    assert not pace.keeps_up()


def test_what_was_arranged_is_checkpointed_though_nothing_comes(connection, fill, tmp_path):
    fill(ROW_GROUP + NEWEST)
    loop = AppendLoop(connection, SpoolReader(tmp_path / "spool"), 10, on_fatal=pytest.fail, data_dir=tmp_path)
    loop.start()
    assert do_next(loop.arranger)

    def held():
        shutil.copy(tmp_path / "clc.duckdb", tmp_path / "copy.duckdb")
        with suppress(duckdb.Error), duckdb.connect(str(tmp_path / "copy.duckdb"), read_only=True) as copy:
            return run(copy, "FROM arranged")

    assert until(held, what="a checkpoint") == [(ROW_GROUP,)]
    loop.stop()
