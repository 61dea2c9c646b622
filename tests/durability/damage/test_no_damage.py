"""What is not damage moves no database aside: a refusal of the system, a wrong setting, a newer schema."""

import errno
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import duckdb
import pytest

from receiver.data_directory.incidents import read_incidents
from receiver.database import faults
from receiver.database.faults import is_damage
from receiver.database.opening import connect
from receiver.errors import StoreError, UndecidedError
from receiver.settings import Settings
from receiver.store import recovery
from tests.durability.support.damaged import open_and_tell, overwritten


def test_a_database_that_another_process_has_is_not_damaged(crashed, tmp_path):
    store = crashed.copy(tmp_path / "data")
    program = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    holder = subprocess.Popen(
        [sys.executable, "-c", program, str(store.database)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout.readline() == "open\n"
    try:
        with pytest.raises(StoreError, match="Could not set lock"):
            store.open()
    finally:
        holder.communicate()
    assert read_incidents(store.data_dir) == []
    assert not (store.data_dir / "aside").exists()


def test_a_database_of_a_newer_schema_is_not_damaged(crashed, stores, tmp_path):
    store = crashed.copy(tmp_path / "data")
    stores.start(store.data_dir)
    with duckdb.connect(str(store.database)) as database:
        database.execute("INSERT INTO schema_version VALUES (99)").fetchall()
    with pytest.raises(StoreError, match="version 99"):
        store.open()
    assert read_incidents(store.data_dir) == []
    assert store.database.exists()


@pytest.mark.parametrize(
    "refusal",
    [
        "IO Error: Cannot open file: Permission denied",
        "IO Error: Could not write: No space left on device",
        "IO Error: Could not read from file: Input/output error",
        "IO Error: Cannot open file: Too many open files",
        "IO Error: Trying to read a database file with version number 200, but we can only read versions up to 99",
    ],
)
def test_what_the_system_or_a_newer_duckdb_refuses_is_not_damage(crashed, tmp_path, monkeypatch, refusal):
    store = crashed.copy(tmp_path / "data")

    def refuse(*_arguments, **_options):
        raise duckdb.IOException(refusal)

    monkeypatch.setattr("receiver.store.recovery.connect", refuse)
    with pytest.raises(StoreError, match=refusal.split(":")[-1][:20].strip()):
        store.open()
    assert read_incidents(store.data_dir) == []
    assert store.wal.exists()


def test_too_little_memory_is_not_damage(crashed, tmp_path, monkeypatch):
    store = crashed.copy(tmp_path / "data")
    monkeypatch.setattr(Settings, "database_memory", "1KB")
    with pytest.raises(StoreError, match="can't be opened"):
        store.open()
    assert read_incidents(store.data_dir) == []


@pytest.mark.parametrize("has_backup", [False, True])
@pytest.mark.parametrize("memory", ["500%", "99999999999TB", "much"])
def test_a_setting_that_duckdb_refuses_moves_nothing(crashed, tmp_path, monkeypatch, memory, has_backup):
    store = crashed.copy(tmp_path / "data")
    if has_backup:
        store.back_up()
    before = store.database.read_bytes(), store.wal.read_bytes()
    monkeypatch.setattr(Settings, "database_memory", memory)
    with pytest.raises(StoreError, match="neither can a new, empty database"):
        store.open()
    assert (store.database.read_bytes(), store.wal.read_bytes()) == before
    assert read_incidents(store.data_dir) == []
    assert not (store.data_dir / "aside").exists()
    assert list(store.data_dir.glob(".*")) == []


def test_a_database_that_can_not_be_looked_at_is_not_missing(crashed, tmp_path, monkeypatch):
    store = crashed.copy(tmp_path / "data")
    look = Path.stat

    def fail(path, **options):
        if path == store.database:
            raise OSError(errno.EIO, "Input/output error", str(path))
        return look(path, **options)

    with monkeypatch.context() as disk:
        disk.setattr(Path, "stat", fail)
        with pytest.raises(StoreError, match="Input/output error"):
            store.open()
    assert read_incidents(store.data_dir) == []
    assert not (store.data_dir / "aside").exists()
    store.open().close()
    assert read_incidents(store.data_dir) == []


@pytest.mark.full
def test_backups_that_can_not_be_looked_at_are_not_missing(crashed, tmp_path):
    store = crashed.copy(tmp_path / "data")
    store.back_up()
    store.database.write_text("no database\n" * 1_000)
    store.wal.unlink()
    hidden = store.data_dir / "backups"
    hidden.rename(tmp_path / "elsewhere")
    hidden.symlink_to(hidden)  # it leads to itself, and stands for whatever a disk answers
    with pytest.raises(StoreError, match="Too many levels of symbolic links"):
        store.open()
    assert read_incidents(store.data_dir) == []
    assert not (store.data_dir / "aside").exists()
    hidden.unlink()
    (tmp_path / "elsewhere").rename(hidden)
    store.open().close()
    assert all("the backup clc-20260304" in each.what for each in read_incidents(store.data_dir))


@pytest.mark.parametrize(
    "fails",
    [
        "receiver.database.opening.run",
        pytest.param("receiver.database.faults.read_sql_file", marks=pytest.mark.full),
    ],
)
def test_a_program_that_can_not_open_any_database_moves_nothing(crashed, tmp_path, monkeypatch, fails):
    store = crashed.copy(tmp_path / "data")
    (store.data_dir / "suspect").touch()

    def fail(*_arguments, **_options):
        raise duckdb.InvalidInputException("a part of the program is missing")

    monkeypatch.setattr(fails, fail)
    with pytest.raises(StoreError, match=r"Nothing was moved\.$"):
        store.open()
    assert read_incidents(store.data_dir) == []
    assert not (store.data_dir / "aside").exists()


def refuse_new_directories(monkeypatch):
    def refuse(**_options):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(faults, "TemporaryDirectory", refuse)


def refuse_new_files(monkeypatch):
    def refuse(path, memory_limit):
        if str(path) != ":memory:":
            raise duckdb.IOException("IO Error: Could not write file: No space left on device")
        return connect(path, memory_limit)

    monkeypatch.setattr(faults, "connect", refuse)


@pytest.mark.parametrize("fill", [refuse_new_directories, refuse_new_files])
def test_a_full_disk_keeps_no_torn_wal_from_going_aside(crashed, tmp_path, monkeypatch, fill):
    store = crashed.copy(tmp_path / "data")
    replays = iter([duckdb.IOException("Corrupt WAL file")])

    def tear(*arguments):
        if error := next(replays, None):
            raise error
        return connect(*arguments)

    monkeypatch.setattr(recovery, "connect", tear)
    fill(monkeypatch)
    connection, (incident,) = open_and_tell(Settings(data_dir=store.data_dir))
    connection.close()
    assert "the WAL is put aside" in incident.what
    assert store.broken() == []


def test_a_full_disk_keeps_no_damaged_database_from_being_known(crashed, tmp_path, monkeypatch):
    store = crashed.copy(tmp_path / "data")
    store.wal.unlink()
    overwritten(0, 20_000)(store.database)
    refuse_new_directories(monkeypatch)
    assert not faults.is_whole(store.database)


@pytest.mark.parametrize(
    "is_readable", [faults.is_whole, pytest.param(faults.has_whole_derived, marks=pytest.mark.full)]
)
def test_a_database_is_tried_out_with_nothing_written_beside_it(crashed, tmp_path, monkeypatch, is_readable):
    store = crashed.copy(tmp_path / "data")
    store.wal.unlink()
    overwritten(0, 20_000)(store.database)
    made = []

    class Noted(tempfile.TemporaryDirectory):
        def __enter__(self):
            made.append(Path(self.name).parent)
            return super().__enter__()

    monkeypatch.setattr(faults, "TemporaryDirectory", Noted)
    assert not is_readable(store.database)
    assert made == [Path(tempfile.gettempdir())]


def test_a_duckdb_that_crashes_on_every_file_moves_nothing(crashed, tmp_path, monkeypatch):
    store = crashed.copy(tmp_path / "data")
    (store.data_dir / "opening").mkdir()
    monkeypatch.setattr("receiver.database.faults._run_trial", lambda *_: -signal.SIGILL)
    connection, happened = open_and_tell(Settings(data_dir=store.data_dir))
    connection.close()
    assert happened == []
    (store.data_dir / "suspect").touch()
    with pytest.raises(StoreError, match="nothing was moved"):
        store.open()


@pytest.mark.parametrize("is_readable", [faults.is_whole, faults.has_whole_derived])
def test_a_database_that_is_not_read_in_time_is_neither_whole_nor_damaged(crashed, monkeypatch, is_readable):
    run = subprocess.run

    def run_in_time(command, *, timeout, **options):
        if str(crashed.database) in command:
            raise subprocess.TimeoutExpired(command, timeout)
        return run(command, timeout=timeout, **options)

    monkeypatch.setattr(subprocess, "run", run_in_time)
    with pytest.raises(UndecidedError, match="nothing was moved"):
        is_readable(crashed.database)
    assert not faults.crashes(crashed.database)


def test_a_large_database_is_given_more_time(tmp_path, monkeypatch):
    given = []

    def give(command, *, timeout, **_options):
        given.append(timeout)
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(subprocess, "run", give)
    for size in (0, 2**40):
        (tmp_path / "clc.duckdb").touch()
        os.truncate(tmp_path / "clc.duckdb", size)
        assert faults.is_whole(tmp_path / "clc.duckdb")
    assert given[0] == 3_600
    assert given[1] > 100_000


@pytest.mark.parametrize("number", [errno.EPERM, errno.ENODEV, errno.ETIMEDOUT, errno.ENOLCK, errno.EUCLEAN])
def test_no_refusal_of_the_system_is_damage(number):
    refusal = f'IO Error: Could not read from file "/data/clc.duckdb": {os.strerror(number)}'
    assert not is_damage(duckdb.IOException(refusal))
