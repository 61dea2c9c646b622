"""`clc-receiver check` calls nothing usable that `serve` would refuse."""

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from receiver.commands import check as command
from receiver.settings import read_settings
from tests.support.ports import free_address


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


def test_a_shared_spool_that_can_not_be_reached_is_wrong(monkeypatch):
    url = f"postgresql://clc:hunter2@{free_address()}/clc"
    state, text = check(monkeypatch, "Shared spool", CLC_SHARED_SPOOL=url)
    assert state == "WRONG"
    assert text.startswith("The shared spool can't be used for a check: ")
    assert "refused" in text
    assert "hunter2" not in text


def test_without_a_shared_spool_the_line_says_so():
    assert command._look_at_shared_spool(read_settings(env_file=None)) == "not used: this machine has its own"
