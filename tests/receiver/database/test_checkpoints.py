"""The blocks that a checkpoint overwrites are copied first, and put back if the checkpoint was cut short."""

import subprocess
import sys
from contextlib import closing

import duckdb
import pytest

from receiver.database.checkpoints import checkpoint, name_copy, undo_interrupted
from receiver.database.opening import bring_up_to_date, run
from receiver.database.reading import open_reader
from receiver.errors import StoreError
from receiver.settings import Settings

FIRST_BLOCK = 3 * 4096
HOLD = "import duckdb, sys; held = duckdb.connect(sys.argv[1]); print('held', flush=True); sys.stdin.readline()"


@pytest.fixture
def settings(tmp_path):
    """Settings of a store that ended in the middle of a checkpoint's write, with a row in its WAL."""
    settings = Settings(data_dir=tmp_path)
    with opened(settings) as connection:
        add(connection, "ACME")
        checkpoint(connection)
        add(connection, "ACM2")
        run(connection, "PRAGMA debug_checkpoint_abort = 'before_header'")
        with pytest.raises(duckdb.FatalException):
            checkpoint(connection)
    tear(settings.database)
    with pytest.raises(duckdb.Error, match="Corrupt database file"):
        duckdb.connect(settings.database, read_only=True)
    return settings


def opened(settings):
    return closing(bring_up_to_date(duckdb.connect(settings.database), settings.database, "1GB"))


def add(connection, alias):
    run(connection, "INSERT INTO account_states (alias, seq) VALUES (?, 1)", [alias])


def tear(database):
    with database.open("r+b") as file:
        file.seek(FIRST_BLOCK)
        file.write(b"\x55" * 8192)


def test_what_reads_the_store_while_no_serve_runs_undoes_an_interrupted_checkpoint(settings):
    with open_reader(settings) as reader:
        assert reader.read_rows("SELECT alias FROM account_states ORDER BY alias", []) == [("ACM2",), ("ACME",)]
    assert not name_copy(settings.database).exists()


def test_a_copy_that_a_kill_left_unfinished_goes(settings):
    copy = name_copy(settings.database)
    unfinished = copy.rename(copy.with_name(f".{copy.name}.4321.0badcafe"))
    undo_interrupted(settings.database)
    assert not unfinished.exists()


def test_a_copy_without_its_database_goes(settings):
    settings.database.unlink()
    undo_interrupted(settings.database)
    assert not name_copy(settings.database).exists()


def test_nothing_is_written_into_a_database_that_another_process_has(settings):
    copied = name_copy(settings.database).read_bytes()
    undo_interrupted(settings.database)
    name_copy(settings.database).write_bytes(copied)
    command = [sys.executable, "-c", HOLD, str(settings.database)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"held\n"
        before = settings.database.read_bytes()
        with pytest.raises(StoreError, match=r"clc.duckdb can't be opened: another process has it\."):
            undo_interrupted(settings.database)
        assert settings.database.read_bytes() == before
        other.communicate(b"\n")
    assert name_copy(settings.database).read_bytes() == copied


def test_a_copy_of_before_a_checkpoint_that_came_to_its_end_is_not_written_back(settings):
    copied = name_copy(settings.database).read_bytes()
    undo_interrupted(settings.database)
    with opened(settings) as connection:
        checkpoint(connection)
    name_copy(settings.database).write_bytes(copied)  # as a power cut may leave it
    before = settings.database.read_bytes()
    undo_interrupted(settings.database)
    assert settings.database.read_bytes() == before
    assert not name_copy(settings.database).exists()


def test_a_checkpoint_that_nothing_can_be_copied_for_is_not_made(settings):
    undo_interrupted(settings.database)
    with opened(settings) as connection:
        name_copy(settings.database).mkdir()
        before = settings.database.read_bytes()
        with pytest.raises(duckdb.TransactionException, match=r"clc\.duckdb\.undo first: .*directory"):
            checkpoint(connection)
        assert settings.database.read_bytes() == before
        name_copy(settings.database).rmdir()
        checkpoint(connection)
        assert settings.database.read_bytes() != before
