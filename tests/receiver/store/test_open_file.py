"""The database file that others delete, move or replace while the store has it open is written anew, with all rows."""

import shutil

import pytest

from receiver.data_directory.incidents import read_incidents
from receiver.database import open_file
from receiver.database.opening import connect, run
from receiver.spool import SpoolReader
from receiver.store.loop import AppendLoop
from tests.support.database import open_database
from tests.support.rows import notification

COUNT = "SELECT count(*) FROM notifications"


class Ended(BaseException):
    """Stands for the end of the process."""


def end():
    raise Ended


@pytest.fixture
def loop(store, spool, tmp_path, monkeypatch):
    monkeypatch.setattr("receiver.store.loop._CHECKPOINT_SECONDS", 0.0)  # at each turn
    loop = AppendLoop(store, SpoolReader(tmp_path / "spool"), 10, on_fatal=end, data_dir=tmp_path)
    spool.append_all([notification(number) for number in range(100)])
    spool.append_all([notification(100)])
    assert loop._turn() == 101
    return loop


def list_segments(tmp_path):
    return sorted(path for path in (tmp_path / "spool").glob("*.sqlite") if path.stat().st_size)


def delete(database, _elsewhere):
    for path in database.parent.glob(f"{database.name}*"):
        path.unlink()


def move(database, elsewhere):
    database.rename(elsewhere)


def replace(database, elsewhere):
    open_database(elsewhere).close()
    elsewhere.replace(database)


def count_in_place(database, tmp_path):
    copy = tmp_path / "copy.duckdb"  # the file itself is still open in this process
    shutil.copy(database, copy)
    with connect(copy, "1GB") as connection:
        return run(connection, COUNT)


@pytest.mark.parametrize("take_away", [delete, move, replace])
def test_it_is_written_anew_with_all_rows_and_the_store_starts_again(loop, spool, tmp_path, take_away):
    database = tmp_path / "clc.duckdb"
    spool.append_all([notification(number) for number in range(101, 104)])
    assert loop._append() == 3  # no checkpoint holds them yet
    take_away(database, tmp_path / "elsewhere.duckdb")
    with pytest.raises(Ended):
        loop._turn()
    assert count_in_place(database, tmp_path) == [(104,)]
    (incident,) = read_incidents(tmp_path)
    assert incident.what.startswith("The database file was deleted, moved or replaced while in use")
    assert incident.missing is None
    assert (incident.moved_to is not None) == (take_away is replace)


def test_as_long_as_it_can_not_be_written_nothing_leaves_the_spool_and_the_status_says_why(
    loop, spool, tmp_path, monkeypatch
):
    database = tmp_path / "clc.duckdb"
    spool.append_all([notification(number) for number in range(101, 220)])
    (with_rows, *_) = list_segments(tmp_path)
    delete(database, None)
    with monkeypatch.context() as patched:
        patched.setattr(open_file, "find_lack_of_room", lambda *_: "there is no room")
        for _ in range(3):
            loop._retry.try_now()
            assert loop._turn() == 0
    assert with_rows in list_segments(tmp_path)
    assert "can't be written anew: there is no room" in loop.read_condition().failure
    loop._retry.try_now()
    with pytest.raises(Ended):
        loop._turn()
    assert count_in_place(database, tmp_path) == [(220,)]


def test_a_database_that_can_not_be_looked_at_may_be_in_place(store, monkeypatch):
    file = open_file.OpenFile(store)

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(open_file, "_find_identity", refuse)
    assert file.is_in_place()
