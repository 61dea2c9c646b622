"""What a dead writer left of a segment's WAL and index: no row of it is lost, and damage is told."""

import random
import shutil
from collections import Counter

import pytest

from receiver.spool import SpoolWriter
from tests.durability.support.spool_store import SpoolStore, kill_writer
from tests.support.rows import notification
from tests.support.sizes import size

# The places of two numbers in the index of a WAL (https://www.sqlite.org/walformat.html#the_wal_index_file_format).
FRAMES, BACKFILLED = slice(16, 20), slice(96, 100)


@pytest.mark.slow
def test_a_torn_wal_of_a_segment_gives_what_is_before_the_damage_and_is_always_told(tmp_path, capsys):
    (tmp_path / "whole").mkdir()
    segment = kill_writer(tmp_path / "whole", range(40))
    wal = segment.with_name(segment.name + "-wal").read_bytes()
    drawn = random.Random(8)
    outcomes = Counter()
    for number in range(size(6, 200)):
        data_dir = tmp_path / "data"
        shutil.rmtree(data_dir, ignore_errors=True)
        shutil.copytree(tmp_path / "whole", data_dir / "spool")
        torn = bytearray(wal)
        if number % 2:
            torn = torn[: drawn.randrange(len(wal))]
        else:
            bit = drawn.randrange(len(wal) * 8)
            torn[bit // 8] ^= 1 << bit % 8
        (data_dir / "spool" / (segment.name + "-wal")).write_bytes(torn)
        store = SpoolStore(data_dir)
        store.take_all()
        users = store.users()
        store.close()
        assert users == list(range(len(users)))
        assert bool(store.told) == (len(users) < 40), f"{number}: {len(users)} of 40, told {store.told}"
        if len(users) < 40:
            assert bytes(torn) in [path.read_bytes() for path in (data_dir / "spool" / "aside").glob("*/*-wal")]
        outcomes["short and told" if len(users) < 40 else "whole"] += 1
    with capsys.disabled():
        print(f"\nsegment's WAL cut or flipped: {dict(outcomes)}")


def test_a_wal_whose_segment_is_missing_is_kept_aside_and_told(store, writer):
    segment = kill_writer(store.spool, range(5))
    wal = segment.with_name(segment.name + "-wal")
    held = wal.read_bytes()
    assert held
    segment.unlink()
    writer.append_all([notification(7)])
    store.take_all()
    assert store.users() == [7]
    assert held in [path.read_bytes() for path in (store.spool / "aside").glob(f"*/{wal.name}")]
    assert not wal.exists()
    assert [what for what, _ in store.told] == [f"The file {segment.name} is missing, and its WAL is there."]
    assert segment.name in store.missing[0]


def test_a_wal_that_was_only_begun_holds_nothing_and_is_no_damage(store, writer):
    writer.append_all([notification(1)])
    (segment,) = segments_with_rows(store.spool)
    writer.close()
    segment.with_name(segment.name + "-wal").write_bytes(b"half of its head")
    store.take_all()
    assert store.users() == [1]
    assert store.told == []


def test_an_index_that_outlives_its_wal_is_no_damage_if_the_main_file_holds_all_of_it(store, writer):
    writer.append_all([notification(1)])
    (segment,) = segments_with_rows(store.spool)
    index = segment.with_name(segment.name + "-shm")
    left = bytearray(index.read_bytes())
    left[BACKFILLED] = left[FRAMES]  # as the checkpoint at the last close does
    writer.close()
    index.write_bytes(left)
    store.take_all()
    assert store.users() == [1]
    assert store.told == []


def test_an_index_of_before_the_wal_was_begun_anew_is_no_damage(store):
    """SQLite never syncs the index, so after a power cut it is older than the WAL."""
    elsewhere = store.spool.with_name("elsewhere")
    live = SpoolWriter(elsewhere)
    written = 0

    def write_until(is_enough):
        nonlocal written
        while not is_enough():
            live.append_all([notification(written, payload=b'{"a":"%s"}' % (b"x" * 1500))])
            written += 1

    write_until(lambda: written == 60)
    (segment,) = segments_with_rows(elsewhere)
    files = [segment.with_name(segment.name + suffix) for suffix in ("", "-wal", "-shm")]
    head, index = files[1].read_bytes()[:32], files[2].read_bytes()
    write_until(lambda: files[1].read_bytes()[:32] != head)
    for file, content in zip(files, [files[0].read_bytes(), files[1].read_bytes(), index], strict=True):
        (store.spool / file.name).write_bytes(content)
    live.close()
    store.take_all()
    assert store.users() == list(range(written))
    assert store.told == []


def segments_with_rows(spool):
    """List the segments whose WAL has frames: a writer makes the next one beforehand."""
    wals = [path for path in spool.glob("*.sqlite-wal") if path.stat().st_size]
    return [wal.with_name(wal.name.removesuffix("-wal")) for wal in wals]


def test_an_empty_segment_keeps_its_wal_which_sqlite_would_delete(store):
    segment = kill_writer(store.spool, range(5))
    wal = segment.with_name(segment.name + "-wal")
    held = wal.read_bytes()
    segment.write_bytes(b"")
    store.take_all()
    assert held in [path.read_bytes() for path in (store.spool / "aside").glob(f"*/{wal.name}")]
    assert segment.name in store.missing[0]


def test_what_a_killed_writer_left_unfinished_is_deleted(store, writer):
    segment = kill_writer(store.spool, range(1))
    name = segment.stem.rpartition("-")[0]
    for left in (f"{name}-000002.new", f"{name}-000002.new-wal", f"{name}-000009.sqlite-wal"):
        (store.spool / left).touch()
    writer.append_all([notification(1)])
    store.take_all()
    assert {path.name.partition("-")[0].partition(".")[0] for path in store.spool.iterdir()} == {writer._segments._name}
