"""A sender with a profile, from its request to the tables: `serve`, its secret, and the commands that one has."""

import json

import pytest

from receiver.keeping.care.facts import gather
from receiver.senders.copies import REMEMBERED
from receiver.settings import read_settings
from tests.durability.support.commands import run_command
from tests.durability.support.stores import alter
from tests.receiver.senders.profile.profiles import MINIMAL
from tests.support.processes import PROGRAM, PreparedReceiver, running
from tests.support.waiting import until

SECRETS = {"CLC_SECRET_GITHUB": "a secret for tests alone", "CLC_SECRET_STRIPE": "whsec_another secret for tests"}


@pytest.fixture(scope="module")
def receiver(tmp_path_factory):
    with running(PreparedReceiver, tmp_path_factory.mktemp("receiver") / "data", **SECRETS) as receiver:
        for name in ("github", "stripe"):
            sent = run_command(
                receiver.data_dir, "simulate", "--sender", name, "--to", receiver.url, program=PROGRAM, **SECRETS
            )
            assert sent.returncode == 0, sent.stdout + sent.stderr
            assert {line.split()[0] for line in sent.stdout.splitlines()} == {"200"}
        counted = "SELECT sender, count(*)::INTEGER AS n FROM notifications GROUP BY ALL ORDER BY ALL"
        stored = [{"sender": "github", "n": 12}, {"sender": "stripe", "n": 5}]
        until(lambda: receiver.sql(counted) == stored, what="the examples in the store")
        yield receiver


def test_what_a_sender_tells_of_before_is_a_change_of_its_first_notification(receiver):
    told = receiver.sql(
        "SELECT entity_id, actor, path, old_value, new_value, told FROM changes "
        "WHERE sender = 'github' AND path = 'description'"
    )
    assert told, receiver.sql("SELECT path, told FROM changes WHERE sender = 'github'")
    assert all(row["told"] and row["old_value"] and row["new_value"] for row in told)


def test_each_row_says_its_sender_its_proof_and_its_delivery(receiver):
    rows = receiver.sql("SELECT * FROM notifications WHERE sender = 'github' ORDER BY seq")
    assert {row["proof"] for row in rows} == {"shared-secret"}
    assert {row["signature_status"] for row in rows} == {"valid"}
    assert all(row["event_type"] and row["entity_id"] and row["account_alias"] and row["delivery_id"] for row in rows)


def test_verify_and_status_hold_with_senders_beside_the_first(receiver):
    body = json.dumps({"accountAlias": "ACME", "userName": "kim"}).encode()
    assert receiver.sender.post("/webhooks/User.Created", body).status == 200
    until(lambda: receiver.sql("SELECT count(*) AS n FROM notifications")[0]["n"] == 18, what="it in the store")
    verified = run_command(receiver.data_dir, "verify", program=PROGRAM, **SECRETS)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert "Checked under secrets: 11 of github, 5 of stripe." in verified.stderr
    assert "Not checked: 1 signature of github; the body may have come as a form" in verified.stderr
    status = run_command(receiver.data_dir, "status", "--json", program=PROGRAM, **SECRETS)
    assert json.loads(status.stdout)["state"] == "ok"


@pytest.mark.full
def test_verify_says_once_which_secrets_are_missing_and_takes_them_from_a_directory(receiver, tmp_path):
    lacking = run_command(receiver.data_dir, "verify", program=PROGRAM)
    assert (lacking.returncode, lacking.stdout) == (2, "")
    assert lacking.stderr.count("set CLC_SECRET_GITHUB or CLC_SECRETS_DIR.") == 1
    for name in ("github", "stripe"):
        (tmp_path / name).write_text(f"another secret of {name}\n{SECRETS[f'CLC_SECRET_{name.upper()}']}\n")
    done = run_command(receiver.data_dir, "verify", "--secrets-dir", str(tmp_path), program=PROGRAM)
    assert done.returncode == 0, done.stderr


@pytest.mark.full
def test_verify_names_a_body_that_was_altered_under_a_shared_secret(receiver, tmp_path):
    data_dir = tmp_path / "data"
    done = run_command(receiver.data_dir, "backup", str(tmp_path / "copy.duckdb"), program=PROGRAM)
    assert done.returncode == 0, done.stderr
    data_dir.mkdir()
    (tmp_path / "copy.duckdb").rename(data_dir / "clc.duckdb")
    alter(data_dir, "UPDATE notifications SET payload = replace(payload, '{', '{ ') WHERE sender = 'stripe'")
    done = run_command(data_dir, "verify", program=PROGRAM, **SECRETS)
    assert done.returncode == 1
    assert sum("Its signature does not sign its payload" in line for line in done.stdout.splitlines()) == 5


