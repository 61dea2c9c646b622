"""The machines that share a spool know each other, and rows leave it when all have them and a backup, too."""

import shutil
from contextlib import closing, contextmanager
from functools import partial
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.rows import scalar_row

from receiver.commands.forget import _check_is_gone, _find
from receiver.data_directory.node import FILE, RUNS_FILE, begin_run, read_node_id
from receiver.database.extent import read_watermarks
from receiver.database.opening import run
from receiver.errors import StoreError
from receiver.shared_spool import batches
from receiver.shared_spool import nodes as membership
from tests.durability.support.commands import run_command
from tests.receiver.shared_spool.nodes import Node
from tests.support.rows import notification
from tests.support.sizes import take_few


@pytest.fixture(autouse=True)
def _rows_may_go_at_once(monkeypatch):
    monkeypatch.setattr(batches, "_SHORTEST_SECONDS", 0.0)
    monkeypatch.setattr(membership, "_FREEING_SECONDS", 60.0)


def ask(database, query):
    with psycopg.connect(database, row_factory=scalar_row) as connection:
        return connection.execute(query).fetchall()


def count_rows(database):
    (batches,) = ask(database, "SELECT count(*) FROM clc_spool.batches")
    (rows,) = ask(database, "SELECT count(*) FROM clc_spool.rows")
    assert (rows == 0) == (batches == 0)
    return rows


def write(node, numbers):
    for number in numbers:
        node.writer.append_all([notification(number)])
        node.shipper.turn()


def lose_store(node):
    for file in node.directory.glob("clc.duckdb*"):
        file.unlink()


def test_a_machine_keeps_its_id_and_makes_another_if_the_file_is_damaged(tmp_path):
    first = read_node_id(tmp_path)
    assert read_node_id(tmp_path) == first
    (tmp_path / FILE).write_bytes(b"\0" * 37)
    assert read_node_id(tmp_path) != first
    assert read_node_id(tmp_path) == read_node_id(tmp_path)


def test_each_machine_knows_how_far_the_others_are(nodes):
    one, two = nodes
    one.settle()
    two.settle()
    write(one, range(5))
    one.settle()
    overview = two.beat()
    assert [(node.name, node.rows_behind) for node in overview.nodes] == [("one", 0), ("two", 5)]
    assert 0 <= overview.nodes[0].unseen_seconds < 30
    two.settle()
    assert [node.rows_behind for node in one.beat().nodes] == [0, 0]
    assert [node.lacks_rows for node in one.beat().nodes] == [False, False]


def test_rows_go_when_every_machine_has_checkpointed_them_and_a_backup_holds_them(nodes, database, monkeypatch):
    monkeypatch.setattr(batches, "_ROWS_PER_STEP", 3)
    one, two = nodes
    write(one, range(20))
    for node in nodes:
        node.settle()
    for node in nodes:
        node.checkpoint()
    assert count_rows(database) == 20  # no backup has them
    one.back_up()
    assert count_rows(database) == 0
    write(one, range(20, 25))
    for node in nodes:
        node.settle()
    one.back_up()
    assert count_rows(database) == 5  # the other would lose them with its WAL
    two.checkpoint()
    assert count_rows(database) == 0
    write(one, range(25, 30))
    for node in nodes:
        node.settle()
    assert [node.count() for node in nodes] == [30, 30]


def test_rows_go_though_the_store_that_made_the_backup_ended_before_it_was_uploaded(nodes, database):
    one, _ = nodes
    write(one, range(5))
    for node in nodes:
        node.settle()
        node.checkpoint()
    held = read_watermarks(partial(run, one.store))
    one.end()
    one.settle()
    one.reader.note_backup(held)
    one.report()
    assert count_rows(database) == 0


def test_a_backup_that_is_uploaded_after_a_failover_holds_no_row_that_came_after_it(nodes, database):
    one, two = nodes
    write(one, range(3))
    one.settle()
    one.checkpoint()
    note_backup = one.reader.note_copy()
    write(one, [3])
    for node in nodes:
        node.settle()
        node.checkpoint()
    with psycopg.connect(database) as connection:  # as if a server took over that never had the last two batches
        for lost in ("rows WHERE position > 2", "batches WHERE number > 2"):
            connection.execute(f"DELETE FROM clc_spool.{lost}")
        connection.execute("UPDATE clc_spool.positions SET last = 2")
        connection.execute("UPDATE clc_spool.counter SET number = 2, rows = 2")
    write(two, [4])
    for node in nodes:
        node.reader.close()
        node.settle()
        node.checkpoint()
    note_backup()
    one.report()
    assert count_rows(database) == 1


