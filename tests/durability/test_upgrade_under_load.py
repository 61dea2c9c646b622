"""Upgrades as documented, under load: pip takes the program's files away for a moment while the store works."""

import json

import pytest

from receiver.processes.state import read_state
from tests.durability.support.commands import run_command
from tests.durability.support.installation import Installation
from tests.durability.support.load import Clients, check_all_is_kept
from tests.support import bodies
from tests.support.processes import Receiver, running
from tests.support.sizes import size
from tests.support.waiting import until

RATE = 300
SERVERS = 300
UPDATES = 4


def update(server, second):
    """Make a server's update; one with an earlier second than one before it is out of order."""
    named = bodies.SERVER.replace(b"GB3KELPWEB01", b"GB3KELPWEB%03d" % server)
    return named.replace(b"22:14:31Z", b"22:14:%02dZ" % second).replace(b'"cpu":2', b'"cpu":%d' % (1 + second % 16))


# Each server's next update is older than the one before, until the seconds begin again: so each time other changes are
# derived again, for which the store reads the next and the last of each.
OUT_OF_ORDER = [update(server, 59 - turn) for turn in range(UPDATES) for server in range(SERVERS)]


def run(receiver, installation, *arguments):
    """Run a command of the installed version."""
    return run_command(receiver.data_dir, *arguments, program=installation.program)


@pytest.mark.full
@pytest.mark.slow
def test_pip_installs_and_upgrades_under_load_lose_nothing_and_blame_no_row(tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("PYTHONPATH", raising=False)
    rounds = size(1, 20)
    installation = Installation(tmp_path)
    installation.install("0.1.0")
    with running(Receiver, tmp_path / "data", program=installation.program) as receiver:
        clients = Clients(receiver.url, rate=RATE, keep_alive=True, bodies=OUT_OF_ORDER, event="Server.Updated")
        for number in range(1, rounds + 1):
            sent = len(clients.answers)
            until(lambda sent=sent: len(clients.answers) > sent + RATE, what="a second of load")
            installation.install(f"0.1.{number}")
            done = run(receiver, installation, "upgrade")
            assert done.returncode == 0, done.stderr + receiver.log
            assert read_state(receiver.data_dir).version == f"0.1.{number}"
        rate = clients.stop()
        assert clients.failed() == []
        kept = check_all_is_kept(receiver, clients.acknowledged())
        assert kept == len(clients.answers) + 1
        aside = receiver.sql("SELECT count(*) AS n FROM rejected")[0]["n"]
        verified = run(receiver, installation, "verify")
        status = json.loads(run(receiver, installation, "status", "--json").stdout)
    assert aside == 0
    assert verified.returncode == 0, verified.stdout[:2000] + verified.stderr
    assert status["state"] == "ok", [figure for figure in status["figures"] if figure["state"] != "ok"]
    with capsys.disabled():
        print(f"\n{rounds} installs and upgrades at {rate:.0f}/s: {kept:,} stored, 0 lost, 0 set aside, 0 failed")
