"""A damaged spool: each fault is told and put aside, and stops neither the appender nor the other segments."""

import os
import shutil
import sqlite3
import subprocess
from contextlib import closing

import pytest

from receiver.data_directory.incidents import read_incidents
from receiver.database.opening import run
from receiver.notification import Notification
from receiver.settings import Settings
from receiver.spool import SpoolReader, SpoolWriter
from receiver.spool.owners import open_spool
from receiver.store.appending.appender import Appender
from tests.durability.support.spool_store import SpoolStore, kill_writer
from tests.support.processes import ListenerProcess, PreparedReceiver, running
from tests.support.rows import notification
from tests.support.waiting import until


def in_aside(store):
    return sorted(path.name for path in (store.spool / "aside").glob("*/*"))


def test_segments_of_listeners_that_no_longer_exist_are_drained(store, writer):
    for start in (0, 10, 20):
        kill_writer(store.spool, range(start, start + 10))
    writer.append_all([notification(30)])
    store.take_all()
    assert sorted(store.users()) == list(range(31))
    assert store.told == []
    assert len(list(store.spool.glob("*.sqlite"))) == 1


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda path: path.write_bytes(b"no database " * 5_000), id="garbage"),
        pytest.param(lambda path: path.write_bytes(b""), id="empty", marks=pytest.mark.full),
        pytest.param(lambda path: os.truncate(path, 5_000), id="cut", marks=pytest.mark.full),
        pytest.param(lambda path: path.write_bytes(path.read_bytes()[:4096] + bytes(12_288)), id="zeroed"),
    ],
)
def test_a_damaged_segment_is_told_and_put_aside_and_the_others_go_in(store, writer, damage):
    bad = kill_writer(store.spool, range(100, 110))
    for companion in ("-wal", "-shm"):
        bad.with_name(bad.name + companion).unlink()
    damage(bad)
    kill_writer(store.spool, range(5))
    writer.append_all([notification(number) for number in range(5, 10)])
    store.take_all()
    assert sorted(store.users()) == list(range(10))
    assert bad.name in in_aside(store)
    assert not bad.exists()
    assert any(bad.name in what and moved_to for what, moved_to in store.told)


def test_rows_before_the_damage_are_taken(store):
    # Many rows, so that the damaged page is one of many.
    writer = SpoolWriter(store.spool)
    writer.append_all([notification(number, payload=b'{"long":"%s"}' % (b"x" * 2_000)) for number in range(200)])
    writer.close()
    (segment,) = store.spool.glob("*.sqlite")
    with segment.open("r+b") as file:
        file.seek(60 * 4096)
        file.write(bytes(4096))
    store.take_all()
    users = store.users()
    assert 20 < len(users) < 200
    assert users == list(range(len(users)))
    assert segment.name in in_aside(store)


def test_foreign_files_and_directories_are_told_and_put_aside(store, writer):
    with sqlite3.connect(store.spool / "notes.sqlite") as notes:
        notes.execute("CREATE TABLE notes (a)")
    notes.close()
    (store.spool / "letters.sqlite").mkdir()
    (store.spool / "0192a0b1c2d3e4f5a6b7c8d9e0f1a2b3-000001.sqlite").mkdir()
    (store.spool / "README").write_text("left alone")
    writer.append_all([notification(1)])
    store.take_all()
    assert store.users() == [1]
    assert in_aside(store) == [
        "0192a0b1c2d3e4f5a6b7c8d9e0f1a2b3-000001.sqlite",
        "letters.sqlite",
        "notes.sqlite",
    ]
    assert len(store.told) == 3
    assert (store.spool / "README").exists()


def test_a_segment_shaped_file_that_is_none_is_put_aside(store, writer):
    name = "0192a0b1c2d3e4f5a6b7c8d9e0f1a2b3-000001.sqlite"
    with sqlite3.connect(store.spool / name) as other:
        other.execute("CREATE TABLE notes (a)")
    other.close()
    writer.append_all([notification(1)])
    store.take_all()
    assert store.users() == [1]
    assert in_aside(store) == [name]


def test_a_segment_locked_by_another_program_waits_and_loses_nothing(store, monkeypatch):
    monkeypatch.setattr("receiver.spool.layout.READER_SECONDS", 0)
    segment = kill_writer(store.spool, range(5))
    holder = sqlite3.connect(segment, isolation_level=None)
    holder.execute("PRAGMA locking_mode=EXCLUSIVE")
    holder.execute("BEGIN EXCLUSIVE")
    store.take_all()
    assert store.users() == []
    assert segment.exists()
    assert "tried again" in store.told[0][0]
    holder.close()
    store.take_all()
    assert store.users() == list(range(5))
    assert not segment.exists()


def test_a_segment_deleted_while_in_use_is_read_to_its_end_and_told_and_the_writer_begins_anew(store, writer):
    writer.append_all([notification(1)])
    store.take_all()
    writer.append_all([notification(2)])
    for path in store.spool.iterdir():
        path.unlink()
    writer.append_all([notification(3)])
    store.take_all()
    assert store.users() == [1, 2, 3]
    assert {kept for what, kept in store.told if "deleted or replaced" in what} == {None}
    assert not (store.spool / "aside").exists()
    writer.append_all([notification(4)])
    store.take_all()
    assert store.users() == [1, 2, 3, 4]
    assert len(list(store.spool.glob("*.sqlite"))) == 1


