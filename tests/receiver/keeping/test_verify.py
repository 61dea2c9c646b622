"""`clc-receiver verify`: says that all is well when it is, and names each row that is not."""

import json
import re
import shutil
from base64 import b64decode
from datetime import timedelta

import duckdb
import pytest

from receiver.data_directory.incidents import report
from receiver.database.reading import open_reader
from receiver.notification import make_id
from receiver.senders.centurylink.signature import load_public_key, sign
from receiver.senders.keys import (
    compute_fingerprint,
    index_by_fingerprint,
    load_private_key,
    write_private_key,
    write_public_pem,
)
from receiver.senders.sender import Event
from receiver.settings import Settings
from tests.durability.support.commands import command, run_command
from tests.durability.support.stores import accepted, alter, append, spool
from tests.support import bodies
from tests.support.keys import key_directory
from tests.support.processes import PreparedReceiver, Process, Sender, environment, running
from tests.support.rows import NOON, notification, rejection
from tests.support.sizes import size
from tests.support.verifying import check_rows
from tests.support.waiting import until

COPY = b'{"accountAlias":"ACME","userName":"kim@acme.example"}'


def names(done):
    """What each line of an output names: the invariant and the seq."""
    return [line.partition(":")[0].partition(" id ")[0] for line in done.stdout.splitlines()]


def received(row, moment):
    return row._replace(id=make_id(moment), received_at=moment, occurred_at=moment)


def ids(data_dir):
    with duckdb.connect(str(data_dir / "clc.duckdb"), read_only=True) as database:
        return dict(database.execute("SELECT seq, id::VARCHAR FROM notifications").fetchall())


@pytest.fixture(scope="module")
def right(tmp_path_factory):
    """Twelve notifications, three of them copies, one of a route that leaves the action open; all are still spooled."""
    data_dir = tmp_path_factory.mktemp("right")
    rows = [accepted(number) for number in range(6)]
    rows += [accepted(number, body=COPY) for number in range(6, 10)]
    rows += [accepted(10, event=Event("Server", None), body=bodies.SERVER), accepted(11)]
    spool(data_dir, rows)
    append(data_dir)
    return data_dir


@pytest.fixture
def data_dir(right, tmp_path):
    return shutil.copytree(right, tmp_path / "data")


def test_a_store_that_is_right_passes(data_dir):
    done = run_command(data_dir, "verify")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert "12 notifications checked" in done.stderr
    assert "No problems found." in done.stderr
    assert "wait" not in done.stderr


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
    assert "FAILED: 1 signature" in done.stderr
    with running(PreparedReceiver, data_dir):
        again = run_command(data_dir, "verify")
    assert (again.returncode, again.stdout) == (1, done.stdout)


@pytest.mark.parametrize(
    ("statement", "lines"),
    [
        ("UPDATE notifications SET signature_status = 'invalid' WHERE seq = 3", ["signature seq 3"]),
        ("UPDATE notifications SET signature_status = 'missing' WHERE seq = 3", ["signature seq 3"]),
        ("UPDATE notifications SET account_alias = 'ELSE' WHERE seq = 3", ["derived seq 3", "changes seq 3"]),
        ("UPDATE notifications SET received_at = received_at + INTERVAL 1 HOUR WHERE seq = 3", ["derived seq 3"] * 2),
        ("UPDATE notifications SET duplicate_of = uuid() WHERE seq = 3", ["duplicate_of seq 3", "changes seq 3"]),
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
            "INSERT INTO notifications SELECT * REPLACE (99 AS seq) FROM notifications WHERE seq = 3",
            ["changes seq 99", "doubled", "doubled seq 99", "lost seq 13"],
        ),
        (
            (
                "INSERT INTO rejected BY NAME SELECT id, received_at, 'x' AS reason, '/' AS path, '{}' AS headers, "
                "payload::VARCHAR::BLOB AS body FROM events"
            ),
            [f"doubled seq {seq}" for seq in (1, 2, 3, 4, 5, 6, 7, 11, 12)],
        ),
        ("CREATE OR REPLACE VIEW events AS SELECT * FROM notifications", ["view"] * 2),
        ("DELETE FROM notifications WHERE seq = 3", ["changes seq 3", "lost", "lost seq 3", "lost"]),
        ("DELETE FROM changes WHERE seq = 3", ["changes seq 3"]),
        ("UPDATE changes SET actor = 'forged' WHERE seq = 3", ["changes seq 3"]),
        ("INSERT INTO changes SELECT * REPLACE (99 AS seq) FROM changes WHERE seq = 12", ["changes seq 99"]),
        ("INSERT INTO rebuilding VALUES (0)", []),
        ("INSERT INTO counted SELECT max(seq), max(received_at) FROM notifications", ["view"] * 2),
        ("DELETE FROM watermarks", ["doubled"] * 13),
        ("UPDATE watermarks SET position = 11", ["doubled"] * 2),
        ("UPDATE watermarks SET position = 13", ["lost"]),
    ],
)
def test_whatever_else_is_altered_is_named(data_dir, statement, lines):
    alter(data_dir, statement)
    done = run_command(data_dir, "verify", "--all")
    assert names(done) == lines
    assert done.returncode == bool(lines)


