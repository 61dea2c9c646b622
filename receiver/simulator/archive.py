"""Writes a history as an archive: signed JSON lines, as a receiver of those days might have kept them."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from functools import lru_cache
from itertools import islice
from pathlib import Path

import orjson
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from receiver.errors import ArchiveError
from receiver.files import open_whole
from receiver.senders import SENDER
from receiver.simulator import MADE_UP
from receiver.simulator.history import Outgoing

SOURCE_IP = "198.51.100.7"
CHUNK = 64
CHUNKS_AHEAD = 4
SIGNATURES_KEPT = 4096


def write_archive(
    path: Path,
    history: Iterable[Outgoing],
    key: RSAPrivateKey,
    progress: Callable[[int], None] = lambda _: None,
) -> int:
    """Write a history to a file and return how many lines it has. The file appears, or is replaced, when complete.

    Raises:
        ArchiveError: the file can't be written.
    """
    try:
        with open_whole(path) as file:
            count = 0
            for lines in _signed_lines(history, key):
                file.writelines(lines)
                count += len(lines)
                progress(count)
    except OSError as error:
        raise ArchiveError(
            f"The archive {path} can't be written ({error.strerror}): name a file in a directory that can be."
        ) from error
    return count


def archive_line(outgoing: Outgoing, signature: str) -> bytes:
    """Return a notification as a line of an archive."""
    headers = {**MADE_UP.headers, "Content-Length": str(len(outgoing.body)), SENDER.verification.header: signature}
    received_at = datetime.fromtimestamp(outgoing.received_at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    line = {
        "received_at": received_at,
        "event": outgoing.event_type,
        "source_ip": SOURCE_IP,
        "headers": headers,
        "body": outgoing.body.decode(),
    }
    return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)


def _signed_lines(history: Iterable[Outgoing], key: RSAPrivateKey) -> Iterator[list[bytes]]:
    """Yield the lines in chunks. Signing releases the interpreter's lock, so threads use every core."""

    @lru_cache(maxsize=SIGNATURES_KEPT)
    def signature(body: bytes) -> str:
        return SENDER.verification.sign(key, body)

    def lines(chunk: list[Outgoing]) -> list[bytes]:
        return [archive_line(outgoing, signature(outgoing.body)) for outgoing in chunk]

    threads = os.cpu_count() or 1
    waiting: deque[Future[list[bytes]]] = deque()
    source = iter(history)
    with ThreadPoolExecutor(threads) as executor:
        while chunk := list(islice(source, CHUNK)):
            waiting.append(executor.submit(lines, chunk))
            if len(waiting) > CHUNKS_AHEAD * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
