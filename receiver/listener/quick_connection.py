"""Reads and answers the sender's ordinary requests in few steps; Tornado's connections read all others.

Most of what a notification costs is the way through Tornado's HTTP/1 connection, which is made for any request. The
sender's are all alike: a POST of HTTP/1.1, some plain headers, a length, a small body. Such a request is read here, by
one expression that matches nothing else. At the first request that is not like that, in whatever respect, the
connection and all that it has sent become Tornado's for good. So there is one reading of odd requests, not two.
"""

import asyncio
import logging
import re
import socket
from functools import lru_cache, partial
from http import HTTPStatus
from typing import NamedTuple, Protocol

from receiver.listener.exchange import Answer, Request, Respond, answer_internal_error
from receiver.listener.turns import Turns
from receiver.network.heads import HEAD_BYTES

# Larger bodies count against a budget, and take turns, which Tornado's connections keep.
_LARGEST_BODY = 16 * 1024
# The largest ordinary request fits, so a connection with so much unread has a whole one, or an odd one.
_MOST_UNREAD = HEAD_BYTES + _LARGEST_BODY
_DIGITS = 5
_BEGINNING = b"POST /"
_CLOSE = "Connection: close\r\n"
_END_OF_HEAD = b"\r\n\r\n"
# Stricter than HTTP is: visible ASCII, each line ended by CR LF, no line that goes on with the next.
_HEAD = re.compile(r"POST (/[!-~]*) HTTP/1\.1\r\n((?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[ -~]*\r\n){1,64})\r\n")
_HEADER = re.compile(r"([^:]+):([^\r]*)\r\n")
_NEED_MORE = frozenset({"transfer-encoding", "expect", "upgrade"})
"""Headers of requests that need more than an answer."""

_log = logging.getLogger(__name__)


class Peer(NamedTuple):
    """The other end of a connection: its socket's address, and its IP address."""

    address: tuple[str, int]
    remote_ip: str


class Owner(Protocol):
    """Keeps the connections, and limits them."""

    def await_request(self, connection: "QuickConnection") -> None:
        """Note that a connection's next request is awaited."""

    def note_head(self, connection: "QuickConnection") -> None:
        """Note that a request's headers are there, and its body is not."""

    def note_request(self, connection: "QuickConnection") -> None:
        """Note that a request is there whole, and waits for its answer."""

    def prove(self, connection: "QuickConnection") -> None:
        """Note that a notification of a connection's was accepted."""

    def forget(self, connection: "QuickConnection") -> None:
        """Forget a connection that is closed."""

    def hand_over(self, connection: "QuickConnection", taken: socket.socket, unread: bytes, unsent: bytes) -> None:
        """Let Tornado go on with a connection: write what is not sent, and read on from what is not read."""

    def is_leaving(self) -> bool:
        """Tell whether each answer is its connection's last."""


class Ordinary(NamedTuple):
    """How ordinary requests are answered: by `respond`, refusals in `turns`; a body may have `most_bytes`."""

    respond: Respond
    turns: Turns
    most_bytes: int


class _Head(NamedTuple):
    target: str
    headers: dict[str, str]
    begin: int
    end: int
    """The begin and end of the body in the bytes that were read."""


