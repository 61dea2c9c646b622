"""`clc-receiver verify`: says that all is well when it is, and names each row that is not."""

import json
import re
import shutil
from datetime import timedelta

import duckdb
import pytest

from receiver.data_directory.incidents import report
from receiver.database.reading import open_reader
from receiver.keeping.verification import Tally, check_stored, check_whole, read_extent
from receiver.keeping.verification.checkers.parts import PartChecker
from receiver.notification import make_id
from receiver.senders.centurylink.signature import load_public_key
from receiver.senders.keys import index_by_fingerprint
from receiver.senders.sender import Event
from receiver.settings import Settings
from tests.durability.support.commands import command, run_command
from tests.durability.support.stores import accepted, alter, append, spool
from tests.receiver.keeping.verifying import COPY, data_dir, names, right
from tests.support import bodies
from tests.support.keys import key_directory
from tests.support.processes import PreparedReceiver, Process, Sender, environment, running
from tests.support.rows import NOON, notification, rejection
from tests.support.sizes import size, take_few
from tests.support.verifying import check_rows
from tests.support.waiting import until

__all__ = ["data_dir", "right"]


def received(row, moment):
    return row._replace(id=make_id(moment), received_at=moment, occurred_at=moment)


def ids(data_dir):
    with duckdb.connect(str(data_dir / "clc.duckdb"), read_only=True) as database:
        return dict(database.execute("SELECT seq, id::VARCHAR FROM notifications").fetchall())


def test_a_store_that_is_right_passes(data_dir):
    done = run_command(data_dir, "verify")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert "12 notifications checked" in done.stderr
    assert "No problems found." in done.stderr
    assert "wait" not in done.stderr


@pytest.mark.full
def test_rows_that_wait_in_the_spool_are_counted_and_are_no_fault(data_dir):
    spool(data_dir, [accepted(20)])
    done = run_command(data_dir, "verify")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert "1 more row waits in the spool and will be stored" in done.stderr


def test_it_passes_in_every_shell_while_serve_takes_notifications_and_when_it_has_stopped(tmp_path):
    def verify(**settings):
        done = run_command(tmp_path, "verify", **settings)
        assert (done.returncode, done.stdout) == (0, ""), done.stderr
        return done.stderr

    with running(PreparedReceiver, tmp_path) as receiver:
        for number in range(20):
            receiver.sender.post("/webhooks/User.Updated", COPY if number % 2 else b"{}")
            if number % 7 == 0:
                verify()
        until(lambda: receiver.sql("SELECT count(*) AS n FROM notifications")[0]["n"] == 20)
        # The key that `serve` uses is at hand also to a shell that names another.
        assert "20 notifications checked" in verify(CLC_PUBLIC_KEY="")
    assert "20 notifications checked" in verify()
    assert "20 notifications checked" in verify(CLC_PUBLIC_KEY="")


def test_a_payload_altered_behind_its_back_is_named_running_or_not(data_dir):
    shutil.rmtree(data_dir / "spool")
    name = ids(data_dir)[4]
    alter(data_dir, "UPDATE notifications SET payload = replace(payload, '1.50', '1.5') WHERE seq = 4")
    done = run_command(data_dir, "verify")
    assert done.returncode == 1
    (line,) = done.stdout.splitlines()
    assert (
        line == f"signature seq 4 id {name}: Its signature does not sign its payload, though signature_status is valid."
    )
    assert "FAILED: 1 signature. Before anything else keep a copy: clc-receiver backup evidence.duckdb." in done.stderr
    with running(PreparedReceiver, data_dir):
        again = run_command(data_dir, "verify")
    assert (again.returncode, again.stdout) == (1, done.stdout)


