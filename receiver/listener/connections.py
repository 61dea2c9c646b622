"""Limits the cost of connections, so that no stranger takes the place of the sender."""

import asyncio
import logging
import socket
import time
from collections.abc import Callable
from typing import Any

from tornado import http1connection
from tornado.http1connection import HTTP1Connection, HTTP1ServerConnection
from tornado.httputil import HTTPConnection, HTTPMessageDelegate
from tornado.iostream import IOStream

from receiver.listener import metrics
from receiver.listener.draining import Connection, DrainingServer
from receiver.listener.limits import Limits
from receiver.listener.quick_connection import Ordinary, Peer, QuickConnection
from receiver.listener.sources import Unproven, find_source, unmap_address
from receiver.network.heads import HEAD_BYTES, open_stream, refuse_many_headers, search_quickly
from receiver.network.sockets import PatientSocket

_CHUNK_COST = 32 * 1024
_QUIET_SECONDS = 60
_INTERNET = {socket.AF_INET, socket.AF_INET6}
# A connection's states that last too long, as the metric names them.
_IDLE, _HEADERS, _BODY = "idle", "slow_headers", "slow_body"

_log = logging.getLogger(__name__)


class _Reading:
    """A connection from which a request is awaited or read: its state, and the deadline for the next one."""

    __slots__ = ("deadline", "state")

    def __init__(self, deadline: float) -> None:
        self.state = _IDLE
        self.deadline = deadline

    def wait_for(self, state: str, seconds: float) -> None:
        """Go on to the next state."""
        self.state, self.deadline = state, time.monotonic() + seconds


