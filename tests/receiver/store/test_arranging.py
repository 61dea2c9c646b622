"""Rows of the same entity lie side by side, and none is lost, changed or there twice for that."""

import random
import shutil
import threading
from contextlib import contextmanager, nullcontext, suppress
from itertools import pairwise

import duckdb
import pytest

from receiver.database.opening import run
from receiver.deriving.tables import Rebuild
from receiver.spool import SpoolReader, SpoolWriter
from receiver.store import arrange_loop, arranging
from receiver.store.appending.appender import Appender
from receiver.store.appending.condition import GivesWay, Pace
from receiver.store.arrange_loop import ArrangeLoop
from receiver.store.arranging import Arranger, find_last
from receiver.store.counting import Counter
from receiver.store.loop import AppendLoop
from tests.support.database import open_database
from tests.support.rows import notification
from tests.support.waiting import until

ROW_GROUP, NEWEST = 1_000, 200
IN_PLACE = "SELECT seq, entity_id FROM notifications ORDER BY rowid"
ROW_GROUPS = "SELECT count(DISTINCT row_group_id) FROM pragma_storage_info('notifications')"
ALL = "SELECT count(*), count(DISTINCT seq), bit_xor(hash({0})) FROM {0}"


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr("receiver.store.loop._CHECKPOINT_SECONDS", 0.5)
    monkeypatch.setattr(arranging, "ROW_GROUP", ROW_GROUP)
    monkeypatch.setattr(arranging, "NEWEST", NEWEST)
    monkeypatch.setattr(arrange_loop, "_LOOK_SECONDS", 0.0)


@pytest.fixture
def connection(tmp_path):
    opened = open_database(tmp_path / "clc.duckdb")
    yield opened
    opened.close()


@pytest.fixture
def fill(connection, tmp_path):
    writer, reader = SpoolWriter(tmp_path / "spool"), SpoolReader(tmp_path / "spool")
    appender = Appender(connection.cursor(), reader, tmp_path, duplicate_window_seconds=10)
    filled = 0

    def fill(count):
        nonlocal filled
        writer.append_all([row_of(number) for number in range(filled, filled + count)])
        filled += count
        while appender.append_new():
            pass
        run(connection, "CHECKPOINT")

    yield fill
    writer.close()
    reader.close()


def row_of(number):
    name = f"user{number * 7919 % 50}@acme.example"
    body = f'{{"accountAlias": "ACME", "userName": "{name}", "number": {number}}}'.encode()
    return notification(number, entity_id=name.upper(), payload=body)


def contents(connection):
    return [run(connection, ALL.format(table)) for table in ("notifications", "changes")]


def runs(entities):
    return sum(one != other for one, other in pairwise(entities)) + 1


def test_full_row_groups_are_sorted_by_entity_and_the_newest_stay_as_they_came(connection, fill):
    fill(2 * ROW_GROUP + NEWEST + 50)
    before = contents(connection)
    arranger = Arranger(connection, nullcontext)
    assert [arranger.step() for _ in range(3)] == [True, True, False]
    run(connection, "CHECKPOINT")
    assert contents(connection) == before
    places = run(connection, IN_PLACE)
    newest, arranged = places[: NEWEST + 50], places[NEWEST + 50 :]
    assert [seq for seq, _ in newest] == list(range(2 * ROW_GROUP + 1, 2 * ROW_GROUP + NEWEST + 51))
    for group in (arranged[:ROW_GROUP], arranged[ROW_GROUP:]):
        assert runs([entity for _, entity in group]) == 50
        assert [place for place in group if place[1] == group[0][1]] == sorted(
            place for place in group if place[1] == group[0][1]
        )
    assert max(seq for seq, _ in arranged[:ROW_GROUP]) == ROW_GROUP
    changed = run(connection, f"SELECT entity_id FROM changes WHERE seq <= {ROW_GROUP} ORDER BY rowid")
    assert runs(changed) == len(set(changed)) == 50


