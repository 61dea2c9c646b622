"""The end of a request's head is found where HTTP says it is, by a search that is quick in any bytes."""

import asyncio
import itertools
import re
import socket

import pytest
from tornado.iostream import IOStream

from receiver.listener.connections import GuardedServer
from receiver.listener.exchange import ExchangeServer, answer_text
from receiver.listener.limits import Limits
from receiver.network.heads import HEAD_BYTES, search_quickly

EMPTY_LINE = re.compile(rb"\r?\n\r?\n")


class Stream(IOStream):
    """A stream that keeps the expression it is to read until."""

    def __init__(self):
        """Read nothing."""

    def read_until_regex(self, regex, max_bytes=None):
        self.found = re.compile(regex)
        self.max_bytes = max_bytes


def test_the_quick_search_finds_the_same_end_in_all_short_texts():
    stream = Stream()
    search_quickly(stream)
    stream.read_until_regex(EMPTY_LINE.pattern, max_bytes=7)
    assert stream.max_bytes == 7
    for length in range(9):
        for text in map(bytes, itertools.product(b"\r\nx", repeat=length)):
            quick, plain_one = stream.found.search(text), EMPTY_LINE.search(text)
            assert (quick and quick.end()) == (plain_one and plain_one.end()), text


def answer_to(request):
    """Send one request to a server and return all that it answers until it closes the connection."""

    async def answer():
        server = GuardedServer(
            ExchangeServer(lambda _, respond: respond(answer_text("ok")), 100, Limits()), limits=Limits()
        )
        listening = socket.create_server(("127.0.0.1", 0))
        address = listening.getsockname()
        server.take_from(listening)
        reader, writer = await asyncio.open_connection(*address)
        writer.write(request)
        try:
            return await reader.read()
        except ConnectionResetError:
            return b""
        finally:
            writer.close()
            server.stop()
            await server.close_all_connections()

    return asyncio.run(asyncio.wait_for(answer(), 60))


@pytest.mark.parametrize("end", [b"\r\n\r\n", b"\n\n", b"\r\n\n", b"\n\r\n"])
def test_a_head_may_end_in_any_empty_line(end):
    assert answer_to(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close" + end).startswith(b"HTTP/1.1 200 OK")


@pytest.mark.parametrize(
    ("headers", "answer"),
    [
        (b"".join(b"%x:\r\n" % number for number in range(9_000)), b""),
        (b"X: " + b"y" * HEAD_BYTES + b"\r\n", b""),
        (b"x:\r\n" * 101, b"HTTP/1.1 400 Bad Request"),
    ],
    ids=["9,000 headers", "one long header", "101 headers"],
)
def test_a_head_beyond_its_limits_is_not_parsed_and_its_connection_is_closed(headers, answer):
    assert answer_to(b"GET / HTTP/1.1\r\nHost: x\r\n" + headers + b"\r\n").partition(b"\r\n")[0] == answer


@pytest.mark.parametrize(("lines", "answer"), [(96, b"HTTP/1.1 200 OK"), (97, b"HTTP/1.1 400 Bad Request")])
def test_a_head_of_a_hundred_lines_is_the_longest_that_is_parsed(lines, answer):
    head = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + b"x:\r\n" * lines + b"\r\n"
    assert answer_to(head).partition(b"\r\n")[0] == answer
