"""A store that has dropped months is checked, derived again, copied and joined like any other."""

import pytest

from tests.durability.support.commands import run_command
from tests.durability.support.stores import spool
from tests.lake.test_dropping import COUNT, KEEP, months_of_users
from tests.support.processes import PreparedReceiver, running
from tests.support.waiting import until

CHANGES = "SELECT count(*) AS n, bit_xor(hash(changes))::VARCHAR AS rows FROM changes"
DROPPED = "SELECT before::VARCHAR AS before, notifications, last_seq, kept FROM dropped"


def is_whole(data_dir, **settings):
    done = run_command(data_dir, "verify", **settings)
    return (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


@pytest.mark.full
def test_it_verifies_after_a_rebuild_a_restart_and_the_restore_of_a_backup_from_before_and_after(tmp_path, there):
    data_dir, before, after = tmp_path / "data", tmp_path / "before.duckdb", tmp_path / "after.duckdb"
    spool(data_dir, months_of_users())
    with running(PreparedReceiver, data_dir) as receiver:
        until(lambda: receiver.sql(COUNT) == [{"n": 205}], what="all to be stored")
        assert run_command(data_dir, "backup", str(before)).returncode == 0
    settings = {"CLC_OBJECTS": there, **KEEP}
    with running(PreparedReceiver, data_dir, **settings) as receiver:
        receiver.until_logged("are dropped; the lake has them")
        stored = receiver.sql(CHANGES)
        assert run_command(data_dir, "rebuild", **settings).returncode == 0
        assert receiver.sql(CHANGES) == stored
        assert is_whole(data_dir, **settings)[0]
        assert run_command(data_dir, "backup", str(after), **settings).returncode == 0
    with running(PreparedReceiver, data_dir, **settings) as receiver:
        assert "MISSING" not in run_command(data_dir, "status", **settings).stdout
        assert is_whole(data_dir, **settings)[0]
    assert run_command(tmp_path / "other", "restore", str(after)).returncode == 0
    with running(PreparedReceiver, tmp_path / "other") as receiver:
        assert receiver.sql(COUNT) == [{"n": 25}]
        assert is_whole(tmp_path / "other")[0]
    assert run_command(data_dir, "restore", "--force", str(before)).returncode == 0
    assert is_whole(data_dir)[0]
    with running(PreparedReceiver, data_dir, **settings) as receiver:
        receiver.until_logged("are dropped; the lake has them")
        assert receiver.sql(COUNT) == [{"n": 25}]
        assert is_whole(data_dir, **settings)[0]


@pytest.mark.full
def test_a_machine_joins_with_the_backup_of_one_that_has_dropped_months(tmp_path, there, database):
    settings = {"CLC_OBJECTS": there, "CLC_SHARED_SPOOL": database}
    spool(tmp_path / "one", months_of_users())
    with running(PreparedReceiver, tmp_path / "one", **settings) as one:
        until(lambda: one.sql(COUNT) == [{"n": 205}], what="all to be stored")
    with running(PreparedReceiver, tmp_path / "one", **settings, **KEEP) as one:
        one.until_logged("are dropped; the lake has them")
        assert run_command(tmp_path / "one", "backup", str(tmp_path / "b.duckdb"), **settings).returncode == 0
        joined = run_command(tmp_path / "two", "join", **settings)
        assert joined.returncode == 0, joined.stderr
        with running(PreparedReceiver, tmp_path / "two", **settings) as two:
            for query in (COUNT, CHANGES, DROPPED):
                assert two.sql(query) == one.sql(query)
            assert is_whole(tmp_path / "two", **settings)[0]
