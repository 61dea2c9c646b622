"""docs/evidence.md: its commands are run on a notification, and what it says of `verify` is tried."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from receiver.senders.centurylink.signature import load_public_key
from receiver.senders.keys import compute_fingerprint
from tests.durability.support.commands import run_command
from tests.durability.support.stores import accepted, alter, append, spool
from tests.support.keys import key_directory
from tests.support.processes import PreparedReceiver, environment, running
from tests.support.sizes import take_few
from tests.support.waiting import until

PAGE = Path(__file__).parents[3] / "docs" / "evidence.md"
BODY = b'{"userName":"kim","accountAlias":"ACME",  "emailAddress":"k\xc3\xbc@acme.example"}\n'


@pytest.fixture(scope="module")
def right(tmp_path_factory):
    """Four notifications whose segments are gone, as after a while."""
    data_dir = tmp_path_factory.mktemp("right")
    spool(data_dir, [accepted(number) for number in range(4)])
    append(data_dir)
    shutil.rmtree(data_dir / "spool")
    return data_dir


@pytest.fixture
def data_dir(right, tmp_path):
    return shutil.copytree(right, tmp_path / "data")


def test_the_commands_of_the_page_verify_a_notification_and_no_other_body(tmp_path):
    script = "\n".join(re.findall(r"```bash\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)[:2])
    work = tmp_path / "work"
    work.mkdir()
    with running(PreparedReceiver, tmp_path / "data") as receiver:
        receiver.sender.post("/webhooks/User.Updated", BODY)
        until(lambda: receiver.sql("SELECT count(*) AS n FROM notifications")[0]["n"] == 1)
        tools = tmp_path / "tools"
        tools.mkdir()
        tool = tools / "clc-analytics"
        tool.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m analytics "$@"\n')
        tool.chmod(0o755)
        settings = environment(tmp_path / "data", CLC_QUERY_LISTEN=receiver.query_url.removeprefix("http://"))
        settings["PATH"] = f"{tools}:{settings['PATH']}"
        settings["PYTHONPATH"] = str(PAGE.parents[1])
        ours = script.replace("seq=2000", "seq=1")
        done = subprocess.run(
            ["bash", "-euc", ours], cwd=work, env=settings, capture_output=True, text=True, check=False
        )
    assert done.returncode == 0, done.stderr
    assert "Verified OK" in done.stdout
    fingerprint = compute_fingerprint(load_public_key(key_directory() / "public.pem"))
    assert done.stdout.count(fingerprint) >= 1
    assert (work / "body.json").read_bytes() == BODY
    (work / "body.json").write_bytes(BODY.rstrip())
    key = tmp_path / "data" / "keys" / f"{fingerprint}.pem"
    again = subprocess.run(
        ["openssl", "dgst", "-sha1", "-verify", key, "-signature", "signature.bin", "body.json"],
        cwd=work, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "Verification failure" in again.stdout + again.stderr
    assert again.returncode == 1


def test_the_query_of_the_page_finds_a_signed_body_that_came_as_several_events(data_dir):
    (query,) = re.findall(r"```sql\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    shared = "sender = 'github', proof = 'shared-secret'"
    first = "(SELECT signature FROM notifications WHERE seq = 1)"
    alter(
        data_dir,
        f"UPDATE notifications SET {shared}, event_type = 'star.created'",
        f"UPDATE notifications SET signature = {first} WHERE seq IN (2, 3)",
        "UPDATE notifications SET event_type = 'star.deleted' WHERE seq = 3",
    )
    with duckdb.connect(str(data_dir / "clc.duckdb"), read_only=True) as store:
        ((sender, events, first_at, last_at),) = store.execute(query).fetchall()
    assert (sender, sorted(events)) == ("github", ["star.created", "star.deleted"])
    assert first_at < last_at


@pytest.mark.parametrize(
    "statement",
    take_few(
        [
            "UPDATE notifications SET source_ip = '203.0.113.66' WHERE seq = 2",
            "UPDATE notifications SET key_fingerprint = NULL WHERE seq = 2",
            (
                "UPDATE notifications SET received_at = received_at + INTERVAL 1 MICROSECOND, "
                "occurred_at = occurred_at + INTERVAL 1 MICROSECOND WHERE seq = 2; "
                "UPDATE changes SET changed_at = changed_at + INTERVAL 1 MICROSECOND WHERE seq = 2"
            ),
            "UPDATE notifications SET signature_status = 'missing', signature = NULL WHERE seq = 2",
            (
                "DELETE FROM notifications WHERE seq > 2; DELETE FROM changes WHERE seq > 2; "
                "UPDATE watermarks SET position = 2"
            ),
        ],
        1,
    ),
)
def test_verify_notices_none_of_what_the_page_says_it_can_not_see(data_dir, statement):
    alter(data_dir, statement)
    done = run_command(data_dir, "verify", "--all")
    assert (done.returncode, done.stdout) == (0, ""), done.stdout


@pytest.mark.full
def test_after_a_rebuild_verify_notices_no_other_event_because_no_signature_covers_it(data_dir):
    alter(data_dir, "UPDATE notifications SET event_type = 'User.Deleted', action = 'Deleted' WHERE seq = 4")
    done = run_command(data_dir, "verify")
    assert "Copy the database for evidence first" in done.stdout
    with running(PreparedReceiver, data_dir) as receiver:
        rebuilt = run_command(data_dir, "rebuild")
        assert rebuilt.returncode == 0, rebuilt.stderr
        assert receiver.sql("SELECT count(*) AS n FROM changes WHERE seq = 4 AND kind = 'removed'")[0]["n"] == 1
    done = run_command(data_dir, "verify")
    assert (done.returncode, done.stdout) == (0, ""), done.stdout