class QuickConnection:
    """A connection on which each request was ordinary up to now.

    Args:
        owner: keeps it.
        taken: its socket, which becomes the connection's own.
        peer: the other end.
        ordinary: what its requests need.
    """

    def __init__(self, owner: Owner, taken: socket.socket, peer: Peer, ordinary: Ordinary) -> None:
        self.context = peer
        self._owner = owner
        self._socket = taken
        self._ordinary = ordinary
        self._unread = b""
        self._head: _Head | None = None
        self._requests = 0
        self._answered = 0
        self._is_answer_due = False
        self._is_reading = False
        self._has_ended = False
        self._loop = asyncio.get_running_loop()
        taken.setblocking(False)
        taken.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # In the loop's next turn, so that it does not give way to the next one that is taken in this turn.
        self._loop.call_soon(self._begin)

    @property
    def has_begun(self) -> bool:
        """Tell whether a part of the next request is there."""
        return bool(self._unread)

    def drop(self) -> None:
        """Close the connection, whatever is under way."""
        if self._socket.fileno() != -1:
            self._read_no_more()
            self._socket.close()
            self._owner.forget(self)

    async def close(self) -> None:
        """Do the same; Tornado's connections are closed by waiting."""
        self.drop()

    def _begin(self) -> None:
        if self._socket.fileno() != -1:
            self._owner.await_request(self)
            self._read_on()

    def _read_on(self) -> None:
        if not self._is_reading:
            self._is_reading = True
            self._loop.add_reader(self._socket.fileno(), self._receive)

    def _read_no_more(self) -> None:
        if self._is_reading:
            self._is_reading = False
            self._loop.remove_reader(self._socket.fileno())

    def _receive(self) -> None:
        if self._is_answer_due:
            # What the client sends early waits in the system's buffers, whose size is limited.
            self._read_no_more()
            return
        try:
            received = self._socket.recv(_MOST_UNREAD - len(self._unread))
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self.drop()
            return
        if received:
            self._unread += received
        else:
            self._has_ended = True
            self._read_no_more()
        self._take_request()

    def _take_request(self) -> None:
        """Take the next request as far as it is there, or hand the connection over."""
        if self._is_answer_due or self._socket.fileno() == -1:
            return
        if self._head is None:
            if _END_OF_HEAD not in self._unread and _may_become_ordinary(self._unread):
                self._wait()
                return
            self._head = _read_head(self._unread, self._ordinary.most_bytes)
            if self._head is None:
                self._hand_over()
                return
            if len(self._unread) < self._head.end:
                self._owner.note_head(self)
        if len(self._unread) < self._head.end:
            self._wait()
        else:
            self._hand_in(self._head)

    def _wait(self) -> None:
        """Wait for the rest of a request."""
        if self._has_ended:
            self.drop()
        else:
            self._read_on()

    def _hand_in(self, head: _Head) -> None:
        body, self._unread, self._head = self._unread[head.begin : head.end], self._unread[head.end :], None
        self._is_answer_due = True
        self._owner.note_request(self)
        self._requests += 1
        answer = partial(self._answer, self._requests, head.begin)
        try:
            self._ordinary.respond(Request("POST", head.target, head.headers, body, self.context.remote_ip), answer)
        except Exception:  # noqa: BLE001 - whatever it is, it is no reason to leave the sender without an answer
            _log.exception("a request could not be answered as it should")
            answer(answer_internal_error())

    def _answer(self, number: int, size: int, answer: Answer) -> None:
        """Answer a request by its number, whose head had so many bytes; the first answer counts."""
        if number <= self._answered:
            return
        self._answered = number
        if answer.is_acceptance:
            self._owner.prove(self)
            self._give(answer)
        else:
            self._ordinary.turns.take(size, partial(self._give, answer))

    def _give(self, answer: Answer) -> None:
        try:
            if self._socket.fileno() != -1:
                self._send(answer)
        except Exception:  # noqa: BLE001 - half an answer can't be taken back
            _log.exception("an answer could not be written: its connection is closed")
            self.drop()

    def _send(self, answer: Answer) -> None:
        is_last = self._owner.is_leaving()
        written = write_answer(answer, is_last=is_last)
        try:
            sent = self._socket.send(written)
        except (BlockingIOError, InterruptedError):
            sent = 0
        except OSError:
            self.drop()
            return
        self._is_answer_due = False
        if sent < len(written):
            self._hand_over(written[sent:])
        elif is_last or (self._has_ended and not self._unread):
            self.drop()
        else:
            self._owner.await_request(self)
            if self._unread:
                self._loop.call_soon(self._take_request)
            else:
                self._read_on()

    def _hand_over(self, unsent: bytes = b"") -> None:
        self._read_no_more()
        taken = socket.socket(fileno=self._socket.detach())
        self._owner.hand_over(self, taken, self._unread, unsent)


def write_answer(answer: Answer, *, is_last: bool) -> bytes:
    """Write an answer as it goes over the wire, and after the last one that the connection ends."""
    head = _begin_answer(answer.status, answer.content_type, len(answer.body))
    for name, value in answer.headers.items():
        head += f"{name}: {value}\r\n"
    return f"{head}{_CLOSE if is_last else ''}\r\n".encode("latin1") + answer.body


@lru_cache
def _begin_answer(status: HTTPStatus, content_type: str, length: int) -> str:
    return f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n"


def _may_become_ordinary(begun: bytes) -> bool:
    """Tell whether the begin of a head may go on as an ordinary one's."""
    return (
        len(begun) < HEAD_BYTES
        and begun[: len(_BEGINNING)] == _BEGINNING[: len(begun)]
        and begun.count(b"\n") == begun.count(b"\r\n")
    )


def _read_head(read: bytes, most_bytes: int) -> _Head | None:
    """Read the head of an ordinary request; None where it is not ordinary."""
    end = read.find(_END_OF_HEAD) + len(_END_OF_HEAD)
    match = _HEAD.fullmatch(read[:end].decode("latin1")) if end <= HEAD_BYTES else None
    if match is None:
        return None
    target, lines = match.groups()
    pairs = _HEADER.findall(lines)
    headers = {name.lower(): value.strip(" ") for name, value in pairs}
    length = headers.get("content-length", "")
    if (
        len(headers) < len(pairs)
        or not length.isdecimal()
        or len(length) > _DIGITS
        or int(length) > min(most_bytes, _LARGEST_BODY)
        or not _NEED_MORE.isdisjoint(headers)
        or headers.get("connection", "keep-alive").lower() != "keep-alive"
    ):
        return None
    return _Head(target, headers, end, end + int(length))
