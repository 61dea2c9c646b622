"""Bytes of a segment that change by themselves: no row that is not as it was written is taken for one that is."""

import random
import shutil
import sqlite3
from collections import Counter
from zlib import crc32

import orjson
import pytest

from receiver.database.opening import run
from receiver.notification import DAMAGED_IN_SPOOL, FIRST_SENDER, Rejection
from receiver.spool import SpoolReader, SpoolWriter
from tests.durability.support.spool_store import SpoolStore
from tests.support.rows import notification, rejection
from tests.support.sizes import size

LATEST_COLUMNS = {
    "spooled_notifications": ["proof", "signature_detail", "delivery_id"],
    "spooled_rejected": ["signature_detail"],
}
"""The columns that the version before this one did not have."""


def written(spool, rows):
    """Write rows to a segment that is given up to the store, and return it."""
    writer = SpoolWriter(spool)
    writer.append_all(rows)
    writer.close()
    (segment,) = spool.glob("*.sqlite")
    return segment


def changed(segment, sql):
    """Change a segment behind its writer's back."""
    with sqlite3.connect(segment) as file:
        file.execute(sql)
    file.close()


@pytest.mark.parametrize(
    ("column", "rotten"),
    [
        ("payload", "payload = cast(replace(cast(payload AS TEXT), '1.50', '1.51') AS BLOB)"),
        ("actor", "actor = cast(x'ff' AS TEXT)"),
        ("received_at", "received_at = 9223372036854775807"),
        ("id", "id = x'00'"),
        ("delivery_id", "delivery_id = '1'"),
        ("checksum", "checksum = checksum + 1"),
        pytest.param("actor", "actor = 'eve'", marks=pytest.mark.full),
        pytest.param("signature", "signature = NULL", marks=pytest.mark.full),
        pytest.param("key_fingerprint", "key_fingerprint = 'other'", marks=pytest.mark.full),
        pytest.param("sender", "sender = 'another'", marks=pytest.mark.full),
        pytest.param("proof", "proof = 'none'", marks=pytest.mark.full),
        pytest.param("signature_detail", "signature_detail = 'stale'", marks=pytest.mark.full),
    ],
    ids=lambda text: text.partition(" (")[0],
)
def test_a_row_that_is_not_as_it_was_written_is_set_aside_with_its_bytes_and_those_around_it_are_stored(
    store, column, rotten
):
    rows = [notification(number) for number in range(5)]
    segment = written(store.spool, rows)
    changed(segment, f"UPDATE spooled_notifications SET {rotten} WHERE position = 3")
    store.take_all()
    assert store.users() == [0, 1, 3, 4]
    ((reason, body, headers),) = run(store.connection, "SELECT reason, body, headers FROM rejected")
    assert reason == DAMAGED_IN_SPOOL
    assert column == "payload" or body == rows[2].payload
    assert f'"segment":"{segment.stem}","table":"notifications","place":3' in headers
    assert any("notifications 3 is" in what and DAMAGED_IN_SPOOL in what for what, _ in store.told)
    assert segment.name in {path.name for path in (store.spool / "aside").glob("*/*")}


def test_a_segment_with_a_damaged_row_is_kept_by_a_store_that_begins_after_that_was_set_aside(tmp_path):
    writer = SpoolWriter(tmp_path / "spool")
    writer.append_all([notification(number) for number in range(5)])
    (segment,) = (tmp_path / "spool").glob("*-000001.sqlite")
    changed(segment, "UPDATE spooled_notifications SET actor = 'eve' WHERE position = 3")
    before = SpoolStore(tmp_path)
    before.take_all()
    before.close()
    now = SpoolStore(tmp_path)
    writer.close()
    now.take_all()
    assert not segment.exists()
    assert segment.name in {path.name for path in (tmp_path / "spool" / "aside").glob("*/*")}
    assert ["notifications 3 is" in what for what, _ in now.told] == [True]
    assert now.missing == []
    now.close()


def test_a_damaged_refusal_is_set_aside_as_damaged(store):
    segment = written(store.spool, [rejection(1), rejection(2)])
    changed(segment, "UPDATE spooled_rejected SET reason = 'not_signed' WHERE position = 1")
    store.take_all()
    assert run(store.connection, "SELECT reason FROM rejected ORDER BY received_at DESC") == [
        ("not_json",),
        (DAMAGED_IN_SPOOL,),
    ]


