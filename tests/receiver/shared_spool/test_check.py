"""`clc-receiver check` looks at the shared spool, and changes nothing there."""

from uuid import uuid4

import psycopg
import pytest

from receiver.commands.check import _look_at_shared_spool
from receiver.errors import SharedSpoolError
from receiver.settings import read_settings
from receiver.shared_spool import Identity, SpoolServer, register, server


def look(url):
    return _look_at_shared_spool(read_settings(shared_spool=url, env_file=None))


def test_check_counts_the_machines_and_makes_no_tables(database):
    assert look(database) == "can be used, 0 machines known to it"
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT to_regnamespace('clc_spool')").fetchone() == (None,)
    spool = SpoolServer(database, "a test")
    register(spool, Identity(uuid4(), "one"))
    assert look(database) == "can be used, 1 machine known to it"
    register(spool, Identity(uuid4(), "two"))
    spool.close()
    assert look(database) == "can be used, 2 machines known to it"


def test_check_says_what_a_server_would_refuse_that_can_be_read(database, postgres):
    name = database.rpartition("/")[2]
    with pytest.raises(SharedSpoolError, match="may not create a schema"):
        look(f"{database}?options=-crole%3Dpg_monitor")
    postgres.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    with pytest.raises(SharedSpoolError, match="it takes no writes"):
        look(database)


class Pooled:
    """A connection as a pooler gives it: its user leaves, and the connection to the server stays."""

    def __init__(self, connection):
        self._connection = connection

    def __getattr__(self, name):
        return getattr(self._connection, name)

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        pass

    def close(self):
        pass


def test_check_leaves_no_setting_in_a_connection_that_a_pooler_gives_to_others(database, monkeypatch):
    settings = "SELECT name, setting FROM pg_settings ORDER BY 1"
    with psycopg.connect(database, autocommit=True) as shared:
        monkeypatch.setattr(server, "_connect", lambda _url: Pooled(shared))
        spool = SpoolServer(database, "a test")
        register(spool, Identity(uuid4(), "one"))
        before = shared.execute(settings).fetchall()
        assert look(database) == "can be used, 1 machine known to it"
        assert shared.execute(settings).fetchall() == before
        register(spool, Identity(uuid4(), "two"))
        assert look(database) == "can be used, 2 machines known to it"


def test_check_can_write_nothing_to_the_shared_spool(database):
    with (
        pytest.raises(SharedSpoolError, match="it takes no writes"),
        server.read_once(database, "a check") as connection,
    ):
        connection.execute("CREATE TABLE new (a int)")
