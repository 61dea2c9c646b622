"""The appender: from spool to DuckDB exactly once, in order, in bulk."""

from contextlib import closing
from datetime import timedelta

import duckdb
import pytest

import receiver.database.rows as rows_module
from receiver.database.appended import FILE, read_appended
from receiver.database.opening import bring_up_to_date, run
from receiver.database.stumble import note_stumble, read_stumble
from receiver.spool import SpooledRow, SpoolReader, SpoolWriter
from receiver.store.appending.appender import Appender
from tests.receiver.store.appenders import make_appender
from tests.support.database import open_database
from tests.support.rows import NOON, notification, rejection


def test_every_column_arrives_as_it_was_spooled(store, spool, tmp_path):
    sent = notification(
        1, sender="another", proof="shared-secret", signature_detail="stale timestamp", delivery_id="72d3162e"
    )
    spool.append_all([sent])
    make_appender(store, tmp_path).append_new()
    names = [name for name, *_ in store.execute("SELECT * FROM notifications LIMIT 0").description]
    row = dict(zip(names, run(store, "SELECT * FROM notifications")[0], strict=True))
    assert row == {
        "seq": 1,
        "id": sent.id,
        "received_at": NOON + timedelta(seconds=1),
        "event_type": "User.Updated",
        "category": "User",
        "action": "Updated",
        "account_alias": "ACME",
        "entity_id": "USER1@ACME.EXAMPLE",
        "actor": None,
        "occurred_at": NOON + timedelta(seconds=1),
        "signature_status": "valid",
        "signature": b"\x00\x01signature",
        "source_ip": "192.0.2.7",
        "duplicate_of": None,
        "payload": '{"userName": "user1@acme.example",  "n": 1.50}',
        "key_fingerprint": "5e" * 32,
        "sender": "another",
        "proof": "shared-secret",
        "signature_detail": "stale timestamp",
        "delivery_id": "72d3162e",
    }


def test_rows_are_appended_once_and_in_order_over_many_segments(store, spool, tmp_path):
    appender = make_appender(store, tmp_path)
    for start in range(0, 500, 50):
        spool.append_all([notification(number) for number in range(start, start + 50)])
        appender.append_new()
    assert appender.append_new() == 0
    rows = run(store, "SELECT seq, entity_id FROM notifications ORDER BY seq")
    assert rows == [(number + 1, f"USER{number}@ACME.EXAMPLE") for number in range(500)]


def test_a_turn_without_rows_writes_nothing(store, spool, tmp_path):
    appender = make_appender(store, tmp_path)
    spool.append_all([notification(1)])
    appender.append_new()
    before = {path: path.stat().st_ino for path in tmp_path.iterdir()}
    assert read_appended(tmp_path).notifications == 1
    appender.append_new()
    assert {path: path.stat().st_ino for path in tmp_path.iterdir()} == before
    spool.append_all([notification(2)])
    appender.append_new()
    assert read_appended(tmp_path).notifications == 2


def test_a_backlog_is_appended_in_the_order_in_which_each_writer_wrote_it(store, tmp_path, monkeypatch):
    monkeypatch.setattr("receiver.store.appending.appender._ROWS_PER_BATCH", 1_000)
    expected = [notification(number) for number in range(1_300)]
    for part in (expected[:1_200], expected[1_200:]):
        with closing(SpoolWriter(tmp_path / "spool", rows_per_segment=600)) as writer:
            for start in range(0, len(part), 100):
                writer.append_all(part[start : start + 100])
    appender = make_appender(store, tmp_path)
    while appender.append_new():
        pass
    stored = run(store, "SELECT id::VARCHAR FROM notifications ORDER BY seq")
    place_of = {name: place for place, (name,) in enumerate(stored)}
    places = [place_of[str(row.id)] for row in expected]
    assert places[:1_200] == sorted(places[:1_200])
    assert places[1_200:] == sorted(places[1_200:])
    assert places[1_200] < 1_200  # the second writer does not wait for the end of the first


def test_a_new_appender_goes_on_where_the_last_one_committed(store, spool, tmp_path):
    spool.append_all([notification(1), notification(2)])
    make_appender(store, tmp_path).append_new()
    spool.append_all([notification(3), rejection(4)])
    make_appender(store, tmp_path).append_new()
    assert run(store, "SELECT array_agg(seq ORDER BY seq) FROM notifications") == [([1, 2, 3],)]
    assert run(store, "SELECT count(*) FROM rejected") == [(1,)]


def test_rows_and_watermark_go_in_together_or_not_at_all(store, spool, tmp_path, monkeypatch):
    spool.append_all([notification(1)])
    appender = make_appender(store, tmp_path)

    def disk_full(*_arguments, **_options):
        raise duckdb.IOException("no space left on device")

    with monkeypatch.context() as fault:
        fault.setattr("receiver.store.appending.exactly_once.replace_watermarks", disk_full)
        with pytest.raises(duckdb.IOException):
            appender.append_new()
    assert run(store, "SELECT count(*) FROM notifications") == [(0,)]
    assert make_appender(store, tmp_path).append_new() == 1
    assert run(store, "SELECT count(*), min(seq) FROM notifications") == [(1, 1)]


