"""A spool belongs to one data directory, and no rows stay behind in one that is used no more."""

import json
import shutil

import pytest

from receiver.data_directory.incidents import read_incidents
from receiver.errors import DataDirectoryError
from receiver.keeping.care import gather, judge
from receiver.settings import Settings
from receiver.spool import SpoolWriter
from receiver.spool import owners as spools
from receiver.spool.owners import claim, claim_if_possible, hold, list_former_spools, take_former
from receiver.store.loss import describe_loss
from tests.durability.support.spool_store import SpoolStore
from tests.receiver.test_import import line
from tests.support.prepared import run_program
from tests.support.processes import PreparedReceiver, environment, running
from tests.support.rows import notification
from tests.support.waiting import until


def settings_of(data_dir, spool=None):
    settings = Settings(data_dir=data_dir, **({"spool_dir": spool} if spool else {}))
    settings.data_dir.mkdir(exist_ok=True)
    settings.spool_directory.mkdir(exist_ok=True)
    return settings


def write_rows(spool, numbers):
    writer = SpoolWriter(spool)
    writer.append_all([notification(number) for number in numbers])
    writer.close()


def run(command, tmp_path, data_dir, **settings):
    return run_program("receiver", *command, env=environment(data_dir, **settings), cwd=tmp_path)


def test_a_spool_of_another_data_directory_is_refused_with_what_to_do(tmp_path):
    claim(settings_of(tmp_path / "one", tmp_path / "spool"))
    with pytest.raises(
        DataDirectoryError, match=r"belongs to the data directory .*one: set CLC_SPOOL_DIR .* or delete"
    ):
        claim(settings_of(tmp_path / "two", tmp_path / "spool"))
    (tmp_path / "spool" / "owner").unlink()
    claim(settings_of(tmp_path / "two", tmp_path / "spool"))


def test_serve_and_import_take_no_spool_of_another_data_directory(tmp_path):
    claim(settings_of(tmp_path / "one", tmp_path / "spool"))
    (tmp_path / "old.jsonl").write_text(line(), encoding="utf-8")
    for command in (["serve"], ["import", "old.jsonl"]):
        ran = run(command, tmp_path, tmp_path / "two", CLC_SPOOL_DIR=str(tmp_path / "spool"))
        assert ran.returncode == 1, ran.stderr
        assert "belongs to the data directory" in ran.stderr
        assert len([said for said in ran.stderr.splitlines() if "WARNING" not in said]) == 1
    assert list((tmp_path / "spool").glob("*.sqlite")) == []


def test_a_data_directory_copied_or_moved_with_its_spool_goes_on(tmp_path):
    claim(settings_of(tmp_path / "inside"))
    shutil.copytree(tmp_path / "inside", tmp_path / "copy")
    claim(settings_of(tmp_path / "copy"))
    assert list_former_spools(settings_of(tmp_path / "copy")) == []
    claim(settings_of(tmp_path / "one", tmp_path / "spool"))
    (tmp_path / "one").rename(tmp_path / "moved")
    (tmp_path / "spool").rename(tmp_path / "moved spool")
    moved = settings_of(tmp_path / "moved", tmp_path / "moved spool")
    claim(moved)
    assert list_former_spools(moved) == []


def test_a_copy_of_a_data_directory_can_not_use_the_spool_at_the_same_time(tmp_path):
    claim(settings_of(tmp_path / "one", tmp_path / "spool"))
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    two = settings_of(tmp_path / "two", tmp_path / "spool")
    with hold(settings_of(tmp_path / "one", tmp_path / "spool")):
        claim(two)
        with pytest.raises(DataDirectoryError, match="Another `clc-receiver serve` is using the spool"), hold(two):
            pass
    with hold(two):
        pass


@pytest.mark.parametrize("content", [b"", b"{}", b"\x00" * 90])
@pytest.mark.parametrize("name", ["owner", "spools.json"])
def test_a_damaged_mark_or_note_is_kept_aside_told_and_made_anew(tmp_path, name, content):
    settings = settings_of(tmp_path / "data")
    claim(settings)
    (damaged,) = (tmp_path / "data").glob(f"**/{name}")
    damaged.write_bytes(content)
    claim(settings)
    claim(settings)
    assert content in [path.read_bytes() for path in (tmp_path / "data").glob(f"**/aside/*/{name}")]
    assert [name in incident.what for incident in read_incidents(settings.data_dir)] == [True]


