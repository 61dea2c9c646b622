"""CLC_ACKNOWLEDGE=replicated: a 200 comes when the shared spool has the notification, or after the longest wait."""

import os
import random
import shutil
import signal
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from threading import Event, Thread

import psycopg
import pytest
import urllib3

from receiver.errors import SettingsError
from receiver.settings import read_settings
from receiver.shared_spool import Shipper, SpoolServer
from receiver.spool import SpoolReader
from tests.support.ports import free_port
from tests.support.postgres import PostgreSQL, Standby
from tests.support.processes import PreparedReceiver, running
from tests.support.sizes import size
from tests.support.waiting import until

USER = b'{"accountAlias":"ACME","userName":"user%d@acme.example"}'
ACCEPTED = "clc_listener_notifications_total"
NOT_REPLICATED = "clc_listener_not_replicated_total"
SENDERS = 4


def machine(directory, url, wait):
    settings = {"CLC_SHARED_SPOOL": url, "CLC_ACKNOWLEDGE": "replicated", "CLC_ACKNOWLEDGE_WAIT": wait}
    return running(PreparedReceiver, directory, only="listener", **settings)


def post(receiver, number):
    assert receiver.sender.post("/webhooks/User.Updated", USER % number).status == 200


def metric(receiver, name):
    lines = receiver.sender.get("/metrics").data.decode().splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))


def test_the_shared_spool_has_each_notification_when_it_is_answered(tmp_path, database):
    with machine(tmp_path, database, "60s") as receiver, psycopg.connect(database, autocommit=True) as connection:
        for number in range(20):
            if number == 10:
                os.kill(receiver.children()["shipper"], signal.SIGKILL)
            post(receiver, number)
            bodies = connection.execute("SELECT payload FROM clc_spool.rows ORDER BY position").fetchall()
            assert [bytes(body) for (body,) in bodies] == [USER % each for each in range(number + 1)]
        assert metric(receiver, NOT_REPLICATED) == 0


def test_while_the_shared_spool_is_away_an_answer_waits_as_long_as_it_may_and_is_counted(tmp_path):
    with machine(tmp_path, f"postgresql://clc@127.0.0.1:{free_port()}/clc", "0.3s") as receiver:
        began = time.monotonic()
        post(receiver, 0)
        assert time.monotonic() - began >= 0.3
        assert receiver.sender.post("/webhooks/User.Updated", b"no json").status == 400
        assert (metric(receiver, f'{ACCEPTED}{{result="accepted"}}'), metric(receiver, NOT_REPLICATED)) == (1, 1)


def test_it_needs_a_spool_to_share():
    with pytest.raises(SettingsError, match="set CLC_SHARED_SPOOL"):
        read_settings(env_file=None, acknowledge="replicated")


@contextmanager
def two_servers():
    """Run a primary and its standby."""
    with ExitStack() as servers:
        started = []
        for make in (PostgreSQL, lambda directory: Standby(directory, started[0])):
            directory = Path(tempfile.mkdtemp(prefix="postgres-"))
            servers.callback(shutil.rmtree, directory, ignore_errors=True)
            server = make(directory)
            servers.callback(server.stop)
            server.start()
            started.append(server)
        yield started


def send_until_it_breaks(receiver, numbers, acknowledged):
    for number in numbers:
        try:
            answer = receiver.sender.post("/webhooks/User.Updated", USER % number)
        except urllib3.exceptions.HTTPError:
            return
        if answer.status == 200:
            acknowledged.append(USER % number)


def destroy(receiver):
    """Kill all of a machine and delete its files."""
    for pid in (receiver.process.pid, *receiver.children().values()):
        os.kill(pid, signal.SIGKILL)
    receiver.stop()
    shutil.rmtree(receiver.data_dir)


@pytest.mark.parametrize("seed", range(size(1, 50)))
def test_nothing_acknowledged_is_lost_with_the_machine_and_the_primary(tmp_path, seed):
    chance, acknowledged = random.Random(seed), []
    with two_servers() as (primary, standby):
        with machine(tmp_path / "one", primary.url(), "60s") as receiver:
            arguments = [(receiver, range(n, 1_000_000, SENDERS), acknowledged) for n in range(SENDERS)]
            senders = [Thread(target=send_until_it_breaks, args=each) for each in arguments]
            for sender in senders:
                sender.start()
            until(lambda: len(acknowledged) >= chance.randint(1, 200), what="answers")
            for lose in chance.sample([primary.destroy, lambda: destroy(receiver)], 2):
                lose()
            for sender in senders:
                sender.join()
        standby.promote()
        until(lambda: standby.read("SELECT pg_is_in_recovery()") == [(False,)], what="the standby to take writes")
        bodies = {bytes(body) for (body,) in standby.read("SELECT payload FROM clc_spool.rows")}
        assert set(acknowledged) <= bodies


def test_before_rows_count_as_sent_a_commit_waits_for_the_standby_that_may_lack_them(tmp_path, database, postgres):
    shipper, seen = Shipper(SpoolReader(tmp_path), SpoolServer(database, "sending"), {}), Event()
    shipper.turn()

    def free():
        while not seen.is_set():  # the server heeds its setting some time later
            shipper.free()

    with closing(shipper), ThreadPoolExecutor(1) as thread, postgres.lacking_its_standby():
        freed = thread.submit(free)
        try:
            until(postgres.count_waiting_commits, seconds=20, what="a commit that waits")
        finally:
            seen.set()
    freed.result()