def test_a_row_that_duckdb_refuses_is_set_aside_and_the_rest_goes_in(store, spool, tmp_path):
    rows = [notification(number) for number in range(40)]
    rows[17] = notification(17, payload=b'{"half": "\\ud800"}')
    rows[31] = notification(31, payload=b"\xff")
    # DuckDB's message quotes the begin of each, and one of the two is cut within a character.
    rows[32], rows[33] = (notification(32 + at, payload=b'{"' + b"x" * at + 99 * "ä".encode()) for at in range(2))
    spool.append_all(rows)
    appender = make_appender(store, tmp_path)
    appender.append_new()
    numbers = [number for number in range(40) if number not in {17, 31, 32, 33}]
    assert run(store, "SELECT entity_id FROM notifications ORDER BY seq") == [
        (f"USER{number}@ACME.EXAMPLE",) for number in numbers
    ]
    assert run(store, "SELECT reason, path, body FROM rejected ORDER BY received_at") == [
        ("not_storable", "User.Updated", rows[number].payload) for number in (17, 31, 32, 33)
    ]
    assert appender.set_aside == 4
    assert appender.append_new() == 0


def test_a_row_that_the_store_dies_of_is_set_aside_by_the_third_process(store, spool, tmp_path, monkeypatch):
    rows = [notification(number) for number in range(40)]
    spool.append_all(rows)
    insert = rows_module.insert_notifications

    def die_of_one(connection, batch):
        if any(row.row.id == rows[17].id for row in batch):
            raise duckdb.FatalException("database has been invalidated")
        insert(connection, batch)

    monkeypatch.setattr("receiver.store.appending.appender.insert_notifications", die_of_one)
    for _ in range(2):
        with pytest.raises(duckdb.FatalException):
            make_appender(store, tmp_path).append_new()
    last = make_appender(store, tmp_path)
    last.append_new()
    assert last.append_new() == 0
    assert run(store, "SELECT count(*), count(DISTINCT id) FROM notifications") == [(39, 39)]
    assert run(store, "SELECT id, reason FROM rejected") == [(rows[17].id, "not_storable")]
    assert not (tmp_path / "stumbled.json").exists()


def test_a_row_that_comes_when_a_checkpoint_has_made_the_database_unusable_is_stored_by_the_next_process(
    spool, tmp_path
):
    path = tmp_path / "clc.duckdb"
    with bring_up_to_date(duckdb.connect(str(path), config={"threads": 1}), path, "1GB") as connection:
        appender = make_appender(connection, tmp_path)
        spool.append_all([notification(number, payload=b'"%s"' % (b"x" * 1_000)) for number in range(1_000)])
        appender.append_new()
        run(connection, "SET memory_limit = '1MB'")  # as if queries had the rest
        with pytest.raises(duckdb.TransactionException, match=r"clc\.duckdb\.undo first: Out of"):
            appender.checkpoint()
        run(connection, "SET memory_limit = '1GB'")
        run(connection, "PRAGMA debug_checkpoint_abort = 'before_header'")
        with pytest.raises(duckdb.FatalException, match="aborted"):
            appender.checkpoint()
        spool.append_all([notification(1_000)])
        with pytest.raises(duckdb.FatalException, match="previous fatal error"):
            appender.append_new()
    with closing(open_database(path)) as store:
        assert make_appender(store, tmp_path).append_new() == 1
        assert run(store, "SELECT count(*) FROM notifications") == [(1_001,)]
        assert run(store, "SELECT count(*) FROM rejected") == [(0,)]


@pytest.mark.parametrize("why", ["previous fatal error", "Corrupt database file: a checksum", "SET memory_limit"])
def test_a_row_is_not_blamed_for_the_state_of_database_or_machine(tmp_path, why):
    row = SpooledRow("segment", "notifications", 1, notification())
    note_stumble(tmp_path, duckdb.FatalException(why), [row])
    assert read_stumble(tmp_path) == set()


def test_an_error_after_the_commit_doubles_nothing(store, spool, tmp_path, monkeypatch):
    spool.append_all([notification(1), notification(2), rejection(3)])
    appender = make_appender(store, tmp_path)

    def fail(*_):
        raise duckdb.InternalException("no budget")

    with monkeypatch.context() as fault:
        fault.setattr("receiver.store.appending.rejected.RejectedBudget.add", fail)
        with pytest.raises(duckdb.InternalException):
            appender.append_new()
    assert make_appender(store, tmp_path).append_new() == 0
    assert run(store, "SELECT count(*), count(DISTINCT id) FROM notifications") == [(2, 2)]


