"""An HTTP server that can end without dropping a request."""

import asyncio
import time
from functools import partial
from typing import Any

from tornado.http1connection import HTTP1ServerConnection
from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPConnection, HTTPHeaders, HTTPMessageDelegate

from receiver.network.heads import RequestWatcher

_POLL_SECONDS = 0.02


class DrainingServer(HTTPServer):
    """An HTTP server that knows its busy connections: from a request's headers until its answer is sent."""

    def initialize(self, *args: Any, **kwargs: Any) -> None:
        """Take what `HTTPServer` takes."""
        super().initialize(*args, **kwargs)
        self._busy: set[HTTP1ServerConnection] = set()

    def start_request(self, server_conn: object, request_conn: HTTPConnection) -> HTTPMessageDelegate:
        """Wait for a connection's next request."""
        assert isinstance(server_conn, HTTP1ServerConnection)  # noqa: S101 - Tornado's only kind
        self._busy.discard(server_conn)
        inner = super().start_request(server_conn, request_conn)
        return RequestWatcher(
            inner, partial(self.begin_request, server_conn), partial(self.request_is_read, server_conn)
        )

    def begin_request(self, server_conn: HTTP1ServerConnection, _headers: HTTPHeaders) -> None:
        """Note that a request's headers are there."""
        self._busy.add(server_conn)

    def request_is_read(self, server_conn: HTTP1ServerConnection) -> None:
        """Note that a request is there whole, with its body."""

    def on_close(self, server_conn: object) -> None:
        """Forget a connection."""
        assert isinstance(server_conn, HTTP1ServerConnection)  # noqa: S101 - Tornado's only kind
        super().on_close(server_conn)
        self._busy.discard(server_conn)

    async def drain(
        self, stopping: asyncio.Event, *, idle_seconds: float, stop_seconds: float, busy_seconds: float
    ) -> None:
        """Take no new connections, answer each open one's next request with `Connection: close`, and close them all.

        Args:
            stopping: once it is set, there is less time.
            idle_seconds: how long connections may stay open without a request.
            stop_seconds: the same, from when `stopping` is set.
            busy_seconds: how long, after that, requests under way may take.
        """
        self.conn_params.no_keep_alive = True
        self.stop()
        idle_until = time.monotonic() + idle_seconds
        shortened = False
        # A connection taken a moment ago waits for its first request, too, though Tornado has not asked for it yet.
        while self._connections:
            now = time.monotonic()
            if stopping.is_set() and not shortened:
                idle_until, shortened = min(idle_until, now + stop_seconds), True
            if now >= idle_until:
                for connection in self._connections - self._busy:
                    await connection.close()
            if now >= idle_until + busy_seconds:
                break
            await asyncio.sleep(_POLL_SECONDS)
        await self.close_all_connections()
