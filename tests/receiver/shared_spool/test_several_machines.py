"""Several machines on one PostgreSQL: what is acknowledged is in every store once, whatever ends or goes away."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import psycopg
import pytest
import urllib3

from receiver.spool import SpoolWriter
from tests.durability.support.commands import run_command
from tests.support.processes import PreparedReceiver, running
from tests.support.rows import notification
from tests.support.waiting import until

USER = b'{"accountAlias":"ACME","userName":"user%d@acme.example"}'
SHIPPER = """
import os, signal, sys
from pathlib import Path
from receiver.shared_spool import SpoolServer, Shipper, shipper
from receiver.shared_spool import batches
from receiver.spool import SpoolReader

spool, url, moment = sys.argv[1:]

def and_die(step):
    def do_and_die(*arguments):
        step(*arguments)
        os.kill(os.getpid(), signal.SIGKILL)
    return do_and_die

if moment == "before COMMIT":
    batches.copy_rows = and_die(batches.copy_rows)
if moment == "after COMMIT":
    shipper.put_rows = and_die(shipper.put_rows)
ship = Shipper(SpoolReader(Path(spool)), SpoolServer(url, "sending"), {})
while ship.turn():
    pass
ship.free()
"""


def ship(spool, database, moment):
    return subprocess.run([sys.executable, "-c", SHIPPER, spool, database, moment], check=False, timeout=60).returncode


@pytest.mark.parametrize("moment", ["before COMMIT", "after COMMIT"])
def test_a_store_killed_while_it_ships_ships_each_row_once(tmp_path, database, moment):
    writer = SpoolWriter(tmp_path / "spool")
    writer.append_all([notification(n) for n in range(10)])
    writer.close()
    assert ship(tmp_path / "spool", database, "never") == 0
    writer = SpoolWriter(tmp_path / "spool")
    writer.append_all([notification(n) for n in range(10, 20)])
    writer.close()
    assert ship(tmp_path / "spool", database, moment) == -9
    assert ship(tmp_path / "spool", database, "never") == 0
    with psycopg.connect(database) as connection:
        counts = Counter(bytes(payload) for (payload,) in connection.execute("SELECT payload FROM clc_spool.rows"))
    assert counts == Counter(notification(n).payload for n in range(20))
    assert list((tmp_path / "spool").glob("*.sqlite")) == []


def post(receiver, numbers):
    for number in numbers:
        assert receiver.sender.post("/webhooks/User.Updated", USER % number).status == 200


def stored(receiver):
    return sorted(row["id"] for row in receiver.sql("SELECT id::VARCHAR AS id FROM notifications"))


def figures(receiver):
    authorization = {"Authorization": f"Bearer {receiver.token}"}
    answer = urllib3.request("GET", f"{receiver.query_url}/status", headers=authorization).json()
    return {figure["name"]: figure for figure in answer["figures"]}


def count(receiver):
    return receiver.sql("SELECT count(*) AS n FROM notifications")[0]["n"]


def count_in_status(receiver, words, **settings):
    return run_command(receiver.data_dir, "status", **settings).stdout.count(words)


@pytest.mark.slow
def test_two_machines_both_end_with_all_notifications(tmp_path, database):
    settings = {"CLC_SHARED_SPOOL": database}
    with (
        running(PreparedReceiver, tmp_path / "one", **settings) as one,
        running(PreparedReceiver, tmp_path / "two", **settings) as two,
    ):
        post(one, range(50))
        post(two, range(50, 100))
        assert one.sender.post("/webhooks/User.Updated", b"no json").status == 400
        until(lambda: count(one) == count(two) == 100, what="all notifications on both machines")
        refused = "SELECT body FROM rejected"
        until(lambda: one.sql(refused) == two.sql(refused) == [{"body": b"no json"}], what="the refused one on both")
        assert stored(one) == stored(two)
        assert len(set(stored(one))) == 100
        bodies = "SELECT payload FROM notifications ORDER BY id"
        assert one.sql(bodies) == two.sql(bodies)
        assert figures(two)["shared_spool_away_seconds"]["text"] == "can be used"
        assert figures(two)["shared_spool_rows"]["value"] == 0
        until(lambda: figures(two)["machine_unseen_seconds"]["text"] == "none of 2", what="both to be known")
        until(lambda: count_in_status(two, "has all rows", **settings) == 2, what="both to say that they have all")
        assert count_in_status(two, "this machine", **settings) == 1
    assert run_command(tmp_path / "two", "verify", **settings).returncode == 0


@pytest.mark.full
@pytest.mark.slow
def test_rows_go_after_a_backup_and_a_new_machine_needs_that_backup(tmp_path, database):
    settings = {"CLC_SHARED_SPOOL": database}
    backup = tmp_path / "backup.duckdb"

    def count_rows():
        with psycopg.connect(database) as connection:
            return connection.execute("SELECT count(*) FROM clc_spool.rows").fetchone()

    with running(PreparedReceiver, tmp_path / "one", **settings) as one:
        post(one, range(20))
        until(lambda: count(one) == 20, what="all notifications")
        until(lambda: "no backup of any" in figures(one)["shared_spool_kept_seconds"]["text"], what="it to be told")
        assert run_command(tmp_path / "one", "backup", str(backup), **settings).returncode == 0
        with psycopg.connect(database) as connection:
            connection.execute("UPDATE clc_spool.batches SET put_at = put_at - INTERVAL '1 hour'")
        until(lambda: count_rows() == (0,), what="the rows to go")
        until(lambda: figures(one)["shared_spool_kept_seconds"]["text"] == "none", what="the status to say so")
        post(one, range(20, 25))
        with running(PreparedReceiver, tmp_path / "two", **settings) as two:
            until(
                lambda: "are deleted there" in figures(two)["shared_spool_away_seconds"]["text"], what="it to be told"
            )
            assert figures(two)["shared_spool_away_seconds"]["state"] == "red"
            assert "restore a backup of another machine here" in figures(two)["shared_spool_away_seconds"]["text"]
            post(two, range(25, 30))
            until(lambda: count(one) == 30, what="what the new machine took")
            assert count(two) == 0
            until(lambda: "lacks rows that" in figures(one)["machine_unseen_seconds"]["text"], what="the other to hear")
        restored = run_command(tmp_path / "two", "restore", str(backup), "--force", **settings)
        assert restored.returncode == 0, restored.stderr
        with running(PreparedReceiver, tmp_path / "two", **settings) as two:
            until(lambda: count(two) == 30, what="all notifications on the new machine")
            assert stored(one) == stored(two)
            until(lambda: figures(one)["machine_unseen_seconds"]["text"] == "none of 2", what="both to be well")


@pytest.mark.full
@pytest.mark.slow
def test_while_postgresql_is_away_notifications_are_taken_and_none_is_lost_or_doubled(tmp_path, database, postgres):
    def shared_spool():
        return figures(receiver)["shared_spool_away_seconds"]

    postgres.stop()
    try:
        with running(PreparedReceiver, tmp_path, CLC_SHARED_SPOOL=database) as receiver:
            post(receiver, range(20))
            until(lambda: shared_spool()["state"] == "amber", what="the status to say it")
            assert "AWAY for" in shared_spool()["text"]
            assert "refused" in shared_spool()["text"]
            assert figures(receiver)["spool_rows"]["value"] == 20
            postgres.start()
            until(lambda: count(receiver) == 20, what="what came before the server did")
            post(receiver, range(20, 40))
            postgres.stop()
            post(receiver, range(40, 60))
            until(lambda: "AWAY" in shared_spool()["text"], what="the status to say it again")
            postgres.start()
            until(lambda: count(receiver) == 60, what="all notifications")
            until(lambda: shared_spool()["state"] == "ok", what="the status to be ok again")
            assert len(set(stored(receiver))) == 60
            metrics = urllib3.request("GET", f"{receiver.query_url}/metrics").data.decode()
            assert "clc_shipper_rows_total 60.0" in metrics
            assert "clc_shipper_failures_total 0.0" not in metrics
    finally:
        postgres.stop()
        postgres.start()


def test_without_the_setting_nothing_of_it_is_loaded(tmp_path):
    with running(PreparedReceiver, tmp_path) as receiver:
        loaded = Path(f"/proc/{receiver.children()['store']}/maps").read_text()
        names = set(figures(receiver))
    assert "psycopg" not in loaded
    assert not any(name.startswith("shared_spool") for name in names)
