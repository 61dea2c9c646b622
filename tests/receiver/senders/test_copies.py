"""Profiles are saved before notifications are received under them, with how the program of then used them."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from receiver.senders import copies
from receiver.senders.copies import load_remembered_profiles, remember_profiles, save_later
from receiver.senders.profile import DERIVATION, load_profile, load_shipped

SAVED = "remembered_profiles"
TIMED = """
name = "timed"
title = "Timed"
documentation = "https://timed.example"
[verification]
type = "token"
header = "X-Token"
[columns]
event_type = "/type"
entity_id = "/id"
occurred_at = "/at"
[setup]
steps = ["Post to {url}"]
"""
RECEIVED = datetime(2026, 3, 2, 9, tzinfo=UTC)
BODY = {"type": "call", "id": "1", "at": "Mon, 02 Mar 2026 08:00:00 +0000"}


@pytest.fixture
def profile(tmp_path):
    path = tmp_path / "timed.toml"
    path.write_text(TIMED)
    return load_profile(path)


def find_times(profiles):
    return [each.derive_again("call", BODY, RECEIVED)["occurred_at"].hour for each in profiles]


def test_a_saved_profile_says_how_the_program_of_then_used_it(tmp_path, profile):
    assert remember_profiles(tmp_path, [profile]) == {}
    (file,) = (tmp_path / SAVED).iterdir()
    assert file.stem.endswith(f"-{DERIVATION}")
    assert find_times(load_remembered_profiles(tmp_path)["timed"]) == [8]
    file.rename(file.with_stem(file.stem[: -len(f"-{DERIVATION}")] + "-1"))
    assert find_times(load_remembered_profiles(tmp_path)["timed"]) == [9]


@pytest.mark.parametrize("name", [f"timed-{'0a' * 32}.toml", "as the owner calls it-2.toml"])
def test_one_that_an_older_program_or_its_owner_saved_counts_as_used_by_each_program(tmp_path, profile, name):
    (tmp_path / SAVED).mkdir()
    (tmp_path / SAVED / name).write_bytes(profile.path.read_bytes())
    assert find_times(load_remembered_profiles(tmp_path)["timed"]) == [9, 8]


def test_a_profile_that_can_not_be_saved_is_saved_as_it_was_read_once_that_can_be(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(copies, "_AGAIN_SECONDS", 0.0)
    place = tmp_path / SAVED
    place.write_text("a file in its place")
    github = load_shipped()["github"]
    unsaved = remember_profiles(tmp_path, [github])
    assert "could not be kept, which is tried again" in caplog.text

    async def free_the_place():
        saving = asyncio.create_task(save_later(unsaved))
        await asyncio.sleep(0)
        place.unlink()
        await saving

    asyncio.run(free_the_place())
    (saved,) = load_remembered_profiles(tmp_path)["github"]
    assert saved.path.read_bytes() == Path(github.path).read_bytes()
