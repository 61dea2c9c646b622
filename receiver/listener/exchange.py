"""One HTTP exchange: reads a request within its limits and writes one answer."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from http import HTTPStatus
from typing import NamedTuple

from tornado.http1connection import HTTP1Connection, HTTP1ServerConnection
from tornado.httputil import (
    HTTPHeaders,
    HTTPMessageDelegate,
    HTTPServerConnectionDelegate,
    RequestStartLine,
    ResponseStartLine,
)

from receiver.admission import Refusal
from receiver.listener.limits import BodyBudget, Limits
from receiver.listener.turns import Turns

# Tornado's own limit would answer without a body, and close the connection before its sender could read that.
_NO_LIMIT = 1 << 40
_LONGEST_LENGTH = 18
# The sender's own notifications are smaller.
_LARGE_BYTES = 16 * 1024
# The largest share of a body's time (`Limits.body_seconds`) that pauses take: its sender has the rest.
_MOST_PAUSED = 0.5
# A part of a chunked body costs as much as 16 kB of it.
_PARTS_A_TURN = 8
_MOST_PARTS = 1000
_FEWEST_BYTES_A_PART = 64
_PLAIN = "text/plain; charset=utf-8"

_log = logging.getLogger(__name__)


class Request(NamedTuple):
    """A request; ask its headers for names in lower case. One with a `refusal` was answered, and its body not read."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    peer: str | None
    refusal: Refusal | None = None


class Answer(NamedTuple):
    """An answer; `headers` come on top of type and length."""

    status: HTTPStatus
    content_type: str
    body: bytes
    headers: dict[str, str] = {}  # noqa: RUF012 - never changed
    is_acceptance: bool = False


def answer_text(text: str) -> Answer:
    """Answer 200 with text."""
    return Answer(HTTPStatus.OK, _PLAIN, text.encode())


def answer_accepted(name: str) -> Answer:
    """Answer that a notification was accepted under an id."""
    return Answer(HTTPStatus.OK, _PLAIN, b"ok", {"Notification-Id": name}, is_acceptance=True)


def answer_refused(why: Refusal, headers: dict[str, str] | None = None) -> Answer:
    """Answer a refusal as JSON."""
    body = json.dumps({"error": why.code, "detail": why.detail}).encode()
    again = {"Retry-After": "5"} if why.status == HTTPStatus.SERVICE_UNAVAILABLE else {}
    return Answer(why.status, "application/json", body, again | (headers or {}))


def _answer_spool_unavailable(why: str) -> Answer:
    detail = f"The notification could not be written to disk: {why}."
    return answer_refused(Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "spool_unavailable", detail))


