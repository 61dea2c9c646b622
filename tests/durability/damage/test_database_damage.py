"""A database file that does not open: put aside, a backup and the spool in its place, and what is missing said."""

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path

import duckdb
import pytest

from receiver.data_directory.accounts import learn_accounts
from receiver.data_directory.incidents import read_incidents
from receiver.database.faults import has_whole_derived, is_whole, suspect
from receiver.database.opening import connect, run
from receiver.database.stumble import note_stumble, read_stumble
from receiver.deriving.tables import Rebuild
from receiver.errors import StoreError
from receiver.keeping.backup_file import seal
from receiver.keeping.verification.invariants import check_order
from receiver.settings import Settings
from receiver.spool import SpooledRow, SpoolReader, SpoolWriter
from receiver.spool.owners import KNOWN, SpoolNote
from receiver.store.appending.appender import Appender
from receiver.store.recovery import open_store
from tests.durability.support.damaged import block_overwritten, open_and_tell, overwritten
from tests.durability.support.promise import stored_in
from tests.support.rows import notification
from tests.support.sizes import size, take_few


def cut(length):
    return lambda database: os.truncate(database, length)


def garbage(database):
    database.write_bytes(random.Random(1).randbytes(300_000))


def sqlite_file(database):
    database.unlink()
    with sqlite3.connect(database) as other:
        other.execute("CREATE TABLE notifications (a)")
    other.close()


def begun_anew(database):
    """What DuckDB leaves if it can't look at the file because of a disk's error, and takes it for missing."""
    database.unlink()
    duckdb.connect(str(database)).close()


DAMAGES = {
    "zeroed head": overwritten(0, 4096),
    "zeroed metadata": overwritten(12_288, 262_144),
    "gone": lambda database: database.unlink(),
    "begun anew": begun_anew,
    "zeroed first header": overwritten(4096, 4096),
    "cut to nothing": cut(0),
    "cut in the head": cut(5_000),
    "cut in the middle": cut(400_000),
    "garbage": garbage,
    "a SQLite file": sqlite_file,
    "a text": lambda database: database.write_text("no database\n" * 1_000),
}


@pytest.mark.parametrize("damage", take_few(DAMAGES, 4))
def test_a_damaged_database_gives_way_to_the_backup_and_the_spool_fills_in(crashed, stores, tmp_path, damage):
    store = crashed.copy(tmp_path / "data")
    store.back_up()
    before = store.database.read_bytes()
    DAMAGES[damage](store.database)
    damaged = store.database.read_bytes() if store.database.exists() else None
    stores.start(store.data_dir)
    assert store.broken() == []
    last = read_incidents(store.data_dir)[-1]
    assert "the backup clc-20260304T120000000000Z.duckdb" in last.what
    assert last.missing is None
    kept = [path.read_bytes() for path in (store.data_dir / "aside").glob("*/*")]
    assert damaged is None or damaged in kept
    assert before != damaged


def test_of_a_database_that_is_gone_nothing_is_said_to_be_kept(crashed, tmp_path):
    store = crashed.copy(tmp_path / "data")
    for path in store.data_dir.glob("clc.duckdb*"):
        path.unlink()
    store.open().close()
    (incident,) = read_incidents(store.data_dir)
    assert ("it is missing" in incident.what, incident.moved_to) == (True, None)


@pytest.mark.full
def test_a_row_that_ended_the_store_with_a_damaged_database_is_tried_again_with_another(crashed, tmp_path):
    case = crashed.copy(tmp_path / "copy")
    case.back_up()
    overwritten(0, 20_000)(case.database)
    row = SpooledRow("segment", "notifications", 1, notification())
    note_stumble(case.data_dir, duckdb.InternalException("what it made of its bytes"), [row])
    assert read_stumble(case.data_dir)
    case.open().close()
    assert not read_stumble(case.data_dir)


