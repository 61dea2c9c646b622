"""A backup with whole notifications is used, though its derived tables or its refused notifications are damaged."""

import errno
import random
import subprocess
import sys
from typing import Any

import duckdb
import pytest

from receiver.data_directory.incidents import read_incidents
from receiver.database.faults import has_whole_derived, read_suspicion
from receiver.database.opening import run
from receiver.deriving.tables import Rebuild
from receiver.errors import StoreError, UndecidedError
from receiver.keeping import backup_file
from receiver.keeping.backup_file import inspect, inspect_all_but_refused, read_info, seal
from receiver.keeping.objects.fetching import fetched_newest
from receiver.keeping.objects.place import Place
from receiver.settings import Settings
from receiver.store.recovery import open_store
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


NEWER, OLDER = (f"clc-202603{day}T120000000000Z.duckdb" for day in ("04", "03"))


@pytest.fixture(scope="module")
def older(tmp_path_factory):
    """A whole backup of three notifications and no refused one."""
    data_dir = tmp_path_factory.mktemp("older")
    spool(data_dir, [accepted(n) for n in range(3)])
    append(data_dir)
    seal(data_dir / "clc.duckdb", key_of(data_dir), data_dir / "none")
    return data_dir / "clc.duckdb"


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


def test_force_fetches_the_newest_backup_with_whole_notifications_without_its_damaged_refused_ones(uploaded, tmp_path):
    data_dir = tmp_path / "restored"
    restored = run_command(data_dir, "restore", "--force", uploaded)
    assert restored.returncode == 0, restored.stderr
    assert "is restored without them" in restored.stderr
    assert count_rows(data_dir) == (1000, 0)
    (incident,) = read_incidents(data_dir)
    assert f"replaced by the backup {NEWER}" in incident.what
    assert incident.missing.startswith("All refused notifications up to ")


def test_without_force_an_older_whole_backup_is_fetched_and_it_is_said_what_force_would_do(uploaded, tmp_path):
    data_dir = tmp_path / "restored"
    restored = run_command(data_dir, "restore", uploaded)
    assert restored.returncode == 0, restored.stderr
    assert f"The backup {NEWER} is passed over: " in restored.stderr
    assert "Its notifications are whole: `restore --force` restores it without what is damaged." in restored.stderr
    assert count_rows(data_dir) == (3, 0)
    assert read_incidents(data_dir) == []


def test_force_fetches_no_backup_with_damaged_notifications(backup, older, tmp_path):
    data_dir, directory = tmp_path / "restored", tmp_path / "objects"
    directory.mkdir()
    upload(older, OLDER, directory)
    upload(backup, NEWER, directory).write_bytes(damage(backup, "notifications", tmp_path).read_bytes())
    restored = run_command(data_dir, "restore", "--force", directory.as_uri())
    assert restored.returncode == 0, restored.stderr
    assert f"The backup {NEWER} is passed over: " in restored.stderr
    assert count_rows(data_dir) == (3, 0)


def count_rows(data_dir):
    with duckdb.connect(str(data_dir / "clc.duckdb"), read_only=True) as database:
        (counts,) = run(database, "SELECT (SELECT count(*) FROM notifications), (SELECT count(*) FROM rejected)")
    return counts


def lose_database(data_dir, newer, older):
    """A data directory with two backups, whose database is a text."""
    (data_dir / "backups").mkdir(parents=True)
    (data_dir / "backups" / OLDER).write_bytes(older.read_bytes())
    (data_dir / "backups" / NEWER).write_bytes(newer.read_bytes())
    (data_dir / "clc.duckdb").write_text("no database\n" * 1_000)
    return Settings(data_dir=data_dir)


@pytest.mark.parametrize("is_sealed", [True, False])
def test_a_recovery_uses_the_newest_backup_with_whole_notifications_without_its_damaged_refused_ones(
    backup, older, tmp_path, is_sealed
):
    damaged = damage(backup, "rejected", tmp_path)
    if not is_sealed:
        with duckdb.connect(str(damaged), config={"max_vacuum_tasks": 0}) as database:
            for table in ("learned_accounts", "backup_info"):
                run(database, f"DROP TABLE {table}")
    settings = lose_database(tmp_path / "data", damaged, older)
    connection, (incident,) = open_store(settings)
    connection.close()
    assert count_rows(settings.data_dir) == (1000, 0)
    assert incident.what.endswith(f"In its place: the backup {NEWER}.")
    assert incident.missing.startswith(f"All refused notifications of the backup {NEWER}, and what was set aside among")
    assert [each.missing for each in read_incidents(settings.data_dir)] == [incident.missing]
    open_store(settings).connection.close()
    assert len(read_incidents(settings.data_dir)) == 1


def test_a_recovery_uses_no_backup_with_damaged_notifications(backup, older, tmp_path):
    settings = lose_database(tmp_path / "data", damage(backup, "notifications", tmp_path), older)
    connection, (incident,) = open_store(settings)
    connection.close()
    assert count_rows(settings.data_dir) == (3, 0)
    assert incident.what.endswith(f"In its place: the backup {OLDER}.")


def test_a_recovery_by_a_backup_with_damaged_changes_keeps_its_notifications_and_derives_the_changes_again(
    backup, older, tmp_path
):
    with duckdb.connect(str(backup), read_only=True) as database:
        expected = run(database, CHANGES)
    settings = lose_database(tmp_path / "data", damage(backup, "changes", tmp_path), older)
    connection, (replaced, derived) = open_store(settings)
    assert derived.missing is None
    assert replaced.what.endswith(f"In its place: the backup {NEWER}.")
    assert derived.what.endswith("they are derived again.")
    rebuild = Rebuild(connection)
    while rebuild.done is not None:
        rebuild.step()
    assert run(connection, CHANGES) == expected
    run(connection, "CHECKPOINT")
    connection.close()
    assert (count_rows(settings.data_dir), has_whole_derived(settings.database)) == ((1000, 20), True)
    connection, happened = open_store(settings)
    connection.close()
    assert happened == []


