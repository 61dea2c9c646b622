"""Of the machines that share a spool one at a time writes the lake."""

import psycopg
import pytest

import analytics
from receiver.errors import SharedSpoolError
from receiver.keeping.lake.process import ELECTION_LOCK, elected
from receiver.settings import read_settings
from receiver.shared_spool import server
from tests.durability.support.stores import spool
from tests.lake.months import MONTHS, finished_rows, write
from tests.support.processes import PreparedReceiver, running
from tests.support.waiting import until

COUNT = "SELECT count(*) AS n FROM notifications"


@pytest.mark.full
def test_a_machine_waits_while_another_writes_and_writes_when_that_has_ended(tmp_path, database, there):
    spool(tmp_path / "data", finished_rows())
    with running(PreparedReceiver, tmp_path / "data", CLC_SHARED_SPOOL=database) as receiver:
        until(lambda: receiver.sql(COUNT) == [{"n": 200}], what="them to be stored")
        with psycopg.connect(database) as other:
            other.execute("SELECT pg_advisory_xact_lock(%s)", [ELECTION_LOCK])
            said = write(receiver, there, CLC_SHARED_SPOOL=database)
        assert said == {"waits_for": "another machine, which writes the lake"}
        assert write(receiver, there, CLC_SHARED_SPOOL=database)["written"] == MONTHS
    with analytics.connect(there) as lake:
        assert lake.sql(COUNT).to_pylist() == [{"n": 200}]


def test_of_the_machines_that_share_a_spool_one_at_a_time_may_write(database):
    settings = read_settings(env_file=None, shared_spool=database)
    with elected(settings) as check:
        check()
        with elected(settings) as check_of_another:
            assert check_of_another is None
    with elected(settings) as check:
        check()


def test_a_machine_that_has_lost_the_lock_may_write_no_manifest(database, monkeypatch):
    monkeypatch.setattr(server, "_FIRST_SECONDS", 0.0)
    settings = read_settings(env_file=None, shared_spool=database)
    with elected(settings) as check:
        check()
        with psycopg.connect(database, autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'")
        with pytest.raises(SharedSpoolError, match="can't be used for writing the lake"):
            check()
        with pytest.raises(SharedSpoolError, match="on which this machine had the lock is lost"):  # on a new connection
            check()
