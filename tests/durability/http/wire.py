"""HTTP as bytes on a socket, for what no client library would send."""

import select
import socket
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.processes import ListenerProcess

Answer = tuple[int, bytes]


def connect(listener: ListenerProcess, seconds: float = 30) -> socket.socket:
    """Open a connection, on which nothing takes longer than so many seconds."""
    parts = urllib.parse.urlsplit(listener.url)
    return socket.create_connection((parts.hostname, parts.port), timeout=seconds)


@contextmanager
def connected(listener: ListenerProcess) -> Iterator[socket.socket]:
    """Open a connection for the length of a block."""
    with connect(listener) as connection:
        yield connection


def read_answers(connection: socket.socket, number: int = 1) -> list[Answer]:
    """Read so many answers, or those there are until the other end closes; interim ones are passed over."""
    answers, data = [], b""
    while len(answers) < number:
        head, mark, rest = data.partition(b"\r\n\r\n")
        if mark:
            status = int(head.split()[1])
            length = next((int(line.split()[1]) for line in head.split(b"\r\n") if line[:15] == b"Content-Length:"), 0)
            if len(rest) >= length:
                if status != 100:
                    answers.append((status, rest[:length]))
                data = rest[length:]
                continue
        try:
            more = connection.recv(65536)
        except ConnectionResetError:
            break
        if not more:
            break
        data += more
    return answers


def is_closed(connection: socket.socket) -> bool:
    """Tell whether the other end closes the connection without another word."""
    try:
        return connection.recv(1000) == b""
    except ConnectionResetError:
        return True


def has_answer(connection: socket.socket) -> bool:
    """Tell whether there is something to read, or the other end has closed."""
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    return bool(poll.poll(0))
