"""An error that nobody foresaw ends no thread and no task of the store: it is noted, and all is tried again."""

import asyncio
import errno
import json
import resource
from pathlib import Path

import pytest

from receiver.files import write_whole
from receiver.keeping import notes as kept_notes
from receiver.keeping.notes import LAKE_NOTE, UPLOAD_NOTE
from receiver.settings import read_settings
from receiver.shipping import process as shipping
from receiver.store import backup as store_backup
from receiver.store import lake as store_lake
from receiver.store import uploads as store_uploads
from receiver.store.backup import Backup, Backups
from receiver.store.lake import Lake
from receiver.store.uploads import Uploads
from tests.support.waiting import until

SILENT = "colorsys"
"""A module that ends with 0 and prints nothing."""
NONE = "no_such_module"


@pytest.fixture
def settings(tmp_path):
    (tmp_path / "there").mkdir()
    places = {"data_dir": tmp_path / "data", "objects": str(tmp_path / "there"), "lake": "on"}
    (tmp_path / "data").mkdir()
    return read_settings(env_file=None, **places, backup_every="1d")


@pytest.fixture
def lake(settings, monkeypatch):
    monkeypatch.setattr(store_lake, "_FIRST_SECONDS", 0.0)
    monkeypatch.setattr(store_lake, "_RETRY_SECONDS", 0.01)

    class Idle:
        def interrupt(self):
            pass

    lake = Lake(settings, Idle())  # type: ignore[arg-type]  # it drops nothing here
    lake._retry_seconds = 0.01
    yield lake
    lake.stop()


@pytest.fixture
def uploads(settings, monkeypatch):
    monkeypatch.setattr(store_uploads, "_FIRST_SECONDS", 0.01)
    uploads = Uploads(settings)
    uploads._directory.mkdir(parents=True)
    (uploads._directory / "clc-20260301T000000000000Z.duckdb").touch()
    yield uploads
    uploads.stop()


def noted(settings, name, key):
    try:
        return json.loads((settings.data_dir / name).read_text()).get(key)
    except FileNotFoundError:
        return None


@pytest.mark.parametrize("part", ["lake", "uploads"])
@pytest.mark.parametrize(
    ("module", "said"), [(SILENT, "It ended and said nothing."), (NONE, "It ended with code 1: the log says why.")]
)
def test_a_process_that_says_nothing_is_a_failure(settings, request, capfd, part, module, said):
    thread, note = request.getfixturevalue(part), {"lake": LAKE_NOTE, "uploads": UPLOAD_NOTE}[part]
    thread._helper._module = module
    thread.start()
    assert until(lambda: noted(settings, note, "error"), what="the failure") == said
    assert (NONE in capfd.readouterr().err) == (module == NONE)
    assert thread._thread.is_alive()


def test_an_answer_that_lacks_something_is_noted_and_the_lake_is_looked_at_again(settings, lake, monkeypatch, caplog):
    answers = iter([{"months": 1}])
    whole = {"months": 1, "newest": "2026-02", "written": [], "not_removed": None}
    monkeypatch.setattr(lake._helper, "run", lambda: next(answers, whole))
    monkeypatch.setattr(kept_notes, "write_whole", keep_all(said := []))
    lake.start()
    until(lambda: noted(settings, LAKE_NOTE, "complete_at"), what="another look")
    assert json.loads(said[0])["error"] == "an error in this program (KeyError)"
    assert "Traceback" in caplog.text


def keep_all(contents):
    def write_and_keep(path, content):
        contents.append(content)
        write_whole(path, content)

    return write_and_keep


def test_a_copy_for_an_upload_that_fails_leaves_nothing_where_there_are_no_links(settings, monkeypatch):
    def refuse(*_):
        raise OSError(errno.EPERM, "no links here")

    backup = settings.data_dir / "clc-20260302T000000000000Z.duckdb"
    backup.write_bytes(bytes(200_000))
    uploads, limits = Uploads(settings), resource.getrlimit(resource.RLIMIT_FSIZE)
    monkeypatch.setattr(Path, "hardlink_to", refuse)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        uploads.offer(backup, lambda: None)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert uploads.latest.failure == f"{backup.name} can't be kept for the upload: File too large"
    assert list(uploads._directory.iterdir()) == []


@pytest.mark.parametrize("name", [".clc-1.duckdb.7.0a1b2c3d", "clc-1.unfinished"], ids=["now", "earlier"])
def test_a_copy_for_an_upload_that_a_killed_process_left_unfinished_is_deleted_at_the_start(uploads, name):
    (uploads._directory / name).write_bytes(bytes(1000))
    uploads._helper.stop()
    uploads.start()
    assert [each.suffix for each in uploads._directory.iterdir()] == [".duckdb"]


def test_an_upload_whose_end_is_an_error_is_tried_again_and_still_tells_that_it_is_there(
    settings, uploads, monkeypatch, caplog
):
    told = []

    def tell():
        told.append(len(told))
        if len(told) == 1:
            raise KeyError("manifest")

    manifest = {"name": "clc-20260301", "notifications": 7}
    done = {"manifest": manifest, "removed": [], "not_removed": None}
    monkeypatch.setattr(uploads._helper, "run", lambda *_, **__: done)
    uploads.start(lambda _file: tell())
    until(lambda: noted(settings, UPLOAD_NOTE, "uploaded_at"), what="another try")
    assert told == [0, 1]
    assert "Traceback" in caplog.text


def test_a_backup_that_fails_by_an_error_of_the_program_is_noted_and_made_again(settings, monkeypatch):
    notes, backups = [], Backups(settings, None)
    file = settings.data_dir / "backups" / "clc-20260301T000000000000Z.duckdb"
    outcomes = iter([KeyError("notifications"), Backup(file, 1, 7, 7)])

    def make(*_):
        if isinstance(outcome := next(outcomes), Exception):
            raise outcome
        return outcome

    monkeypatch.setattr(store_backup, "_SOONEST_RETRY_SECONDS", 0.0)
    monkeypatch.setattr(kept_notes, "write_whole", keep_all(notes))
    monkeypatch.setattr(backups, "_make", make)
    asyncio.run(run_until(backups.keep_to_schedule(), lambda: len(notes) >= 2))
    assert json.loads(notes[0])["error"] == "an error in this program (KeyError)."
    assert json.loads(notes[1])["notifications"] == 7


def test_the_shippers_note_is_written_after_an_error_of_the_program(settings, monkeypatch, caplog):
    tries = []

    def note(_):
        tries.append(len(tries))
        if len(tries) == 1:
            raise KeyError("held")

    monkeypatch.setattr(shipping, "_NOTE_SECONDS", 0.0)
    monkeypatch.setattr(shipping._Notes, "note", note)
    asyncio.run(run_until(shipping._Notes(settings, None, None).keep(), lambda: len(tries) >= 2))
    assert "Traceback" in caplog.text


async def run_until(coroutine, condition):
    """Run a coroutine that never ends until a condition holds."""
    task = asyncio.create_task(coroutine)
    await asyncio.to_thread(until, condition)
    task.cancel()
