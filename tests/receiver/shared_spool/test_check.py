"""`clc-receiver check` looks at the shared spool, and changes nothing there."""

from uuid import uuid4

import psycopg

from receiver.commands.check import _look_at_shared_spool
from receiver.settings import read_settings
from receiver.shared_spool import Identity, SpoolServer, register


def look(url):
    return _look_at_shared_spool(read_settings(shared_spool=url, env_file=None))


def test_check_counts_the_machines_and_makes_no_tables(database):
    assert look(database) == "can be used, 0 machines known to it"
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT to_regnamespace('clc_spool')").fetchone() == (None,)
    server = SpoolServer(database, "a test")
    register(server, Identity(uuid4(), "one"))
    assert look(database) == "can be used, 1 machine known to it"
    register(server, Identity(uuid4(), "two"))
    server.close()
    assert look(database) == "can be used, 2 machines known to it"
