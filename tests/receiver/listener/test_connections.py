"""Whoever is slow is closed in time, and whoever brought no accepted notification gives way, but never the sender."""

import asyncio
import socket
import threading
import time
from contextlib import ExitStack, contextmanager

import pytest

from receiver.listener.connections import GuardedServer
from receiver.listener.exchange import ExchangeServer, answer_accepted, answer_text
from receiver.listener.limits import Limits
from receiver.listener.sources import TrustedProxies, find_source
from tests.support.waiting import until

LIMITS = Limits(header_seconds=0.4, body_seconds=0.4)


def read_as(server, state):
    return [reading for reading in list(server._reading.values()) if reading.state == state]


@pytest.mark.parametrize(
    ("begun", "rest", "state"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n", b"\r\n", "slow_headers"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n1", b"2", "slow_body"),
    ],
)
def test_what_came_while_a_disk_held_the_loop_up_is_answered(begun, rest, state):
    async def answer():
        server = GuardedServer(
            ExchangeServer(lambda _, respond: respond(answer_text("ok")), 100, LIMITS), limits=LIMITS
        )
        listening = socket.create_server(("127.0.0.1", 0))
        with socket.create_connection(listening.getsockname(), timeout=30) as client:
            server.take_from(listening)
            client.sendall(begun)
            (reading,) = await asyncio.to_thread(until, lambda: read_as(server, state), what=state)
            client.sendall(rest)
            until(lambda: time.monotonic() > reading.deadline, what="the deadline, on the loop's own thread")
            answer = await asyncio.to_thread(client.recv, 100)
            server.stop()
            await server.close_all_connections()
        return answer

    assert asyncio.run(asyncio.wait_for(answer(), 60)).startswith(b"HTTP/1.1 200 OK")


POST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
SLOW = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n1"


def answer(request, respond):
    """Accept whatever is posted."""
    respond(answer_accepted("1") if request.method == "POST" else answer_text("ok"))


class Crowd:
    """Clients of a server that runs on a loop of its own thread."""

    def __init__(self, server, address, opened):
        self.server = server
        self._address = address
        self._opened = opened

    def connect(self, sent=b""):
        """Open a connection that is known to the server, send something, and read the answer to a whole request."""
        client = self._opened.enter_context(socket.create_connection(self._address, timeout=30))
        if not sent:
            until(lambda: client.getsockname() in self._taken(), what="the server to take the connection")
        return self.exchange(client, sent)

    def _taken(self):
        return {connection.context.address for connection in list(self.server._known)}

    def exchange(self, client, sent):
        client.sendall(sent)
        if sent in (POST, GET):
            assert client.recv(1000).startswith(b"HTTP/1.1 200 OK")
        elif sent:
            until(lambda: read_as(self.server, "slow_body"), what="the slow body")
        return client


