"""While PostgreSQL takes no writes, a store reads what is there, and says that it can't note how far it is."""

from contextlib import contextmanager

import psycopg
import pytest

from receiver.shared_spool import server
from tests.receiver.shared_spool.nodes import Node
from tests.support.rows import notification

TAKES_NO_WRITES = "it takes no writes, but can be read: name the server that takes them, or have it take them"


@pytest.fixture
def node(tmp_path, database):
    node = Node(tmp_path / "one", database)
    yield node
    node.close()


@contextmanager
def read_only(postgres, database):
    """Have the server take no writes, on connections that are open, too."""
    try:
        set_read_only(postgres, database, "on")
        yield
    finally:
        set_read_only(postgres, database, "off")


def set_read_only(postgres, database, value):
    name = database.rpartition("/")[2]
    postgres.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = {value}")
    postgres.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")


def write(node, numbers):
    for number in numbers:
        node.writer.append_all([notification(number)])
        node.shipper.turn()


def try_now(spool_server):
    for trouble in spool_server._troubles.values():
        trouble.until = 0


def append_for_a_while(node):
    """Take the turns in which a store finds its connection broken, and goes on with another."""
    for _ in range(4):
        try_now(node.reader._server)
        node.reader._report_at = 0
        node.append()


@pytest.mark.parametrize("asks_for", ["", "?target_session_attrs=read-write"])
def test_a_store_reads_what_a_server_has_that_takes_no_writes_and_says_what_it_can_not_note(
    tmp_path, database, postgres, asks_for, caplog
):
    node = Node(tmp_path / "one", database + asks_for)
    node.open()
    node.settle()
    write(node, range(5))
    with read_only(postgres, database):
        append_for_a_while(node)
        assert node.count() == 5
        assert node.reader.failure == TAKES_NO_WRITES
        assert "noting how far this store is" in caplog.text
    append_for_a_while(node)
    assert node.reader.failure is None
    node.beat()  # finds its connection broken
    try_now(node.membership._server)
    assert [each.rows_behind for each in node.beat().nodes] == [0]
    node.close()


def test_a_store_that_reads_from_a_server_without_writes_looks_for_the_one_that_takes_them(
    tmp_path, database, postgres, monkeypatch
):
    monkeypatch.setattr(server, "_LONGEST_SECONDS", 0.0)  # it looks at each turn
    node = Node(tmp_path / "one", f"{database}?target_session_attrs=read-write")
    node.settle()
    node.reader._identity = None  # it notes nothing, so no failure has it look
    with read_only(postgres, database):
        append_for_a_while(node)
        first = node.reader._connection
        append_for_a_while(node)
        assert node.reader._connection is not first
    node.close()


def test_a_store_of_a_new_version_reads_the_tables_of_the_one_before_that_it_can_not_bring_up_to_date(
    node, database, postgres
):
    node.settle()
    write(node, range(3))
    with psycopg.connect(database) as older:
        older.execute("ALTER TABLE clc_spool.nodes DROP COLUMN clock_ahead")
        older.execute("UPDATE clc_spool.about SET version = 3")
    node.end()
    with read_only(postgres, database):
        node.open()
        append_for_a_while(node)
        assert node.count() == 3
        assert node.reader.failure == TAKES_NO_WRITES
    append_for_a_while(node)
    assert node.reader.failure is None
    with server.read_once(database, "testing") as connection:
        assert server.check_version(connection) == server.VERSION


def test_a_machine_that_can_not_send_says_that_the_server_takes_no_writes(node, database, postgres):
    node.settle()
    with read_only(postgres, database):
        write(node, range(3))
        try_now(node.shipper._server)
        node.shipper.turn()
        assert node.shipper.failure == TAKES_NO_WRITES
