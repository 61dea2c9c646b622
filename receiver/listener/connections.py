"""Limits the cost of connections, so that no stranger takes the place of the sender."""

import asyncio
import contextlib
import errno
import logging
import resource
import socket
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from tornado import http1connection
from tornado.http1connection import HTTP1Connection, HTTP1ServerConnection
from tornado.httputil import HTTPConnection, HTTPHeaders, HTTPMessageDelegate
from tornado.ioloop import IOLoop
from tornado.iostream import IOStream

from receiver.listener import metrics
from receiver.listener.draining import DrainingServer
from receiver.listener.sources import Unproven, source_of
from receiver.network.heads import HEAD_BYTES, refuse_many_headers, search_quickly

_MIB = 1024 * 1024
_MOST_DESCRIPTORS = 8192
# For the spool's segments, the accounts, `/readyz`, and the libraries' files.
_OWN_DESCRIPTORS = 48
_FEWEST_CONNECTIONS = 8
_ACCEPTED_A_TURN = 4
_CHUNK_COST = 32 * 1024
_NO_ROOM = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_PAUSE_SECONDS = 0.05
_QUIET_SECONDS = 60
# A connection's states that last too long, as the metric names them.
_IDLE, _HEADERS, _BODY = "idle", "slow_headers", "slow_body"

_log = logging.getLogger(__name__)


class Limits(NamedTuple):
    """The limits of clients.

    `idle_seconds`: how long a connection may wait for a request; longer than proxies keep theirs, so that the proxy
    closes it and no notification meets a closing connection. `header_seconds`: from a request's first byte to its last
    header. `body_seconds`: for a whole body. `discard_seconds`, `discard_bytes`: how much of a refused body is still
    read, so that its sender reads the answer. `body_bytes`: of all bodies that are being read or written to disk.
    `connections`: how many may be open. `grace_seconds`: how long a new connection may take until its first
    notification is accepted, before it gives way to others. `unproven_per_source`: how many connections of one address
    may be open without an accepted notification; with twice as many the grace is over.
    """

    idle_seconds: float = 300
    header_seconds: float = 10
    body_seconds: float = 60
    discard_seconds: float = 10
    discard_bytes: int = 64 * _MIB
    body_bytes: int = 256 * _MIB
    connections: int = 4096
    grace_seconds: float = 10
    unproven_per_source: int = 512


_DEFAULT = Limits()