@pytest.mark.full
@pytest.mark.parametrize("position", [0, 4, 100])
@pytest.mark.parametrize("place", [2, 8])
def test_a_damaged_position_hides_no_other_row(store, place, position):
    segment = written(store.spool, [notification(number) for number in range(8)])
    put_position(segment, place, position)
    store.take_all()
    assert store.users() == [number for number in range(8) if number != place - 1]
    assert run(store.connection, "SELECT reason FROM rejected") == [(DAMAGED_IN_SPOOL,)]


def page_of(segment):
    """Say where the page of the notifications begins, a leaf (https://www.sqlite.org/fileformat2.html#b_tree_pages)."""
    file = sqlite3.connect(segment)
    query = "SELECT rootpage, page_size FROM sqlite_schema, pragma_page_size WHERE name = 'spooled_notifications'"
    ((page, page_bytes),) = file.execute(query).fetchall()
    file.close()
    return (page - 1) * page_bytes


def put_position(segment, place, position):
    """Overwrite a row's position in the file itself: SQLite would move the row."""
    data = bytearray(segment.read_bytes())
    start = page_of(segment)
    pointer = start + 8 + 2 * (place - 1)
    cell = start + int.from_bytes(data[pointer : pointer + 2], "big")
    after_length = cell + (2 if data[cell] & 0x80 else 1)
    assert data[after_length] == place
    data[after_length] = position
    segment.write_bytes(data)


def test_rows_that_vanish_at_the_end_are_told(store):
    segment = written(store.spool, [notification(number) for number in range(8)])
    start = page_of(segment)
    data = bytearray(segment.read_bytes())
    assert data[start + 4] == 8
    data[start + 4] = 6  # of its eight rows, at the end of the number of cells
    segment.write_bytes(data)
    store.take_all()
    assert store.users() == [0, 1, 2, 3, 4, 5]
    assert any("of its 8 notifications only 6 are found" in what for what, _ in store.told)
    assert segment.name in {path.name for path in (store.spool / "aside").glob("*/*")}