@contextmanager
def crowd(is_exempt=lambda _: False, **limits):
    """Run a server with these limits."""
    bounds = Limits(**limits)

    def serve():
        exchanges = ExchangeServer(answer, 100, bounds)
        server = GuardedServer(exchanges, limits=bounds, is_exempt=is_exempt)
        exchanges.prove, exchanges.is_proven = server.prove, server.is_proven
        server.take_from(listening)
        return server

    async def served():
        return serve()

    async def stopped(server):
        server.stop()
        await server.close_all_connections()

    listening = socket.create_server(("127.0.0.1", 0))
    address = listening.getsockname()
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    server = asyncio.run_coroutine_threadsafe(served(), loop).result(30)
    try:
        with ExitStack() as opened:
            yield Crowd(server, address, opened)
    finally:
        asyncio.run_coroutine_threadsafe(stopped(server), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(30)
        loop.close()


def is_closed(client):
    """Wait for the end of a connection that is closed by the server."""
    try:
        return client.recv(1000) == b""
    except ConnectionResetError:
        return True


def test_a_health_check_proves_no_connection_and_the_sender_has_time_for_its_first_notification():
    with crowd(connections=8) as clients:
        strangers = [clients.connect(GET) for _ in range(8)]
        sender = clients.connect()
        strangers += [clients.connect(GET) for _ in range(7)]
        clients.exchange(sender, POST)
        assert all(is_closed(stranger) for stranger in strangers[:8])


@pytest.mark.parametrize("sent", [b"", GET, SLOW], ids=["idle", "health checks", "slow bodies"])
def test_no_crowd_displaces_a_connection_that_brought_an_accepted_notification(sent):
    with crowd(connections=8) as clients:
        sender = clients.connect(POST)
        for _ in range(40):
            clients.connect(sent)
        clients.exchange(sender, POST)


def test_the_oldest_unproven_connection_of_an_address_with_too_many_gives_way_after_its_grace():
    with crowd(unproven_per_source=3, grace_seconds=0) as clients:
        strangers = [clients.connect(GET) for _ in range(3)]
        sender = clients.connect(POST)
        assert is_closed(strangers[0])
        strangers += [clients.connect(GET) for _ in range(3)]
        assert all(is_closed(stranger) for stranger in strangers[1:3])
        clients.exchange(sender, POST)
        clients.exchange(strangers[-1], GET)


def test_within_their_grace_twice_as_many_of_an_address_are_taken():
    with crowd(unproven_per_source=3, grace_seconds=1000) as clients:
        strangers = [clients.connect(GET) for _ in range(6)]
        for stranger in strangers:
            clients.exchange(stranger, GET)
        clients.connect(GET)
        assert is_closed(strangers[0])


def test_a_proxy_may_have_any_number_of_connections():
    with crowd(unproven_per_source=3, grace_seconds=0, is_exempt={"127.0.0.1"}.__contains__) as clients:
        for client in [clients.connect(GET) for _ in range(20)]:
            clients.exchange(client, GET)


@pytest.mark.parametrize(
    ("address", "is_shared"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("10.1.2.3", True),
        ("2001:db8::5", True),
        ("2001:db8::6", False),
        ("198.51.100.7", False),
    ],
)
def test_a_trusted_proxys_address_and_this_machines_own_are_shared_by_all_senders(address, is_shared):
    assert TrustedProxies(frozenset({"10.0.0.0/8", "2001:db8::5"})).shares(address) is is_shared


@pytest.mark.parametrize("trusted", ["10.0.0.0/8", "::ffff:10.0.0.0/104"])
def test_an_ipv4_address_is_the_same_however_a_proxy_or_a_setting_writes_it(trusted):
    proxies = TrustedProxies(frozenset({trusted}))
    assert proxies.find_source("10.1.2.3", "::ffff:198.51.100.9, ::FFFF:10.9.9.9") == "198.51.100.9"
    assert not proxies.trusts("11.1.2.3")


@pytest.mark.parametrize(
    ("address", "source"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::"),
    ],
)
def test_an_ipv6_address_counts_with_all_others_of_its_64_bits(address, source):
    assert find_source(address) == source


def test_a_body_in_chunks_of_a_byte_leaves_others_a_turn_after_every_few():
    chunks = 4_000

    async def turns():
        server = GuardedServer(ExchangeServer(answer, 100_000, Limits()), limits=Limits())
        listening = socket.create_server(("127.0.0.1", 0))
        with socket.create_connection(listening.getsockname(), timeout=30) as client:
            head = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
            client.sendall(head + b"1\r\nx\r\n" * chunks + b"0\r\n\r\n")
            server.take_from(listening)
            answered = asyncio.ensure_future(asyncio.to_thread(client.recv, 1000))
            count = 0
            while not answered.done():
                count += bool(server._busy)
                await asyncio.sleep(0)
            server.stop()
            await server.close_all_connections()
        return count

    assert asyncio.run(asyncio.wait_for(turns(), 60)) > chunks / 16