def test_the_store_describes_its_senders_and_says_which_are_set_up(receiver):
    rows = {row["name"]: row for row in receiver.sql("SELECT * FROM senders")}
    assert rows["github"]["title"] == "GitHub"
    described = {name: json.loads(row["description"]) for name, row in rows.items()}
    assert {name for name, each in described.items() if each["is_set_up"]} == {"centurylink", "github", "stripe"}
    assert described["gitlab"]["secret_variable"] == "CLC_SECRET_GITLAB"
    assert "secret for tests" not in json.dumps(described)


def test_serve_says_which_senders_it_takes_and_which_profile_lacks_a_secret(tmp_path):
    mine = MINIMAL.replace('"example"', '"mine"').replace('"none"', '"token"\nheader = "X"')
    (tmp_path / "mine.toml").write_text(mine)
    with running(PreparedReceiver, tmp_path / "data", CLC_SENDERS=str(tmp_path), **SECRETS) as receiver:
        for name in ("github", "stripe"):
            receiver.until_logged(f"notifications of {name} are taken at {receiver.url}/senders/{name}\n")
        receiver.until_logged("notifications of mine are not taken: set CLC_SECRET_MINE")


def test_status_names_a_file_of_secrets_that_is_gone_since_serve_began(tmp_path):
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "github").write_text("a secret of github for tests")
    (secrets / "github.old").touch()
    with running(PreparedReceiver, tmp_path / "data", CLC_SECRETS_DIR=str(secrets)) as receiver:
        settings = read_settings(env_file=None, data_dir=receiver.data_dir, secrets_dir=secrets)
        assert gather(settings, None).files.secrets_unusable == []
        (secrets / "github").unlink()
        (secrets / "github.old").unlink()
        assert gather(settings, None).files.secrets_unusable == [f"{secrets}/github is gone."]


def test_serve_says_once_that_a_state_is_not_where_the_profile_says(tmp_path):
    (tmp_path / "example.toml").write_text(f'{MINIMAL}\n[state]\nat.invoice = "/data"\n')
    with running(PreparedReceiver, tmp_path / "data", CLC_SENDERS=str(tmp_path)) as receiver:
        for number in range(2):
            body = json.dumps({"type": "invoice.paid", "id": number, "invoice": {}}).encode()
            assert receiver.sender.post("/senders/example", body).status == 200
        said = "a notification of example has no state of invoice at /data, so it is not compared"
        until(lambda: said in receiver.log, what="it in the log")
    assert receiver.log.count(said) == 1


@pytest.mark.full
def test_verify_derives_columns_again_under_the_profile_of_then(tmp_path):
    file, data_dir = tmp_path / "example.toml", tmp_path / "data"
    file.write_text(MINIMAL)
    with running(PreparedReceiver, data_dir, CLC_SENDERS=str(tmp_path)) as receiver:
        body = json.dumps({"type": "invoice.paid", "id": 1, "of": "acme"}).encode()
        assert receiver.sender.post("/senders/example", body).status == 200
        until(lambda: receiver.sql("SELECT count(*) AS n FROM notifications")[0]["n"] == 1, what="it in the store")
    file.write_text(f'{MINIMAL}account_alias = "/of"\n')
    later = run_command(data_dir, "verify", CLC_SENDERS=str(tmp_path))
    assert (later.returncode, later.stdout) == (0, ""), later.stderr
    alter(data_dir, "UPDATE notifications SET entity_id = '2'")
    (data_dir / REMEMBERED / "other.toml").write_text("name = 1")
    altered = run_command(data_dir, "verify", CLC_SENDERS=str(tmp_path))
    assert (altered.returncode, altered.stderr.count("A saved profile can't be used: ")) == (1, 1)
    assert "Its entity_id is 2, but payload and profile make it 1: it was altered, or CLC_DATA_DIR" in altered.stdout


@pytest.mark.full
def test_an_unknown_sender_and_a_missing_secret_are_said_in_a_line(receiver):
    for name, said in (("nobody", "There is no sender 'nobody'"), ("gitlab", "set CLC_SECRET_GITLAB")):
        done = run_command(receiver.data_dir, "simulate", "--sender", name, "--to", receiver.url)
        assert done.returncode == 2
        assert said in done.stderr