def test_four_row_groups_are_sorted_together_in_the_end(connection, fill):
    fill(4 * ROW_GROUP + NEWEST)
    before = contents(connection)
    arranger = Arranger(connection, nullcontext)
    assert [arranger.step() for _ in range(6)] == [True] * 5 + [False]
    assert arranger.arranged == 8 * ROW_GROUP
    assert run(connection, "FROM arranged") == run(connection, "FROM arranged_widely") == [(4 * ROW_GROUP,)]
    run(connection, "CHECKPOINT")
    assert contents(connection) == before
    places = run(connection, IN_PLACE)[NEWEST:]
    assert places == sorted(places, key=lambda place: (place[1], place[0]))
    changed = run(connection, f"SELECT entity_id, seq FROM changes WHERE seq <= {4 * ROW_GROUP} ORDER BY rowid")
    assert changed == sorted(changed)
    fill(4 * ROW_GROUP)
    assert [arranger.step() for _ in range(6)] == [True] * 5 + [False]
    assert run(connection, "FROM arranged_widely") == [(8 * ROW_GROUP,)]
    second = [place for place in run(connection, IN_PLACE) if 4 * ROW_GROUP < place[0] <= 8 * ROW_GROUP]
    assert second == sorted(second, key=lambda place: (place[1], place[0]))


def test_if_bodies_are_long_fewer_are_sorted_at_once_and_no_four_row_groups_together(connection, fill, monkeypatch):
    monkeypatch.setattr(arranging, "MOST_BYTES", 300 * len(row_of(1).payload))
    fill(5 * ROW_GROUP + NEWEST)
    before = contents(connection)
    arranger, lasts = Arranger(connection, nullcontext), [0]
    while arranger.step():
        lasts += [last for (last,) in run(connection, "FROM arranged") if last != lasts[-1]]
    assert contents(connection) == before
    assert all(250 < last - first <= 300 for first, last in pairwise(lasts))
    assert lasts[-1] == arranger.arranged > 4 * ROW_GROUP
    assert runs([entity for seq, entity in run(connection, IN_PLACE) if seq <= lasts[-1]]) == 50 * (len(lasts) - 1)
    assert run(connection, "FROM arranged_widely") == [(4 * ROW_GROUP,)]
    monkeypatch.setattr(arranging, "MOST_BYTES", 1 << 40)
    fill(4 * ROW_GROUP)
    while arranger.step():
        pass
    assert run(connection, "FROM arranged_widely") == [(8 * ROW_GROUP,)]
    assert runs([entity for seq, entity in run(connection, IN_PLACE) if 4 * ROW_GROUP < seq <= 8 * ROW_GROUP]) == 50


def test_a_body_that_is_too_long_by_itself_is_a_part_of_its_own(connection, fill, monkeypatch):
    monkeypatch.setattr(arranging, "MOST_BYTES", 1)
    fill(ROW_GROUP + NEWEST)
    assert Arranger(connection, nullcontext).step()
    assert run(connection, "FROM arranged") == [(1,)]


def test_the_last_of_the_first_so_many_is_found_whatever_is_missing(connection, fill):
    fill(60)
    drawn = random.Random(7)
    for _ in range(100):
        present = sorted(drawn.sample(range(1, 61), drawn.choice([10, 30, 55])))
        after, until, rows, left = (
            drawn.randrange(60),
            drawn.randrange(20, 61),
            drawn.randrange(1, 9),
            drawn.randrange(5),
        )
        between = [seq for seq in present if after < seq <= until]
        run(connection, "BEGIN")
        run(connection, f"DELETE FROM notifications WHERE seq NOT IN {tuple(present)}")
        found = find_last(connection, after, until, rows, left)
        run(connection, "ROLLBACK")
        assert found == (between[rows - 1] if len(between) >= rows + left else None)


def test_what_is_not_yet_a_row_group_stays_as_it_is(connection, fill):
    fill(ROW_GROUP + NEWEST - 1)
    assert not Arranger(connection, nullcontext).step()
    fill(1)
    assert Arranger(connection, nullcontext).step()


