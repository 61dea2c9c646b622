"""The spool: what is committed can be read, by position, and segments follow each other."""

import queue
import sqlite3
import subprocess
import sys
import textwrap
import threading

import pytest

from receiver.errors import DataDirectoryError
from receiver.spool import SpoolReader, SpoolWriter, writer
from tests.support.rows import notification, rejection


@pytest.fixture
def spool(tmp_path):
    writer = SpoolWriter(tmp_path, rows_per_segment=10)
    yield writer
    writer.close()


def read_all(reader, kind="notifications"):
    return [row.row for segment in reader.list_segments() for row in segment.read(kind, 0, 1000)]


def test_rows_come_back_as_they_went_in(spool, tmp_path):
    rows = [notification(1, actor="naïve \x00 ☃", payload=b'{"a":"\\u0000"}'), notification(2, source_ip=None)]
    spool.append_all(rows)
    spool.append_all([rejection(3)])
    reader = SpoolReader(tmp_path)
    assert read_all(reader) == rows
    assert read_all(reader, "rejected") == [rejection(3)._replace(id=read_all(reader, "rejected")[0].id)]


def test_positions_grow_and_reading_goes_on_after_one(spool, tmp_path):
    spool.append_all([notification(number) for number in range(5)])
    segment = SpoolReader(tmp_path).list_segments()[0]
    assert [row.position for row in segment.read("notifications", 0, 100)] == [1, 2, 3, 4, 5]
    assert [row.position for row in segment.read("notifications", 2, 2)] == [3, 4]
    assert segment.find_last_position("notifications") == 5


def test_rows_that_arrive_during_a_commit_share_the_next_one(tmp_path):
    groups = []
    first_is_told, go_on = threading.Event(), threading.Event()

    def deliver(tell):
        groups.append(tell)
        tell()
        first_is_told.set()
        go_on.wait(10)

    writer = SpoolWriter(tmp_path, deliver=deliver)
    answers = []
    writer.append(notification(0), answers.append)
    assert first_is_told.wait(10)
    for number in range(1, 51):
        writer.append(notification(number), answers.append)
    go_on.set()
    writer.close()
    assert answers == [None] * 51
    assert len(groups) == 2


def test_rows_are_committed_on_the_callers_thread_while_the_disk_is_quick(tmp_path, monkeypatch):
    monkeypatch.setattr(writer, "_SLOW_SECONDS", float("inf"))  # the disk of a busy machine may be slow
    told = []
    spool = SpoolWriter(tmp_path)

    def here(number):
        spool.append_here([(notification(number), lambda error: told.append((error, threading.current_thread().name)))])

    here(0)
    assert told == [(None, threading.current_thread().name)]
    monkeypatch.setattr(writer, "_SLOW_SECONDS", 0)
    monkeypatch.setattr(writer, "_TIMES_AS_LONG", 1e9)
    here(1)
    here(2)
    spool.close()
    assert told[1:] == [(None, threading.current_thread().name), (None, "spool")]
    assert [row.payload for row in read_all(SpoolReader(tmp_path))] == [notification(n).payload for n in range(3)]


def test_two_threads_that_commit_lose_and_double_nothing(tmp_path):
    spool = SpoolWriter(tmp_path, rows_per_segment=40)
    rows = [notification(number) for number in range(400)]
    told = queue.SimpleQueue()

    def append_one_by_one():
        for row in rows[:200]:
            spool.append_all([row])

    other = threading.Thread(target=append_one_by_one)
    other.start()
    for row in rows[200:]:
        spool.append_here([(row, told.put)])
    other.join()
    spool.close()
    assert [told.get(timeout=10) for _ in rows[200:]] == [None] * 200
    found = [row.payload for row in read_all(SpoolReader(tmp_path))]
    assert sorted(found) == sorted(row.payload for row in rows)
    assert len(list(tmp_path.glob("*.sqlite"))) > 1


def test_a_full_segment_is_followed_by_a_new_one_and_is_finished(spool, tmp_path):
    for number in range(25):
        spool.append_all([notification(number)])
    reader = SpoolReader(tmp_path)
    assert [row.payload for row in read_all(reader)] == [notification(number).payload for number in range(25)]
    assert [segment.find_last_position("notifications") for segment in reader.list_finished()] == [10, 10]


def test_a_segment_full_of_bytes_is_followed_by_a_new_one(tmp_path):
    writer = SpoolWriter(tmp_path, bytes_per_segment=10_000)
    for number in range(5):
        writer.append_all([notification(number, payload=b'"' + b"x" * 6_000 + b'"')])
    assert [segment.find_last_position("notifications") for segment in SpoolReader(tmp_path).list_finished()] == [2, 2]
    writer.close()


def test_all_segments_of_a_closed_writer_are_finished_and_removing_them_leaves_nothing(tmp_path):
    writer = SpoolWriter(tmp_path)
    writer.append_all([notification()])
    reader = SpoolReader(tmp_path)
    assert reader.list_finished() == []
    writer.close()
    for segment in reader.list_finished():
        reader.remove(segment)
    assert list(tmp_path.iterdir()) == []


def test_segments_of_a_writer_killed_without_warning_are_read_and_finished(tmp_path):
    program = textwrap.dedent("""
        import os, sys
        from pathlib import Path
        from receiver.spool import SpoolWriter
        from tests.support.rows import notification
        SpoolWriter(Path(sys.argv[1])).append_all([notification(7)])
        os.kill(os.getpid(), 9)
    """)
    assert subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=False).returncode == -9
    reader = SpoolReader(tmp_path)
    assert [row.payload for row in read_all(reader)] == [notification(7).payload]
    assert len(reader.list_finished()) == 1


def test_a_failed_commit_is_told_and_the_next_goes_to_a_fresh_segment(spool, tmp_path):
    spool.append_all([notification(1)])
    segment = next(tmp_path.glob("*.sqlite"))
    spool._segments._segment.connection.execute("PRAGMA max_page_count = 1")
    with pytest.raises(sqlite3.Error, match="full"):
        spool.append_all([notification(2, payload=b'"' + b"x" * 100_000 + b'"')])
    spool.append_all([notification(3)])
    payloads = [row.payload for row in read_all(SpoolReader(tmp_path))]
    assert payloads == [notification(1).payload, notification(3).payload]
    assert len(list(tmp_path.glob("*.sqlite"))) == 2
    assert SpoolReader(tmp_path).list_finished()[0].path == segment


def test_a_closed_spool_takes_nothing_and_says_so(tmp_path):
    writer = SpoolWriter(tmp_path)
    writer.close()
    with pytest.raises(OSError, match="closed"):
        writer.append_all([notification()])


def test_a_directory_that_is_a_file_is_named(tmp_path):
    (tmp_path / "spool").write_text("")
    with pytest.raises(DataDirectoryError, match=r"spool.*can't be written.*CLC_SPOOL_DIR"):
        SpoolWriter(tmp_path / "spool")