def test_rows_do_not_wait_for_a_machine_without_a_store_and_stay_while_none_has_one(nodes, database):
    one, two = nodes
    write(one, range(5))
    two.membership.identity = two.identity._replace(role="listener")
    two.beat()
    one.settle()
    one.back_up()
    assert count_rows(database) == 0
    assert [(node.rows_behind, node.lacks_rows) for node in two.beat().nodes] == [(0, False), (0, False)]
    write(two, range(5, 10))
    with psycopg.connect(database) as connection:
        connection.execute("UPDATE clc_spool.nodes SET checkpointed = 99, backed_up = 99")
    one.membership.identity = one.identity._replace(role="listener")
    one.beat()
    assert count_rows(database) == 5


def test_a_row_stays_for_an_hour_for_machines_that_are_not_known_yet(nodes, database, monkeypatch):
    monkeypatch.setattr(batches, "_SHORTEST_SECONDS", 3600.0)
    one, _ = nodes
    write(one, range(4))
    one.settle()
    one.back_up()
    assert count_rows(database) == 4
    with psycopg.connect(database) as connection:
        connection.execute("UPDATE clc_spool.batches SET put_at = put_at - INTERVAL '1 hour' WHERE number <> 2")
    one.beat()
    assert count_rows(database) == 3  # none goes before one that came before it


def test_a_machine_that_says_less_than_before_is_believed(nodes, database):
    one, _ = nodes
    write(one, range(4))
    one.settle()
    one.checkpoint()
    assert ask(database, "SELECT checkpointed FROM clc_spool.nodes WHERE name = 'one'") == [4]
    one.end()
    lose_store(one)
    one.append()
    assert ask(database, "SELECT checkpointed FROM clc_spool.nodes WHERE name = 'one'") == [0]


def test_a_machine_that_was_forgotten_says_that_rows_are_gone_and_goes_on_with_a_backup_of_another(nodes, database):
    one, two = nodes
    write(one, range(10))
    for node in nodes:
        node.settle()
    two.end()
    write(one, range(10, 20))
    one.settle()
    one.back_up()
    assert count_rows(database) == 20
    forgotten = run_command(two.directory, "forget", "two", "--force", CLC_SHARED_SPOOL=database)
    assert forgotten.returncode == 0, forgotten.stderr
    assert "The shared spool kept 10 rows that it has not stored." in forgotten.stdout
    one.back_up()
    assert count_rows(database) == 0
    write(one, range(20, 25))
    one.settle()
    two.settle()
    assert two.count() == 10
    assert two.reader.obstacle.startswith("10 rows that this store does not have are deleted there")
    assert [node.lacks_rows for node in one.beat().nodes] == [False, True]
    one.back_up()
    assert count_rows(database) == 5  # for the one that lacks rows
    one.end()
    two.end()
    lose_store(two)
    shutil.copy(one.directory / "clc.duckdb", two.directory / "clc.duckdb")
    two.settle()
    assert (two.count(), two.reader.obstacle) == (25, None)
    assert [node.lacks_rows for node in two.beat().nodes] == [False, False]


@pytest.mark.full
def test_a_machine_that_is_forgotten_while_it_runs_notices_that_rows_are_gone(nodes, database):
    one, two = nodes
    two.settle()
    write(one, range(10))
    one.settle()
    assert run_command(one.directory, "forget", str(two.id), "--force", CLC_SHARED_SPOOL=database).returncode == 0
    one.back_up()
    assert count_rows(database) == 0
    two.settle()
    assert two.count() == 0
    assert two.reader.obstacle.startswith("10 rows")


def test_a_machine_whose_id_was_copied_to_another_is_told_and_does_not_speak_for_that(nodes, database, tmp_path):
    one, _ = nodes
    (tmp_path / "copied").mkdir()
    shutil.copy(one.directory / FILE, tmp_path / "copied" / FILE)
    one.settle()
    copied = Node(tmp_path / "copied", database)
    write(copied, range(3))
    copied.settle()
    assert "another machine says that it has the id of this one" in copied.membership.obstacle
    assert one.membership.obstacle is None
    assert ask(database, "SELECT (name, stored)::TEXT FROM clc_spool.nodes") == ["(one,0)"]
    copied.close()


@contextmanager
def cloned(node):
    """Copy a machine with its name, as it is now."""
    directory = node.directory.parent / "clones" / node.directory.name
    directory.mkdir(parents=True)
    for name in (FILE, RUNS_FILE):
        shutil.copy(node.directory / name, directory / name)
    with closing(Node(directory, node.database)) as clone:
        yield clone


@pytest.mark.parametrize("is_clone_first", take_few([True, False], 1))
def test_of_a_machine_and_its_clone_of_the_same_name_the_second_is_told_and_speaks_for_none(nodes, is_clone_first):
    one, _ = nodes
    with cloned(one) as clone:
        restart(one)
        first, second = (clone, one) if is_clone_first else (one, clone)
        write(first, range(3))
        first.settle()
        second.append()
        second.report()
        first.report()
        assert "another machine says that it has the id of this one" in second.membership.obstacle
        assert first.membership.obstacle is None