def test_rows_appended_meanwhile_are_there_once(connection, fill):
    fill(4 * ROW_GROUP + NEWEST)
    before = contents(connection)[0][0][0]

    @contextmanager
    def after_an_append():
        fill(70)
        yield

    arranger = Arranger(connection, after_an_append)
    while arranger.step():
        pass
    count, numbers, _ = contents(connection)[0][0]
    assert run(connection, "FROM arranged_widely") == [(4 * ROW_GROUP,)]
    assert (count, numbers) == (before + 5 * 70, count)


def test_a_part_that_another_writer_changes_meanwhile_is_left_as_that_made_it(connection, fill):
    fill(ROW_GROUP + NEWEST)
    other = connection.cursor()

    @contextmanager
    def after_a_delete():
        run(other, "DELETE FROM changes WHERE seq = 7")
        yield

    with pytest.raises(duckdb.TransactionException):
        Arranger(connection, after_a_delete).step()
    assert [seq for seq, _ in run(connection, IN_PLACE)] == list(range(1, ROW_GROUP + NEWEST + 1))
    before = contents(connection)
    assert Arranger(connection, nullcontext).step()
    assert contents(connection) == before


def test_changes_that_are_derived_again_are_arranged_again(connection, fill):
    fill(4 * ROW_GROUP + NEWEST)
    arranger = Arranger(connection, nullcontext)
    assert [arranger.step() for _ in range(6)] == [True] * 5 + [False]
    assert run(connection, "FROM arranged") == run(connection, "FROM arranged_widely") == [(4 * ROW_GROUP,)]
    expected = run(connection, "FROM changes ORDER BY ALL")
    rebuild = Rebuild(connection.cursor())
    rebuild.begin()
    while rebuild.done is not None:
        rebuild.step()
    assert run(connection, "FROM arranged") == run(connection, "FROM arranged_widely") == []
    assert [arranger.step() for _ in range(6)] == [True] * 5 + [False]
    assert run(connection, "FROM changes ORDER BY ALL") == expected


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


def test_what_is_wrong_with_a_part_ends_nothing_else(fill, tmp_path, looped, ended, caplog):
    fill(ROW_GROUP + NEWEST)

    @contextmanager
    def damaged():
        raise duckdb.Error("Corrupt database file: computed checksum 1 does not match 2")
        yield

    looped(damaged)
    until(lambda: "verify" in caplog.text, what="the log")
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


def test_a_step_that_has_begun_goes_on_when_the_appender_keeps_up_again(connection, fill):
    fill(ROW_GROUP + NEWEST)
    answers = [False, False, True] * 3
    arranger = Arranger(connection, nullcontext, lambda: answers.pop(0))
    assert arranger.step()
    assert answers == []
    assert run(connection, "FROM arranged") == [(ROW_GROUP,)]


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
    loop = AppendLoop(connection, tmp_path / "spool", 10, on_fatal=pytest.fail, data_dir=tmp_path)
    loop.start()
    assert loop.arranger.step()

    def held():
        shutil.copy(tmp_path / "clc.duckdb", tmp_path / "copy.duckdb")
        with suppress(duckdb.Error), duckdb.connect(str(tmp_path / "copy.duckdb"), read_only=True) as copy:
            return run(copy, "FROM arranged")

    assert until(held, what="a checkpoint") == [(ROW_GROUP,)]
    loop.stop()


def test_few_checkpoints_merge_small_row_groups(connection, tmp_path, monkeypatch):
    monkeypatch.setattr("receiver.store.loop._CHECKPOINTS_BETWEEN_MERGES", 3)
    monkeypatch.setattr("receiver.store.loop._MERGES_TRIED", 2)
    monkeypatch.setattr("receiver.store.loop._CHECKPOINT_SECONDS", 3600)  # none because it is time
    loop = AppendLoop(connection, tmp_path / "spool", 10, on_fatal=pytest.fail, data_dir=tmp_path)
    writer = SpoolWriter(tmp_path / "spool")
    groups = []
    for number in range(10):
        writer.append_all([notification(number)])
        with loop.pause():
            groups.append(run(connection, ROW_GROUPS)[0][0])
    writer.close()
    assert groups == [1, 2, 3, 1, 1, 2, 3, 4, 1, 1]
