"""Backups are made by schedule when the clock tells how old the last one is."""

import asyncio

import pytest

from receiver.errors import StoreError
from receiver.keeping.care import gather, judge
from receiver.keeping.notes import read_backup_note, write_backup_note
from receiver.settings import read_settings
from receiver.store import backup
from receiver.store.backup import Backups


class _MadeError(BaseException):
    """Ends the schedule in place of a backup."""


def make(_self):
    raise _MadeError


def test_a_schedule_that_can_not_tell_which_backups_there_are_makes_none_and_the_note_says_why(tmp_path, monkeypatch):
    (tmp_path / "backups").symlink_to(tmp_path / "backups")
    monkeypatch.setattr(Backups, "_make_by_schedule", make)
    monkeypatch.setattr(backup, "_SOONEST_RETRY_SECONDS", 60)
    settings = read_settings(data_dir=tmp_path, backup_every="1d", env_file=None)

    async def keep():
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(Backups(settings, None).keep_to_schedule(), 0.1)

    asyncio.run(keep())
    assert "backups can't be listed" in read_backup_note(tmp_path)["error"]


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


def test_a_clock_that_is_set_forward_makes_a_backup_due_at_once(tmp_path, monkeypatch):
    counted = [86_400.0, 0]
    monkeypatch.setattr(backup, "_LOOK_SECONDS", 0)
    monkeypatch.setattr(Backups, "_count_seconds_until_due", lambda _self, _every: counted.pop(0))
    monkeypatch.setattr(Backups, "_make_by_schedule", make)
    with pytest.raises(_MadeError):
        asyncio.run(
            Backups(read_settings(data_dir=tmp_path, backup_every="1d", env_file=None), None).keep_to_schedule()
        )


@pytest.mark.parametrize("before", [{}, {"failed_at": "2026-03-02T12:00:00+00:00", "error": "no room"}])
def test_a_stop_that_interrupts_a_backup_is_no_failure_and_hides_none(tmp_path, monkeypatch, before):
    settings = read_settings(data_dir=tmp_path, env_file=None)
    backups = Backups(settings, None)
    write_backup_note(tmp_path, before)

    def copy(_file, _copied):
        backups.stop()
        return backups._run(["sleep", "100"], lambda: None)

    monkeypatch.setattr(backups, "_make", copy)
    with pytest.raises(StoreError, match="There is no backup: the store is stopping"):
        backups.make(lambda _copied, _bytes: None)
    (figure,) = [each for each in judge(gather(settings, None)).figures if each.name == "backup_at"]
    assert (figure.state, figure.text) == (
        ("red", "none; no schedule (CLC_BACKUP_EVERY); FAILED: no room")
        if before
        else ("ok", "none; no schedule (CLC_BACKUP_EVERY); a stop of serve interrupted one: make it again")
    )
