"""DuckDB's WAL cut and altered: the store starts each time, and the table is complete each time."""

import errno
import random
from collections import Counter
from pathlib import Path

import pytest

from receiver.data_directory.incidents import read_incidents
from receiver.settings import Settings
from receiver.spool import layout
from receiver.store.loss import describe_loss, read_extent
from tests.durability.support.damaged import crashed_store, record_ends
from tests.support.database import open_database
from tests.support.sizes import size


def cuts(wal):
    ends = [0, *record_ends(wal)]
    drawn = random.Random(3)
    some = ends if len(ends) <= size(3, 10_000) else sorted(drawn.sample(ends, size(3, 10_000)))
    return [("at a record's end", end) for end in some] + [
        ("anywhere", drawn.randrange(len(wal))) for _ in range(size(3, 300))
    ]


def flips(wal):
    drawn = random.Random(4)
    # The first record and the lengths are where DuckDB has no checksum: half of the flips go there.
    weak = [bit for end in record_ends(wal) for bit in range(end * 8, end * 8 + 64)] + list(range(50 * 8))
    return [drawn.choice(weak) for _ in range(size(2, 150))] + [
        drawn.randrange(len(wal) * 8) for _ in range(size(2, 150))
    ]


def kept_aside(data_dir: Path) -> list[bytes]:
    return [path.read_bytes() for path in (data_dir / "aside").glob("*/*")]


@pytest.mark.slow
def test_a_wal_cut_anywhere_leaves_the_table_complete_and_is_kept_and_told(crashed, stores, tmp_path, capsys):
    wal = crashed.wal.read_bytes()
    outcomes = Counter()
    for where, end in cuts(wal):
        store = crashed.copy(tmp_path / "cut")
        store.wal.write_bytes(wal[:end])
        found = stores.start(store.data_dir)
        assert store.broken() == [], f"cut {where}, {end}"
        is_short = found["seq"] < crashed.seq
        assert bool(read_incidents(store.data_dir)) == is_short, f"cut {where}, {end}: {found}"
        if is_short and end:
            assert wal[:end] in kept_aside(store.data_dir)
        outcomes[where, "short" if is_short else "whole"] += 1
    with capsys.disabled():
        print(f"\nWAL cut: {dict(outcomes)}; processes that died of it: {stores.died}; 0 lost, 0 doubled")


@pytest.mark.slow
def test_a_wal_with_one_bit_flipped_leaves_the_table_complete_and_is_kept_and_told(crashed, stores, tmp_path, capsys):
    wal = crashed.wal.read_bytes()
    outcomes = Counter()
    for bit in flips(wal):
        store = crashed.copy(tmp_path / "flipped")
        altered = bytearray(wal)
        altered[bit // 8] ^= 1 << bit % 8
        store.wal.write_bytes(altered)
        found = stores.start(store.data_dir)
        assert store.broken() == [], f"bit {bit}"
        is_short = found["seq"] < crashed.seq
        assert bool(read_incidents(store.data_dir)) == is_short, f"bit {bit}: {found}"
        if is_short:
            assert bytes(altered) in kept_aside(store.data_dir)
        outcomes[_kind(found)] += 1
    with capsys.disabled():
        print(f"\nbits flipped: {dict(outcomes)}; processes that died of it: {stores.died}; 0 lost, 0 doubled")


def _kind(found):
    if not found["incidents"]:
        return "replayed whole"
    return "replayed short" if "ends early" in found["incidents"][0] else "did not replay"


def test_a_wal_that_is_whole_is_replayed_and_nothing_is_put_aside(crashed, stores, tmp_path):
    store = crashed.copy(tmp_path / "whole")
    assert stores.start(store.data_dir) == {"seq": crashed.seq, "incidents": []}
    assert store.broken() == []
    assert not (store.data_dir / "aside").exists()
    assert not (store.data_dir / "opening").exists()


def test_a_wal_that_is_gone_is_told_and_the_spool_fills_the_gap_with_numbers_never_used(crashed, stores, tmp_path):
    store = crashed.copy(tmp_path / "gone")
    store.wal.unlink()
    found = stores.start(store.data_dir)
    assert found["seq"] == 150
    (incident,) = read_incidents(store.data_dir)
    assert "missing or ends early" in incident.what
    assert "opened at seq 150" in incident.what
    assert store.broken() == []
    again = stores.start(store.data_dir)
    assert again == {"seq": 2 * crashed.seq - 150, "incidents": []}


def test_what_the_spool_holds_is_not_missing_though_it_can_not_be_read_for_a_moment(crashed, tmp_path, monkeypatch):
    store = crashed.copy(tmp_path / "moment")
    store.wal.unlink()
    connection, fails = open_database(store.data_dir / "clc.duckdb"), iter([True])
    connect = layout.connect

    def connect_later(*arguments):
        if next(fails, False):
            raise OSError(errno.EIO, "Input/output error")
        return connect(*arguments)

    monkeypatch.setattr(layout, "connect", connect_later)
    assert describe_loss(Settings(data_dir=store.data_dir), read_extent(connection)) is None
    assert next(fails, None) is None
    connection.close()


def test_a_wal_of_another_database_goes_aside(crashed, stores, tmp_path):
    store = crashed.copy(tmp_path / "foreign")
    store.wal.write_bytes(crashed_store(tmp_path / "other", checkpointed=1, after=1).wal.read_bytes())
    assert "does not match database file" in stores.start(store.data_dir)["incidents"][0]
    assert store.broken() == []


def test_a_wal_of_garbage_goes_aside(crashed, stores, tmp_path):
    store = crashed.copy(tmp_path / "garbage")
    garbage = random.Random(5).randbytes(100_000)
    store.wal.write_bytes(garbage)
    stores.start(store.data_dir)
    assert store.broken() == []
    assert garbage in kept_aside(store.data_dir)
