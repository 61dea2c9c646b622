"""A disk that fills up under load and is freed: 503 and then 200 again, and nothing acknowledged is lost."""

import json
import re
import time
from collections import Counter
from typing import NamedTuple

import duckdb
import pytest

from receiver.data_directory.incidents import read_incidents
from receiver.database.migrations import find_newest_version
from receiver.database.opening import bring_up_to_date, connect, run
from receiver.errors import StoreError
from receiver.files import find_lack_of_room
from receiver.keeping.notes import read_backup_note
from receiver.notification import Rejection
from receiver.settings import read_settings
from receiver.spool import SpoolReader, SpoolWriter
from receiver.spool.owners import open_spool
from receiver.store.appending.appender import Appender
from receiver.store.backup import Backups
from receiver.store.loop import AppendLoop
from receiver.store.recovery import open_store
from tests.durability.support.commands import run_command
from tests.durability.support.faults import fill, mounted
from tests.durability.support.load import BODIES, Clients, check_all_is_kept
from tests.support.database import open_database
from tests.support.processes import ListenerProcess, PreparedReceiver, running
from tests.support.rows import rejection
from tests.support.sizes import size
from tests.support.waiting import until

MIB, GIB = 2**20, 2**30


def post(receiver, number=0):
    return receiver.sender.post("/webhooks/User.Updated", BODIES[number])


def statuses(clients):
    return [answer.status for answer in list(clients.answers)]


def figures(clients):
    all_of_them = statuses(clients)
    return f"{all_of_them.count(200):,} got 200, {all_of_them.count(503):,} got 503"


def metric(receiver, name):
    text = receiver.sender._pool.request("GET", f"{receiver.query_url}/metrics").data.decode()
    return next((float(line.split()[-1]) for line in text.splitlines() if line.startswith(f"{name} ")), 0.0)


@pytest.mark.slow
def test_a_full_disk_under_load_gives_503_then_200_again_and_loses_nothing_acknowledged(tmp_path, capsys):
    rounds = size(1, 10)
    with mounted(tmp_path / "disk", "size=96m") as disk, running(PreparedReceiver, disk / "data") as receiver:
        clients = Clients(receiver.url, rate=300, keep_alive=True)
        try:
            for _ in range(rounds):
                before = statuses(clients).count(200)
                until(lambda before=before: statuses(clients).count(200) > before + 150, what="accepted ones")
                refused = statuses(clients).count(503)
                ballast = fill(disk)
                until(lambda refused=refused: statuses(clients).count(503) > refused + 50, what="refused ones")
                assert json.loads(receiver.sender.get("/readyz").data)["spool"] == "unavailable"
                ballast.unlink()
            before = statuses(clients).count(200)
            until(lambda: statuses(clients).count(200) > before + 150, what="accepted ones again")
        finally:
            clients.stop()
        assert set(statuses(clients)) == {200, 503}
        # The log may lie on the same disk.
        assert 0 < receiver.log.count("the spool could not be written") < statuses(clients).count(503) / 10
        kept = check_all_is_kept(receiver, clients.acknowledged())
        assert receiver.sender.get("/readyz").status == 200
    with capsys.disabled():
        print(f"\na full disk, {rounds} times: {figures(clients)}; {kept:,} stored, 0 acknowledged lost, 0 doubled")


@pytest.mark.slow
def test_with_the_stores_disk_alone_full_accepting_goes_on_the_lag_shows_and_the_store_catches_up(tmp_path, capsys):
    spool = {"CLC_SPOOL_DIR": str(tmp_path / "spool")}
    with mounted(tmp_path / "disk", "size=64m") as disk, running(PreparedReceiver, disk / "data", **spool) as receiver:
        assert post(receiver).status == 200
        until(lambda: receiver.sql("SELECT count(*) AS n FROM notifications")[0]["n"] == 1)
        ballast = fill(disk)
        clients = Clients(receiver.url, rate=300, keep_alive=True)
        try:
            until(lambda: len(clients.answers) > size(900, 20_000), seconds=120, what="accepted ones")
            lag = until(
                lambda: metric(receiver, "clc_store_lag_seconds") > 3 and metric(receiver, "clc_store_lag_seconds")
            )
            waiting = metric(receiver, "clc_spool_rows")
            assert waiting > 500
            ballast.unlink()
            freed = time.monotonic()
            until(lambda: metric(receiver, "clc_spool_rows") < 400, seconds=120, what="the store, catching up")
            caught_up = time.monotonic() - freed
        finally:
            clients.stop()
        assert set(statuses(clients)) == {200}
        kept = check_all_is_kept(receiver, clients.acknowledged())
    with capsys.disabled():
        print(
            f"\nthe store's disk full: {figures(clients)}; lag up to {lag:.1f} s with {waiting:,.0f} rows waiting, "
            f"caught up {caught_up:.1f} s after there was room; {kept:,} stored, 0 lost, 0 doubled"
        )


