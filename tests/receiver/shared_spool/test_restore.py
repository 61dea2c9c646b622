"""What comes in again from the shared spool is not left out by a restore."""

import re
import shutil

import psycopg
import pytest

from receiver.data_directory.incidents import read_incidents
from receiver.keeping.backup_file import seal
from tests.durability.support.commands import run_command
from tests.receiver.shared_spool.nodes import Node
from tests.support.ports import free_port
from tests.support.rows import notification, rejection


@pytest.fixture
def node(tmp_path, database):
    """A machine whose backup lacks three of its notifications and two of another machine; both spools are empty."""
    node, other = Node(tmp_path / "one", database), Node(tmp_path / "two", database)
    node.writer.append_all([notification(n) for n in range(4)])
    node.settle()
    node.checkpoint()
    shutil.copy(node.directory / "clc.duckdb", tmp_path / "backup.duckdb")
    seal(tmp_path / "backup.duckdb", "another key", tmp_path / "none")
    for each, numbers in ((node, range(4, 7)), (other, range(7, 9))):
        each.writer.append_all([*map(notification, numbers), *map(rejection, numbers)])
        each.settle()
    node.settle()
    node.checkpoint()
    for each in (node, other):
        each.close()
        shutil.rmtree(each.directory / "spool")
    return node


def restore(node, url, *options):
    backup = str(node.directory.parent / "backup.duckdb")
    return run_command(node.directory, "restore", backup, "--other-key", *options, CLC_SHARED_SPOOL=url)


@pytest.mark.full
def test_what_the_shared_spool_holds_beyond_the_backup_is_not_left_out_and_comes_in_again(node, database):
    refused = restore(node, database)
    assert (refused.returncode, "are neither" in refused.stderr) == (1, False)
    restored = restore(node, database, "--force")
    assert (restored.returncode, "are neither" in restored.stderr) == (0, False), restored.stderr
    assert "stay in the database" not in restored.stderr
    assert read_incidents(node.directory) == []
    again = Node(node.directory, database)
    again.settle()
    assert again.count() == 9
    again.close()


@pytest.mark.full
def test_what_is_deleted_in_the_shared_spool_is_left_out(node, database):
    with psycopg.connect(database) as connection:
        connection.execute("DELETE FROM clc_spool.rows WHERE position > 4 AND position < 7 AND kind = 'notifications'")
    assert restore(node, database, "--force").returncode == 0
    (incident,) = read_incidents(node.directory)
    assert incident.missing.startswith("2 of its notifications, received from ")
    assert incident.left_out == 2


@pytest.mark.full
def test_while_the_shared_spool_is_away_it_is_said_that_it_may_hold_what_is_left_out(node, database):
    away = re.sub(r":[0-9]+/", f":{free_port()}/", database)
    restored = restore(node, away, "--force")
    assert restored.returncode == 0, restored.stderr
    (incident,) = read_incidents(node.directory)
    assert re.match(r"5 of its notifications, .* of this machine, and whether the shared spool holds", incident.missing)
    assert "The shared spool can't be used for a restore: " in incident.missing
    assert incident.left_out == 5
    assert restore(node, database, "--force").returncode == 0
    assert [each.missing for each in read_incidents(node.directory)] == [None]
