"""Behind a pooler that gives each transaction another connection, settings hold in ours alone."""

from contextlib import ExitStack, closing
from uuid import uuid4

import psycopg
import pytest

from receiver.keeping.lake.process import elected
from receiver.settings import read_settings
from receiver.shared_spool import Identity, register, server
from tests.receiver.shared_spool.nodes import Node
from tests.support.postgres import pooled
from tests.support.rows import notification

SETTINGS = ("idle_in_transaction_session_timeout", "tcp_keepalives_idle", "jit", "synchronous_commit")
OURS = ["10s", "10", "off", "on"]
SHOWN = f"ARRAY[{', '.join(f'current_setting($${name}$$)' for name in SETTINGS)}]"
NOTE = f"""
CREATE TABLE seen AS SELECT pg_backend_pid() AS process, {SHOWN} AS settings LIMIT 0;
CREATE FUNCTION note() RETURNS TRIGGER LANGUAGE plpgsql
    AS $note$ BEGIN INSERT INTO seen SELECT pg_backend_pid(), {SHOWN}; RETURN NULL; END $note$;
CREATE TRIGGER note AFTER INSERT ON clc_spool.batches FOR EACH STATEMENT EXECUTE FUNCTION note();
"""


@pytest.fixture
def behind(postgres, database):
    """The URL of an empty database behind a pooler; the server itself would not wait until a commit is synced."""
    postgres.execute(f"ALTER DATABASE {database.rpartition('/')[2]} SET synchronous_commit = off")
    with pooled(postgres, database) as url:
        yield url


def show(connection):
    ((settings,),) = connection.execute(f"SELECT {SHOWN}").fetchall()
    return settings


def ask_connections(url, query, count):
    """Ask so many connections of the pooler to the server, each once."""
    with ExitStack() as clients:
        connections = [clients.enter_context(psycopg.connect(url)) for _ in range(count)]
        return [connection.execute(query).fetchone() for connection in connections]


def test_our_settings_hold_in_each_of_our_transactions_and_in_none_of_others(tmp_path, behind, database):
    with psycopg.connect(database) as connection:
        own = show(connection)
    with elected(read_settings(env_file=None, shared_spool=behind)) as check:
        check()
    with closing(Node(tmp_path / "one", behind)) as node:
        node.settle()
        with psycopg.connect(database) as connection:
            connection.execute(NOTE)
        node.writer.append_all([notification(1)])
        node.settle()
        with psycopg.connect(behind) as other:
            other.execute("SELECT 1")  # from now on it has the server's connection that the node had
            node.writer.append_all([notification(2)])
            node.settle()
        node.checkpoint()
        assert node.count() == 2
    with psycopg.connect(database) as connection:
        seen = connection.execute("SELECT * FROM seen").fetchall()
    assert [settings for _, settings in seen] == [OURS] * 2
    assert len({process for process, _ in seen}) == 2
    left = ask_connections(behind, f"SELECT pg_backend_pid(), {SHOWN}", 3)
    assert {process for process, _ in left} >= {process for process, _ in seen}
    assert [settings for _, settings in left] == [own] * 3


def test_the_machine_that_writes_the_lake_has_the_settings_in_its_long_transaction(database, monkeypatch):
    used, connect = [], server._connect

    def note(url):
        used.append(connect(url))
        return used[-1]

    monkeypatch.setattr(server, "_connect", note)
    with elected(read_settings(env_file=None, shared_spool=database)):
        assert show(used[-1]) == ["1h", *OURS[1:]]


def test_after_our_transaction_the_connection_has_the_servers_own_settings(database):
    with psycopg.connect(database) as connection:
        own = show(connection)
    spool = server.SpoolServer(database, "a test")
    with closing(spool):
        register(spool, Identity(uuid4(), "one"))
        with spool.session() as connection:
            assert show(connection) == own
