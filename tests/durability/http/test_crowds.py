"""Too many connections, and too many large bodies at once: they take little memory, and good clients are served."""

import time
from contextlib import ExitStack

import pytest

from tests.durability.http.hurried import GOOD, HEAD, MIB, USER, closed_for, hurried, refusal
from tests.durability.http.wire import connected, has_answer, read_answers
from tests.durability.support.faults import cpu_seconds, resident_bytes
from tests.durability.support.load import Clients
from tests.support.processes import ListenerProcess, running
from tests.support.sizes import size
from tests.support.waiting import until


@pytest.mark.full
@pytest.mark.slow
def test_many_idle_connections_take_little_memory_and_good_clients_are_served(tmp_path, capsys):
    number = size(1000, 2000)
    with running(ListenerProcess, tmp_path) as listener, ExitStack() as crowd:
        pid = listener.process.pid
        clients = Clients(listener.url, rate=200, keep_alive=False)
        try:
            until(lambda: len(clients.answers) > 100)
            before = resident_bytes(pid)
            idle = [crowd.enter_context(connected(listener)) for _ in range(number)]
            served = len(clients.answers)
            until(lambda: len(clients.answers) > served + 100, what="answers beside the crowd")
            after = resident_bytes(pid)
            processor = cpu_seconds(pid)
            seconds = time.monotonic()
            until(lambda: len(clients.answers) > served + 300, what="more answers")
            load = (cpu_seconds(pid) - processor) / (time.monotonic() - seconds)
        finally:
            clients.stop()
        assert clients.failed() == []
        for connection in idle[::100]:  # none was closed, and each still works
            connection.sendall(GOOD)
            assert read_answers(connection) == [(200, b"ok")]
    assert after - before < number * 50 * 1024
    with capsys.disabled():
        print(f"\n{number:,} idle connections: memory {before / MIB:.0f} MiB, then {after / MIB:.0f} MiB "
              f"({(after - before) / number / 1024:.1f} KiB each); beside them {len(clients.answers):,} requests on "
              f"new connections were all answered 200, processor {load:.0%}")  # fmt: skip


@pytest.mark.slow
def test_more_connections_than_allowed_cost_the_idle_ones_and_never_a_good_client(tmp_path, capsys):
    """With 300 connections allowed, many more that are idle or slow keep coming while good clients post."""
    number_of_bad = size(450, 6000)
    patient = hurried(connections=300, idle_seconds=60, header_seconds=60, body_seconds=60)
    with running(patient, tmp_path) as listener, ExitStack() as crowd:
        pid = listener.process.pid
        clients = [Clients(listener.url, rate=100, keep_alive=kept) for kept in (True, False)]
        try:
            until(lambda: all(len(each.answers) > 100 for each in clients))
            before = resident_bytes(pid)
            for number in range(number_of_bad):
                connection = crowd.enter_context(connected(listener))
                connection.sendall([b"", HEAD, HEAD + b"Content-Length: 1000\r\n\r\n"][number % 3])
                if number % 50 == 0:  # who is good is slowed down by these tests, too, and shall not be the slowest
                    served = [len(each.answers) for each in clients]
                    until(lambda n=served: all(len(each.answers) > n[i] + 8 for i, each in enumerate(clients)))
            after = resident_bytes(pid)
        finally:
            for each in clients:
                each.stop()
        assert [each.failed() for each in clients] == [[], []]
        closed = closed_for(listener, "too_many")
    assert closed >= number_of_bad - 300
    with capsys.disabled():
        print(f"\n{number_of_bad:,} idle or slow connections at 300 allowed: {closed:,.0f} closed for others, "
              f"{sum(len(each.answers) for each in clients):,} good requests all answered 200, "
              f"memory {before / MIB:.0f} MiB, then {after / MIB:.0f} MiB")  # fmt: skip


@pytest.mark.full
@pytest.mark.slow
def test_many_large_bodies_at_once_stay_within_their_limit_and_good_clients_are_served(tmp_path, capsys):
    """100 clients bring all but the last byte of a megabyte: at 16 MiB for all, the largest and eldest give way."""
    number, limit = size(100, 300), size(16, 32)
    limited = hurried(body_bytes=limit * MIB, body_seconds=60, idle_seconds=60)
    with running(limited, tmp_path) as listener, ExitStack() as crowd:
        pid = listener.process.pid
        clients = Clients(listener.url, rate=100, keep_alive=False)
        try:
            until(lambda: len(clients.answers) > 100)
            before, most = resident_bytes(pid), 0
            slow = [crowd.enter_context(connected(listener)) for _ in range(number)]
            for connection in slow:
                connection.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % MIB + b"x" * (MIB - 1))
                most = max(most, resident_bytes(pid))
            until(lambda: sum(map(has_answer, slow)) >= number - limit, what="those that give way")
            served = len(clients.answers)
            until(lambda: len(clients.answers) > served + 100)
        finally:
            clients.stop()
        assert clients.failed() == []
        stays = next(connection for connection in slow if not has_answer(connection))
        assert refusal(read_answers(slow[0])[0]) == (503, "spool_unavailable")
        stays.sendall(b"x")
        assert refusal(read_answers(stays)[0]) == (401, "signature_invalid")
    assert most - before < 3 * limit * MIB
    with capsys.disabled():
        print(f"\n{number} slow bodies of 1 MiB, {limit} MiB allowed: memory {before / MIB:.0f} MiB, at most "
              f"{most / MIB:.0f} MiB; {len(clients.answers):,} good requests beside them all answered 200")  # fmt: skip


def test_a_small_body_on_its_way_does_not_give_way_to_larger_ones_that_began_later(tmp_path):
    with running(hurried(body_bytes=4 * MIB, body_seconds=60), tmp_path) as listener, ExitStack() as crowd:
        small = crowd.enter_context(connected(listener))
        small.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % len(USER) + USER[:-1])
        large = [crowd.enter_context(connected(listener)) for _ in range(8)]
        for connection in large:
            connection.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % MIB + b"x" * (MIB - 1))
        assert refusal(read_answers(large[0])[0]) == (503, "spool_unavailable")
        small.sendall(USER[-1:])
        assert read_answers(small) == [(200, b"ok")]


def test_where_the_system_allows_few_descriptors_the_listener_stays_below(tmp_path):
    few = ("prlimit", "--nofile=96:96")
    with running(hurried(few, idle_seconds=60), tmp_path) as listener, ExitStack() as crowd:
        for _ in range(300):
            crowd.enter_context(connected(listener))
        assert listener.sender.post("/webhooks/User.Updated", USER).status == 200
        assert "could not be taken" not in listener.log
