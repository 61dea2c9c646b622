"""Strangers' large bodies are read at a limited rate; small ones and those of a proven sender are not."""

import asyncio
import socket

import pytest

from receiver.listener.connections import GuardedServer
from receiver.listener.exchange import ExchangeServer, answer_accepted
from receiver.listener.limits import Limits
from receiver.listener.turns import ByteRate

MIB = 1024 * 1024
LARGE = b"x" * 200_000
SMALL = b"x" * 16_000


def test_bytes_pass_at_64_mib_a_second_after_the_first_mebibyte():
    rate = ByteRate(lambda: 100.0)
    assert rate.count_bytes(MIB) == 0
    assert rate.count_bytes(MIB) == pytest.approx(1 / 64)
    assert rate.count_bytes(16 * MIB) == pytest.approx(17 / 64)


def test_a_pause_gives_back_the_first_mebibyte_and_no_more():
    now = [100.0]
    rate = ByteRate(lambda: now[0])
    rate.count_bytes(3 * MIB)
    now[0] += 1000
    assert rate.count_bytes(MIB) == 0
    assert rate.count_bytes(MIB) == pytest.approx(1 / 64)


def test_bytes_of_any_number_delay_the_next_for_a_second_at_most():
    rate = ByteRate(lambda: 100.0)
    assert [rate.count_bytes(1000 * MIB) for _ in range(3)] == [1, 1, 1]


class Slowest(ByteRate):
    """A rate that lets nothing pass, and counts what was to."""

    def __init__(self):
        super().__init__()
        self.counted = 0

    def count_bytes(self, size):
        self.counted += size
        return 1e6


def bytes_that_waited(bodies):
    """Post bodies on one connection, read each answer, and return how many bytes of each one had to wait."""
    limits = Limits(body_seconds=0.4)
    waited = []

    async def post():
        exchanges = ExchangeServer(lambda _, respond: respond(answer_accepted("1")), MIB, limits)
        rate = exchanges._bodies.rate = Slowest()
        server = GuardedServer(exchanges, limits=limits)
        exchanges.prove, exchanges.is_proven = server.prove, server.is_proven
        listening = socket.create_server(("127.0.0.1", 0))
        address = listening.getsockname()
        server.take_from(listening)
        reader, writer = await asyncio.open_connection(*address)
        for body in bodies:
            before = rate.counted
            writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            assert (await reader.readuntil(b"\r\n\r\nok")).startswith(b"HTTP/1.1 200 OK")
            waited.append(rate.counted - before)
        writer.close()
        server.stop()
        await server.close_all_connections()

    asyncio.run(asyncio.wait_for(post(), 60))
    return waited


def test_a_strangers_large_body_waits_but_is_answered_in_its_time():
    (waited,) = bytes_that_waited([LARGE])
    assert waited > 0


def test_small_bodies_and_those_of_a_sender_whose_notification_was_accepted_never_wait():
    assert bytes_that_waited([SMALL, LARGE]) == [0, 0]