@pytest.mark.parametrize(
    ("statement", "lines"),
    take_few(
        [
            ("UPDATE notifications SET signature_status = 'invalid' WHERE seq = 3", ["signature seq 3"]),
            ("UPDATE notifications SET account_alias = 'ELSE' WHERE seq = 3", ["derived seq 3", "changes seq 3"]),
            ("UPDATE notifications SET duplicate_of = uuid() WHERE seq = 3", ["duplicate_of seq 3", "changes seq 3"]),
            (
                "INSERT INTO notifications SELECT * REPLACE (99 AS seq) FROM notifications WHERE seq = 3",
                ["changes seq 99", "doubled", "doubled seq 99", "lost seq 13"],
            ),
            ("DELETE FROM notifications WHERE seq = 3", ["changes seq 3", "lost", "lost seq 3", "lost"]),
            ("UPDATE notifications SET signature_status = 'missing' WHERE seq = 3", ["signature seq 3"]),
            (
                "UPDATE notifications SET received_at = received_at + INTERVAL 1 HOUR WHERE seq = 3",
                ["derived seq 3"] * 2,
            ),
            ("UPDATE notifications SET duplicate_of = NULL WHERE seq = 8", ["changes seq 8"]),
            (
                (
                    "UPDATE notifications SET signature_status = 'missing', signature = NULL, key_fingerprint = NULL "
                    "WHERE id = (SELECT duplicate_of FROM notifications WHERE seq = 8)"
                ),
                [f"duplicate_of seq {seq}" for seq in (8, 9, 10)],
            ),
            (
                "UPDATE notifications SET seq = 2 WHERE seq = 3",
                ["order seq 2", "changes seq 2", "changes seq 3", "view", "view"],
            ),
            (
                (
                    "INSERT INTO rejected BY NAME SELECT id, received_at, 'x' AS reason, '/' AS path, '{}' AS headers, "
                    "payload::VARCHAR::BLOB AS body FROM events"
                ),
                [f"doubled seq {seq}" for seq in (1, 2, 3, 4, 5, 6, 7, 11, 12)],
            ),
            ("CREATE OR REPLACE VIEW events AS SELECT * FROM notifications", ["view"] * 2),
            ("DELETE FROM changes WHERE seq = 3", ["changes seq 3"]),
            ("UPDATE changes SET actor = 'forged' WHERE seq = 3", ["changes seq 3"]),
            ("INSERT INTO changes SELECT * REPLACE (99 AS seq) FROM changes WHERE seq = 12", ["changes seq 99"]),
            ("INSERT INTO rebuilding VALUES (0)", []),
            ("INSERT INTO counted SELECT max(seq), max(received_at) FROM notifications", ["view"] * 2),
            ("DELETE FROM watermarks", ["doubled"] * 13),
            ("UPDATE watermarks SET position = 11", ["doubled"] * 2),
            ("UPDATE watermarks SET position = 13", ["lost"]),
        ],
        4,
    ),
)
def test_whatever_else_is_altered_is_named(data_dir, statement, lines):
    alter(data_dir, statement)
    done = run_command(data_dir, "verify", "--all")
    assert names(done) == lines
    assert done.returncode == bool(lines)


@pytest.mark.full
@pytest.mark.parametrize(
    ("statement", "lines"),
    take_few(
        [
            ("UPDATE account_states SET business_name = 'Somebody else'", 1),
            ("DELETE FROM account_states", 2),
            ("INSERT INTO account_states VALUES ('NOBODY', 1, NULL, NULL, 'centurylink')", 1),
        ],
        1,
    ),
)
def test_accounts_that_are_not_as_their_notifications_tell_are_named(tmp_path, statement, lines):
    spool(tmp_path, [accepted(0, event=Event("Account", "Created"), body=bodies.ACCOUNT)])
    append(tmp_path)
    assert names(run_command(tmp_path, "verify")) == []
    alter(tmp_path, statement)
    done = run_command(tmp_path, "verify")
    assert done.returncode == 1
    assert sum(line.startswith("view: account_states") for line in done.stdout.splitlines()) == lines


def test_accounts_are_checked_with_the_whole_store(tmp_path):
    spool(tmp_path, [accepted(0, event=Event("Account", "Created"), body=bodies.ACCOUNT)])
    append(tmp_path)
    alter(tmp_path, "UPDATE account_states SET business_name = 'Somebody else'")
    with open_reader(Settings(data_dir=tmp_path)) as reader:
        (found,) = check_whole(reader, read_extent(reader))
    assert str(found).startswith("view: account_states")