@pytest.mark.full
def test_a_new_sub_account_is_accepted_though_its_learning_can_not_be_written(tmp_path):
    child = b'{"accountAlias":"CHILD","userName":"x"}'
    born = b'{"accountAlias":"CHILD","businessName":"C","parentAlias":"ROOT"}'
    settings = {"CLC_ACCOUNTS": "ROOT", "CLC_SPOOL_DIR": str(tmp_path / "spool")}
    with mounted(tmp_path / "disk", "size=1m") as disk, running(ListenerProcess, disk, **settings) as listener:
        assert listener.sender.post("/webhooks/User.Created", child).status == 403
        ballast = fill(disk)
        assert listener.sender.post("/webhooks/Account.Created", born).status == 200
        assert listener.sender.post("/webhooks/User.Created", child).status == 200
        ballast.unlink()
        assert listener.sender.post("/webhooks/Account.Updated", born).status == 200
        with running(ListenerProcess, disk, **settings) as other:
            assert other.sender.post("/webhooks/User.Created", child).status == 200


class NoRoom(NamedTuple):
    free: int = 100 * 1024


@pytest.fixture
def small_disk(monkeypatch):
    """Fill every disk but for 100 KiB, as far as the program can tell."""
    with monkeypatch.context() as disks:
        disks.setattr("receiver.files.shutil.disk_usage", lambda _directory: NoRoom())
        yield disks


@pytest.mark.parametrize(("size", "free", "fits"), [(10, 20, True), (10, 19, False), (3 * GIB, 4 * GIB, True)])
def test_a_copy_leaves_as_much_room_as_it_takes_or_one_gib(tmp_path, monkeypatch, size, free, fits):
    monkeypatch.setattr("receiver.files.shutil.disk_usage", lambda _directory: NoRoom(free))
    assert (find_lack_of_room(tmp_path, size) is None) == fits


def test_a_backup_that_would_fill_the_disk_or_has_no_directory_is_not_begun_and_status_says_why(tmp_path, small_disk):
    settings = read_settings(env_file=None, data_dir=tmp_path)
    connection = open_store(settings)
    loop = AppendLoop(connection, open_spool(settings), 10, lambda: None, tmp_path)
    with loop.pause():
        pass
    before = settings.database.stat().st_size
    small_disk.setattr("receiver.store.backup.Backups._run", None)  # nothing is copied
    with pytest.raises(StoreError, match=r"There is no backup: the disk of .*backups has 0\.1 MiB free, and"):
        Backups(settings, loop).make(lambda _copied, _bytes: None)
    assert settings.database.stat().st_size == before
    assert list((tmp_path / "backups").iterdir()) == []
    assert "has 0.1 MiB free" in read_backup_note(tmp_path)["error"]
    (tmp_path / "backups").rmdir()
    (tmp_path / "backups").symlink_to(tmp_path / "not mounted")
    with pytest.raises(StoreError, match=f"no backup: {tmp_path / 'backups'} is a file, or a link that leads nowhere"):
        Backups(settings, loop).make(lambda _copied, _bytes: None)
    connection.close()


@pytest.mark.usefixtures("small_disk")
def test_a_recovery_and_an_upgrade_that_would_fill_the_disk_move_nothing_and_say_so(tmp_path):
    data_dir, newest = tmp_path / "data", find_newest_version()
    (data_dir / "backups").mkdir(parents=True)
    with duckdb.connect(str(data_dir / "clc.duckdb")) as database:
        database.execute("CREATE TABLE schema_version AS SELECT 1 AS version").fetchall()
    before = (data_dir / "clc.duckdb").read_bytes()
    with pytest.raises(StoreError, match=rf"before its schema changes, and can't be copied: the disk of {data_dir} "):
        bring_up_to_date(connect(data_dir / "clc.duckdb", "1GB"), data_dir / "clc.duckdb", "1GB")
    assert not (data_dir / f"clc-before-schema-{newest}.duckdb").exists()
    (data_dir / "backups" / "whole.duckdb").write_bytes(before)
    (data_dir / "clc.duckdb").write_text("no database\n" * 1_000)
    with pytest.raises(StoreError, match=r"whole\.duckdb can't take the place of the database: the disk of .* 0\.1 M"):
        open_store(read_settings(env_file=None, data_dir=data_dir))
    assert read_incidents(data_dir) == []
    assert list(data_dir.glob("*restoring*")) == []


@pytest.mark.parametrize("full", ["spool", pytest.param("data", marks=pytest.mark.full)])
def test_a_listener_that_starts_on_a_full_disk_comes_to_accept_when_there_is_room(tmp_path, full):
    settings = {"CLC_ACCOUNTS": "ACME", "CLC_SPOOL_DIR": str(tmp_path / "spool")}
    with mounted(tmp_path / full, "size=1m") as disk:
        ballast = fill(disk)
        with running(ListenerProcess, tmp_path / "data", **settings) as listener:
            assert post(listener).status == (503 if full == "spool" else 200)
            ballast.unlink()
            assert post(listener).status == 200


