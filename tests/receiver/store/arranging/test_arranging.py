"""Rows of the same entity lie side by side, and none is lost, changed or there twice for that."""

import random
from contextlib import contextmanager, nullcontext
from itertools import pairwise

import duckdb
import pytest

from receiver.database.opening import run
from receiver.deriving.tables import Rebuild
from receiver.spool import SpoolReader, SpoolWriter
from receiver.store import arranging
from receiver.store.arranging import Arranger, find_last
from receiver.store.loop import AppendLoop
from tests.receiver.store.arranging.rows import IN_PLACE, NEWEST, ROW_GROUP, ROW_GROUPS, contents, row_of, runs
from tests.support.database import do_next
from tests.support.rows import notification


def test_full_row_groups_are_sorted_by_entity_and_the_newest_stay_as_they_came(connection, fill):
    fill(2 * ROW_GROUP + NEWEST + 50)
    before = contents(connection)
    arranger = Arranger(connection, nullcontext)
    assert [do_next(arranger) for _ in range(3)] == [True, True, False]
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


@pytest.mark.full
def test_four_row_groups_are_sorted_together_in_the_end(connection, fill):
    fill(4 * ROW_GROUP + NEWEST)
    before = contents(connection)
    arranger = Arranger(connection, nullcontext)
    assert [do_next(arranger) for _ in range(6)] == [True] * 5 + [False]
    assert arranger.arranged == 8 * ROW_GROUP
    assert run(connection, "FROM arranged") == run(connection, "FROM arranged_widely") == [(4 * ROW_GROUP,)]
    run(connection, "CHECKPOINT")
    assert contents(connection) == before
    places = run(connection, IN_PLACE)[NEWEST:]
    assert places == sorted(places, key=lambda place: (place[1], place[0]))
    changed = run(connection, f"SELECT entity_id, seq FROM changes WHERE seq <= {4 * ROW_GROUP} ORDER BY rowid")
    assert changed == sorted(changed)
    fill(4 * ROW_GROUP)
    assert [do_next(arranger) for _ in range(6)] == [True] * 5 + [False]
    assert run(connection, "FROM arranged_widely") == [(8 * ROW_GROUP,)]
    second = [place for place in run(connection, IN_PLACE) if 4 * ROW_GROUP < place[0] <= 8 * ROW_GROUP]
    assert second == sorted(second, key=lambda place: (place[1], place[0]))


@pytest.mark.full
def test_if_bodies_are_long_fewer_are_sorted_at_once_and_no_four_row_groups_together(connection, fill, monkeypatch):
    monkeypatch.setattr(arranging, "MOST_BYTES", 300 * len(row_of(1).payload))
    fill(5 * ROW_GROUP + NEWEST)
    before = contents(connection)
    arranger, lasts = Arranger(connection, nullcontext), [0]
    while do_next(arranger):
        lasts += [last for (last,) in run(connection, "FROM arranged") if last != lasts[-1]]
    assert contents(connection) == before
    assert all(250 < last - first <= 300 for first, last in pairwise(lasts))
    assert lasts[-1] == arranger.arranged > 4 * ROW_GROUP
    assert runs([entity for seq, entity in run(connection, IN_PLACE) if seq <= lasts[-1]]) == 50 * (len(lasts) - 1)
    assert run(connection, "FROM arranged_widely") == [(4 * ROW_GROUP,)]
    monkeypatch.setattr(arranging, "MOST_BYTES", 1 << 40)
    fill(4 * ROW_GROUP)
    while do_next(arranger):
        pass
    assert run(connection, "FROM arranged_widely") == [(8 * ROW_GROUP,)]
    assert runs([entity for seq, entity in run(connection, IN_PLACE) if 4 * ROW_GROUP < seq <= 8 * ROW_GROUP]) == 50


def test_a_body_that_is_too_long_by_itself_is_a_part_of_its_own(connection, fill, monkeypatch):
    monkeypatch.setattr(arranging, "MOST_BYTES", 1)
    fill(ROW_GROUP + NEWEST)
    assert do_next(Arranger(connection, nullcontext))
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
    assert not do_next(Arranger(connection, nullcontext))
    fill(1)
    assert do_next(Arranger(connection, nullcontext))


def test_rows_appended_meanwhile_are_there_once(connection, fill):
    fill(4 * ROW_GROUP + NEWEST)
    before = contents(connection)[0][0][0]

    @contextmanager
    def after_an_append():
        fill(70)
        yield

    arranger = Arranger(connection, after_an_append)
    while do_next(arranger):
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
        do_next(Arranger(connection, after_a_delete))
    assert [seq for seq, _ in run(connection, IN_PLACE)] == list(range(1, ROW_GROUP + NEWEST + 1))
    before = contents(connection)
    assert do_next(Arranger(connection, nullcontext))
    assert contents(connection) == before


@pytest.mark.full
def test_changes_that_are_derived_again_are_arranged_again(connection, fill):
    fill(4 * ROW_GROUP + NEWEST)
    arranger = Arranger(connection, nullcontext)
    assert [do_next(arranger) for _ in range(6)] == [True] * 5 + [False]
    assert run(connection, "FROM arranged") == run(connection, "FROM arranged_widely") == [(4 * ROW_GROUP,)]
    expected = run(connection, "FROM changes ORDER BY ALL")
    rebuild = Rebuild(connection.cursor())
    rebuild.begin()
    while rebuild.done is not None:
        rebuild.step()
    assert run(connection, "FROM arranged") == run(connection, "FROM arranged_widely") == []
    assert [do_next(arranger) for _ in range(6)] == [True] * 5 + [False]
    assert run(connection, "FROM changes ORDER BY ALL") == expected


def test_few_checkpoints_merge_small_row_groups(connection, tmp_path, monkeypatch):
    monkeypatch.setattr("receiver.store.loop._CHECKPOINTS_BETWEEN_MERGES", 3)
    monkeypatch.setattr("receiver.store.loop._MERGES_TRIED", 2)
    monkeypatch.setattr("receiver.store.loop._CHECKPOINT_SECONDS", 3600)  # none because it is time
    loop = AppendLoop(connection, SpoolReader(tmp_path / "spool"), 10, on_fatal=pytest.fail, data_dir=tmp_path)
    writer = SpoolWriter(tmp_path / "spool")
    groups = []
    for number in range(10):
        writer.append_all([notification(number)])
        with loop.pause():
            groups.append(run(connection, ROW_GROUPS)[0][0])
    writer.close()
    assert groups == [1, 2, 3, 1, 1, 2, 3, 4, 1, 1]