@pytest.mark.parametrize(
    ("statement", "lines"),
    [
        ("UPDATE account_states SET business_name = 'Somebody else'", 1),
        ("DELETE FROM account_states", 2),
        ("INSERT INTO account_states VALUES ('NOBODY', 1, NULL, NULL, 'centurylink')", 1),
    ],
)
def test_accounts_that_are_not_as_their_notifications_tell_are_named(tmp_path, statement, lines):
    spool(tmp_path, [accepted(0, event=Event("Account", "Created"), body=bodies.ACCOUNT)])
    append(tmp_path)
    assert names(run_command(tmp_path, "verify")) == []
    alter(tmp_path, statement)
    done = run_command(tmp_path, "verify")
    assert done.returncode == 1
    assert sum(line.startswith("view: account_states") for line in done.stdout.splitlines()) == lines


def test_changes_that_are_being_derived_again_are_said_not_to_be_checked(data_dir):
    alter(data_dir, "INSERT INTO rebuilding VALUES (0)")
    alter(data_dir, "DELETE FROM changes")
    done = run_command(data_dir, "verify")
    assert (done.returncode, done.stdout) == (0, "")
    assert "Changes were not checked" in done.stderr
    assert "No problems found in the rest." in done.stderr


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


def test_signatures_of_other_senders_are_counted_and_neither_their_keys_nor_their_changes_are_missing(tmp_path):
    github = {"sender": "github", "proof": "shared-secret", "key_fingerprint": "ab" * 32, "signature": b"hmac"}
    columns = {"category": "repository", "event_type": "repository.edited", "entity_id": "acme/web"}
    body = {"name": "new", "changes": {"name": {"from": "old"}}}
    rows = [
        notification(number, **github, **columns, delivery_id=f"d{number}", payload=json.dumps(body).encode())
        for number in range(3)
    ]
    spool(tmp_path, [accepted(0), *rows, notification(9, sender="gone", proof="token", payload=b'{"n":1}')])
    append(tmp_path)
    done = run_command(tmp_path, "verify")
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert "Valid signatures: 1 by the key" in done.stderr
    assert "Not checked: 3 signatures of github; the secret abababababababab is not at hand" in done.stderr
    assert "Not checked: 1 signature of gone; there is no profile of this sender" in done.stderr
    alter(tmp_path, "DELETE FROM delivery_ids WHERE seq = 3")
    alter(tmp_path, "UPDATE changes SET old_value = '1' WHERE seq = 2 AND path = 'name'")
    alter(tmp_path, "UPDATE notifications SET sender = 'github' WHERE seq = 1")
    done = run_command(tmp_path, "verify")
    assert done.returncode == 1
    assert {"view", "changes seq 2", "changes seq 1"} <= set(names(done))


def violations(data_dir):
    keys = index_by_fingerprint([load_public_key(key_directory() / "public.pem")])
    with open_reader(Settings(data_dir=data_dir)) as reader:
        return check_rows(reader, keys)


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


def test_unsigned_notifications_are_counted(data_dir):
    assert "Unsigned" not in run_command(data_dir, "verify").stderr
    alter(data_dir, "UPDATE notifications SET signature_status = 'missing', signature = NULL WHERE seq = 2")
    assert "Unsigned: 1." in run_command(data_dir, "verify").stderr


def test_signatures_are_not_judged_under_another_key_than_they_were_received_under(data_dir):
    """A shell that lacks the key of `serve` is no proof of forgery."""
    done = run_command(data_dir, "verify", CLC_PUBLIC_KEY="")
    assert (done.returncode, done.stdout) == (2, "")
    (which, nothing) = done.stderr.splitlines()
    key = compute_fingerprint(load_public_key(key_directory() / "public.pem"))
    assert which == (
        f"12 notifications were received under the public key {key}, which is not at hand: "
        "name its file with --public-key."
    )
    assert nothing == "Nothing was checked."
    named = run_command(data_dir, "verify", "--public-key", str(key_directory() / "public.pem"), CLC_PUBLIC_KEY="")
    assert (named.returncode, named.stdout) == (0, ""), named.stderr
    assert key in named.stderr


def test_a_kept_key_that_is_not_the_one_of_its_name_is_not_used(data_dir):
    key = compute_fingerprint(load_public_key(key_directory() / "public.pem"))
    (data_dir / "keys").mkdir()
    (data_dir / "keys" / f"{key}.pem").write_bytes(write_public_pem(load_public_key(None)))
    assert run_command(data_dir, "verify", CLC_PUBLIC_KEY="").returncode == 2


@pytest.mark.parametrize("noted", [True, False])
def test_notifications_of_several_keys_are_each_checked_under_their_own(data_dir, tmp_path, noted):
    write_private_key(tmp_path / "other.pem")
    other = load_private_key(tmp_path / "other.pem")
    pem = tmp_path / "other.pub"
    pem.write_bytes(write_public_pem(other.public_key()))
    row = accepted(30)
    signature = b64decode(sign(other, row.payload))
    spool(data_dir, [row._replace(signature=signature, key_fingerprint=compute_fingerprint(other.public_key()))])
    append(data_dir)
    if not noted:
        alter(data_dir, "UPDATE notifications SET key_fingerprint = NULL")
        shutil.rmtree(data_dir / "spool")
    done = run_command(data_dir, "verify", "--public-key", str(pem))
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    alter(data_dir, "UPDATE notifications SET payload = replace(payload, '1.50', '1.5') WHERE seq IN (4, 13)")
    shutil.rmtree(data_dir / "spool", ignore_errors=True)
    done = run_command(data_dir, "verify", "--public-key", str(pem))
    assert names(done) == ["signature seq 4", "signature seq 13"]


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