def is_rebuilding_refused(disk):
    fill(disk)  # a small file that is replaced gives room back, which is enough to rebuild a little
    done = run_command(disk / "data", "rebuild")
    return done.returncode == 1 and re.search("again now .*No space left on device.*run this again", done.stderr)


@pytest.mark.full
def test_serve_starts_on_a_full_disk_refuses_and_comes_to_accept_when_there_is_room(tmp_path):
    with mounted(tmp_path / "disk", "size=32m") as disk:
        with running(PreparedReceiver, disk / "data") as receiver:
            first = post(receiver).headers["Notification-Id"]
        ballast = fill(disk)
        with running(PreparedReceiver, disk / "data") as receiver:
            fill(disk)  # its start has freed some of it
            assert post(receiver).status == 503
            told = run_command(disk / "data", "status").stdout
            assert "takes no new file (No space left on device): notifications are refused with 503" in told
            until(lambda: is_rebuilding_refused(disk), what="no room for a rebuild")
            ballast.unlink()
            last = until(lambda: (answer := post(receiver)).status == 200 and answer).headers["Notification-Id"]
            ids = "SELECT id::VARCHAR AS id FROM notifications ORDER BY seq"
            until(lambda: [row["id"] for row in receiver.sql(ids)] == [first, last], what="both in the table")


@pytest.mark.full
def test_refused_notifications_take_no_more_of_the_store_than_their_budget(tmp_path, capsys):
    """Pushes many times the budget through spool and store, also with all the bytes in the path or the headers."""
    budget = 4 * MIB
    store = open_database(tmp_path / "clc.duckdb")
    writer, reader = SpoolWriter(tmp_path / "spool"), SpoolReader(tmp_path / "spool")
    appender = Appender(store, reader, tmp_path, duplicate_window_seconds=10, rejected_bytes=budget)
    pushed, largest = 0, 0
    for batch in range(size(12, 60)):
        rows = [_refused(batch * 100 + number, batch) for number in range(100)]
        pushed += sum(row.cost for row in rows)
        writer.append_all(rows)
        while appender.append_new():
            pass
        appender.checkpoint()
        largest = max(largest, (tmp_path / "clc.duckdb").stat().st_size)
    kept = run(store, "SELECT sum(octet_length(body) + strlen(headers) + strlen(path)), count(*) FROM rejected")[0]
    newest = run(store, "SELECT id FROM rejected ORDER BY received_at DESC LIMIT 1")[0][0]
    assert newest == rows[-1].id
    assert pushed > 4 * budget
    assert budget // 16 < kept[0] <= budget // 8  # all for one reason
    assert largest < 6 * budget
    writer.close()
    reader.close()
    store.close()
    with capsys.disabled():
        print(f"\nrefused: {pushed / MIB:.0f} MiB pushed, budget {budget / MIB:.0f} MiB, kept {kept[0] / MIB:.1f} MiB; "
              f"the database was at most {largest / MIB:.1f} MiB")  # fmt: skip


def _refused(number: int, batch: int) -> Rejection:
    import random

    noise = random.Random(number).randbytes(15_000)
    match batch % 3:
        case 0:
            return rejection(number, body=noise)._replace(body=noise)
        case 1:
            return rejection(number)._replace(path="/webhooks/" + noise.hex())
        case _:
            return rejection(number)._replace(headers=json.dumps({"X": noise.hex()}))


@pytest.mark.full
def test_unsigned_bodies_use_up_no_room_but_their_own_and_a_restart_gives_them_none_anew(tmp_path):
    unsigned = b"x" * 1_000_000

    def kept(listener):
        return Counter(row.reason for row in listener.spooled("rejected"))

    with running(ListenerProcess, tmp_path) as listener:
        for _ in range(9):
            assert listener.sender.post("/webhooks/User.Updated", unsigned, {}).status == 401
        assert listener.sender.post("/webhooks/User.Updated", b"signed, but no JSON").status == 400
        assert kept(listener) == {"signature_missing": 8, "not_json": 1}  # 8 MiB an hour for each reason
        assert b"clc_listener_refused_not_kept_total 1.0" in listener.sender.get("/metrics").data
        listener.until_logged("no more of it is kept")
        assert listener.log.count("no more of it is kept") == 1
        assert listener.sender.post("/webhooks/User.Updated", BODIES[0]).status == 200
    with running(ListenerProcess, tmp_path) as listener:
        assert listener.sender.post("/webhooks/User.Updated", unsigned, {}).status == 401
        assert listener.sender.post("/webhooks/User.Updated", b"signed, but no JSON").status == 400
        assert kept(listener) == {"signature_missing": 8, "not_json": 2}
