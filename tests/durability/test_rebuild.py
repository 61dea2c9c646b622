"""Changes that are derived again equal those derived as notifications came, whatever happened in between."""

import os
import signal
import threading
from datetime import UTC, datetime
from importlib import resources
from random import Random

import duckdb
import pytest

from receiver.database.migrations import find_newest_version
from receiver.senders.centurylink.events import classify, find_event_by_name
from receiver.senders.request import parse_body
from receiver.simulator.history import Simulation
from receiver.spool import SpoolWriter
from tests.durability.support.commands import run_command
from tests.durability.support.stores import append
from tests.support.processes import PreparedReceiver, running
from tests.support.rows import notification_of
from tests.support.sizes import size
from tests.support.waiting import until

COUNT = size(1_000, 3_000)
ALL = "SELECT * FROM {} ORDER BY ALL"


def history(count, seed=3):
    """Make a simulated history as it might arrive: with copies, and now and then two in the wrong order."""
    outgoing = list(Simulation(seed).make_history(count / 233, datetime(2026, 3, 1, tzinfo=UTC).timestamp(), count))
    random = Random(seed)
    for _ in range(count // 50):
        place = random.randrange(count - 40)
        outgoing.insert(place, outgoing.pop(place + random.randrange(40)))
    for each in outgoing:
        received_at = datetime.fromtimestamp(each.received_at, UTC)
        about = classify(find_event_by_name(each.event_type), parse_body(each.body), received_at)
        yield notification_of(about, received_at, each.body)


def fill_spool(data_dir, count):
    """Let notifications wait in the spool, as after a long outage of the store."""
    writer = SpoolWriter(data_dir / "spool")
    writer.append_all(list(history(count)))
    writer.close()


def read(data_dir, sql):
    with duckdb.connect(str(data_dir / "clc.duckdb"), read_only=True) as database:
        return database.execute(sql).fetchall()


def all_is_stored(receiver, count):
    return receiver.sql("SELECT count(*) AS n FROM notifications")[0]["n"] == count


def rebuilding(receiver):
    found = receiver.sql("SELECT last_seq FROM rebuilding")
    return found[0]["last_seq"] if found else None


def test_rebuilding_while_all_goes_on_gives_the_same_rows(tmp_path):
    fill_spool(tmp_path, COUNT)
    with running(PreparedReceiver, tmp_path) as receiver:
        until(lambda: all_is_stored(receiver, COUNT), what="the spool's end")
        before = receiver.sql("SELECT count(*) AS n FROM changes")[0]["n"]
        done = threading.Event()
        counts = set()

        def look():
            while not done.is_set():
                counts.add(receiver.sql(f"SELECT count(*) AS n FROM changes WHERE seq <= {COUNT}")[0]["n"])

        looking = threading.Thread(target=look)
        looking.start()
        result = run_command(tmp_path, "rebuild")
        done.set()
        looking.join()
        assert (result.returncode, result.stdout) == (0, ""), result.stderr
        assert "The changes of all notifications are derived again." in result.stderr
    assert counts == {before}
    rebuilt = read(tmp_path, ALL.format("changes"))
    assert len(rebuilt) == before
    assert read(tmp_path, "SELECT count(*) FROM changes_rebuilt") == [(0,)]


def test_what_was_altered_or_lost_is_derived_again(tmp_path):
    fill_spool(tmp_path, COUNT)
    append(tmp_path)
    before = read(tmp_path, ALL.format("changes"))
    with duckdb.connect(str(tmp_path / "clc.duckdb")) as database:
        database.execute("DELETE FROM changes WHERE seq % 7 = 0").fetchall()
        database.execute("INSERT INTO changes SELECT * REPLACE ('forged' AS actor) FROM changes LIMIT 10").fetchall()
    with running(PreparedReceiver, tmp_path):
        assert run_command(tmp_path, "rebuild").returncode == 0
    assert read(tmp_path, ALL.format("changes")) == before


@pytest.mark.full
@pytest.mark.slow
def test_a_rebuild_goes_on_after_kills_of_the_store_and_agrees_with_what_came_meanwhile(tmp_path):
    count = size(6_000, 20_000)
    fill_spool(tmp_path, count)
    with running(PreparedReceiver, tmp_path) as receiver:
        # Kills while the store derives for the first time, too.
        for wanted in (1, count // 3, 2 * count // 3):
            until(lambda wanted=wanted: stored(receiver) >= wanted, what="a part of the spool")
            kill_store(receiver)
        until(lambda: stored(receiver) == count, what="the spool's end")
        assert receiver.stop() == 0
    first = read(tmp_path, ALL.format("changes"))
    with running(PreparedReceiver, tmp_path) as receiver:
        rebuild = threading.Thread(target=run_command, args=(tmp_path, "rebuild"))
        rebuild.start()
        for wanted in (count // 10, count // 3, 2 * count // 3):
            until(lambda wanted=wanted: (progress(receiver) or 0) >= wanted, what="a part of the rebuild")
            kill_store(receiver)
            receiver.sender.post("/webhooks/User.Updated", b'{"accountAlias":"ACME","userName":"kim","n":%d}' % wanted)
        rebuild.join()
        result = run_command(tmp_path, "rebuild")
        assert result.returncode == 0, result.stderr
        assert rebuilding(receiver) is None
    rows = read(tmp_path, ALL.format("changes"))
    assert [row for row in rows if row[1] <= count] == first
    assert [row[7:9] for row in rows if row[1] > count] == [("", "added"), ("n", "changed"), ("n", "changed")]


def stored(receiver):
    return answer(receiver, "SELECT count(*) AS n FROM notifications")


def progress(receiver):
    return answer(receiver, "SELECT max(last_seq) AS n FROM rebuilding")


def answer(receiver, sql):
    try:
        return receiver.sql(sql)[0]["n"]
    except Exception:  # noqa: BLE001 - the store was killed just now
        return 0


def kill_store(receiver):
    pid = receiver.children()["store"]
    os.kill(pid, signal.SIGKILL)
    until(lambda: receiver.children().get("store", pid) != pid, what="a new store")


@pytest.mark.full
def test_a_store_from_before_there_were_changes_gets_them_when_it_starts(tmp_path):
    fill_spool(tmp_path, COUNT)
    append(tmp_path)
    expected = read(tmp_path, ALL.format("changes"))
    with duckdb.connect(str(tmp_path / "clc.duckdb")) as database:
        accounts = database.execute("FROM accounts ORDER BY alias").fetchall()
        for table in ("changes", "changes_rebuilt", "rebuilding", "account_states", "arranged", "arranged_widely",
            "underived", "underived_rebuilt", "delivery_ids", "senders",
            "counts_by_quarter", "counts_by_year", "counted", "dropped",
        ):  # fmt: skip
            database.execute(f"DROP TABLE {table}").fetchall()
        for view in ("accounts", "account_facts", "account_bodies", "entities", "events"):
            database.execute(f"DROP VIEW {view}").fetchall()
        for column in ("key_fingerprint", "proof", "delivery_id"):
            database.execute(f"ALTER TABLE notifications DROP COLUMN {column}").fetchall()
        for table in ("notifications", "rejected"):
            for column in ("sender", "signature_detail"):
                database.execute(f"ALTER TABLE {table} DROP COLUMN {column}").fetchall()
        database.execute("DELETE FROM schema_version WHERE version > 1").fetchall()
        views = [
            statement.query
            for statement in duckdb.extract_statements(
                resources.files("receiver.database.migrations").joinpath("001_tables_and_views.sql").read_text()
            )
            if "CREATE VIEW" in statement.query
        ]
        for view in views:
            database.execute(view).fetchall()
    with running(PreparedReceiver, tmp_path) as receiver:
        until(lambda: rebuilding(receiver) is None, what="the changes")
    assert read(tmp_path, ALL.format("changes")) == expected
    assert len(list(tmp_path.glob(f"clc-before-schema-{find_newest_version()}.duckdb"))) == 1
    assert read(tmp_path, "FROM accounts ORDER BY alias") == accounts


@pytest.mark.full
def test_rebuild_without_a_serve_says_what_to_do(tmp_path):
    result = run_command(tmp_path, "rebuild")
    assert result.returncode == 1
    assert "start it" in result.stderr
    assert len(result.stderr.splitlines()) == 1
