"""Ordinary requests are answered as Tornado's connections answer them, and all others are left to those."""

import asyncio
import re
import socket

import pytest
from tornado.http1connection import HTTP1ServerConnection

from receiver.listener.connections import GuardedServer
from receiver.listener.exchange import Answer, ExchangeServer, answer_accepted, answer_text
from receiver.listener.limits import Limits
from receiver.listener.quick_connection import Ordinary, QuickConnection
from tests.support.waiting import until

HEAD = b"POST /webhooks/User.Updated?a=1 HTTP/1.1\r\nHost: x\r\nTier3-RsaSha1:  a b=  \r\n"
ORDINARY = HEAD + b"Content-Length: 2\r\n\r\n{}"
LAST = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


class Served:
    """A server on the running loop that tells what it was asked, quickly or by Tornado's connections."""

    def __init__(self, *, quick, respond=None, most_bytes=100, listening=None):
        self.asked = []
        answer = respond or self._respond
        exchanges = ExchangeServer(answer, most_bytes, Limits())
        ordinary = Ordinary(answer, exchanges.turns, most_bytes) if quick else None
        self.server = GuardedServer(exchanges, limits=Limits(), ordinary=ordinary)
        exchanges.prove, exchanges.is_proven = self.server.prove, self.server.is_proven
        listening = listening or socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1", listening.getsockname()[1]
        self.server.take_from(listening)

    def _respond(self, request, respond):
        signature = request.headers.get("tier3-rsasha1")
        self.asked.append((request.method, request.target, signature, request.body, request.peer))
        respond(answer_text("\n".join(map(repr, self.asked[-1]))))

    @property
    def kinds(self):
        return [type(connection) for connection in self.server._connections]

    async def end(self):
        self.server.stop()
        await self.server.close_all_connections()


async def converse(served, parts):
    """Send parts one by one, end the sending half, and return all that is answered."""
    reader, writer = await asyncio.open_connection(*served.address)
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
            for _ in range(4):
                await asyncio.sleep(0)
        return await reader.read()
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


def answers(parts, *, quick, **options):
    async def run():
        served = Served(quick=quick, **options)
        try:
            return await converse(served, parts), served.asked
        finally:
            await served.end()

    return asyncio.run(asyncio.wait_for(run(), 60))


ODD = {
    "bare line feeds": HEAD.replace(b"\r\n", b"\n") + b"Content-Length: 2\n\n{}",
    "a line that goes on": HEAD + b"X: a\r\n b\r\nContent-Length: 2\r\n\r\n{}",
    "a space before the colon": HEAD + b"X : a\r\nContent-Length: 2\r\n\r\n{}",
    "no length": HEAD + b"\r\n",
    "two equal lengths": HEAD + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
    "two lengths": HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{} ",
    "a list of lengths": HEAD + b"Content-Length: 2, 2\r\n\r\n{}",
    "a length with a sign": HEAD + b"Content-Length: +2\r\n\r\n{}",
    "a length below zero": HEAD + b"Content-Length: -2\r\n\r\n{}",
    "a length with a fraction": HEAD + b"Content-Length: 2.0\r\n\r\n{}",
    "a length in other digits": HEAD + "Content-Length: \u0662\r\n\r\n{}".encode(),
    "a length beyond the limit": HEAD + b"Content-Length: 101\r\n\r\n" + b"x" * 101,
    "length and chunks": HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "chunks": HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "chunks in capitals": HEAD + b"Transfer-Encoding: CHUNKED\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "another encoding": HEAD + b"Transfer-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
    "who waits for a word": HEAD + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n{}",
    "HTTP/1.0": ORDINARY.replace(b"HTTP/1.1", b"HTTP/1.0"),
    "HTTP/1.0 kept open": HEAD.replace(b"1.1", b"1.0", 1) + b"Connection: keep-alive\r\nContent-Length: 2\r\n\r\n{}",
    "HTTP/2": ORDINARY.replace(b"HTTP/1.1", b"HTTP/2.0"),
    "the last request": HEAD + b"Connection: close\r\nContent-Length: 2\r\n\r\n{}",
    "another method": ORDINARY.replace(b"POST", b"PUT"),
    "a method in small letters": ORDINARY.replace(b"POST", b"post"),
    "a whole URL": ORDINARY.replace(b"POST /", b"POST http://x/"),
    "a path that is not ASCII": ORDINARY.replace(b"a=1", "a=\xe9".encode("latin1")),
    "a header that is not ASCII": HEAD + "X: \xe9\xff\r\nContent-Length: 2\r\n\r\n{}".encode("latin1"),
    "a tab around a value": HEAD + b"X:\ta\t\r\nContent-Length:\t2\r\n\r\n{}",
    "a zero byte": HEAD + b"X: \0\r\nContent-Length: 2\r\n\r\n{}",
    "a carriage return alone": HEAD + b"X: a\rb\r\nContent-Length: 2\r\n\r\n{}",
    "an empty name": HEAD + b": a\r\nContent-Length: 2\r\n\r\n{}",
    "no colon": HEAD + b"X\r\nContent-Length: 2\r\n\r\n{}",
    "an empty line before": b"\r\n" + ORDINARY,
    "a repeated header": HEAD + b"X: a\r\nx: b\r\nContent-Length: 2\r\n\r\n{}",
    "101 headers": HEAD + b"x:\r\n" * 101 + b"Content-Length: 2\r\n\r\n{}",
    "nonsense": b"\x16\x03\x01\r\n\r\n",
}