def test_a_note_that_can_not_be_written_is_logged_once_and_not_at_each_turn(store, spool, tmp_path, caplog):
    appender = Appender(store.cursor(), SpoolReader(tmp_path / "spool"), tmp_path / "away", duplicate_window_seconds=0)
    for number in range(3):
        spool.append_all([notification(number)])
        assert appender.append_new() == 1
    file = tmp_path / "away" / FILE
    assert [record.message.split(": ", 1)[1] for record in caplog.records if FILE in record.message] == [
        f"[Errno 2] No such file or directory: '{file}'"
    ]


def test_a_batch_is_bounded_in_rows_and_bytes(store, spool, tmp_path, monkeypatch):
    monkeypatch.setattr("receiver.store.appending.appender._BYTES_PER_BATCH", 10_000)
    spool.append_all([notification(number, payload=b'"' + b"x" * 4_000 + b'"') for number in range(10)])
    appender = make_appender(store, tmp_path)
    assert [appender.append_new() for _ in range(5)] == [3, 3, 3, 1, 0]
    monkeypatch.setattr("receiver.store.appending.appender._ROWS_PER_BATCH", 4)
    spool.append_all([notification(number) for number in range(10)])
    assert [appender.append_new() for _ in range(4)] == [4, 4, 2, 0]


def test_numbers_are_given_once_even_if_the_database_lost_its_latest_rows(store, spool, tmp_path):
    spool.append_all([notification(1), notification(2)])
    make_appender(store, tmp_path).append_new()
    run(store, "DELETE FROM notifications")
    run(store, "DELETE FROM watermarks")
    make_appender(store, tmp_path).append_new()
    assert run(store, "SELECT seq FROM notifications ORDER BY seq") == [(3,), (4,)]


def test_checkpointed_segments_that_nobody_writes_to_are_deleted(store, spool, tmp_path):
    spool.append_all([notification(number) for number in range(100)])
    spool.append_all([notification(100)])
    appender = make_appender(store, tmp_path)
    appender.append_new()
    assert len(list((tmp_path / "spool").glob("*.sqlite"))) >= 2
    appender.checkpoint()
    names = [path.stem for path in (tmp_path / "spool").glob("*.sqlite")]
    assert not any(name.endswith("-000001") for name in names)
    assert run(store, "SELECT count(*) FROM notifications") == [(101,)]


def test_a_segment_that_was_deleted_and_comes_back_is_not_appended_again(store, tmp_path):
    writer = SpoolWriter(tmp_path / "spool")
    writer.append_all([notification(1)])
    writer.close()
    segment = next((tmp_path / "spool").glob("*.sqlite"))
    kept = segment.read_bytes()
    appender = make_appender(store, tmp_path)
    appender.append_new()
    appender.checkpoint()
    assert not segment.exists()
    segment.write_bytes(kept)
    again = make_appender(store, tmp_path)
    assert again.append_new() == 0
    again.checkpoint()
    assert not segment.exists()
    assert run(store, "SELECT count(*) FROM notifications") == [(1,)]


def test_a_segment_is_kept_until_all_of_it_is_appended(store, tmp_path):
    writer = SpoolWriter(tmp_path / "spool")
    appender = make_appender(store, tmp_path)
    writer.append_all([notification(1)])
    appender.append_new()
    writer.append_all([notification(2)])
    writer.close()
    appender.checkpoint()
    assert appender.count_backlog() == 1
    appender.append_new()
    appender.checkpoint()
    assert appender.count_backlog() == 0
    assert list((tmp_path / "spool").iterdir()) == []


def test_a_checkpoint_succeeds_while_a_reader_is_in_a_transaction(store, spool, tmp_path):
    appender = make_appender(store, tmp_path)
    spool.append_all([notification(1)])
    appender.append_new()
    reader = store.cursor()
    run(reader, "BEGIN TRANSACTION READ ONLY")
    assert run(reader, "SELECT count(*) FROM notifications") == [(1,)]
    spool.append_all([notification(2)])
    appender.append_new()
    appender.checkpoint()
    assert run(reader, "SELECT count(*) FROM notifications") == [(1,)]
    run(reader, "ROLLBACK")
    assert run(reader, "SELECT count(*) FROM notifications") == [(2,)]


def test_the_refused_of_each_reason_stay_within_their_bytes_the_oldest_going_first(store, spool, tmp_path):
    appender = make_appender(store, tmp_path, rejected_bytes=80_000)
    spool.append_all([notification(0, payload=b"\xff")])
    spool.append_all([rejection(0)._replace(reason="account_not_allowed")])
    spool.append_all([rejection(number, body=b"x" * 1_000) for number in range(1, 31)])
    appender.append_new()
    size = run(store, "SELECT sum(octet_length(body) + strlen(headers)) FROM rejected WHERE reason = 'not_json'")[0][0]
    assert 5_000 < size <= 10_000
    assert run(store, "SELECT max(received_at) FROM rejected") == [(NOON + timedelta(seconds=30),)]
    others = "SELECT reason, count(*) FROM rejected WHERE reason <> 'not_json' GROUP BY reason ORDER BY reason"
    assert run(store, others) == [("account_not_allowed", 1), ("not_storable", 1)]