def test_without_a_backup_it_starts_empty_takes_what_the_spool_holds_and_says_what_is_missing(
    crashed, stores, tmp_path
):
    store = crashed.copy(tmp_path / "data")
    garbage(store.database)
    stores.start(store.data_dir)
    kept = stored_in(store.database)
    last = read_incidents(store.data_dir)[-1]
    assert "an empty database" in last.what
    assert last.missing.startswith(f"About {crashed.seq - len(kept)} notifications with seq 1 to {crashed.seq},")
    assert 0 < len(kept) < crashed.seq
    assert min(row.seq for row in kept) == crashed.seq + 1
    assert list(check_order((row.seq, row.id) for row in kept)) == []
    assert {row.id for row in kept} <= crashed.promised.keys()


def test_rows_that_neither_an_older_file_in_its_place_nor_the_spool_holds_are_missing_by_name(crashed, tmp_path):
    store = crashed.copy(tmp_path / "data")
    for path in [*store.data_dir.glob("clc.duckdb.wal*"), *(store.data_dir / "spool").glob("*.sqlite*")]:
        path.unlink()
    note = SpoolNote(id="0", spools={"1": str(tmp_path / "former")}, format=1)
    (store.data_dir / KNOWN).write_text(note.model_dump_json())
    connection, (incident,) = open_and_tell(Settings(data_dir=store.data_dir))
    ((last,),) = run(connection, "SELECT max(seq) FROM notifications")
    connection.close()
    assert 0 < last < crashed.seq
    assert "another file is in its place" in incident.what
    assert incident.missing.startswith(
        f"About {crashed.seq - last} notifications with seq {last + 1} to {crashed.seq},"
    )
    assert f"whether a former spool holds them is not known ({tmp_path / 'former'} is not there" in incident.missing


@pytest.mark.full
def test_a_backup_that_is_damaged_gives_way_to_the_one_before_it(crashed, stores, tmp_path):
    store = crashed.copy(tmp_path / "data")
    older = store.back_up()
    newer = older.with_name("clc-20260304T130000000000Z.duckdb")
    shutil.copyfile(older, newer)
    os.truncate(newer, 300_000)
    garbage(store.database)
    stores.start(store.data_dir)
    assert older.name in read_incidents(store.data_dir)[-1].what
    assert store.broken() == []
    assert newer.exists()


@pytest.mark.full
def test_a_database_without_notifications_is_no_backup(crashed, stores, tmp_path):
    store = crashed.copy(tmp_path / "data")
    backup = store.back_up()
    duckdb.connect(str(backup.with_name("new.duckdb"))).close()
    garbage(store.database)
    store.wal.unlink()
    (what,) = stores.start(store.data_dir)["incidents"]
    assert what.endswith(f"In its place: the backup {backup.name}.")
    assert store.broken() == []


@pytest.mark.full
def test_an_old_backup_that_is_copied_back_today_does_not_take_the_place_of_the_newest(crashed, stores, tmp_path):
    store = crashed.copy(tmp_path / "data")
    newest = store.back_up()
    os.utime(newest, (1_772_625_600, 1_772_625_600))
    shutil.copyfile(newest, newest.with_name("clc-20250304T120000000000Z.duckdb"))
    garbage(store.database)
    stores.start(store.data_dir)
    assert f"the backup {newest.name}" in read_incidents(store.data_dir)[-1].what
    assert store.broken() == []


@pytest.mark.full
def test_a_recovery_that_can_not_write_the_accounts_of_the_backup_is_a_sentence_and_changes_nothing(crashed, tmp_path):
    store = crashed.copy(tmp_path / "data")
    learn_accounts(tmp_path / "learned.sqlite", ["ACME"])
    seal(store.back_up(), "key", tmp_path / "learned.sqlite")
    garbage(store.database)
    store.data_dir.joinpath("accounts.sqlite").mkdir()
    damaged = store.database.read_bytes()
    for path in store.data_dir.glob("clc.duckdb.wal*"):
        path.unlink()
    with pytest.raises(StoreError, match=r"is damaged .* and can't be moved aside .*: make room"):
        open_store(Settings(data_dir=store.data_dir))
    assert store.database.read_bytes() == damaged


