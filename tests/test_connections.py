"""Who is slow is closed in time, but not for what the listener itself kept it waiting for."""

import asyncio
import socket
import time

import pytest

from receiver.listener.connections import GuardedServer, Limits
from receiver.listener.exchange import ExchangeServer, plain
from tests.waiting import until

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
        server = GuardedServer(ExchangeServer(lambda _, respond: respond(plain("ok")), 100, LIMITS), limits=LIMITS)
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
