"""A new machine joins with a backup from object storage, and ends with every row; one that can't is told why."""

import re
import shutil
from contextlib import closing
from uuid import UUID

import psycopg
import pytest

from receiver.data_directory.node import FILE, read_machine_name
from receiver.keeping.backup_file import seal
from receiver.keeping.objects.place import Place
from receiver.shared_spool import batches
from tests.durability.support.commands import run_command
from tests.receiver.shared_spool.nodes import Node
from tests.receiver.shared_spool.test_nodes import ask, write
from tests.receiver.shared_spool.test_several_machines import count, post, stored
from tests.support.processes import PreparedReceiver, running
from tests.support.sizes import take_few
from tests.support.waiting import until


@pytest.fixture
def directory(tmp_path):
    (tmp_path / "there").mkdir()
    return tmp_path / "there"


@pytest.fixture
def node(tmp_path, database, monkeypatch):
    monkeypatch.setattr(batches, "_SHORTEST_SECONDS", 0.0)
    node = Node(tmp_path / "one", database)
    yield node
    node.close()


def upload(node, directory, name):
    """Copy a node's store into object storage, unchanged."""
    node.appender.checkpoint()
    copy = directory.parent / name
    shutil.copy(node.directory / "clc.duckdb", copy)
    info = seal(copy, "key", node.directory / "none")
    Place(str(directory)).put(copy, name, ("2026", "one", info.notifications, info.last_seq), lambda _count: None)


def join(data_dir, database, directory):
    settings = {"CLC_SHARED_SPOOL": database, "CLC_OBJECTS": str(directory)}
    return run_command(data_dir, "join", "--other-key", **settings)


@pytest.mark.full
@pytest.mark.slow
def test_a_third_machine_joins_while_the_others_run_and_has_every_row(tmp_path, database, directory):
    settings = {"CLC_SHARED_SPOOL": database, "CLC_OBJECTS": str(directory)}
    with (
        running(PreparedReceiver, tmp_path / "one", **settings) as one,
        running(PreparedReceiver, tmp_path / "two", **settings) as two,
    ):
        post(one, range(20))
        post(two, range(20, 40))
        until(lambda: count(one) == count(two) == 40, what="all on both")
        assert run_command(tmp_path / "one", "backup", str(tmp_path / "b.duckdb"), **settings).returncode == 0
        with psycopg.connect(database) as connection:
            connection.execute("UPDATE clc_spool.batches SET put_at = put_at - INTERVAL '1 hour'")
        until(lambda: ask(database, "SELECT count(*) FROM clc_spool.rows") == [0], what="the rows to go")
        post(two, range(40, 50))
        until(lambda: count(one) == count(two) == 50, what="all on both")
        joined = run_command(tmp_path / "three", "join", **settings)
        assert joined.returncode == 0, joined.stderr
        assert "has 40 notifications" in joined.stderr
        assert "The shared spool has 10 rows more" in joined.stderr
        post(one, range(50, 60))
        with running(PreparedReceiver, tmp_path / "three", **settings) as three:
            until(lambda: count(three) == 60, what="all on the third")
            assert stored(three) == stored(one)
            assert len(set(stored(three))) == 60


def test_a_machine_is_on_the_list_before_it_looks_for_a_backup_and_joins_at_a_second_try(
    tmp_path, database, directory, node
):
    write(node, range(5))
    node.settle()
    failed = join(tmp_path / "two", database, directory)
    assert failed.returncode == 1
    assert "has no whole backup that can be used. Rows are kept for this machine meanwhile: run" in failed.stderr
    (identity,) = ask(database, f"SELECT node FROM clc_spool.nodes WHERE name = '{read_machine_name()}'")
    assert identity == UUID((tmp_path / "two" / FILE).read_text().strip())
    node.back_up()
    assert ask(database, "SELECT count(*) FROM clc_spool.rows") == [5]
    upload(node, directory, "clc-1-one-00000001.duckdb")
    again = join(tmp_path / "two", database, directory)
    assert again.returncode == 0, again.stderr
    assert "The shared spool has 0 rows more" in again.stderr
    full = join(tmp_path / "two", database, directory)
    assert (full.returncode, "start `serve`, or replace its store by" in full.stderr) == (1, True)


def test_a_newer_backup_of_a_machine_that_was_behind_is_passed_over(tmp_path, database, directory, node):
    node.append()
    upload(node, directory, "clc-2-behind-00000002.duckdb")
    write(node, range(5))
    node.settle()
    upload(node, directory, "clc-1-one-00000001.duckdb")
    node.back_up()
    assert ask(database, "SELECT count(*) FROM clc_spool.rows") == [0]
    done = join(tmp_path / "two", database, directory)
    assert done.returncode == 0, done.stderr
    assert "clc-2-behind-00000002.duckdb is passed over: it lacks 5 rows that are deleted" in done.stderr
    assert ": 5 notifications up to seq 5" in done.stderr
    write(node, range(5, 8))
    with closing(Node(tmp_path / "two", database)) as joined:
        joined.settle()
        assert joined.count() == 8


@pytest.mark.parametrize("file", take_few(["clc.duckdb", "spool/1.sqlite", "notes.txt"], 1))
def test_a_data_directory_that_is_not_empty_is_refused_and_no_machine_is_put_on_the_list(
    tmp_path, database, directory, file
):
    path = tmp_path / "two" / file
    path.parent.mkdir(parents=True)
    path.write_text("something")
    done = join(tmp_path / "two", database, directory)
    assert (done.returncode, f"is not empty ({path.name})" in done.stderr) == (1, True)
    assert path.read_text() == "something"
    assert not (tmp_path / "two" / FILE).exists()


def test_join_names_the_settings_that_it_lacks(tmp_path):
    done = run_command(tmp_path, "join")
    assert (done.returncode, "CLC_SHARED_SPOOL and CLC_OBJECTS must be set" in done.stderr) == (2, True)


@pytest.mark.parametrize("arguments", take_few([("join",), ("forget", "one")], 1))
def test_a_command_that_can_not_reach_the_shared_spool_says_so_once_and_ends(tmp_path, directory, arguments):
    url = "postgresql://clc@127.0.0.1:1/clc"
    done = run_command(tmp_path / "new", *arguments, CLC_SHARED_SPOOL=url, CLC_OBJECTS=str(directory))
    assert done.returncode == 1
    assert re.findall(".*can't be used.*", done.stderr) == re.findall("Error: The .* Connection refused.*", done.stderr)
