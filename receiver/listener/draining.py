"""An HTTP server that can end without dropping a request."""

import asyncio
import time
from typing import Any

from tornado.http1connection import HTTP1ServerConnection
from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPConnection, HTTPMessageDelegate

from receiver.listener.quick_connection import QuickConnection
from receiver.network.heads import RequestWatcher

Connection = HTTP1ServerConnection | QuickConnection

_POLL_SECONDS = 0.02
_STOP_IDLE_SECONDS = 0.2
_BUSY_SECONDS = 10
"""How long requests under way may take after the time for idle connections."""


class DrainingServer(HTTPServer):
    """An HTTP server that knows its busy connections: from a request's headers until its answer is sent."""

    def initialize(self, *args: Any, **kwargs: Any) -> None:
        """Take what `HTTPServer` takes."""
        super().initialize(*args, **kwargs)
        self._busy: set[Connection] = set()

    def start_request(self, server_conn: object, request_conn: HTTPConnection) -> HTTPMessageDelegate:
        """Wait for the next request of one of Tornado's connections."""
        assert isinstance(server_conn, HTTP1ServerConnection)  # noqa: S101 - Tornado's only kind
        self._busy.discard(server_conn)
        inner = super().start_request(server_conn, request_conn)
        return RequestWatcher(inner, lambda _: self.note_head(server_conn), lambda: self.note_request(server_conn))

    def note_head(self, connection: Connection) -> None:
        """Note that a request's headers are there."""
        self._busy.add(connection)

    def note_request(self, connection: Connection) -> None:
        """Note that a request is there whole, with its body."""
        self._busy.add(connection)

    def on_close(self, server_conn: object) -> None:
        """Forget one of Tornado's connections, which is closed."""
        assert isinstance(server_conn, HTTP1ServerConnection)  # noqa: S101 - Tornado's only kind
        self.forget(server_conn)

    def forget(self, connection: Connection) -> None:
        """Forget a connection that is closed."""
        self._connections.remove(connection)  # type: ignore[arg-type] # both kinds are in it
        self._busy.discard(connection)

    def is_leaving(self) -> bool:
        """Tell whether each answer is its connection's last."""
        return bool(self.conn_params.no_keep_alive)

    async def drain(self, stopping: asyncio.Event, idle_seconds: float) -> None:
        """Take no new connections, answer each open one's next request with `Connection: close`, and close them all.

        Args:
            stopping: once it is set, there is less time.
            idle_seconds: how long connections may stay open without a request.
        """
        self.conn_params.no_keep_alive = True
        self.stop()
        idle_until = time.monotonic() + idle_seconds
        shortened = False
        # A connection taken a moment ago waits for its first request, too, though Tornado has not asked for it yet.
        while self._connections:
            now = time.monotonic()
            if stopping.is_set() and not shortened:
                idle_until, shortened = min(idle_until, now + _STOP_IDLE_SECONDS), True
            if now >= idle_until:
                for connection in self._connections - self._busy:
                    await connection.close()
            if now >= idle_until + _BUSY_SECONDS:
                break
            await asyncio.sleep(_POLL_SECONDS)
        await self.close_all_connections()
