"""The data directory is for one `serve` at a time, and a mere look for it keeps none from starting."""

import fcntl

import pytest

from receiver.data_directory import access
from receiver.data_directory.incidents import read_incidents
from receiver.errors import DataDirectoryError
from receiver.settings import read_settings
from tests.support.sizes import take_few


def test_a_look_at_the_wrong_moment_refuses_no_start(tmp_path, monkeypatch):
    access.take(tmp_path).close()
    looking = (tmp_path / "serve.lock").open()
    fcntl.flock(looking, fcntl.LOCK_SH)
    monkeypatch.setattr("time.sleep", lambda _seconds: looking.close())
    with access.take(tmp_path):
        assert looking.closed


def test_a_serve_that_goes_on_refuses_another(tmp_path):
    with access.take(tmp_path) as lock:
        access.announce(lock, access.Running(7, "", ""))
        with pytest.raises(DataDirectoryError, match=r"Another `clc-receiver serve` \(process 7\) is using"):
            access.take(tmp_path)
    with (
        access.take_offline(tmp_path),
        pytest.raises(DataDirectoryError, match=r"restore` or `join`, or a `serve` that starts, is using .*: wait"),
    ):
        access.take(tmp_path)


@pytest.mark.parametrize(
    "damage", take_few([b"", bytes(512), b"\xff\x00{" * 300], 1), ids=take_few(["empty", "zeros", "garbage"], 1)
)
def test_a_damaged_lock_names_no_serve_and_keeps_none_from_starting(tmp_path, damage):
    (tmp_path / "serve.lock").write_bytes(damage)
    with access.take(tmp_path) as lock:
        assert access.read_holder(lock) is None
        assert access.find_running_serve(tmp_path) is None
        with pytest.raises(DataDirectoryError, match="is using"):
            access.take(tmp_path)
        access.announce(lock, access.Running(7, "", ""))
        assert access.find_running_serve(tmp_path) == access.Running(7, "", "")


def test_a_lock_that_can_not_be_opened_is_told(tmp_path):
    (tmp_path / "serve.lock").mkdir()
    with pytest.raises(DataDirectoryError, match=r"serve\.lock, which .* can't be opened \(Is a directory\): run this"):
        access.take(tmp_path)


def test_a_file_in_the_place_of_the_data_directory_is_named(tmp_path):
    (tmp_path / "data").touch()
    with pytest.raises(DataDirectoryError, match=r"data can't be written \(\S+/data is a file, or a link that leads "):
        access.prepare(read_settings(data_dir=tmp_path / "data", env_file=None))


def test_a_lock_that_others_deleted_is_taken_again_and_told(tmp_path):
    lock = access.take(tmp_path)
    assert access.keep(lock, tmp_path) is lock
    (tmp_path / "serve.lock").unlink()
    with access.keep(lock, tmp_path) as fresh:
        assert lock.closed
        assert access.keep(fresh, tmp_path) is fresh
    assert [incident.what for incident in read_incidents(tmp_path)] == [access._MOVED]


def test_a_directory_where_another_serve_has_begun_stays_its_own(tmp_path):
    with access.take(tmp_path) as lock:
        (tmp_path / "serve.lock").unlink()
        with access.take(tmp_path), pytest.raises(DataDirectoryError, match="is using"):
            access.keep(lock, tmp_path)
    assert read_incidents(tmp_path) == []


def test_a_directory_that_can_not_be_read_counts_as_moved_nowhere(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(5, "Input/output error")

    with access.take(tmp_path) as lock:
        monkeypatch.setattr("os.path.samestat", fail)
        with pytest.raises(OSError, match="Input/output error"):
            access.keep(lock, tmp_path)
    assert read_incidents(tmp_path) == []