OPENING = """
import os, pathlib, sys
from receiver.database import replacing
from receiver.deriving.tables import Rebuild
from receiver.settings import Settings
from receiver.store import recovery

def end(*_arguments):
    os._exit(9)

setattr({"recovery": recovery, "replacing": replacing, "Rebuild": Rebuild}[sys.argv[2]], sys.argv[3], end)
recovery.open_store(Settings(data_dir=pathlib.Path(sys.argv[1])))
"""


@pytest.mark.parametrize(
    ("where", "name"),
    [
        ("recovery", "suspect_derived"),
        ("replacing", "write_whole"),
        ("replacing", "_carry_out"),
        ("replacing", "record"),
        ("recovery", "settle"),
        ("Rebuild", "begin"),
    ],
)
def test_a_recovery_that_is_killed_anywhere_derives_damaged_changes_again_at_the_next_start(
    backup, older, tmp_path, where, name
):
    settings = lose_database(tmp_path / "data", damage(backup, "changes", tmp_path), older)
    opening = [sys.executable, "-c", OPENING, str(settings.data_dir), where, name]
    subprocess.run(opening, capture_output=True, check=False)
    connection, _ = open_store(settings)
    rebuild = Rebuild(connection)
    while rebuild.done is not None:
        rebuild.step()
    with duckdb.connect(str(backup), read_only=True) as database:
        assert run(connection, CHANGES) == run(database, CHANGES)
    connection.close()
    assert count_rows(settings.data_dir) == (1000, 20)
    assert (has_whole_derived(settings.database), read_suspicion(settings.data_dir)) == (True, None)


def test_a_recovery_that_can_not_note_damaged_changes_moves_nothing(backup, older, tmp_path, monkeypatch):
    settings = lose_database(tmp_path / "data", damage(backup, "changes", tmp_path), older)
    before = settings.database.read_bytes()

    def fill_up(*_arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("receiver.database.faults.write_whole", fill_up)
        with pytest.raises(StoreError, match="No space left on device"):
            open_store(settings)
    assert settings.database.read_bytes() == before
    assert read_incidents(settings.data_dir) == []
    connection, (_, derived) = open_store(settings)
    connection.close()
    assert derived.what.endswith("they are derived again.")


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


REFUSALS = [
    duckdb.OutOfMemoryException("Out of Memory Error: could not allocate block of size 256.0 KiB"),
    duckdb.IOException('IO Error: Could not read from file "b.duckdb" at location 0: Input/output error'),
]


@pytest.mark.parametrize("refusal", REFUSALS, ids=["memory", "disk"])
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
            raise REFUSALS[0]

    database: Any = WithoutMemory()
    with pytest.raises(UndecidedError, match="Out of Memory"):
        backup_file._read_info(database, backup)
    assert read_info(backup).notifications == 1000


class FullDisk:
    """Fails like a database on a full disk, from its first statement that begins so."""

    def __init__(self, database, statement):
        self._database, self._statement = database, statement

    def __getattr__(self, name):
        return getattr(self._database, name)

    def __enter__(self):
        return self

    def __exit__(self, *_arguments):
        self._database.close()

    def execute(self, sql, parameters=None):
        if sql.startswith(self._statement):
            raise duckdb.IOException('IO Error: Could not write file "restoring.duckdb": No space left on device')
        return self._database.execute(sql, parameters)


@pytest.mark.parametrize("statement", ["DROP TABLE IF EXISTS rejected", "CHECKPOINT", "DROP TABLE learned_accounts"])
def test_a_recovery_that_has_no_room_to_leave_out_damaged_refused_notifications_moves_nothing(
    backup, older, tmp_path, monkeypatch, statement
):
    settings = lose_database(tmp_path / "data", damage(backup, "rejected", tmp_path), older)
    before, connect = settings.database.read_bytes(), duckdb.connect

    def connect_on_full_disk(path, **options):
        database = connect(path, **options)
        return FullDisk(database, statement) if options.get("config") is backup_file._CONFIG else database

    with monkeypatch.context() as patch:
        patch.setattr(duckdb, "connect", connect_on_full_disk)
        with pytest.raises(StoreError, match=rf"{NEWER} can't be put in place now .*No space left on device"):
            open_store(settings)
    assert settings.database.read_bytes() == before
    assert read_incidents(settings.data_dir) == []
    connection, (incident,) = open_store(settings)
    connection.close()
    assert incident.what.endswith(f"In its place: the backup {NEWER}.")
    assert count_rows(settings.data_dir) == (1000, 0)


def test_a_recovery_by_a_backup_whose_learned_accounts_are_damaged_keeps_its_notifications(
    backup, older, tmp_path, monkeypatch, caplog
):
    settings = lose_database(tmp_path / "data", backup, older)
    monkeypatch.setattr(backup_file, "_LEARNED", "SELECT error('Corrupt database file: computed checksum 1')")
    connection, (incident,) = open_store(settings)
    tables = {name for (name,) in run(connection, "SELECT table_name FROM duckdb_tables()")}
    connection.close()
    assert incident.what.endswith(f"In its place: the backup {NEWER}.")
    assert tables.isdisjoint({"learned_accounts", "backup_info"})
    assert "its learned accounts are lost" in caplog.text
