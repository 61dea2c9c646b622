"""Backups hold all that was acknowledged before them; restore gives it back, with what the spool has on top, once."""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import threading
import time
from datetime import datetime
from uuid import UUID

import duckdb
import pytest

from receiver.data_directory.accounts import AllowedAccounts
from receiver.database.migrations import find_newest_version
from receiver.errors import StoreError
from receiver.keeping.backup_file import inspect, seal
from receiver.spool import SpoolReader
from receiver.store.loop import AppendLoop
from tests.durability.support.backups import count, one_sentence, post, put_first_in_path
from tests.durability.support.commands import command, run_command
from tests.durability.support.promise import acknowledged, broken, kept_in, stored_in
from tests.durability.support.stores import accepted, alter, append, spool
from tests.support.database import open_database
from tests.support.keys import key_directory
from tests.support.processes import PreparedReceiver, environment, running
from tests.support.sizes import size, take_few
from tests.support.waiting import until


def stored(database):
    with duckdb.connect(str(database), read_only=True) as store:
        rows = store.execute("SELECT id::VARCHAR, payload::VARCHAR FROM notifications ORDER BY seq").fetchall()
    return [(name, int(re.search(r"user(\d+)@", payload)[1])) for name, payload in rows]


def simulate(receiver, number, rate, report):
    arguments = ["--to", receiver.url, "--count", str(number), "--rate", str(rate), "--quiet", "--report", str(report)]
    key = ["--key", str(key_directory() / "private.pem")]
    return subprocess.Popen(
        command("simulate", *arguments, *key),
        env=environment(receiver.data_dir),
        cwd=receiver.data_dir,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture(scope="module")
def backup_of_ten(tmp_path_factory):
    """A backup of ten notifications."""
    data_dir = tmp_path_factory.mktemp("origin")
    with running(PreparedReceiver, data_dir, CLC_ACCOUNTS="ACME") as receiver:
        post(receiver, range(9))
        child = b'{"accountAlias":"KID1","parentAlias":"ACME","businessName":"user9@"}'
        assert receiver.sender.post("/webhooks/Account.Created", child).status == 200
        done = run_command(data_dir, "backup", str(data_dir / "ten.duckdb"))
        assert done.returncode == 0, done.stderr
    return data_dir / "ten.duckdb"


@pytest.mark.full
@pytest.mark.slow
def test_a_backup_under_load_holds_all_acknowledged_before_it_and_verifies_elsewhere(tmp_path, capsys):
    report, taken = tmp_path / "report.jsonl", []
    with running(PreparedReceiver, tmp_path / "here") as receiver:
        sending = simulate(receiver, size(1_200, 30_000), 500, report)
        for number in range(size(1, 3)):
            until(lambda: report.exists() and len(report.read_text().splitlines()) > 300 * (number + 1))  # noqa: B023
            file, began = tmp_path / f"{number}.duckdb", time.time()
            done = run_command(tmp_path / "here", "backup", str(file))
            assert done.returncode == 0, done.stderr
            taken.append((file, began, time.time() - began))
        said = sending.communicate()[1]
    lines = [json.loads(line) for line in report.read_text().splitlines()]
    assert {line["status"] for line in lines} == {200}, said
    for file, began, seconds in taken:
        before = {
            UUID(line["id"]): line["sha256"]
            for line in lines
            if datetime.fromisoformat(line["answered_at"]).timestamp() < began
        }
        elsewhere = tmp_path / f"elsewhere-{file.stem}"
        assert run_command(elsewhere, "restore", str(file)).returncode == 0
        assert broken(before, kept_in(elsewhere)) == []
        verified = run_command(elsewhere, "verify")
        assert (verified.returncode, verified.stdout) == (0, ""), verified.stderr
        with capsys.disabled():
            held = inspect(file).notifications
            print(f"\nbackup in {seconds:.2f} s: {len(before):,} acknowledged before, {held:,} in it")
    assert broken(acknowledged(report), kept_in(tmp_path / "here")) == []
    with capsys.disabled():
        print(f"meanwhile: {' '.join(said.split())}")


@pytest.mark.full
def test_accepting_goes_on_while_the_database_is_copied_and_appending_goes_on_after(tmp_path):
    path = put_first_in_path(
        tmp_path / "bin",
        f'touch {tmp_path}/copying; while [ ! -e {tmp_path}/go ]; do sleep 0.05; done; exec /bin/cp "$@"',
    )
    with running(PreparedReceiver, tmp_path / "data", PATH=path) as receiver:
        post(receiver, range(5))
        backing = threading.Thread(target=run_command, args=(tmp_path / "data", "backup", str(tmp_path / "b.duckdb")))
        backing.start()
        until((tmp_path / "copying").exists)
        post(receiver, range(5, 25))
        assert count(receiver) == 5
        (tmp_path / "go").touch()
        backing.join()
        until(lambda: count(receiver) == 25)
    assert len(stored(tmp_path / "b.duckdb")) == 5


def test_before_the_copy_all_that_the_spool_holds_is_appended_and_checkpointed(tmp_path):
    spool(tmp_path, [accepted(number) for number in range(300)])
    store = open_database(tmp_path / "clc.duckdb")
    # Its thread is not started, so nothing but the pause appends.
    loop = AppendLoop(store, SpoolReader(tmp_path / "spool"), 10, on_fatal=pytest.fail, data_dir=tmp_path)
    with loop.pause() as held:
        shutil.copy(tmp_path / "clc.duckdb", tmp_path / "copy.duckdb")
    assert held == (300, 300)
    assert len(stored(tmp_path / "copy.duckdb")) == 300
    store.close()


class Gate:
    """The loop's gate, which notes how many turns there had been when the main thread came to it."""

    def __init__(self, gate, turns):
        self._gate, self._turns, self.before = gate, turns, None

    def __enter__(self):
        self._gate.acquire()
        if threading.current_thread() is threading.main_thread():
            self.before = len(self._turns)

    def __exit__(self, *_):
        self._gate.release()


def test_a_pause_gets_its_turn_after_the_one_that_runs_while_rows_keep_coming(tmp_path, monkeypatch):
    store = open_database(tmp_path / "clc.duckdb")
    loop = AppendLoop(store, SpoolReader(tmp_path / "spool"), 10, on_fatal=pytest.fail, data_dir=tmp_path)
    turns, work = [], store.cursor()
    gate = Gate(loop._gate, turns)
    monkeypatch.setattr(loop, "_gate", gate)

    def one_more_turn():
        work.execute("SELECT sum(range) FROM range(200_000)").fetchall()  # an append works without the GIL, too
        turns.append(1)
        return 10_000  # so many that the next turn follows at once

    with monkeypatch.context() as always_rows:
        always_rows.setattr(loop, "_turn", one_more_turn)
        loop.start()
        for _ in range(100):
            with loop.pause():
                assert len(turns) - gate.before <= 1
    loop.stop()
    store.close()


def test_a_backup_tells_what_it_is_and_duckdb_opens_it(backup_of_ten):
    info = inspect(backup_of_ten)
    assert (info.notifications, info.last_seq, info.schema_version) == (10, 10, find_newest_version())
    with duckdb.connect(str(backup_of_ten), read_only=True) as copy:
        assert copy.execute("SELECT count(*) FROM events").fetchall() == [(10,)]
        assert copy.execute("SELECT key_fingerprint = ? FROM backup_info", [info.key_fingerprint]).fetchall() == [
            (True,)
        ]
        assert copy.execute("FROM learned_accounts").fetchall() == [("KID1",)]


def test_a_restored_backup_is_the_store_that_it_was_and_knows_the_learned_accounts(backup_of_ten, tmp_path):
    done = run_command(tmp_path, "restore", str(backup_of_ten))
    assert done.returncode == 0, done.stderr
    assert "10 notifications up to seq 10" in done.stderr
    with running(PreparedReceiver, tmp_path, CLC_ACCOUNTS="ACME") as receiver:
        assert count(receiver) == 10
        assert "is using" in one_sentence(run_command(tmp_path, "restore", "--force", str(backup_of_ten)))
        body = b'{"accountAlias":"KID1","userName":"user11@kid.example"}'
        assert receiver.sender.post("/webhooks/User.Created", body).status == 200
        tables = receiver.sql("SELECT table_name FROM duckdb_tables() ORDER BY 1")
        assert [row["table_name"] for row in tables if row["table_name"] in {"backup_info", "learned_accounts"}] == []
        until(lambda: count(receiver) == 11)
    assert not (tmp_path / "recovery.json").exists()
    assert not AllowedAccounts(frozenset({"ACME"}), tmp_path / "accounts.sqlite").allows("NONE")


def test_what_the_spool_holds_beyond_the_backup_goes_in_once(tmp_path):
    data_dir = tmp_path / "data"
    receiver = PreparedReceiver(data_dir)
    sent = post(receiver, range(10))
    assert run_command(data_dir, "backup", str(tmp_path / "b.duckdb")).returncode == 0
    sent |= post(receiver, range(10, 40))
    until(lambda: count(receiver) == 40)
    # A store that outlives the listener would delete what the spool holds, as it has all of it.
    store = receiver.children()["store"]
    os.kill(receiver.process.pid, signal.SIGSTOP)
    os.kill(store, signal.SIGKILL)
    receiver.stop(signal.SIGKILL)
    done = run_command(data_dir, "restore", "--force", str(tmp_path / "b.duckdb"))
    assert done.returncode == 0, done.stderr
    assert "The spool holds 30 more" in done.stderr
    with running(PreparedReceiver, data_dir) as again:
        until(lambda: count(again) >= 40)
        sent |= post(again, range(40, 50))
        until(lambda: count(again) >= 50)
    rows = stored(data_dir / "clc.duckdb")
    assert len(rows) == 50
    assert dict(rows) == sent
    # What a reader has once seen under a number never comes under another.
    assert [row.seq for row in stored_in(data_dir / "clc.duckdb")] == [*range(1, 11), *range(41, 81)]
    assert not (data_dir / "recovery.json").exists()
    verified = run_command(data_dir, "verify")
    assert (verified.returncode, verified.stdout) == (0, ""), verified.stderr


def test_data_that_is_there_is_never_replaced_without_force_and_then_kept_aside(backup_of_ten, tmp_path):
    spool(tmp_path, [accepted(1)])
    append(tmp_path)
    (tmp_path / "clc.duckdb.wal").write_bytes(b"a WAL of old")
    before = (tmp_path / "clc.duckdb").read_bytes()
    sentence = one_sentence(run_command(tmp_path, "restore", str(backup_of_ten)))
    assert "exists" in sentence
    assert "--force" in sentence
    assert (tmp_path / "clc.duckdb").read_bytes() == before
    done = run_command(tmp_path, "restore", "--force", str(backup_of_ten))
    assert done.returncode == 0, done.stderr
    (aside,) = (tmp_path / "aside").iterdir()
    assert str(aside) in done.stderr
    assert (aside / "clc.duckdb").read_bytes() == before
    assert (aside / "clc.duckdb.wal").read_bytes() == b"a WAL of old"
    assert len(stored(tmp_path / "clc.duckdb")) == 10


@pytest.mark.full
def test_restore_refuses_while_serve_runs(backup_of_ten, tmp_path):
    with running(PreparedReceiver, tmp_path):
        assert "is using" in one_sentence(run_command(tmp_path, "restore", "--force", str(backup_of_ten)))


@pytest.mark.full
def test_restore_refuses_what_is_no_backup(tmp_path):
    (tmp_path / "text.duckdb").write_text("no database")
    assert "is no backup" in one_sentence(run_command(tmp_path / "d", "restore", str(tmp_path / "text.duckdb")))
    spool(tmp_path, [accepted(1)])
    append(tmp_path)
    assert "is no backup" in one_sentence(run_command(tmp_path / "d", "restore", str(tmp_path / "clc.duckdb")))
    assert not (tmp_path / "d" / "clc.duckdb").exists()


@pytest.mark.full
def test_restore_refuses_a_backup_of_a_newer_schema(backup_of_ten, tmp_path):
    shutil.copy(backup_of_ten, tmp_path / "clc.duckdb")
    alter(tmp_path, "UPDATE backup_info SET schema_version = 99, program_version = '9.0'")
    sentence = one_sentence(run_command(tmp_path / "d", "restore", str(tmp_path / "clc.duckdb")))
    assert "schema version 99" in sentence
    assert "9.0" in sentence


@pytest.mark.full
def test_restore_refuses_another_public_key_unless_told_to(backup_of_ten, tmp_path):
    sentence = one_sentence(run_command(tmp_path, "restore", str(backup_of_ten), CLC_PUBLIC_KEY=""))
    assert "e62a0ca8aae67c6f18b6028b2a32d6045ef04eaea179110bd8c48133df59516b" in sentence
    assert "--other-key" in sentence
    assert run_command(tmp_path, "restore", "--other-key", str(backup_of_ten), CLC_PUBLIC_KEY="").returncode == 0


@pytest.mark.parametrize(
    "statement",
    take_few(["DELETE FROM notifications WHERE seq = 5", "UPDATE notifications SET seq = 11 WHERE seq = 10"], 1),
)
def test_restore_refuses_a_backup_that_holds_something_else_than_it_says(backup_of_ten, tmp_path, statement):
    shutil.copy(backup_of_ten, tmp_path / "clc.duckdb")
    alter(tmp_path, statement)
    assert "is damaged" in one_sentence(run_command(tmp_path / "d", "restore", str(tmp_path / "clc.duckdb")))


@pytest.mark.full
def test_a_flipped_bit_in_a_backup_is_found_wherever_its_rows_lie(tmp_path, capsys):
    noise = random.Random(1)
    bodies = [b'{"userName":"user%d@acme.example","n":"%x"}' % (n, noise.getrandbits(20_000)) for n in range(600)]
    spool(tmp_path, [accepted(number, body=body) for number, body in enumerate(bodies)])
    append(tmp_path)
    shutil.move(tmp_path / "clc.duckdb", tmp_path / "b.duckdb")
    seal(tmp_path / "b.duckdb", "key", tmp_path / "none")
    assert inspect(tmp_path / "b.duckdb").notifications == rows_of(tmp_path / "b.duckdb") == 600
    whole = (tmp_path / "b.duckdb").read_bytes()
    found = total = 0
    for offset in range(4096, len(whole), max(4096, len(whole) // size(8, 300))):
        (tmp_path / "b.duckdb").write_bytes(whole[:offset] + bytes([whole[offset] ^ 4]) + whole[offset + 1 :])
        total += 1
        try:
            assert inspect(tmp_path / "b.duckdb").notifications == 600
            assert rows_of(tmp_path / "b.duckdb") == 600
        except StoreError as error:
            found += "damaged" in str(error) or "no backup" in str(error)
    with capsys.disabled():
        print(f"\n{total} flipped bits: {found} found; the others lie in unused space, and all rows read")
    assert found > total // 2


def rows_of(path):
    with duckdb.connect(str(path), read_only=True) as database:
        return len(database.execute("SELECT payload, signature, id FROM notifications").fetchall())