def test_no_flipped_bit_makes_a_row_that_was_not_written(tmp_path, capsys):
    rows = [notification(number) for number in range(20)]
    whole = written(tmp_path, rows).read_bytes()
    name = next(tmp_path.glob("*.sqlite")).name
    drawn = random.Random(15)
    outcomes = Counter()
    for _ in range(size(100, 10_000)):
        spool = tmp_path / "spool"
        shutil.rmtree(spool, ignore_errors=True)
        spool.mkdir()
        flipped = bytearray(whole)
        bit = drawn.randrange(len(whole) * 8)
        flipped[bit // 8] ^= 1 << bit % 8
        (spool / name).write_bytes(flipped)
        told = []
        reader = SpoolReader(spool, report=lambda what, *_, told=told: told.append(what))
        found = [row.row for segment in reader.list_segments() for row in segment.read("notifications", 0, 100)]
        for segment in reader.list_finished():
            reader.remove(segment)
        reader.close()
        intact = [row for row in found if not isinstance(row, Rejection)]
        assert set(intact) <= set(rows), f"bit {bit}"
        assert len(set(intact)) == len(intact), f"bit {bit}"
        assert told or intact == rows, f"bit {bit}: {len(intact)} of {len(rows)}"
        outcomes["harmless" if not told else "set aside" if len(found) > len(intact) else "unreadable"] += 1
    with capsys.disabled():
        print(f"\none bit of a segment flipped: {dict(outcomes)}")


def test_a_segment_of_an_earlier_program_is_read_and_so_is_a_damaged_row_of_it(store):
    rows = [notification(number) for number in range(4)]
    segment = written(store.spool, rows)
    changed(segment, "DROP VIEW notifications")
    changed(segment, "CREATE TABLE notifications AS SELECT * FROM spooled_notifications")
    for unknown in ("key_fingerprint", "checksum"):
        changed(segment, f"ALTER TABLE notifications DROP COLUMN {unknown}")
    changed(segment, "DROP TABLE spooled_notifications")
    changed(segment, "DROP TABLE sealed")
    changed(segment, "UPDATE notifications SET id = x'00' WHERE position = 2")
    store.take_all()
    assert store.users() == [0, 2, 3]
    assert run(store.connection, "SELECT DISTINCT key_fingerprint FROM notifications") == [(None,)]
    assert run(store.connection, "SELECT reason FROM rejected") == [(DAMAGED_IN_SPOOL,)]


@pytest.mark.parametrize("sender", [FIRST_SENDER, "another"])
def test_a_sender_that_is_not_as_it_was_written_is_noticed(store, sender):
    segment = written(store.spool, [notification(1, sender=sender), rejection(2, sender=sender)])
    for table in ("spooled_notifications", "spooled_rejected"):
        changed(segment, f"UPDATE {table} SET sender = CASE sender WHEN 'another' THEN '{FIRST_SENDER}' ELSE 'x' END")
    store.take_all()
    assert store.users() == []
    assert run(store.connection, "SELECT reason FROM rejected") == [(DAMAGED_IN_SPOOL,)] * 2


def test_rows_of_a_segment_without_senders_are_whole_and_of_the_only_sender_that_there_was(store):
    segment = written(store.spool, [notification(1), notification(2), rejection(3)])
    for table in ("spooled_notifications", "spooled_rejected"):
        changed(segment, f"ALTER TABLE {table} DROP COLUMN sender")
    store.take_all()
    assert store.users() == [1, 2]
    assert store.told == []
    for table, rows in (("notifications", 2), ("rejected", 1)):
        assert run(store.connection, f"SELECT sender FROM {table}") == [(FIRST_SENDER,)] * rows


def test_rows_of_a_segment_of_the_version_before_are_whole_and_have_what_all_rows_had_then(store):
    segment = written(store.spool, [notification(1), rejection(2)])
    for table, columns in LATEST_COLUMNS.items():
        for column in columns:
            changed(segment, f"ALTER TABLE {table} DROP COLUMN {column}")
    store.take_all()
    assert store.told == []
    query = "SELECT sender, proof, signature_detail, delivery_id FROM notifications"
    assert run(store.connection, query) == [(FIRST_SENDER, "third-party", None, None)]
    assert run(store.connection, "SELECT sender, signature_detail FROM rejected") == [(FIRST_SENDER, None)]


def test_later_columns_come_back_from_the_spool_as_they_were_written(store):
    told = {"sender": "another", "proof": "token", "signature_detail": "stale timestamp", "delivery_id": "7"}
    written(store.spool, [notification(1, **told), rejection(2, sender="another", signature_detail="header missing")])
    store.take_all()
    assert store.told == []
    query = "SELECT sender, proof, signature_detail, delivery_id FROM notifications"
    assert run(store.connection, query) == [tuple(told.values())]
    assert run(store.connection, "SELECT signature_detail FROM rejected") == [("header missing",)]


def checksum_without_sender(values):
    """Compute a row's checksum as programs do that know no senders: CRC-32 of bytes, then of the rest as JSON."""
    total, rest = 0, []
    for value in values:
        total = crc32(value, total) if isinstance(value, bytes) else total
        rest.append(len(value) if isinstance(value, bytes) else value)
    return crc32(orjson.dumps(rest), total)


def test_a_store_that_knows_no_senders_finds_the_checksums_of_new_rows_right(tmp_path):
    file = sqlite3.connect(written(tmp_path, [notification(7), rejection(8)]))
    known = {"spooled_notifications": "position, id, received_at, event_type, category, action, account_alias, "
             "entity_id, actor, occurred_at, signature_status, signature, source_ip, payload, key_fingerprint",
             "spooled_rejected": "position, id, received_at, reason, path, source_ip, headers, body"}  # fmt: skip
    for table, columns in known.items():
        ((*values, found),) = file.execute(f"SELECT {columns}, checksum FROM {table}").fetchall()
        assert checksum_without_sender(values) == found
    file.close()


def test_the_store_of_before_an_upgrade_reads_what_the_new_listeners_write(tmp_path):
    row = notification(7)
    file = sqlite3.connect(written(tmp_path, [row, rejection(8)]))
    found = file.execute("SELECT * FROM notifications WHERE position > 0 ORDER BY position LIMIT 10").fetchall()
    assert [len(values) for values in found] == [14]
    assert (found[0][0], found[0][1], found[0][13]) == (1, row.id.bytes, row.payload)
    assert [len(values) for values in file.execute("SELECT * FROM rejected").fetchall()] == [8]
    file.close()


def test_the_key_that_judged_a_signature_is_stored_with_the_notification(store):
    written(store.spool, [notification(1, key_fingerprint="ab" * 32), notification(2, key_fingerprint=None)])
    store.take_all()
    fingerprints = "SELECT key_fingerprint FROM {} ORDER BY seq"
    for table in ("notifications", "events"):
        assert run(store.connection, fingerprints.format(table)) == [("ab" * 32,), (None,)]
