"""What is not damage moves no database aside: a refusal of the system, a wrong setting, a newer schema."""

import errno
import os
import signal
import subprocess
import sys

import duckdb
import pytest

from receiver.data_directory.incidents import read_incidents
from receiver.database.faults import is_damage
from receiver.errors import StoreError
from receiver.settings import Settings


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


@pytest.mark.parametrize("fails", ["receiver.database.opening.run", "receiver.database.faults.sql_file"])
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


def test_a_duckdb_that_crashes_on_every_file_moves_nothing(crashed, tmp_path, monkeypatch):
    store = crashed.copy(tmp_path / "data")
    (store.data_dir / "opening").mkdir()
    monkeypatch.setattr("receiver.database.faults._run_trial", lambda *_: -signal.SIGILL)
    connection, happened = store.open()
    connection.close()
    assert happened == []
    (store.data_dir / "suspect").touch()
    with pytest.raises(StoreError, match="nothing was moved"):
        store.open()


@pytest.mark.parametrize("number", [errno.EPERM, errno.ENODEV, errno.ETIMEDOUT, errno.ENOLCK, errno.EUCLEAN])
def test_no_refusal_of_the_system_is_damage(number):
    refusal = f'IO Error: Could not read from file "/data/clc.duckdb": {os.strerror(number)}'
    assert not is_damage(duckdb.IOException(refusal))
