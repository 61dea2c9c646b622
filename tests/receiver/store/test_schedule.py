"""Backups are made by schedule when the clock tells how old the last one is."""

import asyncio

import pytest

from receiver.settings import read_settings
from receiver.store import backup
from receiver.store.backup import Backups


class _MadeError(BaseException):
    """Ends the schedule in place of a backup."""


def make(_self):
    raise _MadeError


def test_no_backup_is_made_by_schedule_while_the_clock_is_not_set(tmp_path, monkeypatch, caplog):
    answers = [False, False, False, True]
    monkeypatch.setattr(backup, "is_clock_set", lambda: answers.pop(0))
    monkeypatch.setattr(backup, "_CLOCK_POLL_SECONDS", 0)
    monkeypatch.setattr(Backups, "_make_by_schedule", make)
    settings = read_settings(data_dir=tmp_path, backup_every="1d", env_file=None)
    with pytest.raises(_MadeError):
        asyncio.run(Backups(settings, None).keep_to_schedule())
    assert not answers
    assert caplog.messages == ["the clock of this machine is not set: no backup is made by schedule until it is"]
