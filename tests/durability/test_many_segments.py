"""Many segments and few descriptors: what can't be opened is never counted as none."""

import os
import resource
from contextlib import contextmanager, suppress

import pytest

from receiver.errors import StoreError
from receiver.keeping.care import WalWatch, gather, judge
from receiver.settings import Settings
from receiver.spool import SpoolReader, SpoolWriter
from receiver.spool.looking import count_backlog
from receiver.store.status import StatusKeeper
from tests.support.rows import notification
from tests.support.sizes import size


@contextmanager
def descriptors_left(count):
    """Let this process open so many files more."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(1_024, before[0]), before[1]))
    try:
        with suppress(OSError):
            while True:
                taken.append(os.open(os.devnull, os.O_RDONLY))
        for _ in range(count):
            os.close(taken.pop())
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
        for descriptor in taken:
            os.close(descriptor)


def write_segments(store, count):
    """Write segments of one row each, as listeners leave them that were killed again and again."""
    for number in range(count):
        writer = SpoolWriter(store.spool)
        writer.append_all([notification(number)])
        writer.close()


@pytest.mark.full
def test_more_segments_than_there_are_descriptors_are_stored_whole(store):
    count = size(120, 1_200)
    write_segments(store, count)
    with descriptors_left(150):
        store.take_all()
    assert sorted(store.users()) == list(range(count))
    assert store.told == []
    assert list(store.spool.glob("*.sqlite")) == []


def test_segments_that_can_not_be_opened_are_named_and_count_as_waiting(store):
    write_segments(store, 3)
    names = [path.name for path in sorted(store.spool.glob("*.sqlite"))]
    settings = Settings(data_dir=store.spool.parent)
    keeper = StatusKeeper(settings, store.connection)
    store.reader.list_segments()
    # One is left, to list the directory with.
    with descriptors_left(1):
        waiting = count_backlog(store.spool, {}, in_store=True)
        assert [said.partition(" ")[0] for said in waiting.unreadable] == names
        assert judge(gather(settings, keeper, wal=WalWatch())).state == "red"
        with pytest.raises(StoreError, match="can't be read whole"):
            store.appender.count_backlog()
        assert store.appender.append_new() == 0
        assert store.appender.list_done() == []
    assert count_backlog(store.spool, {}).rows == 3
    store.take_all()
    assert sorted(store.users()) == [0, 1, 2]


def test_a_spool_that_can_not_be_listed_is_named_and_not_taken_for_an_empty_one(store):
    write_segments(store, 1)
    with descriptors_left(0):
        assert str(store.spool) in count_backlog(store.spool, {}).unreadable[0]
        with pytest.raises(OSError, match="Too many open files"):
            SpoolReader(store.spool).list_segments()
    store.take_all()
    assert store.users() == [0]
