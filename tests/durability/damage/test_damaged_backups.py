"""A backup whose derived tables are damaged is restored and derives them again; any other damage is refused."""

import random

import duckdb
import pytest

from receiver.data_directory.incidents import read_incidents
from receiver.database.opening import run
from receiver.errors import StoreError
from receiver.keeping.backup_file import inspect, seal
from tests.durability.support.commands import run_command
from tests.durability.support.damaged import block_overwritten
from tests.durability.support.stores import accepted, append, spool
from tests.durability.test_restore import key_of
from tests.support.processes import PreparedReceiver, running
from tests.support.rows import rejection
from tests.support.waiting import until

CHANGES = "SELECT count(*) AS n, bit_xor(hash(changes))::VARCHAR AS rows FROM changes"


def make_hex(number, length):
    return random.Random(number).randbytes(length).hex().encode()


@pytest.fixture(scope="module")
def backup(tmp_path_factory):
    """A backup whose changes and refused notifications have blocks of their own."""
    data_dir = tmp_path_factory.mktemp("data")
    bodies = [b'{"userName":"u%d","x":"%s"}' % (n % 200, make_hex(n, 1000)) for n in range(1000)]
    spool(data_dir, [accepted(n, body=body) for n, body in enumerate(bodies)])
    spool(data_dir, [rejection(n, body=make_hex(n, 40_000)) for n in range(20)])
    append(data_dir)
    seal(data_dir / "clc.duckdb", key_of(data_dir), data_dir / "none")
    return data_dir / "clc.duckdb"


def damage(backup, table, tmp_path):
    """Copy the backup, and damage a block of a table alone."""
    copy = tmp_path / "b.duckdb"
    copy.write_bytes(backup.read_bytes())
    with duckdb.connect(str(copy), read_only=True) as database:
        blocks = {
            name: {number for (number,) in run(database, f"SELECT block_id FROM pragma_storage_info('{name}')")}
            for name in ("notifications", "changes", "rejected")
        }
    block_overwritten(max(blocks.pop(table) - set().union(*blocks.values())))(copy)
    return copy


def test_a_backup_with_damaged_changes_is_restored_and_they_are_derived_again(backup, tmp_path):
    with duckdb.connect(str(backup), read_only=True) as database:
        expected = run(database, CHANGES)
    data_dir = tmp_path / "restored"
    restored = run_command(data_dir, "restore", str(damage(backup, "changes", tmp_path)))
    assert restored.returncode == 0, restored.stderr
    assert "`serve` derives the others again when it starts" in restored.stderr
    with running(PreparedReceiver, data_dir) as receiver:
        until(lambda: not receiver.sql("FROM rebuilding"), what="the end of deriving")
        assert [tuple(row.values()) for row in receiver.sql(CHANGES)] == expected
        checked = run_command(data_dir, "verify", "--scrub")
    assert (checked.returncode, checked.stdout) == (0, ""), checked.stdout


@pytest.mark.parametrize("table", ["notifications", "rejected"])
def test_a_copy_that_could_not_be_restored_never_becomes_a_backup(backup, tmp_path, table):
    copy = damage(backup, table, tmp_path)
    with pytest.raises(duckdb.Error, match="Corrupt database file"):
        seal(copy, "any key", tmp_path / "none")
    with pytest.raises(StoreError, match="is damaged"):
        inspect(copy)


def test_a_copy_whose_changes_are_damaged_becomes_a_backup(backup, tmp_path):
    copy = damage(backup, "changes", tmp_path)
    assert seal(copy, "any key", tmp_path / "none") == inspect(copy)


def test_a_backup_with_damaged_refused_notifications_is_restored_without_them_where_that_is_wanted(backup, tmp_path):
    data_dir, damaged = tmp_path / "restored", str(damage(backup, "rejected", tmp_path))
    refused = run_command(data_dir, "restore", damaged)
    assert refused.returncode == 1
    assert "is damaged" in refused.stderr
    assert "Or give --force: its refused notifications alone are damaged." in refused.stderr
    assert not (data_dir / "clc.duckdb").exists()
    restored = run_command(data_dir, "restore", "--force", damaged)
    assert restored.returncode == 0, restored.stderr
    assert "is restored without them" in restored.stderr
    (incident,) = read_incidents(data_dir)
    assert incident.missing.startswith("All refused notifications up to ")
    assert incident.left_out is None
    with running(PreparedReceiver, data_dir) as receiver:
        counts = receiver.sql("SELECT (SELECT count(*) FROM notifications) AS n, (SELECT count(*) FROM rejected) AS r")
        assert counts == [{"n": 1000, "r": 0}]


def test_force_restores_no_backup_with_damaged_notifications(backup, tmp_path):
    data_dir = tmp_path / "restored"
    refused = run_command(data_dir, "restore", "--force", str(damage(backup, "notifications", tmp_path)))
    assert refused.returncode == 1
    assert "is damaged" in refused.stderr
    assert "--force" not in refused.stderr
    assert not (data_dir / "clc.duckdb").exists()
