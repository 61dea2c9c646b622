"""A segment that somebody takes away: it is missed, also if no store was running, and told once."""

import sqlite3
from unittest.mock import Mock

import pytest

from receiver.spool import SpoolWriter, columns, layout, ledger
from receiver.spool.writer import SegmentWriter
from tests.durability.support.spool_store import SpoolStore, kill_writer
from tests.support.rows import notification


@pytest.fixture
def store(tmp_path):
    (tmp_path / "spool").mkdir()
    store = SpoolStore(tmp_path)
    yield store
    store.close()


FILES = ("", "-wal", "-shm")


def delete(segment, suffixes=FILES):
    for suffix in suffixes:
        segment.with_name(segment.name + suffix).unlink(missing_ok=True)


def restarted(store, tmp_path):
    store.close()
    return SpoolStore(tmp_path)


def test_a_segment_that_vanished_while_no_store_ran_is_told_once(store, tmp_path):
    segment = kill_writer(store.spool, range(5))
    delete(segment)
    store.take_all()
    assert store.missing == [f"what {segment.name} held and was not stored before"]
    assert in_spool(store) == []
    again = restarted(store, tmp_path)
    again.take_all()
    assert again.missing == []
    again.close()


def test_a_full_segment_that_vanished_is_told_while_its_writer_goes_on(store, tmp_path):
    writer = SpoolWriter(store.spool, rows_per_segment=2)
    for number in range(5):
        writer.append_all([notification(number)])
    first, second, *_ = sorted(store.spool.glob("*.sqlite"))
    delete(first)
    store.take_all()
    assert store.users() == [2, 3, 4]
    assert store.missing == [f"what {first.name} held and was not stored before"]
    assert not second.exists()
    again = restarted(store, tmp_path)
    writer.append_all([notification(5)])
    writer.close()
    again.take_all()
    assert again.users() == [2, 3, 4, 5]
    assert again.missing == []
    assert in_spool(again) == []
    again.close()


@pytest.mark.parametrize("suffixes", [FILES, FILES[:1]])
@pytest.mark.parametrize("is_written_on", [False, True])
def test_a_segment_that_is_deleted_while_the_store_has_it_open_is_told_once_and_nothing_of_it_is_missing(
    store, suffixes, is_written_on, caplog
):
    writer = SpoolWriter(store.spool)
    writer.append_all([notification(0)])
    store.appender.append_new()
    (segment,) = store.spool.glob("*.sqlite")
    writer.append_all([notification(1)])
    delete(segment, suffixes)
    if is_written_on:
        writer.append_all([notification(2)])
        assert "it is begun anew" in caplog.text
        caplog.clear()
    store.take_all()
    writer.close()
    store.take_all()
    assert store.users() == list(range(2 + is_written_on))
    ((what, moved_to),) = store.told
    assert what.endswith("its file was deleted or replaced while in use. All rows that can be read are stored.")
    assert (moved_to is None) == (suffixes == FILES)
    assert store.missing == []


def test_a_segment_whose_wal_alone_is_left_is_told_once_also_if_the_store_had_read_it(store):
    segment = kill_writer(store.spool, range(5))
    store.appender.append_new()
    for each in store.reader.list_segments():
        each.close()  # as for want of descriptors
    delete(segment, FILES[:1])
    segment.with_name(segment.name + "-wal").write_bytes(b"x")
    store.take_all()
    ((what, moved_to),) = store.told
    assert what == f"Segment {segment.name} was deleted or moved by others."
    assert moved_to is not None
    assert len(store.missing) == 1


@pytest.mark.parametrize("is_ledger_full", [False, True])
def test_a_segment_that_was_given_up_after_a_failed_commit_is_missed(store, monkeypatch, is_ledger_full):
    writer = SpoolWriter(store.spool)
    writer.append_all([notification(number) for number in range(5)])
    with monkeypatch.context() as disk:
        disk.setattr(columns, "insert", Mock(side_effect=sqlite3.OperationalError("disk I/O error")))
        if is_ledger_full:
            disk.setattr(ledger, "note_end", Mock(side_effect=OSError("No space left on device")))
        with pytest.raises(sqlite3.OperationalError):
            writer.append_all([notification(5)])
    writer.append_all([notification(6)])
    first, _ = sorted(store.spool.glob("*.sqlite"))
    delete(first)
    store.take_all()
    assert store.users() == [6]
    assert store.missing == [f"what {first.name} held and was not stored before"]
    writer.close()


def test_no_row_goes_into_a_spare_segment_that_somebody_deleted(store):
    segments = SegmentWriter(store.spool, rows_per_segment=2, bytes_per_segment=10**9, patient=False, mark=lambda: None)
    assert segments.commit([notification(0), notification(1)]) is None
    segments.prepare_spare()
    delete(max(store.spool.glob("*.sqlite")))
    assert segments.commit([notification(2)]) is None
    segments.close()
    store.take_all()
    assert (store.users(), store.missing) == ([0, 1, 2], [])


def test_a_line_of_the_ledger_that_a_full_disk_cut_short_hides_none_that_follow(store):
    lock = layout.name_lock(store.spool, "0" * 32)
    first, second, third = (layout.name_segment(store.spool, "0" * 32, number) for number in (1, 2, 3))
    lock.touch()
    ledger.note_begin(first)
    ledger.note_end(first, {"notifications": 5})
    whole = lock.read_bytes()
    ledger.note_begin(second)
    entry = lock.read_bytes()[len(whole) :]
    for length in range(len(entry)):
        lock.write_bytes(whole + entry[:length])
        ledger.note_begin(third)
        ledger.note_end(third, {"notifications": 2})
        complete = {first: {"notifications": 5}, third: {"notifications": 2}}
        assert ledger.read_ledger(lock) == (third, complete, {})
        assert ledger.read_ledger(lock).list_vanished({}) == [first, third]


def test_segments_that_are_stored_leave_nothing_behind(store):
    kill_writer(store.spool, range(5))
    writer = SpoolWriter(store.spool, rows_per_segment=2)
    for number in range(5, 10):
        writer.append_all([notification(number)])
        store.take_all()
    writer.close()
    SpoolWriter(store.spool).close()  # it never wrote
    store.take_all()
    assert store.users() == list(range(10))
    assert store.told == []
    assert in_spool(store) == []


def in_spool(store):
    return [path.name for path in store.spool.iterdir() if path.suffix in {".sqlite", ".lock"}]
