"""What a node puts into the shared spool is read from there by every node: each row, once, as it was written."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import cache
from uuid import uuid4

import psycopg
import pytest

from receiver.database.appended import Appended, write_appended
from receiver.errors import SettingsError, SharedSpoolError
from receiver.settings import Settings
from receiver.shared_spool import Membership, SharedSpoolReader, Shipper, SpoolServer, nodes, reader, server, shipper
from receiver.shared_spool.batches import OutOfStepError, copy_rows, put_rows, read_positions
from receiver.spool import SpooledRow, SpoolReader, SpoolWriter
from receiver.store.loss import describe_loss
from receiver.supervision import begin
from tests.support.rows import notification, rejection
from tests.support.waiting import until

WRITER = "0" * 31 + "1"
ODD = [
    notification(1, entity_id="NUL\0 \N{SNOWMAN} é", signature=None, actor="", source_ip=None),
    notification(2, payload=bytes(range(1, 256)) * 9000, event_type=None, action=None, proof="token", sender="github"),
    notification(3, key_fingerprint=None, delivery_id="72d3162e", signature_detail="stale"),
    rejection(4, path="/webhooks/\0", headers='{"X": "\\u0000"}', body=bytes(range(256)), sender=None),
]

FULL_DISK = """
CREATE FUNCTION refuse() RETURNS TRIGGER LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'No space left on device' USING ERRCODE = 'disk_full'; END $$;
CREATE TRIGGER is_full BEFORE INSERT ON clc_spool.rows EXECUTE FUNCTION refuse()
"""


@pytest.fixture
def node(tmp_path, database):
    node = Node(tmp_path / "spool", database)
    yield node
    node.shipper.close()


@contextmanager
def connected(database, seconds=30.0):
    """A connection to the shared spool, with its tables."""
    server = SpoolServer(database, "sending")
    with closing(server), server.session(seconds) as connection:
        yield connection


class Node:
    """A spool with its shipper, whose turns the test takes."""

    def __init__(self, spool, database):
        self.spool, self.database = spool, database
        self.shipper = Shipper(SpoolReader(spool), SpoolServer(database, "sending"), {})

    def write(self, rows, **options):
        writer = SpoolWriter(self.spool, **options)
        for row in rows:
            writer.append_all([row])
        writer.close()

    def segments(self):
        return sorted(self.spool.glob("*.sqlite"))


def be_due(node):
    """Let the server be tried again at once."""
    for trouble in node.shipper._server._troubles.values():
        trouble.until = 0


def read_all(database, watermarks=None, *, rows=1000, size=10**9):
    shared = SharedSpoolReader(SpoolServer(database, "reading"))
    with closing(shared):
        return list(shared.read_new(watermarks or {}, rows, size))


def use(database):
    with connected(database):
        pass


@cache
def spooled(position, segment=f"{WRITER}-000001"):
    return SpooledRow(segment, "notifications", position, notification(position))


def test_a_url_that_an_older_version_passed_on_unread_is_refused_and_its_password_not_shown():
    server = SpoolServer("postgresql://clc:hunter2%zz@db/clc", "a test")
    with pytest.raises(SharedSpoolError, match="CLC_SHARED_SPOOL is not usable: ") as error, server.session():
        pass
    assert "hunter2" not in str(error.value)


def test_every_column_comes_through_byte_for_byte(node, database):
    node.write(ODD)
    reader = SpoolReader(node.spool)
    expected = list(reader.read_new({}, 1000, 10**9))
    assert node.shipper.turn() == len(ODD)
    assert read_all(database) == expected
    assert [each.row for each in expected] == ODD


@pytest.mark.parametrize("change", ["actor = 'mallory'", r"actor = '\xff'", "holds = 'rejected'", "holds = 'rejectfd'"])
def test_a_row_that_changed_in_the_shared_spool_is_kept_as_damaged(node, database, change):
    node.write([notification(1), notification(2)])
    node.shipper.turn()
    with psycopg.connect(database) as connection:
        connection.execute(f"UPDATE clc_spool.rows SET {change} WHERE position = 1")
    first, second = [each.row for each in read_all(database)]
    assert (first.reason, first.body) == ("damaged_in_spool", notification(1).payload)
    assert (first.path, first.sender) == ("User.Updated", "centurylink")
    assert second.payload == notification(2).payload


def test_a_row_damaged_in_its_segment_keeps_its_place(database):
    damaged = SpooledRow(f"{WRITER}-000001", "notifications", 1, rejection(1, reason="damaged_in_spool"))
    with connected(database) as connection:
        put_rows(connection, [damaged, spooled(2)], {})
    assert read_all(database) == [damaged, spooled(2)]


def test_reading_is_bounded_in_rows_and_bytes(node, database):
    node.write([notification(n, payload=b"x" * 1000) for n in range(20)])
    node.shipper.turn()
    assert len(read_all(database, rows=7)) == 7
    assert len(read_all(database, size=2500)) == 3
    after = {(row.segment, row.kind): row.position for row in read_all(database, rows=15)}
    assert [row.position for row in read_all(database, after)] == [16, 17, 18, 19, 20]


def test_batches_become_visible_in_their_order_though_another_transaction_is_open(database):
    first, other = f"{WRITER}-000001", f"{'0' * 31}2-000001"
    waiting = "SELECT count(*) = 1 FROM pg_locks WHERE NOT granted"
    with connected(database) as early, connected(database) as late, ThreadPoolExecutor() as nodes:
        put_rows(early, [spooled(1, first)], {})
        with late.transaction():
            put_rows(late, [spooled(2, first), spooled(3, first)], {(first, "notifications"): 1})
            put = nodes.submit(put_rows, early, [spooled(1, other)], {})
            with psycopg.connect(database, autocommit=True) as watching:
                until(lambda: watching.execute(waiting).fetchone() == (True,), what="the other to wait")
            seen = read_all(database)
            assert seen == [spooled(1, first)]
        put.result(30)
        rest = [spooled(2, first), spooled(3, first), spooled(1, other)]
        assert read_all(database, {(first, "notifications"): 1}) == rest


def test_the_order_within_a_batch_is_that_of_its_rows(database):
    segments = [f"{writer:032d}-000001" for writer in (2, 1)]
    refused = SpooledRow(segments[1], "rejected", 1, rejection(1))
    rows = [spooled(1, segments[0]), spooled(1, segments[1]), refused, *(spooled(n, segments[0]) for n in (2, 3))]
    with connected(database) as connection:
        put_rows(connection, rows, {})
    assert read_all(database) == rows
    assert read_all(database, {(segments[0], "notifications"): 2}) == [spooled(1, segments[1]), refused, rows[-1]]


def test_many_batches_are_read_in_their_order(database, monkeypatch):
    monkeypatch.setattr(reader, "_BATCHES_AHEAD", 3)
    monkeypatch.setattr(reader, "_ROWS_PER_QUERY", 4)
    segments = [f"{writer:032d}-000001" for writer in range(3)]
    rows = [spooled(position, segments[(writer + position) % 3]) for position in range(1, 6) for writer in range(3)]
    with connected(database) as connection:
        for row in rows:
            put_rows(connection, [row], {(row.segment, row.kind): row.position - 1})
    watermarks, read = {}, []
    shared = SharedSpoolReader(SpoolServer(database, "reading"))
    with closing(shared):
        while new := list(shared.read_new(watermarks, 7, 10**9)):
            read += new
            watermarks |= {(row.segment, row.kind): row.position for row in new}
    assert read == rows
    assert shared.waiting == 0


def test_a_gap_in_a_segment_stops_reading_there_until_it_is_filled_and_is_told(database):
    shared = SharedSpoolReader(SpoolServer(database, "reading"))
    segment, other = spooled(1).segment, f"{'0' * 31}2-000001"
    with closing(shared), connected(database) as connection:
        put_rows(connection, [spooled(n) for n in range(1, 5)], {})
        put_rows(connection, [spooled(1, other)], {})
        connection.execute("DELETE FROM clc_spool.rows WHERE position = 3")
        assert list(shared.read_new({}, 10, 10**9)) == [spooled(1), spooled(2), spooled(1, other)]
        assert shared.obstacle == f"notifications 3 of segment {segment} are not in the shared spool"
        watermarks = {(segment, "notifications"): 2, (other, "notifications"): 1}
        assert list(shared.read_new(watermarks, 10, 10**9)) == []
        assert shared.waiting == 2
        copy_rows(connection, [spooled(3)])
        assert list(shared.read_new(watermarks, 10, 10**9)) == [spooled(3), spooled(4)]
        assert shared.obstacle is None


def test_what_follows_rows_of_a_batch_that_is_not_there_waits_and_is_told(database):
    shared = SharedSpoolReader(SpoolServer(database, "reading"))
    segment, other = spooled(1).segment, f"{'0' * 31}2-000001"
    with closing(shared), connected(database) as connection:
        for position in range(1, 4):
            put_rows(connection, [spooled(position)], {(segment, "notifications"): position - 1})
        put_rows(connection, [spooled(1, other)], {})
        connection.execute("DELETE FROM clc_spool.batches WHERE number = 2")
        assert list(shared.read_new({}, 10, 10**9)) == [spooled(1, other)]
        assert shared.obstacle == f"notifications 2 of segment {segment} are not in the shared spool"


@pytest.mark.parametrize("is_pooled", [False, True])
def test_after_a_failover_that_took_batches_back_reading_goes_on_by_the_watermarks(database, is_pooled):
    shared = SharedSpoolReader(SpoolServer(database, "reading"))
    other = f"{'0' * 31}2-000001"
    with closing(shared), connected(database) as connection:
        put_rows(connection, [spooled(n) for n in range(1, 4)], {})
        put_rows(connection, [spooled(4)], {(spooled(1).segment, "notifications"): 3})
        assert len(list(shared.read_new({}, 10, 10**9))) == 4
        lose_last_batch(connection)
        put_rows(connection, [spooled(1, other)], {})
        if not is_pooled:
            shared.close()  # as the failover does
        watermarks = {(spooled(1).segment, "notifications"): 4}
        assert list(shared.read_new(watermarks, 10, 10**9)) == [spooled(1, other)]


def lose_last_batch(connection):
    """Take the fourth row back, which is the second batch, as a server does that takes over and never had it."""
    for lost in ("rows WHERE position = 4", "batches WHERE number = 2"):
        connection.execute(f"DELETE FROM clc_spool.{lost}")
    connection.execute("UPDATE clc_spool.positions SET last = 3")
    connection.execute("UPDATE clc_spool.counter SET number = 1, rows = 3")


def test_after_a_failover_behind_a_pooler_a_node_sends_again_what_was_lost_there_and_deletes_none_of_it(
    node, database, monkeypatch
):
    monkeypatch.setattr(shipper, "_ROWS_PER_BATCH", 3)
    node.write([notification(n) for n in range(4)])
    assert [node.shipper.turn(), node.shipper.turn()] == [3, 1]
    with connected(database) as connection:
        lose_last_batch(connection)
    node.shipper.free()
    assert [node.shipper.turn(), len(read_all(database))] == [1, 4]


def test_tables_of_version_1_are_brought_to_the_newest_version_with_their_rows(database):
    segments = [f"{writer:032d}-000001" for writer in (2, 1)]
    with psycopg.connect(database, autocommit=True) as older:
        server.bring_to(older, 1)
        copy_rows(older, [spooled(n, segment) for segment in segments for n in (1, 2)])
        for segment in segments:
            older.execute("INSERT INTO clc_spool.positions VALUES (%s, 'notifications', 2)", [segment])
        use(database)
        with pytest.raises(psycopg.errors.UndefinedColumn):  # of a node that runs the older program still
            older.execute("SELECT segment, kind, position FROM clc_spool.positions")
    rows = [spooled(n, segment) for segment in sorted(segments) for n in (1, 2)]
    assert read_all(database) == rows
    with connected(database) as connection:
        put_rows(connection, [spooled(3, segments[0])], {(segments[0], "notifications"): 2})
    assert read_all(database) == [*rows, spooled(3, segments[0])]


def test_rows_go_in_once_though_two_shippers_believe_the_same(database):
    with connected(database) as connection:
        put_rows(connection, [spooled(1), spooled(2)], {})
    with connected(database) as connection, pytest.raises(OutOfStepError):
        put_rows(connection, [spooled(1)], {})
    assert [row.position for row in read_all(database)] == [1, 2]


@pytest.mark.parametrize("is_committed", [True, False])
def test_rows_go_in_once_if_it_is_not_known_whether_commit_succeeded(node, database, monkeypatch, is_committed):
    node.shipper.turn()  # now the tables are there and positions are read, only rows are in transactions
    node.write([notification(n) for n in range(5)])
    real = psycopg.Transaction._commit_gen

    def commit(transaction):
        if is_committed:
            yield from real(transaction)
        transaction.connection.close()
        raise psycopg.OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(psycopg.Transaction, "_commit_gen", commit)
    assert node.shipper.turn() == 0
    monkeypatch.undo()
    be_due(node)
    assert node.shipper.turn() == (0 if is_committed else 5)
    assert [row.position for row in read_all(database)] == [1, 2, 3, 4, 5]


def test_a_server_that_takes_all_but_rows_counts_as_away_until_it_takes_them(node, database, monkeypatch, caplog):
    monkeypatch.setattr(shipper, "_TIDY_SECONDS", 0)
    membership = Membership(node.shipper._server, nodes.Identity(uuid4(), "one"))
    caplog.set_level("INFO", "receiver")
    with connected(database) as connection:
        connection.execute(FULL_DISK)
        node.write([notification(1)])
        for _ in range(3):
            assert node.shipper.turn() == 0
            node.shipper._free_safely()
            assert node.shipper.trouble is None
            be_due(node)
            membership._next_at = 0
            membership.turn()
            assert (node.shipper.failure, node.shipper.since is None) == ("No space left on device", False)
        connection.execute("DROP TRIGGER is_full ON clc_spool.rows")
    assert node.shipper.turn() == 1
    assert (node.shipper.failure, node.shipper.since) == (None, None)
    assert [record.getMessage() for record in caplog.records if record.name == server.__name__] == [
        "the shared spool can't be used for sending, which is tried again: No space left on device",
        "the shared spool can be used for sending again",
    ]


def test_a_shipper_whose_connection_broke_sends_its_last_rows_before_it_ends(node, database):
    assert node.shipper.turn() == 0
    with psycopg.connect(database) as other:
        other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
    node.write([notification(1)])
    node.shipper._last_seconds = 30
    node.shipper._stopping.set()
    node.shipper.start()
    node.shipper.stop(30)
    assert (node.segments(), len(read_all(database))) == ([], 1)


def test_a_segment_goes_only_when_the_shared_spool_holds_all_of_it(node, database, monkeypatch):
    monkeypatch.setattr(shipper, "_ROWS_PER_BATCH", 3)
    node.write([notification(n) for n in range(4)], rows_per_segment=2)
    first, second, *_ = before = node.segments()
    node.shipper.free()
    assert node.segments() == before
    assert node.shipper.turn() == 3
    node.shipper.free()
    assert (first.exists(), second.exists()) == (False, True)
    assert node.shipper.turn() == 1
    node.shipper.free()
    assert node.segments() == []
    assert len(read_all(database)) == 4


def test_what_the_shared_spool_holds_is_not_called_missing_after_a_wal_that_replays_short(tmp_path, database):
    place = (f"{WRITER}-000001", "notifications")
    write_appended(tmp_path, Appended(10, 10, {place: 10}))
    behind = Appended(4, 4, {place: 4})
    assert describe_loss(Settings(data_dir=tmp_path, shared_spool=database), behind) is None
    assert "About 6 notifications" in describe_loss(Settings(data_dir=tmp_path), behind)


def test_a_program_without_the_driver_says_what_to_install(monkeypatch):
    monkeypatch.setattr(begin, "find_spec", lambda _: None)
    with pytest.raises(SettingsError, match=r"^CLC_SHARED_SPOOL needs the extra `cluster`: pip install"):
        begin.check_files(Settings(shared_spool="postgresql://db.example/clc"))


def test_nodes_that_make_the_tables_at_the_same_time_wait_for_each_other(database):
    waiting = "SELECT count(*) = 2 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    with psycopg.connect(database, autocommit=True) as other, ThreadPoolExecutor() as nodes:
        other.execute("SELECT pg_advisory_lock(%s)", [server.TABLES_LOCK])
        made = [nodes.submit(use, database) for _ in range(2)]
        until(lambda: other.execute(waiting).fetchone() == (True,), what="both nodes to wait")
        other.execute("SELECT pg_advisory_unlock(%s)", [server.TABLES_LOCK])
        assert [each.result(30) for each in made] == [None, None]


def test_tables_of_a_newer_program_are_left_alone_and_it_is_said(node, database):
    with connected(database) as connection:
        connection.execute("UPDATE clc_spool.about SET version = 5")
    node.write([notification(1)])
    assert node.shipper.turn() == 0
    assert node.shipper.failure == "its tables have version 5, and this program knows 4: install a newer one"
    with psycopg.connect(database) as connection:
        assert read_positions(connection) == {}


def test_a_server_that_does_not_answer_is_given_up(database):
    with pytest.raises(SharedSpoolError, match="it did not answer for 1 s"), connected(database, 1) as connection:
        connection.execute("SELECT pg_sleep(60)")


def test_a_try_that_waits_for_the_lock_of_another_ends_and_says_what_it_may_wait_for(node, database, monkeypatch):
    node.shipper.turn()
    node.write([notification(1)])
    monkeypatch.setattr(server, "hold_settings", lambda connection: connection.execute("SET LOCAL lock_timeout = 10"))
    with psycopg.connect(database) as connection:
        connection.execute("UPDATE clc_spool.counter SET number = number")
        assert node.shipper.turn() == 0
    assert "PostgreSQL waits for a standby that is away" in node.shipper.failure


@pytest.mark.parametrize(
    ("setting", "value"),
    [("synchronous_commit", "on"), ("tcp_keepalives_idle", "10"), ("jit", "off"), ("lock_timeout", "8s")],
)
def test_the_server_syncs_what_it_commits_soon_misses_a_node_that_is_gone_and_compiles_no_query(
    database, postgres, setting, value
):
    postgres.execute(f"ALTER DATABASE {database.rpartition('/')[2]} SET synchronous_commit = off")
    with connected(database) as connection, server.transaction(connection):
        assert connection.execute(f"SHOW {setting}").fetchone() == (value,)