def fit_to_descriptors(limits: Limits) -> Limits:
    """Raise the system's limit on open files as far as is useful, and keep the connections below it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = _MOST_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(_MOST_DESCRIPTORS, hard)
    if soft not in {resource.RLIM_INFINITY, limit} and soft < limit:
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
        soft = limit
    room = _MOST_DESCRIPTORS if soft == resource.RLIM_INFINITY else soft
    return limits._replace(connections=max(_FEWEST_CONNECTIONS, min(limits.connections, room - _OWN_DESCRIPTORS)))


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

    def initialize(
        self,
        *args: Any,
        limits: Limits = _DEFAULT,
        is_exempt: Callable[[str], bool] = lambda _: False,
        **kwargs: Any,
    ) -> None:
        """Take what `HTTPServer` takes, the limits, and which addresses are exempt from those of one source."""
        super().initialize(*args, **kwargs)
        self.conn_params.header_timeout = None
        self.conn_params.max_header_size = HEAD_BYTES
        # Tornado reads on for 256 chunks, which take it 8 ms, before others have a turn.
        http1connection._CHUNK_YIELD_COST = _CHUNK_COST  # noqa: SLF001 - it has no setting for it
        self._limits = limits
        # In the order in which they began to wait, or had their headers.
        self._reading: dict[HTTP1ServerConnection, _Reading] = {}
        self._unproven = Unproven[HTTP1ServerConnection]()
        self._is_exempt = is_exempt
        self._known: set[HTTP1ServerConnection] = set()
        self._leaving: set[HTTP1ServerConnection] = set()
        self._quiet_until = 0.0
        metrics.CONNECTIONS.set_function(lambda: len(self._connections))
        self._sweep_later()

    def take_from(self, listening: socket.socket) -> None:
        """Take connections from a socket, which becomes the server's own."""
        patient = _PatientSocket(fileno=listening.detach())
        patient.setblocking(False)
        patient.can_make_room = self._can_make_room
        patient.make_room = self._make_room
        self.add_socket(patient)

    def handle_stream(self, stream: IOStream, address: tuple[str, int]) -> None:
        """Serve a new connection."""
        search_quickly(stream)
        super().handle_stream(stream, address)

    def start_request(self, server_conn: object, request_conn: HTTPConnection) -> HTTPMessageDelegate:
        """Wait for a connection's next request."""
        delegate = super().start_request(server_conn, request_conn)
        assert isinstance(server_conn, HTTP1ServerConnection)  # noqa: S101 - Tornado's only kind
        assert isinstance(request_conn, HTTP1Connection)  # noqa: S101 - the same
        refuse_many_headers(request_conn)
        now = time.monotonic()
        self._reading[server_conn] = _Reading(now + self._limits.idle_seconds)
        if server_conn not in self._known:
            self._known.add(server_conn)
            self._welcome(server_conn, now)
        return delegate

    def prove(self, server_conn: HTTP1ServerConnection) -> None:
        """Note that a notification of a connection's was accepted."""
        self._unproven.forget(server_conn)

    def is_proven(self, server_conn: HTTP1ServerConnection) -> bool:
        """Tell whether a notification of a connection's was accepted."""
        return server_conn not in self._unproven

    def has_strangers(self) -> bool:
        """Tell whether a connection is open that brought no accepted notification."""
        return len(self._unproven) > 0

    def begin_request(self, server_conn: HTTP1ServerConnection, headers: HTTPHeaders) -> None:
        """Note that a request's headers are there."""
        super().begin_request(server_conn, headers)
        reading = self._reading.pop(server_conn, None)
        if reading:
            reading.wait_for(_BODY, self._limits.body_seconds)
            self._reading[server_conn] = reading

    def request_is_read(self, server_conn: HTTP1ServerConnection) -> None:
        """Note that a request is there whole."""
        super().request_is_read(server_conn)
        self._reading.pop(server_conn, None)

    def on_close(self, server_conn: object) -> None:
        """Forget a connection."""
        super().on_close(server_conn)
        assert isinstance(server_conn, HTTP1ServerConnection)  # noqa: S101 - Tornado's only kind
        self._reading.pop(server_conn, None)
        self._unproven.forget(server_conn)
        self._known.discard(server_conn)
        self._leaving.discard(server_conn)

    def _welcome(self, server_conn: HTTP1ServerConnection, now: float) -> None:
        """Count a new connection; where its address has too many, the oldest of that address gives way."""
        address = getattr(server_conn.context, "remote_ip", None)
        source = "" if address is None or self._is_exempt(address) else source_of(address)
        count = self._unproven.add(server_conn, source, now)
        most = self._limits.unproven_per_source
        if count > most:
            grace = 0.0 if count > 2 * most else self._limits.grace_seconds
            chosen = self._unproven.find_oldest(self._reading, before=now - grace, source=source)
            if chosen and chosen is not server_conn:
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
            # Nothing but the stream's buffer tells that headers have begun.
            if reading.state == _IDLE and connection.stream._read_buffer_size:  # noqa: SLF001
                reading.wait_for(_HEADERS, self._limits.header_seconds)
            elif now > reading.deadline:
                self._close(connection, reading.state)

    def _can_make_room(self) -> bool:
        return self._has_room() or self._choose_next() is not None

    def _has_room(self) -> bool:
        return len(self._connections) - len(self._leaving) < self._limits.connections

    def _choose_next(self) -> HTTP1ServerConnection | None:
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

    def _close(self, connection: HTTP1ServerConnection, reason: str) -> None:
        metrics.CONNECTIONS_CLOSED.labels(reason).inc()
        self._reading.pop(connection, None)
        self._unproven.forget(connection)
        self._leaving.add(connection)
        connection.stream.close()


class _PatientSocket(socket.socket):
    """A listening socket that rests when the system has no room for a connection, instead of trying without end."""

    can_make_room: Callable[[], bool]
    make_room: Callable[[OSError | None], bool]
    _accepted = 0

    def accept(self) -> tuple[socket.socket, Any]:
        """Take a connection.

        Raises:
            BlockingIOError: there is none, no room for it at the moment, or there were some in this turn of the loop.
        """
        self._accepted += 1
        if self._accepted > _ACCEPTED_A_TURN:
            self._accepted = 0
            raise BlockingIOError  # the others wait for the loop's next turn
        if self.can_make_room():
            try:
                accepted = super().accept()
            except OSError as error:
                self._accepted = 0
                if error.errno not in _NO_ROOM:
                    raise
                if self.make_room(error):
                    with contextlib.suppress(OSError):
                        return super().accept()
            else:
                # Only now, because often no connection was waiting.
                self.make_room(None)
                return accepted
        self._rest()
        raise BlockingIOError

    def _rest(self) -> None:
        loop = IOLoop.current()
        loop.update_handler(self, 0)
        loop.call_later(_PAUSE_SECONDS, self._go_on)

    def _go_on(self) -> None:
        if self.fileno() != -1:
            IOLoop.current().update_handler(self, IOLoop.READ)