def test_a_segment_whose_deletion_was_begun_is_deleted_and_no_incident(store):
    segment = kill_writer(store.spool, range(5))
    store.appender.append_new()
    run(store.connection, "CHECKPOINT")
    store.reader.close()
    segment.with_name(segment.name + "-wal").write_bytes(b"left over")
    segment.rename(f"{segment}.taken")
    store.close()
    again = SpoolStore(store.spool.parent)
    again.take_all()
    assert again.told == []
    assert again.users() == list(range(5))
    assert list(store.spool.glob("*.sqlite*")) == []
    again.close()


def test_a_segment_that_others_took_away_is_missed(store):
    segment = kill_writer(store.spool, range(5))
    store.reader.list_segments()
    segment.rename(segment.with_name("elsewhere"))
    store.take_all()
    assert store.told[0][0] == f"Segment {segment.name} was deleted or moved by others."
    assert segment.name in store.missing[0]


def test_no_file_of_others_is_deleted(store, writer):
    for name in ("my-notes.new", "my-notes.new.txt", "notes.sqlite-journal"):
        (store.spool / name).write_text("mine")
    writer.append_all([notification(1)])
    store.take_all()
    assert {path.name for path in store.spool.iterdir()} >= {"my-notes.new", "my-notes.new.txt", "notes.sqlite-journal"}


def test_a_spool_that_is_not_there_for_a_while_doubles_nothing(store):
    segment = kill_writer(store.spool, range(5))
    store.appender.append_new()
    store.appender.checkpoint()
    assert not segment.exists()
    kill_writer(store.spool, range(5, 10))
    store.appender.append_new()
    run(store.connection, "CHECKPOINT")
    store.close()
    elsewhere = store.spool.rename(store.spool.with_name("unmounted"))
    store.spool.mkdir()
    again = SpoolStore(store.spool.parent)
    again.take_all()
    again.close()
    store.spool.rmdir()
    elsewhere.rename(store.spool)
    last = SpoolStore(store.spool.parent)
    last.take_all()
    assert last.users() == list(range(10))
    last.close()


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace injects the fault")
def test_after_a_failed_sync_nothing_more_is_acknowledged_into_the_segment(tmp_path):
    """Syncs of a real listener fail; strace injects that."""
    with running(ListenerProcess, tmp_path) as listener:
        assert listener.sender.post("/webhooks/User.Updated", b'{"userName":"a@b.c","n":0}').status == 200
        strace = subprocess.Popen(
            [
                *("strace", "-f", "-p", str(listener.process.pid)),
                *("-e", "trace=fsync,fdatasync", "-e", "inject=fsync,fdatasync:error=EIO:when=1..3"),
            ],
            stderr=subprocess.PIPE,
            text=True,
        )
        assert "attached" in strace.stderr.readline()
        statuses = [
            listener.sender.post("/webhooks/User.Updated", b'{"userName":"a@b.c","n":%d}' % number).status
            for number in range(1, 12)
        ]
        strace.terminate()
        strace.communicate()
        # Each thread of the listener has three failures to come, so on a busy machine all of these may have failed.
        statuses.append(listener.sender.post("/webhooks/User.Updated", b'{"userName":"a@b.c","n":12}').status)
        spooled = {row.payload for row in listener.spooled()}
        segments = sorted((tmp_path / "spool").glob("*.sqlite"))
        first = SpoolReader(tmp_path / "spool").list_segments()[0]
        in_first = [row.row.payload for row in first.read("notifications", 0, 100) if isinstance(row.row, Notification)]
    assert statuses[0] == 503
    assert {200, 503} == {*statuses}
    assert statuses[-1] == 200
    acknowledged_bodies = {
        b'{"userName":"a@b.c","n":%d}' % number for number, status in enumerate(statuses, 1) if status == 200
    }
    assert acknowledged_bodies <= spooled
    assert len(segments) >= 2
    assert not acknowledged_bodies & set(in_first)


@pytest.mark.full
def test_one_odd_segment_stops_no_running_store(tmp_path):
    with running(PreparedReceiver, tmp_path) as receiver:
        (tmp_path / "spool" / "0192a0b1c2d3e4f5a6b7c8d9e0f1a2b3-000001.sqlite").write_bytes(b"garbage" * 1_000)
        (tmp_path / "spool" / "notes.sqlite").write_text("notes")
        for number in range(5):
            body = b'{"accountAlias":"ACME","userName":"kim@acme.example","n":%d}' % number
            assert receiver.sender.post("/webhooks/User.Updated", body).status == 200
        until(lambda: receiver.sql("SELECT count(*) AS n FROM notifications")[0]["n"] == 5, what="the five")
        until((tmp_path / "recovery.json").exists, what="the incident")
        until(lambda: len(list((tmp_path / "spool" / "aside").glob("*/*.sqlite"))) == 2, what="both put aside")
        assert "the appender can't go on" not in receiver.log


def test_a_damaged_segment_is_one_incident_from_its_first_sign_to_its_end(tmp_path):
    segment = kill_writer(tmp_path / "spool", range(9))
    with closing(SpoolStore(tmp_path)) as store:
        cut = segment.with_name(f"{segment.name}-wal")
        os.truncate(cut, cut.stat().st_size - 4_000)
        with cut.open("r+b") as file:
            file.seek(cut.stat().st_size // 2)
            file.write(b"x" * 64)
        store.reader = open_spool(Settings(data_dir=tmp_path))
        store.appender = Appender(store.connection.cursor(), store.reader, tmp_path, duplicate_window_seconds=10)
        store.take_all()
        assert not segment.exists()
        assert len(in_aside(store)) > 1
    (incident,) = read_incidents(tmp_path)
    assert incident.what.startswith(f"Segment {segment.name}: ")
    assert incident.moved_to is not None
