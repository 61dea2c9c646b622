"""`clc-receiver check` calls nothing usable that `serve` would refuse."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from receiver.commands import check as command
from receiver.keeping.lake.place import LakePlace, list_months
from receiver.keeping.objects.place import Place
from receiver.keeping.objects.storage import Storage
from receiver.settings import read_settings
from tests.support.object_storage import CREDENTIALS, READER, SECRET, bucket, credentials, object_storage
from tests.support.ports import free_address

__all__ = ["bucket", "credentials", "object_storage"]


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(command, "_CHECKS", command._CHECKS)


def check(monkeypatch, subject, **settings):
    """Return the state and the text of a subject's line."""
    for name, value in settings.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.setattr(command, "_CHECKS", [each for each in command._CHECKS if each[0] == subject])
    lines = CliRunner().invoke(command.check, []).output.splitlines()
    return next((line[:5].strip(), line[23:]) for line in lines if line[7:22].strip() == subject)


@pytest.mark.parametrize("query", ["{}", "0.0.0.0:{port}"])
def test_one_address_for_listener_and_queries_is_not_free_twice(monkeypatch, query):
    address = free_address()
    query = query.format(address, port=address.rpartition(":")[2])
    state, text = check(monkeypatch, "Query service", CLC_LISTEN=address, CLC_QUERY_LISTEN=query)
    assert state == "WRONG"
    assert text.startswith(f"{query} can't be listened on (Address already in use): ")


def test_two_addresses_are_free(monkeypatch):
    state, _ = check(monkeypatch, "Query service", CLC_LISTEN="127.0.0.1:0", CLC_QUERY_LISTEN="127.0.0.1:0")
    assert state == "ok"


def test_a_directory_for_objects_that_can_not_be_written_is_wrong(monkeypatch, tmp_path):
    there, access = tmp_path / "there", os.access
    there.mkdir()
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != there and access(path, mode))
    for subject in ("Object storage", "Lake"):
        with monkeypatch.context() as patch:
            state, text = check(patch, subject, CLC_OBJECTS=there, CLC_LAKE="on")
        assert (state, text) == ("WRONG", f"{there} can't be written: make it writable or set CLC_OBJECTS to another.")
    (tmp_path / "other").mkdir()
    state, text = check(monkeypatch, "Object storage", CLC_OBJECTS=tmp_path / "other")
    assert (state, text) == ("ok", f"{tmp_path / 'other'}, 0 whole backups")


@pytest.mark.parametrize("subject", ["Object storage", "Lake"])
def test_a_bucket_that_may_only_be_read_is_wrong(monkeypatch, bucket, subject):
    for name, value in CREDENTIALS.items():
        monkeypatch.setitem(os.environ, name, value)
    settings = {"CLC_OBJECTS": bucket, "CLC_LAKE": "on"}
    assert check(monkeypatch, subject, **settings)[0] == "ok"  # and the bucket is there from now on
    state, text = check(monkeypatch, subject, **settings, **READER)
    assert (state, text.startswith(f"{bucket.partition('?')[0]} can't be written: ")) == ("WRONG", True), text
    assert SECRET not in text


@pytest.mark.usefixtures("credentials")
def test_what_proves_that_a_bucket_can_be_written_is_gone_and_is_no_backup_and_no_file_of_the_lake(monkeypatch, bucket):
    for subject in ("Object storage", "Lake"):
        with monkeypatch.context() as patch:
            state, _ = check(patch, subject, CLC_OBJECTS=bucket, CLC_LAKE="on")
        assert state == "ok"
    lake, place, storage = LakePlace(bucket), Place(bucket), Storage(bucket)
    assert (lake.list_objects(), place._list()) == ({}, {})
    for folder in ("backups", "lake"):  # as if it could not be deleted
        storage.write(storage.make_path(f"{folder}/.clc-check-host"), b"there")
    assert [*lake.list_objects()] == [".clc-check-host"]
    assert lake.find_left(lake.list_objects(), [], datetime.max.replace(tzinfo=UTC)) == []
    assert list_months(lake.list_objects()) == []
    assert [*place.list_whole()] == []
    assert place.prune("host", 1) == []


class WithoutDeleting:
    """Files that may not be deleted."""

    def __init__(self, files):
        self._files = files

    def __getattr__(self, name):
        return getattr(self._files, name)

    def delete_file(self, _path):
        raise OSError("AWS Error ACCESS_DENIED during DeleteObject operation: Access Denied")


def test_where_nothing_can_be_deleted_one_object_of_the_machine_stays_and_that_is_said(tmp_path):
    (tmp_path / "backups").mkdir()
    storage = Storage(str(tmp_path))
    storage._opened = WithoutDeleting(storage.files)
    for _ in range(2):
        kept = storage.prove_writable("backups", "my host")
        assert kept == f"{tmp_path} can't be used: Access Denied (ACCESS_DENIED)."
    assert [file.name for file in (tmp_path / "backups").iterdir()] == [".clc-check-my-host"]


def test_a_shared_spool_that_can_not_be_reached_is_wrong(monkeypatch):
    url = f"postgresql://clc:hunter2@{free_address()}/clc"
    state, text = check(monkeypatch, "Shared spool", CLC_SHARED_SPOOL=url)
    assert state == "WRONG"
    assert text.startswith("The shared spool can't be used for a check: ")
    assert "refused" in text
    assert "hunter2" not in text


def test_without_a_shared_spool_the_line_says_so():
    assert command._look_at_shared_spool(read_settings(env_file=None)) == "not used: this machine has its own"
