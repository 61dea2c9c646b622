"""Posts an archive's notifications at a rate, over and over, until it is interrupted; as a process of its own.

They were signed before and are sent with little processor time, which is left to the machines that take them.
"""

import asyncio
import hashlib
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path
from typing import NamedTuple, TextIO
from urllib.parse import urlsplit

import orjson

LONGEST_CATCHING_UP = 1.0
"""Seconds: what could not be sent for longer is not sent any more."""


class Request(NamedTuple):
    """A request: all its bytes, and the event and the SHA-256 that the report gives."""

    posted: bytes
    event: str
    sha256: str


class Sender:
    """Posts to one address, and writes a line for each answer.

    Args:
        url: the address.
        connections: how many may be on their way at a time.
        report: gets the lines.
    """

    def __init__(self, url: str, connections: int, report: TextIO) -> None:
        self._address = urlsplit(url)
        self._connections, self._report = connections, report
        self._queue: asyncio.Queue[Request] = asyncio.Queue(connections)

    async def post_all(self, requests: Iterator[Request], rate: int) -> None:
        """Post so many a second until SIGINT, and return once all is answered."""
        workers = [asyncio.create_task(self._work()) for _ in range(self._connections)]
        offering = asyncio.create_task(self._offer(requests, rate))
        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, offering.cancel)
        with suppress(asyncio.CancelledError):
            await offering
        await self._queue.join()
        for worker in workers:
            worker.cancel()

    async def _offer(self, requests: Iterator[Request], rate: int) -> None:
        due = time.monotonic()
        for request in requests:
            await asyncio.sleep(due - time.monotonic())
            await self._queue.put(request)
            due = max(due + 1 / rate, time.monotonic() - LONGEST_CATCHING_UP)

    async def _work(self) -> None:
        while True:
            reader, writer = await asyncio.open_connection(self._address.hostname, self._address.port)
            with suppress(OSError, asyncio.IncompleteReadError):
                while True:
                    await self._post(await self._queue.get(), reader, writer)
            writer.transport.abort()

    async def _post(self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sent_at, status, name = datetime.now(UTC), None, None
        try:
            writer.write(request.posted)
            status, name = await _read_answer(reader)
        finally:
            times = {"sent_at": sent_at, "answered_at": datetime.now(UTC)}
            answer = {"id": name, "event": request.event, **times, "status": status, "sha256": request.sha256}
            self._report.write(orjson.dumps(answer, option=orjson.OPT_APPEND_NEWLINE).decode())
            self._queue.task_done()


async def _read_answer(reader: asyncio.StreamReader) -> tuple[int, str | None]:
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines if line)
    await reader.readexactly(int(headers["content-length"]))
    return int(first.split()[1]), headers.get("notification-id")


def read_requests(archive: Path, host: str) -> Iterator[Request]:
    """Read an archive's notifications as they are on the wire, over and over."""
    requests = []
    for line in archive.read_bytes().splitlines():
        row = orjson.loads(line)
        headers = {**row["headers"], "Host": host}
        headers.pop("Expect")  # it would be answered first, and the sender doesn't wait for that
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        body = row["body"].encode()
        posted = f"POST /webhooks/{row['event']} HTTP/1.1\r\n{head}\r\n".encode() + body
        requests.append(Request(posted, row["event"], hashlib.sha256(body).hexdigest()))
    return cycle(requests)


if __name__ == "__main__":
    url, archive, rate, connections, report = sys.argv[1:]
    with Path(report).open("w", buffering=1) as file:
        sender = Sender(url, int(connections), file)
        asyncio.run(sender.post_all(read_requests(Path(archive), urlsplit(url).netloc), int(rate)))
