"""Asks a server for an answer of a receiver's size: another server may announce, or send, more than memory holds."""

from collections.abc import Mapping
from typing import Final, NamedTuple

import urllib3

MOST_BYTES: Final = 64 * 1024


class Answer(NamedTuple):
    """A server's answer; of a body that is longer than any of a receiver there is the first part, and an ellipsis."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def ask(
    pool: urllib3.PoolManager, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None
) -> Answer:
    """Ask a server, without retries and redirects, and keep its connection unless its answer is too long.

    Raises:
        HTTPError: no whole answer comes.
    """
    response = pool.request(
        method, url, headers=headers, body=body, redirect=False, preload_content=False, decode_content=False
    )
    try:
        data = response.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            data = data[:MOST_BYTES] + "…".encode()
            response.close()
        return Answer(response.status, response.headers, data)
    finally:
        response.release_conn()