@pytest.mark.parametrize("request_", [*ODD.values(), ORDINARY], ids=[*ODD, "ordinary"])
def test_each_request_is_answered_as_tornados_connection_does(request_):
    whole = request_ + ORDINARY + LAST
    by_tornado = answers([whole], quick=False)
    assert answers([whole], quick=True) == by_tornado
    # After an ordinary one, too, and in two parts.
    assert answers([ORDINARY + whole], quick=True) == answers([ORDINARY + whole], quick=False)
    for at in (1, len(HEAD) // 2, len(request_) - 3, len(request_) - 1):
        assert answers([whole[:at], whole[at:]], quick=True) == by_tornado


@pytest.mark.parametrize("quick", [True, False])
def test_a_client_by_ipv4_has_its_address_where_the_listener_takes_ipv6_too(quick):
    listening = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
    _, asked = answers([ORDINARY, LAST], quick=quick, listening=listening)
    assert [peer for *_, peer in asked] == ["127.0.0.1"] * 2


def test_only_odd_requests_make_a_connection_tornados():
    async def kinds_after(sent):
        served = Served(quick=True)
        reader, writer = await asyncio.open_connection(*served.address)
        writer.write(sent)
        await reader.readuntil(b"\r\n\r\n")
        kinds = served.kinds
        writer.close()
        await served.end()
        return kinds

    cases = {ORDINARY: True, ORDINARY * 3: True, ODD["chunks"]: False, ODD["bare line feeds"]: False}
    for sent, is_quick in cases.items():
        (kind,) = asyncio.run(asyncio.wait_for(kinds_after(sent), 60))
        assert (kind is QuickConnection) is is_quick, sent


def test_an_ordinary_request_in_single_bytes_stays_ordinary():
    (answer, asked) = answers([bytes([byte]) for byte in ORDINARY] + [LAST], quick=True)
    assert answer.count(b"HTTP/1.1 200 OK") == 2
    assert asked[0] == ("POST", "/webhooks/User.Updated?a=1", "a b=", b"{}", "127.0.0.1")


@pytest.mark.parametrize("quick", [True, False])
def test_a_client_that_reads_nothing_for_long_gets_every_answer_in_order(quick):
    text = "x" * 20_000
    number = 400

    async def run():
        count = iter(range(number))
        served = Served(quick=quick, respond=lambda _, respond: respond(answer_text(f"{next(count):06}{text}")))
        with socket.create_connection(served.address, timeout=30) as client:
            await asyncio.to_thread(client.sendall, ORDINARY * number)
            await asyncio.to_thread(until, lambda: served.kinds == [HTTP1ServerConnection], what="Tornado to go on")
            got = await asyncio.to_thread(receive, client, number * len(text))
        await served.end()
        return re.findall(rb"(\d{6})x{20000}", got)

    def receive(client, size):
        got = b""
        while got.count(b"x") < size:
            got += client.recv(1 << 20)
        return got

    assert asyncio.run(asyncio.wait_for(run(), 60)) == [b"%06d" % each for each in range(number)]


def test_a_client_that_sends_ahead_without_end_is_answered_and_never_read_far_ahead():
    small = b"POST /x HTTP/1.1\r\nA: b\r\nContent-Length: 0\r\n\r\n"
    number = 20_000
    unread = []

    async def run():
        served: Served = Served(quick=True, respond=lambda _, respond: respond(note_unread(served)))
        reader, writer = await asyncio.open_connection(*served.address)
        writer.write(small * number + LAST)
        got = await reader.read()
        writer.close()
        await served.end()
        return got

    def note_unread(served):
        unread.extend(len(each._unread) for each in served.server._connections if isinstance(each, QuickConnection))
        return answer_text("ok")

    got = asyncio.run(asyncio.wait_for(run(), 60))
    assert got.count(b"\r\n\r\nok") == number + 1
    assert 0 < max(unread) <= 32 * 1024


def test_a_connection_that_brought_an_accepted_notification_is_the_senders_after_an_odd_request_too():
    async def run():
        served = Served(quick=True, respond=lambda request, respond: respond(_accept_posts(request)))
        reader, writer = await asyncio.open_connection(*served.address)
        for sent in (ORDINARY, ODD["chunks"].replace(b"POST", b"PUT"), LAST.replace(b"close", b"keep-alive")):
            writer.write(sent)
            await reader.readuntil(b"\r\n\r\nok")
        (connection,) = served.server._connections
        is_proven = isinstance(connection, HTTP1ServerConnection) and served.server.is_proven(connection)
        has_strangers = served.server.has_strangers()
        writer.close()
        await served.end()
        return is_proven, has_strangers

    assert asyncio.run(asyncio.wait_for(run(), 60)) == (True, False)


def _accept_posts(request) -> Answer:
    return answer_accepted("1") if request.method == "POST" else answer_text("ok")


def test_only_the_first_answer_to_a_request_counts():
    again = []

    def respond(request, give):
        give(answer_text(f"{request.body!r} first"))
        for one in again:
            one(answer_text("second"))
        again.append(give)

    async def run():
        served = Served(quick=True, respond=respond)
        reader, writer = await asyncio.open_connection(*served.address)
        got = []
        for number in range(3):
            writer.write(HEAD + b"Content-Length: 1\r\n\r\n%d" % number)
            got.append(await reader.readuntil(b"first"))
            again[-1](answer_text("second"))
        writer.close()
        await served.end()
        return got

    got = asyncio.run(asyncio.wait_for(run(), 60))
    assert [b"b'%d'" % number in answer for number, answer in enumerate(got)] == [True] * 3
    assert not any(b"second" in answer for answer in got)