@pytest.mark.full
@pytest.mark.slow
def test_a_database_with_one_bit_flipped_never_keeps_the_store_from_starting(crashed, stores, tmp_path, capsys):
    drawn = random.Random(7)
    whole = crashed.database.read_bytes()
    replaced = 0
    number = size(6, 150)
    for _ in range(number):
        store = crashed.copy(tmp_path / "data")
        backups = store.data_dir / "backups"
        backups.mkdir()
        shutil.copyfile(store.database, backups / "good.duckdb")
        bit = drawn.randrange(len(whole) * 8)
        with store.database.open("r+b") as file:
            file.seek(bit // 8)
            file.write(bytes([whole[bit // 8] ^ 1 << bit % 8]))
        stores.start(store.data_dir)
        replaced += any("In its place" in incident.what for incident in read_incidents(store.data_dir))
    with capsys.disabled():
        print(f"\none bit of the database flipped, {number} times: started each time, {replaced} from a backup")


@pytest.mark.full
def test_a_healthy_database_that_went_aside_comes_back_as_the_documentation_says(
    crashed, stores, tmp_path, monkeypatch
):
    store = crashed.copy(tmp_path / "data")
    connected = []

    def refuse_once(*arguments):
        if not connected:
            connected.append(arguments)
            raise duckdb.IOException("not a valid DuckDB database file")
        return connect(*arguments)

    store.wal.unlink()
    monkeypatch.setattr("receiver.store.recovery.connect", refuse_once)
    connection, (incident,) = open_and_tell(Settings(data_dir=store.data_dir))
    connection.close()
    assert "an empty database" in incident.what
    stores.start(store.data_dir)

    # serve is stopped: the present file makes way, the one in `aside` comes back
    store.database.rename(tmp_path / "since.duckdb")
    for path in Path(incident.moved_to).glob("clc.duckdb*"):
        path.rename(store.data_dir / path.name)
    assert stores.start(store.data_dir)["seq"] == 150
    lost = {violation.id for violation in store.broken()}
    bounds = (
        "SELECT max(received_at) FILTER (seq <= 150) + INTERVAL 1 microsecond, "
        "coalesce(min(received_at) FILTER (seq > 150), 'infinity') FROM notifications"
    )
    with duckdb.connect(str(store.database), read_only=True) as database:
        (between,) = database.execute(bounds).fetchall()
    with duckdb.connect(str(tmp_path / "since.duckdb"), read_only=True) as since:
        rows = since.execute(
            "SELECT id FROM notifications WHERE received_at >= ? AND received_at < ?", between
        ).fetchall()
    assert {id_ for (id_,) in rows} == lost


def test_an_opening_that_killed_its_process_is_tried_out_in_another_first(crashed, tmp_path, monkeypatch):
    store = crashed.copy(tmp_path / "data")
    (store.data_dir / "opening").mkdir()
    monkeypatch.setattr("receiver.database.faults._try_out", lambda *_: -signal.SIGSEGV)
    connection, happened = open_and_tell(Settings(data_dir=store.data_dir))
    seq = run(connection, "SELECT max(seq) FROM notifications")[0][0]
    connection.close()
    assert seq == 150
    assert "opening it ends the process" in happened[0].what
    assert not (store.data_dir / "opening").exists()


def test_a_kill_while_opening_costs_nothing(crashed, stores, tmp_path):
    store = crashed.copy(tmp_path / "data")
    program = textwrap.dedent("""
        import sys
        from receiver.settings import Settings
        from receiver.store import recovery
        def hang(*_):
            print("opening", flush=True)
            sys.stdin.read()
        recovery.read_through = hang
        recovery.open_store(Settings(data_dir=sys.argv[1]))
    """)
    dying = subprocess.Popen(
        [sys.executable, "-c", program, str(store.data_dir)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert dying.stdout.readline() == "opening\n"
    dying.kill()
    dying.communicate()
    assert (store.data_dir / "opening").exists()
    assert stores.start(store.data_dir) == {"seq": crashed.seq, "incidents": []}
    assert store.broken() == []


@pytest.mark.full
def test_a_wal_replayed_twice_is_not_believed(crashed, stores, tmp_path):
    store = crashed.copy(tmp_path / "data")
    store.back_up()
    with duckdb.connect(str(store.database)) as database:
        database.execute("INSERT INTO watermarks SELECT * FROM watermarks").fetchall()
        database.execute("INSERT INTO notifications SELECT * FROM notifications").fetchall()
    found = stores.start(store.data_dir)
    assert "several watermarks" in found["incidents"][0]
    assert store.broken() == []


def damage_payloads(store):
    with duckdb.connect(str(store.database), read_only=True) as database:
        blocks = database.execute(
            "SELECT block_id FROM pragma_storage_info('notifications') WHERE column_name = 'payload' AND block_id >= 0"
        ).fetchall()
    for (block,) in blocks:
        block_overwritten(block)(store.database)


def test_a_damaged_block_that_no_checkpoint_can_pass_gives_way_to_the_backup(crashed, stores, tmp_path):
    store = crashed.copy(tmp_path / "data")
    store.back_up()
    damage_payloads(store)
    stores.start(store.data_dir)
    last = read_incidents(store.data_dir)[-1]
    assert "Corrupt database file" in last.what
    assert "the backup" in last.what
    assert last.missing is None
    assert store.broken() == []


def test_until_a_checkpoint_meets_the_damaged_block_rows_go_in(crashed, tmp_path):
    store = crashed.copy(tmp_path / "data")
    store.wal.unlink()
    (store.data_dir / "appended.json").unlink()
    damage_payloads(store)
    connection = store.open()
    reader = SpoolReader(store.data_dir / "spool")
    appender = Appender(connection.cursor(), reader, store.data_dir, duplicate_window_seconds=10)
    assert appender.append_new() > 0
    reader.close()
    connection.close()


def test_a_torn_file_of_incidents_is_one_itself(tmp_path):
    (tmp_path / "recovery.json").write_text('[{"at": ')
    (incident,) = read_incidents(tmp_path)
    assert incident.missing


def test_changes_that_can_not_be_read_are_derived_again_and_nothing_else_is_touched(tmp_path):
    """A block that holds changes only is damaged, and a checkpoint has met it."""
    connection = open_store(Settings(data_dir=tmp_path))
    writer = SpoolWriter(tmp_path / "spool")
    appender = Appender(connection.cursor(), SpoolReader(tmp_path / "spool"), tmp_path, duplicate_window_seconds=0)
    for number in range(2):
        bodies = [
            (row, b'{"userName":"u","x":"%s"}' % random.Random(row + number).randbytes(2000).hex().encode())
            for row in range(500)
        ]
        writer.append_all([notification(row + 500 * number, entity_id=f"U{row}", payload=body) for row, body in bodies])
        appender.append_new()
    appender.checkpoint()
    writer.close()
    expected = run(connection, "SELECT * FROM changes ORDER BY ALL")
    blocks = {
        table: {block for (block,) in run(connection, f"SELECT block_id FROM pragma_storage_info('{table}')")}
        for table in ("notifications", "changes")
    }
    connection.close()
    database = tmp_path / "clc.duckdb"
    with database.open("r+b") as file:
        file.seek(3 * 4096 + max(blocks["changes"] - blocks["notifications"]) * 262_144 + 5_000)
        file.write(bytes(100))
    assert not has_whole_derived(database)
    suspect(tmp_path, duckdb.IOException("Corrupt database file: computed checksum"))
    connection, happened = open_and_tell(Settings(data_dir=tmp_path))
    assert [incident.moved_to for incident in happened] == [None]
    assert "derived again" in happened[0].what
    assert run(connection, "SELECT count(*) FROM notifications") == [(1_000,)]
    rebuild = Rebuild(connection)
    while rebuild.done is not None:
        rebuild.step()
    assert run(connection, "SELECT * FROM changes ORDER BY ALL") == expected
    run(connection, "CHECKPOINT")
    connection.close()
    assert has_whole_derived(database)


def test_a_file_that_can_not_be_tried_out_at_the_moment_is_not_called_damaged(tmp_path):
    with pytest.raises(StoreError, match="nothing was moved"):
        is_whole(tmp_path)