@pytest.mark.full
def test_changes_that_are_being_derived_again_are_said_not_to_be_checked(data_dir):
    alter(data_dir, "INSERT INTO rebuilding VALUES (0)")
    alter(data_dir, "DELETE FROM changes")
    done = run_command(data_dir, "verify")
    assert (done.returncode, done.stdout) == (0, "")
    assert "Changes were not checked" in done.stderr
    assert "No problems found in the rest." in done.stderr


@pytest.mark.full
def test_accounts_of_an_older_version_are_said_not_to_be_checked(data_dir):
    alter(data_dir, "DROP VIEW account_facts")
    alter(data_dir, "DELETE FROM schema_version WHERE version > 14")
    done = run_command(data_dir, "verify")
    assert (done.returncode, done.stdout) == (0, "")
    assert "The states of accounts were not checked: an older version kept them in another way." in done.stderr
    assert "No problems found in the rest." in done.stderr


@pytest.mark.parametrize("rows_per_batch", [1, 100])
def test_what_arrived_late_is_checked_with_what_came_after_it(tmp_path, monkeypatch, rows_per_batch):
    """The first to arrive happened last: that it is no first sight any more is known only with the second."""
    body = b'{"accountAlias":"ACME","userName":"kim@acme.example"}'
    later = accepted(1, event=Event("User", "Created"), body=body)
    earlier = received(accepted(2, event=Event("User", "Updated"), body=body), later.received_at - timedelta(hours=1))
    spool(tmp_path, [later, earlier])
    append(tmp_path)
    monkeypatch.setattr("receiver.keeping.verification.rows._ROWS_PER_BATCH", rows_per_batch)
    assert violations(tmp_path) == []
    alter(tmp_path, "INSERT INTO changes SELECT * REPLACE (1 AS seq) FROM changes WHERE seq = 2")
    assert [str(each).partition(":")[0] for each in violations(tmp_path)] == ["changes seq 1"]


def violations(data_dir):
    keys = index_by_fingerprint([load_public_key(key_directory() / "public.pem")])
    with open_reader(Settings(data_dir=data_dir)) as reader:
        return check_rows(reader, keys)


@pytest.mark.full
def test_a_spool_file_that_can_not_be_read_is_named(data_dir):
    name = f"{'0' * 32}-000001.sqlite"
    (data_dir / "spool" / name).write_bytes(b"no SQLite at all" * 1000)
    done = run_command(data_dir, "verify")
    assert done.returncode == 1
    (line,) = done.stdout.splitlines()
    assert re.match(rf"spool: The segment .*{name} is damaged: it can't be read", line)


def test_rows_that_wait_are_right_and_a_row_that_was_set_aside_is_named(data_dir):
    spool(data_dir, [accepted(22)])
    done = run_command(data_dir, "verify")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    odd = notification(20, payload=b"\xff")
    spool(data_dir, [odd, accepted(21)])
    append(data_dir)
    done = run_command(data_dir, "verify")
    (line,) = done.stdout.splitlines()
    assert line.startswith(f"set_aside id {odd.id}: ")
    assert "kept in rejected as not_storable" in line
    assert done.returncode == 1


def test_a_notification_that_the_store_took_and_lost_is_counted_though_its_segment_is_gone(data_dir):
    shutil.rmtree(data_dir / "spool")
    alter(data_dir, "DELETE FROM notifications WHERE seq = 12", "DELETE FROM changes WHERE seq = 12")
    done = run_command(data_dir, "verify")
    (line,) = done.stdout.splitlines()
    assert line == "lost: Of 12 notifications from the spool 1 are neither stored nor set aside."
    assert done.returncode == 1
    figures = json.loads(run_command(data_dir, "status", "--json").stdout)["figures"]
    assert next(figure["state"] for figure in figures if figure["name"] == "notifications_lost") == "red"


@pytest.mark.full
def test_a_refused_request_that_was_set_aside_hides_no_lost_notification(data_dir):
    odd = rejection(21)._replace(headers="no JSON")
    spool(data_dir, [odd])
    append(data_dir)
    shutil.rmtree(data_dir / "spool")
    alter(data_dir, "DELETE FROM notifications WHERE seq = 12", "DELETE FROM changes WHERE seq = 12")
    done = run_command(data_dir, "verify")
    assert names(done) == ["lost", "set_aside"]
    figures = json.loads(run_command(data_dir, "status", "--json").stdout)["figures"]
    found = {figure["name"]: figure["value"] for figure in figures}
    assert (found["rows_set_aside"], found["notifications_lost"]) == (1, 1)


