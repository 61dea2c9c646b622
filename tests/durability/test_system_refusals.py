"""Refusals of the system, put into running processes: 503, never a 200, and it comes back by itself."""

import errno
import json
import os
import resource
import signal
import socket
import subprocess
import urllib.parse
from concurrent.futures import ThreadPoolExecutor

import pytest
import urllib3

from tests.durability.support.faults import cpu_seconds, failing, first_free_descriptor, mounted, slow
from tests.durability.support.load import BODIES, Clients, check_all_is_kept
from tests.support.processes import ListenerProcess, PreparedReceiver, running
from tests.support.sizes import size, take_few
from tests.support.waiting import until


def post(receiver, number=0):
    return receiver.sender.post("/webhooks/User.Updated", BODIES[number])


def address(receiver):
    parts = urllib.parse.urlsplit(receiver.url)
    return parts.hostname, parts.port


def is_refused(answer):
    known = (503, "spool_unavailable", "5")
    return (answer.status, json.loads(answer.data)["error"], answer.headers["Retry-After"]) == known


FAULTS = [
    ("fsync,fdatasync", errno.EIO),
    ("pwrite64", errno.EIO),
    ("pwrite64", errno.ENOSPC),
    ("pwrite64,openat", errno.EROFS),
    ("pwrite64,ftruncate,unlink,rename,openat", errno.EIO),
    ("fsync,fdatasync", errno.EDQUOT),
]


@pytest.fixture(scope="module")
def listener(tmp_path_factory):
    """A listener that comes back by itself from each fault."""
    with running(ListenerProcess, tmp_path_factory.mktemp("listener")) as listener:
        yield listener


@pytest.mark.parametrize(("calls", "error"), FAULTS, ids=lambda value: errno.errorcode.get(value, value))
def test_what_the_system_does_not_write_is_not_acknowledged_and_it_comes_back_by_itself(listener, calls, error):
    promised = [post(listener, 0).headers["Notification-Id"]]
    with failing(listener.process.pid, calls, error):
        refused = [post(listener, number) for number in range(1, 6)]
        ready = listener.sender.get("/readyz")
    assert all(is_refused(answer) for answer in refused)
    assert (ready.status, json.loads(ready.data)["spool"]) == (503, "unavailable")
    promised += [post(listener, number).headers["Notification-Id"] for number in range(6, 9)]
    assert listener.sender.get("/readyz").status == 200
    found = [str(row.id) for row in listener.spooled()]
    assert len(found) == len(set(found))
    assert set(promised) <= set(found)


@pytest.mark.full
def test_a_slow_disk_makes_nobody_wait_but_those_who_write(listener):
    before = len(listener.spooled())
    with ThreadPoolExecutor() as pool, slow(listener.process.pid, "fsync,fdatasync", 1):
        post(listener)  # of which the listener learns it
        posted = [pool.submit(post, listener, number) for number in range(1, 4)]
        until(lambda: "clc_listener_waiting 3.0" in listener.sender.get("/metrics").data.decode(), what="metrics")
        assert listener.sender.get("/healthz").status == 200
        assert not any(each.done() for each in posted)
        assert [each.result().status for each in posted] == [200, 200, 200]
    assert len(listener.spooled()) == before + 4


