"""Machines that run one part: two take notifications, a third stores them, and each says what it does."""

import json
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

from receiver.keeping.backup_file import seal
from receiver.senders.copies import REMEMBERED
from receiver.spool import SpoolWriter
from tests.durability.support.commands import run_command
from tests.receiver.shared_spool.test_acknowledge import metric
from tests.support.database import open_database
from tests.support.keys import key_directory
from tests.support.postgres import made_database
from tests.support.processes import Receiver, running
from tests.support.rows import notification
from tests.support.waiting import until

USER = b'{"accountAlias":"ACME","userName":"user%d@acme.example"}'
ONLY = {"one": "listener", "two": "listener", "three": "store"}
NOT_OF_A_LISTENER = {"store", "append_error", "query_listen", "checkpointed_at", "backup_at", "shared_spool_rows"}
NOT_OF_A_STORE = {"listen", "spool_rows", "spool_bytes", "spool_free_bytes", "segments_unreadable"}
MACHINES = [
    ("stores", "has all rows"),
    ("takes notifications", "no store"),
    ("takes notifications", "no store"),
]


class Cluster:
    """The three machines, by name."""

    def __init__(self, directory, database):
        self.directory, self.database = directory, database
        self.started, self.posted = [], 0

    def start(self):
        key_directory()  # made once, before threads ask for it
        with ThreadPoolExecutor() as threads:
            self.one, self.two, self.three = threads.map(self._start, ONLY)

    def _start(self, name):
        machine = Receiver(self.directory / name, only=ONLY[name], CLC_SHARED_SPOOL=self.database)
        self.started.append(machine)
        return machine

    def run(self, machine, *arguments):
        return run_command(machine.data_dir, *arguments, CLC_SHARED_SPOOL=self.database)

    def status(self, machine):
        return json.loads(self.run(machine, "status", "--json").stdout)

    def post(self, *machines):
        for machine in machines:
            for _ in range(10):
                assert machine.sender.post("/webhooks/User.Updated", USER % self.posted).status == 200
                self.posted += 1

    def until_stored(self):
        counts = "SELECT count(*) AS n, count(DISTINCT payload) AS bodies FROM notifications"
        until(lambda: self.three.sql(counts) == [{"n": self.posted, "bodies": self.posted}], what="all, and each once")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory, postgres):
    with made_database(postgres) as database:
        cluster = Cluster(tmp_path_factory.mktemp("roles"), database)
        try:
            cluster.start()
            yield cluster
        finally:
            for machine in cluster.started:
                machine.stop()


def names(status):
    return {figure["name"] for figure in status["figures"]}


def list_machines(status):
    return sorted((machine["does"], machine["text"]) for machine in status["machines"])


def holds_secrets(pid):
    """Tell whether a process has the copy in memory of the secrets open."""
    opened = []
    for file in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # it was closed meanwhile
            opened.append(str(file.readlink()))
    return any("memfd:" in name for name in opened)


def troubles(status):
    return {figure["name"]: figure["text"] for figure in status["figures"] if figure["state"] != "ok"}


def test_each_machine_says_what_it_runs_and_misses_nothing_of_the_rest(cluster):
    cluster.post(cluster.one, cluster.two)
    cluster.until_stored()
    for machine in (cluster.one, cluster.three):
        until(lambda each=machine: list_machines(cluster.status(each)) == MACHINES, what="all machines to be known")
    taking, storing = cluster.status(cluster.one), cluster.status(cluster.three)
    assert (troubles(taking), troubles(storing)) == ({}, {})
    assert [each["name"] for each in taking["processes"]] == ["listener 1", "shipper"]
    assert [holds_secrets(cluster.one.children()[name]) for name in ("listener", "shipper")] == [True, False]
    assert list((cluster.three.data_dir / REMEMBERED).glob("github-*.toml"))  # `verify` there needs that of then
    assert [each["name"] for each in storing["processes"]] == ["store"]
    assert NOT_OF_A_LISTENER & names(taking) == NOT_OF_A_STORE & names(storing) == set()
    assert names(storing) >= NOT_OF_A_LISTENER
    assert names(taking) >= NOT_OF_A_STORE
    assert json.loads(cluster.one.sender.get("/readyz").data) == {"spool": "ok"}


def test_a_killed_shipper_and_a_killed_store_lose_and_double_nothing(cluster):
    cluster.post(cluster.one, cluster.two)
    os.kill(cluster.one.children()["shipper"], signal.SIGKILL)
    os.kill(cluster.three.children()["store"], signal.SIGKILL)
    cluster.post(cluster.one, cluster.two)
    cluster.three.until_logged(r"(?s)the store is open.*the store is open")
    cluster.until_stored()
    processes = {each["name"]: each for each in cluster.status(cluster.one)["processes"]}
    assert (processes["shipper"]["last_exit"], processes["shipper"]["restarts"]) == (-9, 1)


@pytest.mark.full
def test_a_machine_without_a_store_says_in_its_metrics_what_it_sent(cluster):
    cluster.until_stored()
    rows = "clc_shipper_rows_total"
    # What a shipper has sent is noted a moment later, and the next one counts anew.
    os.kill(cluster.one.children()["shipper"], signal.SIGKILL)
    until(lambda: metric(cluster.one, rows) == 0, what="the next shipper")
    cluster.post(cluster.one)
    until(lambda: metric(cluster.one, rows) == 10, what="the rows")
    assert metric(cluster.one, "clc_shipper_batch_seconds_count") > 0
    assert metric(cluster.one, "clc_shipper_batch_seconds_sum") > 0