class GuardedServer(DrainingServer):
    """An HTTP server that limits its connections, the time that they wait, and the time of a request.

    Tornado could keep the time as well, but makes a task and two timers for each request, a sixth of what accepting a
    notification costs.

    Only an accepted notification proves a connection: nothing else shows that the sender is at its other end. If there
    are too many, the oldest unproven one gives way; only if there is none, the proven one that is idle longest. So a
    new connection has as much time as it takes to open all others again.
    """

    def initialize(  # type: ignore[override] # its own arguments, and those of `HTTPServer`
        self,
        *args: Any,
        limits: Limits,
        is_exempt: Callable[[str], bool] = lambda _: False,
        ordinary: Ordinary | None = None,
        **kwargs: Any,
    ) -> None:
        """Take what `HTTPServer` takes, the limits, and which addresses are exempt from those of one source.

        `ordinary` is what ordinary requests need; with None, or under TLS, Tornado's connections read those, too.
        """
        super().initialize(*args, **kwargs)
        self._ordinary = None if self.ssl_options else ordinary
        self.conn_params.header_timeout = None
        self.conn_params.max_header_size = HEAD_BYTES
        # Tornado reads on for 256 chunks, which take it 8 ms, before others have a turn.
        http1connection._CHUNK_YIELD_COST = _CHUNK_COST  # noqa: SLF001 - it has no setting for it
        self._limits = limits
        # In the order in which they began to wait, or had their headers.
        self._reading: dict[Connection, _Reading] = {}
        self._unproven = Unproven[Connection]()
        self._is_exempt = is_exempt
        self._known: set[Connection] = set()
        self._leaving: set[Connection] = set()
        self._quiet_until = 0.0
        metrics.CONNECTIONS.set_function(lambda: len(self._connections))
        self._sweep_later()

    def take_from(self, listening: socket.socket) -> None:
        """Take connections from a socket, which becomes the server's own."""
        patient = PatientSocket(fileno=listening.detach())
        patient.setblocking(False)
        patient.can_make_room = self._can_make_room
        patient.make_room = self._make_room
        self.add_socket(patient)

    def handle_stream(self, stream: IOStream, address: tuple[str, int]) -> None:
        """Serve a new connection."""
        search_quickly(stream)
        super().handle_stream(stream, address)

    def _handle_connection(self, connection: socket.socket, address: Any) -> None:
        is_internet = connection.family in _INTERNET
        if is_internet:
            address = (unmap_address(address[0]), *address[1:])
        if self._ordinary and is_internet:
            quick = QuickConnection(self, connection, Peer(address, address[0]), self._ordinary)
            self._connections.add(quick)  # type: ignore[arg-type] # it is closed by the same method
        else:
            try:
                stream = self._open_stream(connection, self.ssl_options)
            except OSError:
                connection.close()
            else:
                self.handle_stream(stream, address)

    def _open_stream(self, taken: socket.socket, tls: Any) -> IOStream:
        return open_stream(taken, tls, max_buffer_size=self.max_buffer_size, read_chunk_size=self.read_chunk_size)

    def hand_over(self, connection: QuickConnection, taken: socket.socket, unread: bytes, unsent: bytes) -> None:
        """Let Tornado go on with a connection: write what is not sent, and read on from what is not read."""
        was_proven = self.is_proven(connection)
        self.forget(connection)
        stream = self._open_stream(taken, None)
        # Nothing else puts back what was read.
        stream._read_buffer += unread  # noqa: SLF001
        stream._read_buffer_size += len(unread)  # noqa: SLF001
        if unsent:
            stream.write(unsent)
        others = self._connections.copy()
        self.handle_stream(stream, connection.context.address)
        if was_proven:
            self._known |= self._connections - others  # so it is not welcomed as a stranger's

    def start_request(self, server_conn: object, request_conn: HTTPConnection) -> HTTPMessageDelegate:
        """Wait for the next request of one of Tornado's connections."""
        delegate = super().start_request(server_conn, request_conn)
        assert isinstance(server_conn, HTTP1ServerConnection)  # noqa: S101 - Tornado's only kind
        assert isinstance(request_conn, HTTP1Connection)  # noqa: S101 - the same
        refuse_many_headers(request_conn)
        self._await(server_conn)
        return delegate

    def await_request(self, connection: QuickConnection) -> None:
        """Note that a connection's next request is awaited."""
        self._busy.discard(connection)
        self._await(connection)

    def _await(self, connection: Connection) -> None:
        now = time.monotonic()
        self._reading[connection] = _Reading(now + self._limits.idle_seconds)
        if connection not in self._known:
            self._known.add(connection)
            self._welcome(connection, now)

    def prove(self, connection: Connection) -> None:
        """Note that a notification of a connection's was accepted."""
        self._unproven.forget(connection)

    def is_proven(self, connection: Connection) -> bool:
        """Tell whether a notification of a connection's was accepted."""
        return connection not in self._unproven

    def has_strangers(self) -> bool:
        """Tell whether a connection is open that brought no accepted notification."""
        return len(self._unproven) > 0

    def note_head(self, connection: Connection) -> None:
        """Note that a request's headers are there, and its body is not."""
        super().note_head(connection)
        reading = self._reading.pop(connection, None)
        if reading:
            reading.wait_for(_BODY, self._limits.body_seconds)
            self._reading[connection] = reading

    def note_request(self, connection: Connection) -> None:
        """Note that a request is there whole, and waits for its answer."""
        super().note_request(connection)
        self._reading.pop(connection, None)

    def forget(self, connection: Connection) -> None:
        """Forget a connection that is closed."""
        super().forget(connection)
        self._reading.pop(connection, None)
        self._unproven.forget(connection)
        self._known.discard(connection)
        self._leaving.discard(connection)

    def _welcome(self, connection: Connection, now: float) -> None:
        """Count a new connection; where its address has too many, the oldest of that address gives way."""
        address = getattr(connection.context, "remote_ip", None)
        source = "" if address is None or self._is_exempt(address) else find_source(address)
        count = self._unproven.add(connection, source, now)
        most = self._limits.unproven_per_source
        if count > most:
            grace = 0.0 if count > 2 * most else self._limits.grace_seconds
            chosen = self._unproven.find_oldest(self._reading, before=now - grace, source=source)
            if chosen and chosen is not connection:
                self._close(chosen, "too_many_of_a_source")

    def _sweep_later(self) -> None:
        """Schedule the next sweep, by the monotonic clock."""
        seconds = min(1, self._limits.header_seconds / 4)
        self._sweep_due = time.monotonic() + seconds
        asyncio.get_running_loop().call_later(seconds, self._sweep)

    def _sweep(self) -> None:
        """Close the connections that take too long."""
        now = time.monotonic()
        # While the loop stood still, for a disk, no client could be quicker: their bytes are still to be read.
        stood_still = now - self._sweep_due
        self._sweep_later()
        for connection, reading in list(self._reading.items()):
            reading.deadline += stood_still
            if reading.state == _IDLE and _has_begun(connection):
                reading.wait_for(_HEADERS, self._limits.header_seconds)
            elif now > reading.deadline:
                self._close(connection, reading.state)

    def _can_make_room(self) -> bool:
        return self._has_room() or self._choose_next() is not None

    def _has_room(self) -> bool:
        return len(self._connections) - len(self._leaving) < self._limits.connections

    def _choose_next(self) -> Connection | None:
        answered_before = time.monotonic() - self._limits.grace_seconds
        chosen = self._unproven.find_oldest(self._reading, answered_before=answered_before)
        if chosen is None and len(self._known) == len(self._connections):
            # Connections taken in this turn of the loop are not known yet, and would go before this one.
            chosen = next(iter(self._reading), None)
        return chosen

    def _make_room(self, error: OSError | None) -> bool:
        """Make room for one more connection, and tell whether there is any; `error` is the system's refusal."""
        if error is None and self._has_room():
            return True
        if error and time.monotonic() > self._quiet_until:
            self._quiet_until = time.monotonic() + _QUIET_SECONDS
            _log.error(
                "a connection could not be taken (%s): idle ones are closed for it; raise the limit on open files "
                "(LimitNOFILE of the unit, ulimit -n)",
                error,
            )
        chosen = self._choose_next()
        if chosen is None:
            return False
        self._close(chosen, "too_many")
        return True

    def _close(self, connection: Connection, reason: str) -> None:
        metrics.CONNECTIONS_CLOSED.labels(reason).inc()
        self._reading.pop(connection, None)
        self._unproven.forget(connection)
        self._leaving.add(connection)
        if isinstance(connection, QuickConnection):
            connection.drop()
        else:
            connection.stream.close()


def _has_begun(connection: Connection) -> bool:
    """Tell whether a part of a connection's next request is there."""
    if isinstance(connection, QuickConnection):
        return connection.has_begun
    return bool(connection.stream._read_buffer_size)  # noqa: SLF001 - nothing else tells
