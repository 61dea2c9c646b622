"""A recovery uses the newest backup with whole notifications, and derives again what can be derived."""

import errno
import subprocess
import sys

import duckdb
import pytest

from receiver.data_directory.incidents import read_incidents
from receiver.database.faults import has_whole_derived, read_suspicion
from receiver.database.opening import run
from receiver.deriving.tables import Rebuild
from receiver.errors import NewerStoreError, StoreError, UndecidedError
from receiver.keeping import backup_file
from receiver.settings import Settings
from receiver.store.recovery import open_store
from tests.durability.support.damaged import open_and_tell
from tests.durability.support.damaged_backups import CHANGES, NEWER, OLDER, count_rows, damage
from tests.support.sizes import take_few


def lose_database(data_dir, newer, older):
    """A data directory with two backups, whose database is a text."""
    (data_dir / "backups").mkdir(parents=True)
    (data_dir / "backups" / OLDER).write_bytes(older.read_bytes())
    (data_dir / "backups" / NEWER).write_bytes(newer.read_bytes())
    (data_dir / "clc.duckdb").write_text("no database\n" * 1_000)
    return Settings(data_dir=data_dir)


@pytest.mark.parametrize("is_sealed", take_few([True, False], 1))
def test_a_recovery_uses_the_newest_backup_with_whole_notifications_without_its_damaged_refused_ones(
    backup, older, tmp_path, is_sealed
):
    damaged = damage(backup, "rejected", tmp_path)
    if not is_sealed:
        with duckdb.connect(str(damaged), config={"max_vacuum_tasks": 0}) as database:
            for table in ("learned_accounts", "backup_info"):
                run(database, f"DROP TABLE {table}")
    settings = lose_database(tmp_path / "data", damaged, older)
    connection, (incident,) = open_and_tell(settings)
    connection.close()
    assert count_rows(settings.data_dir) == (1000, 0)
    assert incident.what.endswith(f"In its place: the backup {NEWER}.")
    assert incident.missing.startswith(f"All refused notifications of the backup {NEWER}, and what was set aside among")
    assert [each.missing for each in read_incidents(settings.data_dir)] == [incident.missing]
    open_store(settings).close()
    assert len(read_incidents(settings.data_dir)) == 1


def test_a_recovery_uses_no_backup_with_damaged_notifications(backup, older, tmp_path):
    settings = lose_database(tmp_path / "data", damage(backup, "notifications", tmp_path), older)
    connection, (incident,) = open_and_tell(settings)
    connection.close()
    assert count_rows(settings.data_dir) == (3, 0)
    assert incident.what.endswith(f"In its place: the backup {OLDER}.")


def test_a_recovery_uses_no_older_backup_while_the_newest_is_of_a_newer_program(backup, older, tmp_path):
    settings = lose_database(tmp_path / "data", backup, older)
    newer = settings.data_dir / "backups" / NEWER
    with duckdb.connect(str(newer)) as database:
        run(database, "INSERT INTO schema_version SELECT max(version) + 1 FROM schema_version")
        run(database, "UPDATE backup_info SET schema_version = schema_version + 1")
    before = settings.database.read_bytes()
    with pytest.raises(NewerStoreError, match=rf"install the newer program\. Or move {newer} away.* Nothing was moved"):
        open_store(settings)
    assert settings.database.read_bytes() == before
    assert read_incidents(settings.data_dir) == []


@pytest.mark.full
def test_a_recovery_uses_no_older_backup_while_the_newest_can_not_be_read_and_names_it(older, tmp_path, monkeypatch):
    settings = lose_database(tmp_path / "data", older, older)
    newer, there = (settings.data_dir / "backups" / name for name in (NEWER, OLDER))
    before = settings.database.read_bytes()
    answers = {
        "Input/output error": "/proc/self/mem",  # as a bad sector answers
        "Too many levels of symbolic links": newer,
        "No such file or directory": "a disk that is not mounted",
    }
    for answer, target in answers.items():
        newer.unlink()
        newer.symlink_to(target)
        with pytest.raises(UndecidedError, match=rf"{newer} can't be read \({answer}\).* Nothing was moved"):
            open_store(settings)
    assert settings.database.read_bytes() == before
    assert read_incidents(settings.data_dir) == []
    monkeypatch.setattr("receiver.store.staging.list_backups", lambda _data_dir: [newer, there])
    newer.unlink()  # after they were listed
    connection, (incident,) = open_and_tell(settings)
    connection.close()
    assert incident.what.endswith(f"In its place: the backup {OLDER}.")


def test_a_recovery_by_a_backup_with_damaged_changes_keeps_its_notifications_and_derives_the_changes_again(
    backup, older, tmp_path
):
    with duckdb.connect(str(backup), read_only=True) as database:
        expected = run(database, CHANGES)
    settings = lose_database(tmp_path / "data", damage(backup, "changes", tmp_path), older)
    connection, (replaced, derived) = open_and_tell(settings)
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
    connection, happened = open_and_tell(settings)
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


@pytest.mark.full
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
    connection = open_store(settings)
    rebuild = Rebuild(connection)
    while rebuild.done is not None:
        rebuild.step()
    with duckdb.connect(str(backup), read_only=True) as database:
        assert run(connection, CHANGES) == run(database, CHANGES)
    connection.close()
    assert count_rows(settings.data_dir) == (1000, 20)
    assert (has_whole_derived(settings.database), read_suspicion(settings.data_dir)) == (True, None)


@pytest.mark.full
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
    connection, (_, derived) = open_and_tell(settings)
    connection.close()
    assert derived.what.endswith("they are derived again.")


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


@pytest.mark.full
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
    connection, (incident,) = open_and_tell(settings)
    connection.close()
    assert incident.what.endswith(f"In its place: the backup {NEWER}.")
    assert count_rows(settings.data_dir) == (1000, 0)


@pytest.mark.full
def test_a_recovery_by_a_backup_whose_learned_accounts_are_damaged_keeps_its_notifications(
    backup, older, tmp_path, monkeypatch, caplog
):
    settings = lose_database(tmp_path / "data", backup, older)
    monkeypatch.setattr(backup_file, "_LEARNED", "SELECT error('Corrupt database file: computed checksum 1')")
    connection, (incident,) = open_and_tell(settings)
    tables = {name for (name,) in run(connection, "SELECT table_name FROM duckdb_tables()")}
    connection.close()
    assert incident.what.endswith(f"In its place: the backup {NEWER}.")
    assert tables.isdisjoint({"learned_accounts", "backup_info"})
    assert "its learned accounts are lost" in caplog.text
