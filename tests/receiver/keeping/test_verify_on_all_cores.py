"""`clc-receiver verify` on two cores: it finds what it finds on one, and nothing of it outlives it."""

import hashlib
import hmac
import os
import shutil
import signal
import sys
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from receiver.keeping.verification.checkers import workers
from receiver.keeping.verification.checkers.parts import Means
from receiver.notification import make_id
from receiver.senders.judge import load_judge
from receiver.senders.sender import Event
from receiver.settings import Settings
from tests.durability.support.commands import run_command
from tests.durability.support.stores import accepted, alter, append, spool
from tests.support.processes import PROGRAM, Process, environment
from tests.support.rows import notification_of_github
from tests.support.waiting import until

SECRET = "a secret of sixteen bytes or more"
ON_TWO_CORES = (
    sys.executable,
    "-c",
    """
from receiver.cli import main
from receiver.keeping.verification.checkers import workers
workers._FEWEST_ROWS = 1
workers._count_cores = lambda: 2
main()
""",
)


def of_github(number, fingerprint):
    body = {"action": "edited", "repository": {"full_name": f"acme/shop-{number % 5}"}, "number": number}
    row = notification_of_github(number, "repository", body, key_fingerprint=fingerprint)
    return row._replace(signature=hmac.new(SECRET.encode(), row.payload, hashlib.sha256).digest())


def late(row):
    moment = row.received_at - timedelta(hours=1)
    return row._replace(id=make_id(moment), received_at=moment, occurred_at=moment)


@pytest.fixture(scope="module")
def right(tmp_path_factory):
    """Notifications of twenty users with three bodies each, one of them late, copies, and some of GitHub."""
    data_dir = tmp_path_factory.mktemp("right")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CLC_SECRET_GITHUB", SECRET)
        (secret,) = load_judge(Settings(data_dir=data_dir))._secrets["github"]
    bodies = [b'{"accountAlias":"ACME","userName":"user%d","odd":%d}' % (n % 20, n) for n in range(60)]
    rows = [accepted(number, body=body) for number, body in enumerate(bodies)]
    rows += [accepted(60, body=bodies[59]), late(accepted(61, body=b'{"accountAlias":"ACME","userName":"user7"}'))]
    spool(
        data_dir,
        [*rows, accepted(62, event=Event("Server", None)), *(of_github(n, secret.fingerprint) for n in range(70, 80))],
    )
    append(data_dir)
    return data_dir


@pytest.fixture
def data_dir(right, tmp_path):
    return shutil.copytree(right, tmp_path / "data")


def verify(data_dir, program):
    done = run_command(data_dir, "verify", "--all", program=program, CLC_SECRET_GITHUB=SECRET)
    return done.returncode, done.stdout, [line for line in done.stderr.splitlines() if " checked in " not in line]


@pytest.mark.full
def test_two_processes_call_right_what_one_does(data_dir):
    well = verify(data_dir, ON_TWO_CORES)
    assert well == verify(data_dir, PROGRAM)
    assert well[0] == 0, well


def test_two_processes_find_what_one_does_in_the_same_order(data_dir):
    alter(
        data_dir,
        "UPDATE notifications SET payload = replace(payload, 'odd', 'Odd') WHERE seq % 9 = 4",
        "UPDATE notifications SET duplicate_of = uuid() WHERE seq = 30",
        "UPDATE notifications SET actor = 'forged' WHERE seq IN (11, 12, 62)",
        "DELETE FROM changes WHERE seq % 7 = 1",
        "INSERT INTO changes SELECT * REPLACE (999 AS seq) FROM changes WHERE seq = 50",
        "UPDATE notifications SET payload = '{\"number\": 0}' WHERE seq = 70",
    )
    bad = verify(data_dir, ON_TWO_CORES)
    assert bad == verify(data_dir, PROGRAM)
    assert bad[0] == 1
    named = {line.partition(" id ")[0].partition(":")[0] for line in bad[1].splitlines()}
    assert {"signature seq 13", "signature seq 70", "derived seq 62", "duplicate_of seq 30", "changes seq 8"} <= named


@pytest.mark.full
def test_signatures_under_shared_secrets_are_counted_over_all_processes(data_dir):
    done = run_command(data_dir, "verify", program=ON_TWO_CORES, CLC_SECRET_GITHUB=SECRET)
    assert "Checked under secrets: 10 of github." in done.stderr
    done = run_command(data_dir, "verify", program=ON_TWO_CORES)
    assert done.returncode == 2
    assert "Not checked: 10 signatures of github; the secret" in done.stderr


@contextmanager
def verifying(data_dir):
    """Run `verify` in a session of its own, as a terminal does, until its two processes are there, and stop those."""
    with Process(["setsid", *ON_TWO_CORES, "verify"], environment(data_dir), cwd=data_dir) as process:
        checking = until(lambda: find_stopped(process.process.pid), what="two processes")
        yield process, checking
    assert not any(Path(f"/proc/{pid}").exists() for pid in checking)


def find_stopped(parent):
    """Stop the processes that check, and return them once there are two."""
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    found = [int(pid) for pid in children if workers._MODULE in Path(f"/proc/{pid}/cmdline").read_text()]
    for pid in found:
        os.kill(pid, signal.SIGSTOP)
    return found if len(found) == 2 else None


@pytest.mark.full
def test_a_process_that_is_killed_is_named_and_nothing_is_called_right(data_dir):
    with verifying(data_dir) as (process, checking):
        os.kill(checking[1], signal.SIGKILL)
        os.kill(checking[0], signal.SIGCONT)
        assert process.process.wait(60) == 1
    sentence = f"Error: Process {checking[1]}, which checked notifications, was killed by SIGKILL: not all"
    assert sentence in process.log
    assert "No problems found" not in process.log
    assert "Traceback" not in process.log


@pytest.mark.full
def test_ctrl_c_ends_all_processes_with_one_line(data_dir):
    with verifying(data_dir) as (process, checking):
        assert process.process.pid not in map(os.getpgid, checking), "a terminal interrupts them, too"
        os.killpg(process.process.pid, signal.SIGINT)
        assert process.process.wait(60) == 1
    assert [line for line in process.lines if line and not line.startswith("Checking notifications")] == ["Aborted!"]


def test_a_small_store_is_checked_without_other_processes(data_dir, monkeypatch):
    monkeypatch.setattr(workers, "_count_cores", lambda: 2)
    monkeypatch.setattr(workers, "WorkerProcess", lambda *_: pytest.fail("a process was started"))
    means = Means(Settings(data_dir=data_dir), (), (), None)
    with workers.open_checkers(None, means, workers._FEWEST_ROWS - 1) as checkers:
        assert len(checkers) == 1
