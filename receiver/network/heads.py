"""Keeps the start line and headers of a request cheap to read, whatever they hold, and tells when they are there.

Clients that end their half of a connection after a request are answered, too.
"""

import socket
import ssl
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from tornado.http1connection import HTTP1Connection
from tornado.httputil import HTTPHeaders, HTTPInputError, HTTPMessageDelegate, RequestStartLine, ResponseStartLine
from tornado.iostream import IOStream, SSLIOStream

HEAD_BYTES = 16 * 1024
"""The most bytes of a request's start line and headers."""

_HEADER_LINES = 100
# Tornado's own expression begins with an optional character, so the search tries every position: 2 ms for 64 kB.
_END_OF_HEAD = rb"\n(?:\r\n|\n)"
_ReadUntil = Callable[[bytes, int | None], Awaitable[bytes]]
_Parsed = tuple[str, HTTPHeaders]


class PatientStream(IOStream):
    """A stream that is not closed at its client's end before somebody reads that far."""

    def _handle_events(self, fd: Any, events: int) -> None:
        """Leave alone what comes while nobody reads: Tornado would read it, and close the stream at the end."""
        read = self.io_loop.READ
        if events & read and self._state and not self.reading() and not self.closed():
            events &= ~read
            self._state &= ~read  # reading asks for it again
            self.io_loop.update_handler(fd, self._state)
        if events:
            super()._handle_events(fd, events)


class PatientTLSStream(PatientStream, SSLIOStream):
    """The same under TLS."""

    def _is_connreset(self, exc: BaseException) -> bool:
        """Tell whether an error means that the client is gone, which is not logged: OpenSSL may have no word for it."""
        is_of_the_system = isinstance(exc, ssl.SSLError) and exc.errno == ssl.SSL_ERROR_SYSCALL
        return is_of_the_system or super()._is_connreset(exc)


def open_stream(taken: socket.socket, tls: ssl.SSLContext | None, **sizes: int | None) -> PatientStream:
    """Make a stream of a connection that was taken, under TLS if there is a context.

    Raises:
        OSError: the client is gone already.
    """
    if tls is None:
        return PatientStream(taken, **sizes)
    return PatientTLSStream(tls.wrap_socket(taken, server_side=True, do_handshake_on_connect=False), **sizes)


class RequestWatcher(HTTPMessageDelegate):
    """Passes a request on.

    Args:
        inner: takes the request.
        begin: called with its headers, before `inner` gets them.
        end: called when it is there whole, before `inner` knows.
    """

    def __init__(
        self,
        inner: HTTPMessageDelegate,
        begin: Callable[[HTTPHeaders], None],
        end: Callable[[], None] = lambda: None,
    ) -> None:
        self._inner = inner
        self._begin = begin
        self._end = end

    def headers_received(
        self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders
    ) -> Awaitable[None] | None:
        """Pass them on."""
        self._begin(headers)
        return self._inner.headers_received(start_line, headers)

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        """Pass it on."""
        return self._inner.data_received(chunk)

    def finish(self) -> None:
        """Pass it on."""
        self._end()
        self._inner.finish()

    def on_connection_close(self) -> None:
        """Pass it on."""
        self._inner.on_connection_close()


def search_quickly(stream: IOStream) -> None:
    """Make a connection's stream find the end of each head in a thirtieth of Tornado's time."""
    stream.read_until_regex = partial(_read_head, stream.read_until_regex)  # type: ignore[method-assign]


def refuse_many_headers(connection: HTTP1Connection) -> None:
    """Make a connection refuse a head of too many lines unparsed: Tornado takes 20 ms to parse 9,000 headers."""
    parse = connection._parse_headers  # noqa: SLF001 - it has no limit of its own
    connection._parse_headers = partial(_parse_few, parse)  # type: ignore[method-assign] # noqa: SLF001


def _read_head(read_until: _ReadUntil, _regex: bytes, max_bytes: int | None = None) -> Awaitable[bytes]:
    return read_until(_END_OF_HEAD, max_bytes)


def _parse_few(parse: Callable[[bytes], _Parsed], data: bytes) -> _Parsed:
    """Parse a request's head, unless it has more lines than anybody needs.

    Raises:
        HTTPInputError: it has more.
    """
    if data.count(b"\n") > _HEADER_LINES:
        raise HTTPInputError("too many headers")
    return parse(data)