def test_a_killed_listener_and_a_killed_serve_lose_and_double_nothing(cluster):
    cluster.post(cluster.one)
    listener = cluster.one.children()["listener"]
    os.kill(listener, signal.SIGKILL)
    until(lambda: cluster.one.children().get("listener") not in {listener, None}, what="another listener")
    cluster.post(cluster.one)
    os.kill(cluster.three.process.pid, signal.SIGKILL)
    cluster.three.stop()
    cluster.post(cluster.one, cluster.two)
    os.kill(cluster.one.process.pid, signal.SIGKILL)
    cluster.one.stop()
    cluster.one, cluster.three = (cluster._start(name) for name in ("one", "three"))
    cluster.post(cluster.one, cluster.two)
    cluster.until_stored()


def test_while_postgresql_is_away_a_machine_without_a_store_says_so_and_counts_what_waits(cluster, postgres):
    def figures():
        return {figure["name"]: figure for figure in cluster.status(cluster.one)["figures"]}

    cluster.until_stored()
    postgres.stop()
    try:
        cluster.post(cluster.one)
        until(lambda: "AWAY for" in figures()["shared_spool_away_seconds"]["text"], what="the status to say it")
        assert figures()["spool_rows"]["value"] == 10
        assert figures()["spool_rows"]["label"] == "Rows waiting to be sent"
    finally:
        postgres.stop()
        postgres.start()
    cluster.until_stored()


@pytest.mark.full
def test_rows_go_though_machines_without_a_store_never_take_them(cluster):
    cluster.until_stored()
    assert cluster.run(cluster.three, "backup", str(cluster.directory / "backup.duckdb")).returncode == 0
    with psycopg.connect(cluster.database, autocommit=True) as connection:
        connection.execute("UPDATE clc_spool.batches SET put_at = put_at - INTERVAL '1 hour'")
        left = "SELECT count(*) FROM clc_spool.rows"
        until(lambda: connection.execute(left).fetchone() == (0,), what="the rows to go")
    until(lambda: troubles(cluster.status(cluster.two)) == {}, what="a machine without a store to be well")


def test_a_command_for_the_store_says_that_there_is_none(cluster):
    refused = cluster.run(cluster.one, "backup", str(cluster.directory / "none.duckdb"))
    assert refused.returncode == 1
    assert "runs with `--only listener` and has no store: do this on a machine with one." in refused.stderr
    (cluster.directory / "archive.jsonl").touch()
    refused = cluster.run(cluster.three, "import", str(cluster.directory / "archive.jsonl"))
    assert refused.returncode == 2
    assert "import on a machine that takes notifications." in refused.stderr


@pytest.mark.full
def test_an_upgrade_replaces_what_each_machine_runs(cluster):
    before = [machine.children() for machine in (cluster.one, cluster.three)]
    with ThreadPoolExecutor() as threads:
        upgrades = list(threads.map(lambda each: cluster.run(each, "upgrade"), (cluster.one, cluster.three)))
    assert [upgrade.returncode for upgrade in upgrades] == [0, 0], upgrades
    after = [machine.children() for machine in (cluster.one, cluster.three)]
    assert set(after[0]) == {"listener", "shipper"}
    assert set(after[1]) == {"store"}
    assert before[0].items() & after[0].items() == before[1].items() & after[1].items() == set()
    cluster.post(cluster.one)
    cluster.until_stored()


def test_a_machine_that_ends_sends_what_it_took_and_leaves_no_database(cluster):
    cluster.post(cluster.two)
    assert cluster.two.stop(signal.SIGINT) == 0
    assert list((cluster.two.data_dir / "spool").glob("*.sqlite")) == []
    assert list(cluster.two.data_dir.glob("*.duckdb*")) == []
    cluster.until_stored()
    assert cluster.three.stop(signal.SIGINT) == 0
    assert not (cluster.three.data_dir / "spool").exists()


def test_a_part_alone_needs_the_shared_spool(tmp_path):
    refused = run_command(tmp_path, "serve", "--only", "listener")
    assert refused.returncode == run_command(tmp_path, "serve", CLC_LISTENERS="0").returncode
    assert refused.stderr.count("\n") == 1
    assert "CLC_SHARED_SPOOL is not set, and `serve --only listener` needs it" in refused.stderr


def test_a_machine_that_is_to_store_only_leaves_no_rows_of_its_own_behind(tmp_path):
    writer = SpoolWriter(tmp_path / "spool")
    writer.append_all([notification(1)])
    writer.close()
    refused = run_command(tmp_path, "serve", "--only", "store", CLC_SHARED_SPOOL="postgresql://clc@127.0.0.1:9/clc")
    assert refused.returncode == 1
    assert "has rows that this machine took, and `serve --only store` sends none" in refused.stderr


@pytest.mark.full
def test_a_machine_without_a_store_is_given_a_backup_only_by_force(tmp_path):
    backup, machine = tmp_path / "backup.duckdb", tmp_path / "machine"
    open_database(backup).close()
    seal(backup, "key", tmp_path / "none")
    with running(Receiver, machine, only="listener", CLC_SHARED_SPOOL="postgresql://clc@127.0.0.1:9/clc"):
        pass
    refused = run_command(machine, "restore", str(backup), "--other-key")
    assert refused.returncode == 1
    assert "ran with `--only listener` and has no store" in refused.stderr
    assert not (machine / "clc.duckdb").exists()
    assert run_command(machine, "restore", str(backup), "--other-key", "--force").returncode == 0
    assert (machine / "clc.duckdb").exists()