def test_rows_in_a_spool_that_is_used_no_more_are_red_until_they_are_taken(tmp_path):
    before = settings_of(tmp_path / "data", tmp_path / "before")
    claim(before)
    write_rows(before.spool_directory, range(5))
    now = settings_of(tmp_path / "data", tmp_path / "now")
    claim(now)
    figures = {figure.name: figure for figure in judge(gather(now, None)).figures}
    assert figures["former_spools"].state == "red"
    assert str(tmp_path / "before") in figures["former_spools"].text
    assert take_former(now) == [tmp_path / "before"]
    (now.data_dir / "spool").mkdir()
    store = SpoolStore(now.data_dir, former=lambda: take_former(now))
    write_rows(store.spool, range(5, 8))
    store.take_all()
    assert sorted(store.users()) == list(range(8))
    store.close()
    assert take_former(now) == []
    assert list_former_spools(now) == []
    assert list(json.loads((now.data_dir / spools.KNOWN).read_text())["spools"].values()) == [str(tmp_path / "now")]


def test_a_former_spool_that_is_not_there_or_is_of_others_is_told_and_not_taken(tmp_path):
    before = settings_of(tmp_path / "data", tmp_path / "before")
    claim(before)
    write_rows(before.spool_directory, range(1))
    now = settings_of(tmp_path / "data", tmp_path / "now")
    claim(now)
    (tmp_path / "before").rename(tmp_path / "unmounted")
    assert "is not there: mount it" in list_former_spools(now)[0].trouble
    assert "is not there: mount it" in describe_loss(now, None)  # of a database whose note of progress is gone, too
    assert take_former(now) == []
    (tmp_path / "unmounted").rename(tmp_path / "before")
    (tmp_path / "before" / "owner").unlink()
    claim(settings_of(tmp_path / "other", tmp_path / "before"))
    assert "belongs to the data directory" in list_former_spools(now)[0].trouble
    assert take_former(now) == []


def test_a_spool_whose_disk_is_not_mounted_is_red_until_it_is_there_again(tmp_path):
    settings = settings_of(tmp_path / "data", tmp_path / "disk")
    claim(settings)
    write_rows(settings.spool_directory, range(5))
    (tmp_path / "disk").rename(tmp_path / "unmounted")
    settings_of(tmp_path / "data", tmp_path / "disk")
    for begin in (lambda: None, lambda: claim(settings), lambda: write_rows(settings.spool_directory, range(5, 7))):
        begin()
        figures = {figure.name: figure for figure in judge(gather(settings, None)).figures}
        assert figures["former_spools"].state == "red"
        assert "stop `serve` and mount its disk" in figures["former_spools"].text
        assert take_former(settings) == []
    (tmp_path / "disk").rename(tmp_path / "meanwhile")
    (tmp_path / "unmounted").rename(tmp_path / "disk")
    claim(settings)
    meanwhile = json.loads((tmp_path / "meanwhile" / "owner").read_text())["spool"]
    assert [meanwhile in former.trouble for former in list_former_spools(settings)] == [True]
    note = settings.data_dir / spools.KNOWN
    note.write_text("".join(each for each in note.read_text().splitlines(True) if meanwhile not in each))
    assert list_former_spools(settings) == []
    claim(settings)
    assert read_incidents(settings.data_dir) == []


def test_a_note_that_can_not_be_read_is_named(tmp_path):
    settings = settings_of(tmp_path / "data")
    (settings.data_dir / spools.KNOWN).mkdir()
    with pytest.raises(DataDirectoryError, match=r"spools\.json can't be read or written \(Is a directory\)"):
        claim(settings)
    assert [each.directory.name for each in list_former_spools(settings)] == [spools.KNOWN]


