"""Limits connections to the query service, so that none without the token keep out those with it.

The store's process has few descriptors to spare: it opens segments and the database with them.
"""

import resource
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from tornado.http1connection import HTTP1Connection, HTTP1ServerConnection
from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPConnection, HTTPHeaders, HTTPMessageDelegate
from tornado.iostream import IOStream

from receiver.network.heads import RequestWatcher, refuse_many_headers, search_quickly

MOST_CONNECTIONS: Final = 256
IDLE_SECONDS: Final = 120.0
"""How long a connection may wait for a request: from its beginning, or the last answer, to the last header."""
BODY_SECONDS: Final = 30.0
"""How long a body, of a MiB at most, may take."""

HasToken = Callable[[HTTPHeaders], bool]


def choose_most_connections() -> int:
    """Return how many connections may be open: half of this process's limit on descriptors, and at most 256."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST_CONNECTIONS if soft == resource.RLIM_INFINITY else max(8, min(MOST_CONNECTIONS, soft // 2))


class BoundedServer(HTTPServer):
    """An HTTP server that limits its connections and their times.

    If there are too many, it closes the oldest one that never brought the token; if there is none, the oldest with the
    token that waits for its next request; and if there is none either, the new one.
    """

    def initialize(  # type: ignore[override] # its own arguments, and those of `HTTPServer`
        self, *args: Any, has_token: HasToken, most: int | None = None, **kwargs: Any
    ) -> None:
        """Take the arguments of `HTTPServer`, the check of a request's headers for the token, and the most."""
        times = {"idle_connection_timeout": IDLE_SECONDS, "body_timeout": BODY_SECONDS}
        super().initialize(*args, **{**times, **kwargs})
        self._has_token = has_token
        self._most = choose_most_connections() if most is None else most
        # Those that may be closed, in the order in which they began to wait.
        self._waiting: dict[HTTP1ServerConnection, None] = {}
        self._proven: set[HTTP1ServerConnection] = set()
        self._leaving: set[HTTP1ServerConnection] = set()

    def handle_stream(self, stream: IOStream, address: tuple[Any, ...]) -> None:
        """Take a connection, and close another where there are too many."""
        if len(self._connections) - len(self._leaving) >= self._most and not self._make_room():
            stream.close()
            return
        search_quickly(stream)
        before = self._connections.copy()
        super().handle_stream(stream, address)
        # Tornado asks for its first request a moment later; in a burst, too many would be taken until then.
        self._waiting.update(dict.fromkeys(self._connections - before))

    def start_request(self, server_conn: object, request_conn: HTTPConnection) -> HTTPMessageDelegate:
        """Wait for a connection's next request."""
        assert isinstance(server_conn, HTTP1ServerConnection)  # noqa: S101 - Tornado's only kind
        assert isinstance(request_conn, HTTP1Connection)  # noqa: S101 - the same
        refuse_many_headers(request_conn)
        self._waiting[server_conn] = None
        return RequestWatcher(
            super().start_request(server_conn, request_conn), partial(self.begin_request, server_conn)
        )

    def begin_request(self, connection: HTTP1ServerConnection, headers: HTTPHeaders) -> None:
        """Note that a request's headers are there; one without the token may be closed all the same."""
        if self._has_token(headers):
            self._waiting.pop(connection, None)
            self._proven.add(connection)

    def on_close(self, server_conn: object) -> None:
        """Forget a connection."""
        super().on_close(server_conn)
        assert isinstance(server_conn, HTTP1ServerConnection)  # noqa: S101 - Tornado's only kind
        self._waiting.pop(server_conn, None)
        self._proven.discard(server_conn)
        self._leaving.discard(server_conn)

    def _make_room(self) -> bool:
        # The dictionary is in order of time, and `min` takes the first of equals.
        chosen = min(self._waiting, key=self._proven.__contains__, default=None)
        if chosen is None:
            return False
        del self._waiting[chosen]
        self._leaving.add(chosen)
        chosen.stream.close()
        return True
