"""A look at the lake that fails is told and comes again soon; one that succeeds comes again after hours."""

from typing import Any

import pytest

from receiver.errors import ObjectsError
from receiver.keeping.notes import read_lake_note
from receiver.processes.helper import Helper
from receiver.settings import Settings
from receiver.store.lake import Lake

WRITTEN = {"months": 2, "newest": "2026-04", "written": ["2026-04"], "not_removed": None}
WITHOUT_DROPPER: Any = None


@pytest.fixture
def settings(tmp_path):
    return Settings(data_dir=tmp_path, objects=str(tmp_path / "there"), lake="on")


@pytest.fixture
def look(settings, monkeypatch):
    """Look once, with what the lake's process answers, and return after how many seconds to look again."""
    lake = Lake(settings, WITHOUT_DROPPER)

    def look_once(answer):
        def run(_helper):
            if isinstance(answer, Exception):
                raise answer
            return answer

        monkeypatch.setattr(Helper, "run", run)
        return lake._look()

    return look_once


def test_a_failure_is_noted_with_its_reason_until_a_look_succeeds_and_looks_come_sooner_meanwhile(settings, look):
    assert [look(ObjectsError("there is no directory")) for _ in range(8)] == [5, 10, 20, 40, 80, 160, 300, 300]
    note = read_lake_note(settings.data_dir, settings.objects)
    assert (note["error"], "failing_since" in note, "newest" in note) == ("there is no directory", True, False)
    assert look(WRITTEN) == 6 * 3600
    note = read_lake_note(settings.data_dir, settings.objects)
    assert (note["newest"], "error" in note, "failing_since" in note) == ("2026-04", False, False)
    assert look(ObjectsError("there is no directory")) == 5


def test_a_look_that_waits_for_another_machine_comes_again_in_a_minute(settings, look):
    assert look({"waits_for": "another machine, which writes the lake"}) == 60
    note = read_lake_note(settings.data_dir, settings.objects)
    assert note["waits_for"] == "another machine, which writes the lake"