def test_a_listener_that_can_not_mark_its_spool_says_so_once_until_it_can(tmp_path, caplog):
    settings, told = settings_of(tmp_path / "data", tmp_path / "spool"), set()
    note = settings.data_dir / spools.KNOWN
    for _ in range(2):
        note.mkdir()
        for _ in range(3):
            claim_if_possible(settings, told)
        note.rmdir()
        claim_if_possible(settings, told)
        note.unlink()
    assert ["can't be marked" in message for message in caplog.messages] == [True, True]


def test_a_damaged_note_of_the_former_spools_is_red_until_the_next_start_makes_it_anew(tmp_path):
    settings = settings_of(tmp_path / "data")
    claim(settings)
    (settings.data_dir / spools.KNOWN).write_text("{")
    figures = {figure.name: figure for figure in judge(gather(settings, None)).figures}
    assert figures["former_spools"].state == "red"
    assert "spools.json is damaged" in figures["former_spools"].text
    claim(settings)
    assert list_former_spools(settings) == []
    assert [each.missing for each in read_incidents(settings.data_dir)] == [
        "which spools were used before, if there are any"
    ]


def test_a_former_spool_whose_disk_is_not_mounted_is_not_called_empty(tmp_path):
    claim(settings_of(tmp_path / "data", tmp_path / "before"))
    now = settings_of(tmp_path / "data", tmp_path / "now")
    claim(now)
    (tmp_path / "before").rename(tmp_path / "unmounted")
    (tmp_path / "before" / "lost+found").mkdir(parents=True)
    (tmp_path / "before" / "NOT MOUNTED").touch()
    assert take_former(now) == []
    assert "mount its disk" in list_former_spools(now)[0].trouble


def test_a_spool_that_lost_its_mark_alone_stays_the_same(tmp_path):
    settings = settings_of(tmp_path / "data")
    claim(settings)
    write_rows(settings.spool_directory, range(5))
    mark = settings.spool_directory / "owner"
    before = mark.read_text()
    mark.unlink()
    assert list_former_spools(settings) == []
    claim(settings)
    assert mark.read_text() == before
    assert list_former_spools(settings) == []


def test_a_spool_that_had_lost_its_mark_under_an_older_version_is_one_spool(tmp_path):
    settings = settings_of(tmp_path / "data")
    claim(settings)
    note = settings.data_dir / "spools.json"
    known = json.loads(note.read_text())
    known["spools"] = {"0" * 32: "spool", **known["spools"]}
    del known["format"]
    note.write_text(json.dumps(known))
    claim(settings)
    assert list_former_spools(settings) == []
    assert list(json.loads(note.read_text())["spools"].values()) == ["spool"]


@pytest.mark.full
def test_serve_takes_what_is_left_in_the_spool_of_before_and_verify_misses_it_until_then(tmp_path):
    data_dir, before, now = tmp_path / "data", str(tmp_path / "before"), str(tmp_path / "now")
    with running(PreparedReceiver, data_dir, CLC_SPOOL_DIR=before) as receiver:
        body = b'{"accountAlias":"ACME","userName":"kim@acme.example"}'
        assert receiver.sender.post("/webhooks/User.Updated", body).status == 200
    (tmp_path / "old.jsonl").write_text(line(), encoding="utf-8")
    assert run(["import", "old.jsonl"], tmp_path, data_dir, CLC_SPOOL_DIR=before).returncode == 0
    verified = run(["verify"], tmp_path, data_dir, CLC_SPOOL_DIR=now)
    assert (verified.returncode, "former spool" in verified.stdout) == (1, True), verified.stderr
    with running(PreparedReceiver, data_dir, CLC_SPOOL_DIR=now) as receiver:
        until(lambda: receiver.sql("SELECT count(*) AS n FROM notifications")[0]["n"] == 2, what="both")
        until(lambda: not list((tmp_path / "before").glob("*.sqlite")), what="an empty spool of before")
        verified = run(["verify"], tmp_path, data_dir, CLC_SPOOL_DIR=now)
        assert verified.returncode == 0, verified.stdout
        (tmp_path / "now").rename(tmp_path / "unmounted")  # its disk goes away, and what waits there is not known
        (tmp_path / "now").mkdir()
        assert receiver.sender.post("/webhooks/User.Updated", body).status == 200
        (former,) = list_former_spools(settings_of(data_dir, tmp_path / "now"))
        assert "stop `serve` and mount its disk" in former.trouble