@pytest.mark.full
def test_a_clone_that_starts_while_its_machine_runs_is_told_and_one_whose_machine_is_silent_is_not(
    nodes, database, tmp_path, monkeypatch
):
    one, _ = nodes
    one.beat()
    monkeypatch.setattr("receiver.data_directory.node._BOOT", tmp_path / "another boot")
    with cloned(one) as clone:
        clone.beat()
        one.beat()
        assert "another machine says that it has the id of this one" in clone.membership.obstacle
        assert one.membership.obstacle is None
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute("UPDATE clc_spool.nodes SET seen_at = seen_at - INTERVAL '10 seconds'")
        clone.beat()
        assert clone.membership.obstacle is None


def test_a_running_machine_is_told_that_its_clone_speaks_for_it(nodes, database):
    one, _ = nodes
    write(one, range(3))
    one.settle()
    with cloned(one) as clone:
        clone.beat()
        one.back_up()
        assert "another machine says that it has the id of this one" in one.membership.obstacle
        assert clone.membership.obstacle is None
    assert count_rows(database) == 3  # the clone does not have them


def test_a_machine_that_starts_again_speaks_for_itself_at_once_also_after_an_older_program(nodes, database):
    one, _ = nodes
    one.beat()
    for _ in range(2):
        restart(one)
        one.beat()
        assert one.membership.obstacle is None
    with psycopg.connect(database, autocommit=True) as older:
        older.execute("UPDATE clc_spool.nodes SET run = NULL")
    one.beat()
    assert one.membership.obstacle is None


def restart(node):
    """Let a node begin another run."""
    node.identity = node.membership.identity = node.identity._replace(runs=begin_run(node.directory))
    return node


@pytest.mark.full
def test_forget_refuses_a_machine_that_lives_and_one_that_nobody_knows(nodes, database, tmp_path):
    def forget(machine):
        return run_command(tmp_path / "one", "forget", machine, CLC_SHARED_SPOOL=database)

    for node in nodes:
        node.settle()
    lives, unknown = forget("two"), forget("three")
    assert (lives.returncode, unknown.returncode) == (1, 1)
    assert "ago, so it runs: stop it first, or use --force." in lives.stderr
    assert f"There are: one ({str(nodes[0].id)[:8]}), two ({str(nodes[1].id)[:8]})." in unknown.stderr
    assert len(nodes[0].beat().nodes) == 2


def flip(node, place):
    """Return an id that differs at one place."""
    text = str(node)
    return UUID(f"{text[:place]}{int(text[place], 16) ^ 1:x}{text[place + 1 :]}")


def test_a_machine_is_found_by_a_beginning_of_its_id_that_no_other_has():
    first, near, far = UUID(int=1 << 100), UUID(int=3 << 100), UUID(int=1 << 127)
    nodes: Any = [SimpleNamespace(name=f"of {node}", node=node) for node in (first, near, far)]
    assert _find(str(far)[:4], nodes) is nodes[2]
    assert _find("OF " + str(first), nodes) is nodes[0]
    for begin, said in ((str(far)[:3], "Give 4 letters or more"), ("0000", "of several machines"), ("x", "There are")):
        with pytest.raises(StoreError, match=said):
            _find(begin, nodes)


def test_a_machine_that_lives_is_forgotten_by_force_alone():
    lives: Any = SimpleNamespace(name="two", unseen_seconds=3.0)
    with pytest.raises(StoreError, match="so it runs: stop it first, or use --force"):
        _check_is_gone(lives, force=False)
    _check_is_gone(lives, force=True)


@pytest.mark.full
def test_forget_takes_a_beginning_of_an_id_that_names_one_machine_alone_from_four_letters_on(nodes, database, tmp_path):
    def forget(machine):
        return run_command(tmp_path / "one", "forget", machine, "--force", CLC_SHARED_SPOOL=database)

    one, two = nodes
    one.settle()
    first, near, far = str(one.id), flip(one.id, 12), flip(one.id, 0)
    for other in (near, far):
        two.membership.identity = two.identity._replace(node=other)
        two.beat()
    several = forget(first[:5])
    assert several.returncode == 1
    listed = sorted(f"{name} ({node[:13]})" for name, node in (("one", first), ("two", str(near))))
    assert f"The ids of several machines begin with {first[:5]}: " in several.stderr
    assert all(each in several.stderr for each in listed), several.stderr
    for begin in (str(far)[:1], str(far)[:3], first[:3]):
        short = forget(begin)
        assert short.returncode == 1
        assert f"No machine is called {begin}. Give 4 letters or more of an id." in short.stderr
    assert forget(str(far)[:4]).returncode == 0
    assert forget(str(near)[:13]).returncode == 0
    assert [node.node for node in one.beat().nodes] == [one.id]
