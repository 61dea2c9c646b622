"""Backups in object storage: they count once they were read back, half of one never, and nothing waits for them."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from receiver.data_directory.node import STORE
from receiver.errors import DamagedObjectError, ObjectsError
from receiver.keeping.backup_file import read_backup_watermarks
from receiver.keeping.notes import UPLOAD_NOTE as NOTE
from receiver.keeping.objects.place import Place, name_in_storage
from receiver.processes import helper
from receiver.settings import read_settings
from receiver.shared_spool import SharedSpoolReader, SpoolServer
from receiver.store import uploads as store_uploads
from receiver.store.backup import Backups
from receiver.store.control import BackupHandler
from receiver.store.uploads import Uploads
from receiver.supervision.begin import take_hold
from tests.durability.support.commands import command, run_command
from tests.support.object_storage import CREDENTIALS, MACHINES, SECRET, name_backups
from tests.support.ports import free_address
from tests.support.processes import PreparedReceiver, environment, running, stopped
from tests.support.waiting import until

USER = b'{"accountAlias":"ACME","userName":"user%d@acme.example"}'
MADE = ("2026-03-02T08:00:00+00:00", "host", 3, 3)


def post(receiver, numbers):
    for number in numbers:
        assert receiver.sender.post("/webhooks/User.Updated", USER % number).status == 200


def count(database):
    with duckdb.connect(str(database), read_only=True) as store:
        return store.execute("SELECT count(*) FROM notifications").fetchall()[0][0]


def upload_figure(data_dir, **settings):
    status = json.loads(run_command(data_dir, "status", "--json", **settings).stdout)
    return next(figure for figure in status["figures"] if figure["name"] == "uploaded_at")


def nothing(_count):
    pass


def test_a_backup_is_uploaded_and_restored_from_there_on_another_machine(tmp_path, objects):
    settings = {"CLC_OBJECTS": objects, **CREDENTIALS}
    with running(PreparedReceiver, tmp_path / "one", **settings) as receiver:
        post(receiver, range(5))
        made = run_command(tmp_path / "one", "backup", str(tmp_path / "b.duckdb"), **settings)
        assert (made.returncode, made.stderr.count("It is in object storage, too.")) == (0, 1), made.stderr
        figure = upload_figure(tmp_path / "one", **settings)
        assert (figure["state"], "5 rows" in figure["text"]) == ("ok", True)
        assert SECRET not in receiver.log
    assert list((tmp_path / "one" / "backups" / "uploading").iterdir()) == []
    restored = run_command(tmp_path / "two", "restore", "objects", **settings)
    assert restored.returncode == 0, restored.stderr
    assert count(tmp_path / "two" / "clc.duckdb") == 5
    assert not list((tmp_path / "two").glob("restoring*"))
    again = run_command(tmp_path / "two", "restore", "objects", **settings)
    assert "exists. Name another CLC_DATA_DIR, or give --force" in again.stderr


def test_wrong_credentials_are_told_without_them(backup, bucket, monkeypatch):
    for name in CREDENTIALS:
        monkeypatch.setenv(name, "wrong-and-secret")
    with pytest.raises(ObjectsError, match=r"s3://clc-\w+/some/prefix can't be used") as raised:
        Place(bucket).put(backup, name_in_storage(backup, "host", MACHINES[0]), MADE, nothing)
    assert "wrong-and-secret" not in str(raised.value)


@pytest.mark.full
def test_storage_that_is_away_is_told_and_keeps_back_nothing_and_what_waits_goes_there_after_a_start(tmp_path):
    there = tmp_path / "there"
    url = str(there)
    with running(PreparedReceiver, tmp_path / "data", CLC_OBJECTS=url) as receiver:
        post(receiver, range(3))
        made = run_command(tmp_path / "data", "backup", str(tmp_path / "b.duckdb"), CLC_OBJECTS=url)
        assert made.returncode == 0
        assert "Warning: it is not in object storage yet, the store tries again:" in made.stderr
        figure = upload_figure(tmp_path / "data", CLC_OBJECTS=url)
        assert figure["state"] == "amber"
        assert f"none yet; FAILING for 0.0 s, tried again: {there} is no directory" in re_timed(figure["text"])
        post(receiver, range(3, 6))
    there.mkdir()
    with running(PreparedReceiver, tmp_path / "data", CLC_OBJECTS=url) as receiver:
        receiver.until_logged("is in object storage")
        assert upload_figure(tmp_path / "data", CLC_OBJECTS=url)["state"] == "ok"
    (manifest,) = Place(url).list_whole()
    assert manifest.notifications == 3


def re_timed(text):
    """Write no time between `for` and `s`."""
    before, _, rest = text.partition("for ")
    return f"{before}for 0.0 s,{rest.partition(' s,')[2]}"


def children(pid):
    return [child for task in Path(f"/proc/{pid}/task").glob("*/children") for child in task.read_text().split()]


@pytest.mark.full
def test_a_store_stops_at_once_while_object_storage_does_not_answer(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"s3://bucket/prefix?scheme=http&endpoint_override=127.0.0.1:{silent.getsockname()[1]}"
        settings = {"CLC_OBJECTS": url, "CLC_BACKUP_EVERY": "1d", **CREDENTIALS}
        with running(PreparedReceiver, tmp_path, **settings) as receiver:
            waiting, _ = silent.accept()
            post(receiver, range(3))
            until(
                lambda: receiver.sql("SELECT count(*) AS n FROM notifications") == [{"n": 3}], what="them to be stored"
            )
            (upload,) = children(receiver.children()["store"])
            assert receiver.stop() == 0
        assert not Path(f"/proc/{upload}").exists()
        waiting.close()


def start_upload(file, data_dir, url):
    return subprocess.Popen(
        [sys.executable, "-m", "receiver.keeping.objects.uploading", str(file)],
        env=environment(data_dir, CLC_OBJECTS=url, **CREDENTIALS),
        stdout=subprocess.PIPE,
        text=True,
    )


def enlarge(backup):
    """Make the backup large, so that a moment in the middle of its upload can be met."""
    with backup.open("ab") as file:
        for _ in range(6):
            file.write(os.urandom(4 << 20))


@pytest.mark.full
@pytest.mark.usefixtures("credentials")
def test_storage_that_is_killed_in_mid_upload_holds_no_backup_and_a_later_try_is_whole(
    backup, tmp_path, object_storage, bucket
):
    enlarge(backup)
    with start_upload(backup, tmp_path, bucket) as process:
        assert json.loads(process.stdout.readline())["moved"] > 0
        object_storage.stop()
        try:
            said = process.communicate()[0]
        finally:
            object_storage.start()
    assert process.returncode == 1
    assert "can't be used" in json.loads(said.splitlines()[-1])["error"]
    assert list(Place(bucket).list_whole()) == []
    with start_upload(backup, tmp_path, bucket) as process:
        process.communicate()
    assert process.returncode == 0
    (manifest,) = Place(bucket).list_whole()
    assert manifest.bytes == backup.stat().st_size


def test_an_upload_that_is_killed_leaves_no_backup_and_its_half_goes_with_the_next_one(backup, tmp_path, directory):
    enlarge(backup)
    with start_upload(backup, tmp_path, str(directory)) as process:
        process.stdout.readline()
        process.send_signal(signal.SIGKILL)
    (half,) = (directory / "backups").iterdir()
    assert list(Place(str(directory)).list_whole()) == []
    later = backup.with_name("clc-20260303T000000000000Z.duckdb")
    backup.rename(later)
    with start_upload(later, tmp_path, str(directory)) as process:
        process.communicate()
    assert not half.exists()
    assert [manifest.name[:12] for manifest in Place(str(directory)).list_whole()] == ["clc-20260303"]


def test_an_upload_ends_when_the_store_is_killed(backup, tmp_path, directory):
    os.truncate(backup, 1 << 29)  # of holes
    script = "import subprocess, sys; subprocess.Popen(sys.argv[1:]); sys.stdin.read()"
    command = [sys.executable, "-m", "receiver.keeping.objects.uploading", str(backup)]
    with subprocess.Popen(
        [sys.executable, "-c", script, *command],
        env=environment(tmp_path, CLC_OBJECTS=str(directory)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        parent.stdout.readline()
        parent.kill()
        parent.stdout.read()  # ends with the upload
    assert list(Place(str(directory)).list_whole()) == []


def test_an_object_that_comes_back_changed_is_no_backup(backup, directory, monkeypatch):
    place, send = Place(str(directory)), Place._send

    def send_and_spoil(self, file, name, advance):
        digest = send(self, file, name, advance)
        damage(directory / "backups" / name)
        return digest

    monkeypatch.setattr(Place, "_send", send_and_spoil)
    with pytest.raises(DamagedObjectError, match="came back changed"):
        place.put(backup, name_in_storage(backup, "host", MACHINES[0]), MADE, nothing)
    assert list(place.list_whole()) == []
    monkeypatch.undo()
    assert place.put(backup, name_in_storage(backup, "host", MACHINES[0]), MADE, nothing) in place.list_whole()


def damage(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_a_damaged_object_is_found_and_an_older_backup_restored(backup, tmp_path, directory):
    place = Place(str(directory))
    for day in ("01", "02"):
        place.put(backup, f"clc-202603{day}-host-00000001.duckdb", MADE, nothing)
    damage(directory / "backups" / "clc-20260302-host-00000001.duckdb")
    url = directory.as_uri()
    done = run_command(tmp_path / "data", "restore", "objects", "--other-key", CLC_OBJECTS=url)
    assert done.returncode == 0, done.stderr
    assert "The backup clc-20260302-host-00000001.duckdb is passed over" in done.stderr
    assert count(tmp_path / "data" / "clc.duckdb") == 3
    damage(directory / "backups" / "clc-20260301-host-00000001.duckdb")
    done = run_command(tmp_path / "other", "restore", url, "--other-key")
    assert (done.returncode, "has no whole backup that can be used." in done.stderr) == (1, True)
    assert not (tmp_path / "other" / "clc.duckdb").exists()


@pytest.mark.full
@pytest.mark.parametrize("what", ["cut", "gone"])
def test_a_newest_backup_whose_object_is_cut_or_gone_is_named_by_restore_and_check(backup, tmp_path, directory, what):
    place = Place(str(directory))
    older, name = name_backups(backup, (1, 2))
    for each in (older, name):
        place.put(backup, each, MADE, nothing)
    damaged, size = directory / "backups" / name, backup.stat().st_size
    if what == "cut":
        os.truncate(damaged, size - 1)
        why = f"it has {size - 1:,} bytes, and its manifest says {size:,}."
    else:
        damaged.unlink()
        why = "its object is gone."
    done = run_command(tmp_path / "data", "restore", "objects", "--other-key", CLC_OBJECTS=str(directory))
    assert (done.returncode, f"The backup {name} is passed over: {why}" in done.stderr) == (0, True), done.stderr
    checked = run_command(tmp_path / "data", "check", CLC_OBJECTS=str(directory))
    assert f"{directory}, 1 whole backups; {name} can't be used: {why}" in checked.stdout


@pytest.mark.full
def test_a_restore_that_is_stopped_while_it_fetches_changes_nothing_and_can_be_run_again(backup, tmp_path, directory):
    os.truncate(backup, 1 << 27)  # so that it takes a moment
    Place(str(directory)).put(backup, name_in_storage(backup, "host", MACHINES[0]), MADE, nothing)
    data_dir = tmp_path / "data"
    arguments = ("restore", "--other-key", str(directory.as_uri()))
    data_dir.mkdir()
    for number in (signal.SIGINT, signal.SIGKILL):
        with subprocess.Popen(
            command(*arguments), env=environment(data_dir), cwd=data_dir, stderr=subprocess.PIPE, text=True
        ) as process:
            until(lambda: list(data_dir.glob(".restoring.fetched.*")), what="it to fetch")
            process.send_signal(number)
            assert "Traceback" not in process.communicate()[1]
        assert process.returncode in {1, -signal.SIGKILL}
        assert not (data_dir / "clc.duckdb").exists()
    assert run_command(data_dir, *arguments).returncode == 0
    assert count(data_dir / "clc.duckdb") == 3
    assert not [*data_dir.glob("restoring*"), *data_dir.glob(".restoring*")]


def test_a_start_deletes_what_a_restore_that_was_killed_had_fetched(tmp_path):
    left = [tmp_path / "restoring.fetched", tmp_path / ".restoring.fetched.17.0a1b2c3d"]
    for file in left:
        file.touch()
    held = take_hold(read_settings(env_file=None, data_dir=tmp_path, query_listen=free_address()), STORE)
    held.lock.close()
    held.query.close()
    for descriptor in (held.life, held.life_writer):
        os.close(descriptor)
    assert [file for file in left if file.exists()] == []


@pytest.fixture
def uploads(tmp_path, directory, monkeypatch):
    monkeypatch.setattr(store_uploads, "_FIRST_SECONDS", 0.05)
    uploads = Uploads(read_settings(env_file=None, data_dir=tmp_path, objects=str(directory)))
    uploads.start()
    yield uploads
    uploads.stop()


def test_an_upload_that_failed_is_tried_again_and_the_backup_counts_only_then(backup, tmp_path, directory, uploads):
    directory.rmdir()
    counted = []
    uploads.offer(backup, lambda: counted.append("older"))
    until(lambda: uploads.latest.failure, what="it to fail")
    since = json.loads((tmp_path / NOTE).read_text())["failing_since"]
    later = backup.with_name("clc-20260303T000000000000Z.duckdb")
    later.write_bytes(backup.read_bytes())
    uploads.offer(later, lambda: counted.append("newer"))
    until(lambda: uploads.latest.file == later.name and uploads.latest.failure, what="that to fail, too")
    assert json.loads((tmp_path / NOTE).read_text())["failing_since"] == since
    assert counted == []
    backup.unlink()
    later.unlink()
    directory.mkdir()
    until(lambda: counted, what="the upload")
    assert counted == ["newer"]
    assert [manifest.name[:12] for manifest in Place(str(directory)).list_whole()] == ["clc-20260303"]


@pytest.mark.full
def test_a_backup_counts_though_a_newer_one_is_made_while_it_is_uploaded(backup, uploads):
    counted = []
    uploads.offer(backup, lambda: counted.append("older"))
    until(lambda: uploads._helper._process, what="the upload")
    with stopped(uploads._helper._process.pid):
        later = backup.with_name("clc-20260303T000000000000Z.duckdb")
        later.write_bytes(backup.read_bytes())
        uploads.offer(later, lambda: counted.append("newer"))
    until(lambda: "newer" in counted, what="the upload of the newer")
    assert counted == ["older", "newer"]


def test_a_backup_is_not_told_to_be_in_object_storage_while_an_older_one_is_on_its_way(backup, directory, uploads):
    told = []

    class Following(BackupHandler):
        def __init__(self):
            pass

        async def tell(self, line):
            told.append((line, [manifest.name for manifest in Place(str(directory)).list_whole()]))
            return True

    uploads.offer(backup, lambda: None)
    until(lambda: uploads._helper._process, what="the upload")
    with stopped(uploads._helper._process.pid):
        later = backup.with_name("clc-20260303T000000000000Z.duckdb")
        later.write_bytes(backup.read_bytes())
        uploads.offer(later, lambda: None)
    asyncio.run(Following()._follow(uploads, {"name": later.name}))
    last, names = told[-1]
    assert last == {"name": later.name, "not_uploaded": None}
    assert [name[:12] for name in names] == ["clc-20260303", "clc-20260302"]


def test_a_backup_whose_upload_an_earlier_process_began_counts(backup, tmp_path, directory, monkeypatch):
    settings, noted = read_settings(env_file=None, data_dir=tmp_path, objects=str(directory)), []
    Uploads(settings).offer(backup, lambda: None)
    held = read_backup_watermarks(backup)
    shared = SharedSpoolReader(SpoolServer("postgresql://none", "reading"))
    monkeypatch.setattr(shared, "note_backup", noted.append)
    backups = Backups(settings, None, shared)
    backups.start()
    until(lambda: noted, what="the upload")
    backups.stop()
    assert (noted, sum(held.values())) == ([held], 3)


@pytest.mark.full
def test_an_upload_that_stands_still_is_given_up(backup, tmp_path, monkeypatch):
    monkeypatch.setattr(helper, "_STILL_SECONDS", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"s3://bucket?scheme=http&endpoint_override=127.0.0.1:{silent.getsockname()[1]}"
        uploads = Uploads(read_settings(env_file=None, data_dir=tmp_path, objects=url))
        uploads.start()
        uploads.offer(backup, lambda: None)
        until(lambda: uploads.latest.failure, what="it to be given up")
        assert uploads.latest.failure == "It did not go on for 1 s."
        uploads.stop()