@pytest.mark.full
@pytest.mark.slow
@pytest.mark.parametrize(
    ("victim", "calls", "error"),
    take_few(
        [
            # Not `write`, too: libuv wakes its loop by that, and ends the process where it fails, as no disk makes it.
            ("listener", "pwrite64", errno.ENOSPC),
            ("store", "fsync,fdatasync", errno.EIO),
            ("listener", "fsync,fdatasync", errno.EIO),
            ("store", "fsync,fdatasync", errno.ENOSPC),
            ("store", "pwrite64,write,ftruncate", errno.EIO),
        ],
        2,
    ),
    ids=lambda value: errno.errorcode.get(value, value),
)
def test_faults_now_and_then_and_kills_after_them_lose_nothing_acknowledged(tmp_path, capsys, victim, calls, error):
    rounds = size(1, 12)
    with running(PreparedReceiver, tmp_path) as receiver:
        clients = Clients(receiver.url, rate=300, keep_alive=True)
        try:
            for number in range(rounds):
                _wait_for(clients, 75)
                with failing(_child(receiver, victim), calls, error, when=f"{1 + number % 4}+{2 + number % 3}"):
                    _wait_for(clients, 150)
                    if victim == "listener":  # on a busy machine one sync may be for more than those
                        until(lambda: any(answer.status == 503 for answer in clients.answers), what="a refusal")
                store = _child(receiver, "store")
                os.kill(store, signal.SIGKILL)
                until(lambda store=store: receiver.children().get("store", store) != store, what="another store")
        finally:
            clients.stop()
        given = [answer.status for answer in clients.answers]
        kept = check_all_is_kept(receiver, clients.acknowledged())
        aside = receiver.sql("SELECT count(*) AS n FROM rejected")
    assert aside == [{"n": 0}]
    assert set(given) <= {200, 503}
    assert (given.count(503) > 0) == (victim == "listener")
    with capsys.disabled():
        print(
            f"\n{errno.errorcode[error]} from {calls} of the {victim}, then kill -9 of the store, {rounds} times: "
            f"{given.count(200):,} got 200, {given.count(503):,} got 503; {kept:,} stored, 0 lost, 0 doubled"
        )


@pytest.mark.slow
def test_a_store_whose_syncs_fail_again_and_again_blames_no_row(tmp_path):
    with running(PreparedReceiver, tmp_path) as receiver:
        sent = 0
        for _ in range(size(2, 4)):
            store = _child(receiver, "store")
            with failing(store, "fsync,fdatasync", errno.EIO):
                while receiver.children().get("store", store) == store:
                    sent += post(receiver, sent % 100).status == 200
        found = "SELECT (SELECT count(*) FROM notifications) AS stored, (SELECT count(*) FROM rejected) AS aside"
        until(lambda: _answer(receiver, found) == [{"stored": sent, "aside": 0}], what="all in the table")


def _answer(receiver, query):
    try:
        return receiver.sql(query)
    except (AssertionError, urllib3.exceptions.HTTPError):  # the store is on its way back
        return None


def _child(receiver, role):
    return until(lambda: receiver.children().get(role), what=f"a {role}")


def _wait_for(clients, number):
    before = len(clients.answers)
    until(lambda: len(clients.answers) > before + number, what="answers")


def test_a_spool_that_becomes_read_only_refuses_until_it_can_be_written_again(tmp_path):
    with running(ListenerProcess, tmp_path) as listener:
        promised = [post(listener).headers["Notification-Id"]]
        with mounted(tmp_path / "spool", "ro"):
            assert is_refused(post(listener))
            assert is_refused(post(listener))
            assert listener.sender.get("/readyz").status == 503
        promised += [post(listener).headers["Notification-Id"], post(listener).headers["Notification-Id"]]
        assert [str(row.id) for row in listener.spooled()] == promised


@pytest.mark.full
def test_a_listener_that_starts_on_a_read_only_spool_refuses_until_it_is_writable(tmp_path):
    with mounted(tmp_path / "spool") as spool:
        subprocess.run(["mount", "-o", "remount,ro", str(spool)], check=True)
        with running(ListenerProcess, tmp_path) as listener:
            assert is_refused(post(listener))
            subprocess.run(["mount", "-o", "remount,rw", str(spool)], check=True)
            assert post(listener).status == 200
            assert len(listener.spooled()) == 1


def test_with_no_descriptors_left_idle_connections_make_room_for_new_ones_without_spinning(tmp_path):
    with running(ListenerProcess, tmp_path) as listener:
        pid = listener.process.pid
        assert post(listener).status == 200  # on a connection that is kept open
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (first_free_descriptor(pid), 4096))
        with socket.create_connection(address(listener), timeout=30) as waiting:
            waiting.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            listener.until_logged("a connection could not be taken")
            assert waiting.recv(100).startswith(b"HTTP/1.1 200")  # the idle one was closed for it
            before = cpu_seconds(pid)
            answers = [post(listener).status for _ in range(50)]
            used = cpu_seconds(pid) - before
        assert answers == [200] * 50
        assert listener.log.count("could not be taken") == 1
        assert used < 1
