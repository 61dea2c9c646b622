"""Connections without the token are bounded, and keep out no holder of the right one."""

import contextlib
import socket

import pytest

from tests.support.querying import serving
from tests.support.waiting import until

MOST = 20


@pytest.fixture
def small(tmp_path):
    """A service with room for few connections."""
    with serving(tmp_path / "clc.duckdb", most=MOST) as running:
        yield running


@contextlib.contextmanager
def strangers(port, count, sent=b""):
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_connection(("127.0.0.1", port), 10)) for _ in range(count)]
        for each in sockets:
            with contextlib.suppress(OSError):
                each.sendall(sent)
        yield sockets


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"POST /query HTTP/1.1\r\nHost: 127.0.0.1\r\n",
        b"POST /query HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    ],
    ids=["idle", "half a header", "no body", "kept open"],
)
def test_connections_without_the_token_are_bounded_and_keep_nobody_out(small, sent):
    assert small.rows("SELECT 1") == [(1,)]
    with strangers(small.port, 5 * MOST, sent):
        until(lambda: small.connections() >= MOST, what="the strangers' connections")
        assert small.rows("SELECT 2") == [(2,)]
        small.pool.clear()
        assert small.rows("SELECT 3") == [(3,)]
        until(lambda: small.connections() <= MOST, what="the connections to be few again")


def test_a_head_of_many_lines_is_not_parsed(small):
    head = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n" + b"x:\r\n" * 101 + b"\r\n"
    with strangers(small.port, 1, head) as (stranger,):
        assert stranger.recv(100).startswith(b"HTTP/1.1 400 Bad Request")


def test_a_connection_that_waits_too_long_for_its_request_is_closed(tmp_path):
    with serving(tmp_path / "clc.duckdb", idle_connection_timeout=0.2) as service:
        with strangers(service.port, 2, b"GET /healthz HTTP/1.1\r\n") as sockets:
            assert [each.recv(100) for each in sockets] == [b"", b""]
        until(lambda: service.connections() == 0, what="no connection")