def answer_internal_error(name: str | None = None) -> Answer:
    """Answer that a request failed by an error in this program; `name` is its id in the log."""
    detail = "The receiver failed at this request by an error of its own; its log says more"
    detail += f", under {name}." if name else "."
    return answer_refused(Refusal(HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error", detail))


Respond = Callable[[Request, Callable[[Answer], None]], Awaitable[None] | None]

SPOOL_UNAVAILABLE = _answer_spool_unavailable("the receiver's log says why")
_TOO_MUCH = _answer_spool_unavailable("too many large bodies are on their way, and this one is the largest")


class Standing(NamedTuple):
    """Whether a notification of a connection was accepted: `prove` notes that, `is_proven` tells it."""

    prove: Callable[[], None]
    is_proven: Callable[[], bool]


class Exchange(HTTPMessageDelegate):
    """Collects a request and hands it to `respond`, which calls back with the answer, now or later."""

    def __init__(
        self,
        connection: HTTP1Connection,
        respond: Respond,
        standing: Standing,
        max_body_bytes: int,
        bodies: BodyBudget,
        turns: Turns,
    ) -> None:
        self._connection = connection
        self._standing = standing
        self._turns = turns
        self._parts = 0
        self._pause_left = _MOST_PAUSED * bodies.limits.body_seconds
        self._respond = respond
        self._max_body_bytes = max_body_bytes
        self._bodies = bodies
        self._chunks: list[bytes] = []
        self._bytes = 0
        self._answered = False
        self._read = False

    def headers_received(self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders) -> None:
        """Refuse a body that says it is too large before it is sent."""
        assert isinstance(start_line, RequestStartLine)  # noqa: S101 - a server reads requests
        self._start_line = start_line
        self._headers = headers
        length = headers.get("Content-Length", "")
        # Tornado refuses a length beside chunks.
        if "Transfer-Encoding" not in headers and _announces_more_than(self._max_body_bytes, length):
            self._refuse_as_too_large()
            if _announces_more_than(_NO_LIMIT, length):
                # Tornado would write an answer of its own after this one.
                headers["Content-Length"] = str(_NO_LIMIT)

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        """Collect a part of the body; let others have a turn after some parts, and after a stranger's large ones."""
        self._bytes += len(chunk)
        self._parts += 1
        if self._parts > _MOST_PARTS + self._bytes // _FEWEST_BYTES_A_PART:
            self._hang_up()
        if self._answered:
            if self._bytes > self._max_body_bytes + self._bodies.limits.discard_bytes:
                self._hang_up()
        elif self._bytes > self._max_body_bytes:
            self._refuse_as_too_large()
        else:
            self._chunks.append(chunk)
            self._bodies.grow(self, len(chunk))
        pause = self._pause(len(chunk))
        return asyncio.sleep(pause) if pause or not self._parts % _PARTS_A_TURN else None

    def _pause(self, size: int) -> float:
        """Return the seconds to wait after a part of this size, before more of the body is read."""
        if self._bytes <= _LARGE_BYTES or self._standing.is_proven():
            return 0
        pause = min(self._bodies.rate.count_bytes(size), self._pause_left)
        self._pause_left -= pause
        return pause

    def finish(self) -> None:
        """Hand the whole request over."""
        self._read = True
        if self._answered:
            self._connection.finish()
            return
        self._bodies.is_read(self)
        request = self._make_request(b"".join(self._chunks))
        self._chunks.clear()
        try:
            self._respond(request, self.answer)
        except Exception:  # noqa: BLE001 - whatever it is, it is no reason to leave the sender without an answer
            _log.exception("a request could not be answered as it should")
            self.answer(answer_internal_error())

    def _make_request(self, body: bytes, refusal: Refusal | None = None) -> Request:
        method, target, _ = self._start_line
        peer = getattr(self._connection.context, "remote_ip", None)
        return Request(method, target, self._headers, body, peer, refusal)

    def on_connection_close(self) -> None:
        """Forget a request whose sender hung up before it was read."""
        self._forget()

    def answer(self, answer: Answer) -> None:
        """Write the answer; the first one counts."""
        if self._answered:
            return
        self._answered = True
        self._forget()
        if answer.is_acceptance:
            self._standing.prove()
            self._give(answer)
        else:
            # Refused notifications, and requests that are none, may come from strangers by the thousand.
            size = sum(len(value) for value in self._headers.values())
            self._turns.take(size, partial(self._give, answer))

    def _give(self, answer: Answer) -> None:
        try:
            self._write(answer)
        except Exception:  # noqa: BLE001 - half an answer can't be taken back
            _log.exception("an answer could not be written: its connection is closed")
            self._connection.close()

    def _write(self, answer: Answer) -> None:
        headers = HTTPHeaders({"Content-Type": answer.content_type, "Content-Length": str(len(answer.body))})
        for name, value in answer.headers.items():
            headers[name] = value
        body = b"" if self._start_line.method == "HEAD" else answer.body
        start_line = ResponseStartLine("HTTP/1.1", answer.status, answer.status.phrase)
        self._connection.write_headers(start_line, headers, body)
        if self._read:
            self._connection.finish()
        # Otherwise the rest of the request is read and forgotten first, for a while: closing the connection at once
        # would reset it, and the sender might never read the answer.

    def give_up(self) -> None:
        """Refuse an incomplete body, to make room for others."""
        self._refuse_early(_TOO_MUCH)

    def _hang_up(self) -> None:
        stream = self._connection.stream
        self._connection.close()
        # Tornado would go on with its buffer, which may hold thousands of chunks.
        stream._read_buffer.clear()  # noqa: SLF001 - nothing else stops it
        stream._read_buffer_size = 0  # noqa: SLF001 - the same

    def _refuse_as_too_large(self) -> None:
        detail = f"The body is larger than {self._max_body_bytes} bytes (CLC_MAX_BODY_BYTES)."
        refusal = Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large", detail)
        self._refuse_early(answer_refused(refusal))
        # Its answer does not wait until it is noted among the refused ones.
        self._respond(self._make_request(b"", refusal), lambda _: None)

    def _refuse_early(self, answer: Answer) -> None:
        self._connection.set_body_timeout(self._bodies.limits.discard_seconds)
        # A sender that waits for "100 Continue" gets the answer instead.
        self._headers.pop("Expect", None)
        self.answer(answer)

    def _forget(self) -> None:
        self._chunks.clear()
        self._bodies.forget(self)


def _announces_more_than(most: int, length: str) -> bool:
    # Python makes no number of thousands of digits.
    return length.isdecimal() and (len(length) > _LONGEST_LENGTH or int(length) > most)


class ExchangeServer(HTTPServerConnectionDelegate):
    """Makes an `Exchange` of each request on a connection."""

    def __init__(self, respond: Respond, max_body_bytes: int, limits: Limits) -> None:
        self._respond = respond
        self._max_body_bytes = max_body_bytes
        self._bodies = BodyBudget(limits)
        self.turns = Turns()
        """The turns in which strangers get their answers."""
        self.prove: Callable[[HTTP1ServerConnection], None] = lambda _: None
        """Called with a connection when a notification of it was accepted."""
        self.is_proven: Callable[[HTTP1ServerConnection], bool] = lambda _: True
        """Tells whether a notification of a connection's was accepted."""

    def start_request(self, server_conn: object, request_conn: object) -> HTTPMessageDelegate:
        """Begin to read a request."""
        assert isinstance(server_conn, HTTP1ServerConnection)  # noqa: S101 - Tornado's only kind
        assert isinstance(request_conn, HTTP1Connection)  # noqa: S101 - Tornado's only kind
        request_conn.set_max_body_size(_NO_LIMIT)
        standing = Standing(partial(self.prove, server_conn), partial(self.is_proven, server_conn))
        return Exchange(request_conn, self._respond, standing, self._max_body_bytes, self._bodies, self.turns)

    def on_close(self, _server_conn: object) -> None:
        """Do nothing: no state is kept by connection."""
