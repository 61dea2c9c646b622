"""A backup with whole notifications is used, though its derived tables or its refused notifications are damaged."""

from typing import Any

import duckdb
import pytest

from receiver.data_directory.incidents import read_incidents
from receiver.database.opening import run
from receiver.errors import StoreError, UndecidedError
from receiver.keeping import backup_file
from receiver.keeping.backup_file import inspect, inspect_all_but_refused, read_info, seal
from receiver.keeping.objects.fetching import fetched_newest
from receiver.keeping.objects.place import Place
from tests.durability.support.commands import run_command
from tests.durability.support.damaged_backups import CHANGES, NEWER, OLDER, count_rows, damage
from tests.support.processes import PreparedReceiver, running
from tests.support.sizes import take_few
from tests.support.waiting import until


@pytest.mark.full
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


@pytest.mark.full
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


def upload(file, name, directory):
    """Put a backup into object storage."""
    made = ("2026-03-04 12:00:00", "host", 1, 1)
    Place(str(directory)).put(file, name, made, lambda _count: None)
    return directory / "backups" / name


@pytest.fixture(params=["before it was uploaded", "in object storage"])
def uploaded(request, backup, older, tmp_path):
    """Object storage with two backups; of the newer one a block of refused notifications was damaged, at some time."""
    directory = tmp_path / "objects"
    directory.mkdir()
    upload(older, OLDER, directory)
    damaged = damage(backup, "rejected", tmp_path)
    if request.param == "in object storage":
        upload(backup, NEWER, directory).write_bytes(damaged.read_bytes())
    else:
        upload(damaged, NEWER, directory)
    return directory.as_uri()


@pytest.mark.full
def test_force_fetches_the_newest_backup_with_whole_notifications_without_its_damaged_refused_ones(uploaded, tmp_path):
    data_dir = tmp_path / "restored"
    restored = run_command(data_dir, "restore", "--force", uploaded)
    assert restored.returncode == 0, restored.stderr
    assert "is restored without them" in restored.stderr
    assert count_rows(data_dir) == (1000, 0)
    (incident,) = read_incidents(data_dir)
    assert f"replaced by the backup {NEWER}" in incident.what
    assert incident.missing.startswith("All refused notifications up to ")


@pytest.mark.full
def test_without_force_an_older_whole_backup_is_fetched_and_it_is_said_what_force_would_do(uploaded, tmp_path):
    data_dir = tmp_path / "restored"
    restored = run_command(data_dir, "restore", uploaded)
    assert restored.returncode == 0, restored.stderr
    assert f"The backup {NEWER} is passed over: " in restored.stderr
    assert "Its notifications are whole: `restore --force` restores it without what is damaged." in restored.stderr
    assert "restoring.fetched" not in restored.stderr
    assert count_rows(data_dir) == (3, 0)
    assert read_incidents(data_dir) == []


@pytest.mark.full
def test_force_fetches_no_backup_with_damaged_notifications(backup, older, tmp_path):
    data_dir, directory = tmp_path / "restored", tmp_path / "objects"
    directory.mkdir()
    upload(older, OLDER, directory)
    upload(backup, NEWER, directory).write_bytes(damage(backup, "notifications", tmp_path).read_bytes())
    restored = run_command(data_dir, "restore", "--force", directory.as_uri())
    assert restored.returncode == 0, restored.stderr
    assert f"The backup {NEWER} is passed over: " in restored.stderr
    assert count_rows(data_dir) == (3, 0)


@pytest.mark.full
def test_while_it_can_not_be_told_whether_the_newest_backup_is_whole_no_older_one_is_fetched(
    backup, older, tmp_path, monkeypatch
):
    directory, fetched = tmp_path / "objects", tmp_path / "fetched"
    directory.mkdir()
    fetched.mkdir()
    upload(older, OLDER, directory)
    upload(backup, NEWER, directory).write_bytes(damage(backup, "changes", tmp_path).read_bytes())
    passed_over = []

    def fetch():
        place = Place(str(directory))
        return fetched_newest(place, fetched, lambda _manifest: lambda _count: None, passed_over.append, sparing=True)

    with monkeypatch.context() as patch:
        patch.setattr("receiver.database.faults._run_trial", lambda *_arguments: 1)  # as after SIGKILL
        with pytest.raises(UndecidedError, match="can't be tried out now"), fetch():
            pass
    with fetch() as newest:
        assert newest.name == NEWER
    assert (passed_over, list(fetched.iterdir())) == ([], [])


OUT_OF_MEMORY = duckdb.OutOfMemoryException("Out of Memory Error: could not allocate block of size 256.0 KiB")
REFUSALS = [
    duckdb.IOException('IO Error: Could not read from file "b.duckdb" at location 0: Input/output error'),
    OUT_OF_MEMORY,
]


@pytest.mark.parametrize("refusal", take_few(REFUSALS, 1), ids=lambda refusal: type(refusal).__name__)
@pytest.mark.parametrize("fails", ["_read_all", "check_catalogue", "duckdb.connect"])
def test_a_backup_that_the_machine_can_not_read_now_is_neither_damaged_nor_whole_but_for_refused_notifications(
    backup, monkeypatch, refusal, fails
):
    calls = []

    def refuse(*_arguments, **_options):
        calls.append(fails)
        if len(calls) == 1:
            raise refusal
        return real(*_arguments, **_options)

    real = duckdb.connect if fails == "duckdb.connect" else getattr(backup_file, fails)
    monkeypatch.setattr(f"receiver.keeping.backup_file.{fails}", refuse)
    with pytest.raises(UndecidedError, match=r"can't be read \(.*\): whether it is whole is not known\.$"):
        inspect_all_but_refused(backup)
    assert inspect_all_but_refused(backup)[1] is None


def test_a_backup_whose_description_can_not_be_read_for_lack_of_memory_is_not_called_foreign(backup):
    class WithoutMemory:
        def execute(self, _sql):
            raise OUT_OF_MEMORY

    database: Any = WithoutMemory()
    with pytest.raises(UndecidedError, match="Out of Memory"):
        backup_file._read_info(database, backup)
    assert read_info(backup).notifications == 1000