def test_numbers_that_are_missing_before_others_are_named_unless_a_recovery_explains_them(data_dir):
    shutil.rmtree(data_dir / "spool")
    for table in ("notifications", "changes"):
        alter(data_dir, f"DELETE FROM {table} WHERE seq IN (3, 4)")
    alter(data_dir, "UPDATE watermarks SET position = position - 2 WHERE kind = 'notifications'")
    done = run_command(data_dir, "verify")
    gap = "lost seq 3: Seq 3 to 4 are not there, though later ones are, and no recovery or restore in this directory"
    assert any(line.startswith(gap) for line in done.stdout.splitlines()), done.stdout
    assert done.returncode == 1
    report(data_dir, "The database was opened without its WAL.")
    done = run_command(data_dir, "verify")
    assert "lost" not in done.stdout
    assert "No notification has seq 3 to 4: a recovery or restore left numbers unused." in done.stderr


@pytest.mark.full
def test_of_one_kind_ten_lines_are_printed_and_the_others_counted(data_dir):
    alter(data_dir, "UPDATE notifications SET actor = 'forged'")
    done = run_command(data_dir, "verify")
    lines = [line for line in done.stdout.splitlines() if line.startswith("derived")]
    assert len(lines) == 11
    assert lines[-1] == "derived: 2 more; --all prints them."
    every = run_command(data_dir, "verify", "--all")
    assert len([line for line in every.stdout.splitlines() if line.startswith("derived")]) == 12


def test_without_a_database_it_says_so_in_one_sentence(tmp_path):
    done = run_command(tmp_path, "verify")
    (line,) = done.stderr.splitlines()
    assert done.returncode == 1
    assert "There is no database" in line


@pytest.mark.full
def test_a_serve_that_starts_meanwhile_accepts_at_once_and_stores_once_the_file_is_free(data_dir):
    with duckdb.connect(str(data_dir / "clc.duckdb"), read_only=True):
        serve = Process(command("serve"), environment(data_dir), cwd=data_dir)
        serve.until_logged("the listener takes notifications")
        sender = Sender(serve.until_logged(r"(https?://\S+)/webhooks/EVENT")[1])
        assert sender.post("/webhooks/User.Updated", COPY).status == 200
        serve.until_logged("can't be opened")
    serve.until_logged("the store is open")
    serve.stop()
    assert not list(data_dir.glob("**/aside"))
    done = run_command(data_dir, "verify")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert "13 notifications checked" in done.stderr


@pytest.mark.full
@pytest.mark.slow
def test_it_checks_a_large_store_at_a_steady_pace(tmp_path, capsys):
    number = size(5_000, 200_000)
    rows = [accepted(n) for n in range(500)]
    spool(tmp_path, (received(rows[n % 500], NOON + timedelta(seconds=n)) for n in range(number)))
    append(tmp_path)
    shutil.rmtree(tmp_path / "spool")
    done = run_command(tmp_path, "verify")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    with capsys.disabled():
        print(f"\nverify: {done.stderr.splitlines()[-2]}")


@pytest.mark.full
def test_more_rows_than_a_query_may_give_are_checked_in_parts(tmp_path):
    rows = [
        accepted(number, body=b'{"userName":"kim","a%d":1,"b%d":2,"c%d":3}' % (number, number, number))
        for number in range(40)
    ]
    spool(tmp_path, rows)
    append(tmp_path)
    shutil.rmtree(tmp_path / "spool")
    with running(PreparedReceiver, tmp_path, CLC_QUERY_MAX_ROWS="30"):
        done = run_command(tmp_path, "verify")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert "40 notifications checked" in done.stderr


def test_a_store_that_drops_its_last_rows_meanwhile_is_checked_to_the_end(data_dir):
    with open_reader(Settings(data_dir=data_dir)) as reader:
        extent = read_extent(reader)._replace(last=20_000)  # as it was before
        checkers = [PartChecker(reader, {}, {}, {}, None, None)]
        assert list(check_stored(reader, None, extent, checkers, lambda _: None, Tally()))[12:] == []
