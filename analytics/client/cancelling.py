"""Limits queries, and ends them early, where they are cancelled from another thread while one waits for the answer."""

import math
import numbers
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import cast

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

from analytics.errors import CancelledError, QueryError

LONGEST_QUERY_SECONDS = 3600.0
"""The query service ends a query earlier; this only ends a lost wait."""
MOST = 2**53
"""The most rows or bytes; more than there are."""
CANCELLED = "The query was cancelled."
KEPT_SECONDS = 1.0
"""A connection is used again within this time. Proxies may drop it, Apache after 5 s, and no query is tried twice."""


def bound_timeout(seconds: float | None) -> float | None:
    """Return the time that a query may take, at most the longest; threads and sockets can't wait for ever longer.

    Raises:
        QueryError: it is no number above 0.
    """
    return (
        None if seconds is None else float(min(_check("timeout", seconds, "number of seconds"), LONGEST_QUERY_SECONDS))
    )


def bound_count(name: str, count: float | None) -> int | None:
    """Return the most rows or bytes of an answer as a whole number.

    Raises:
        QueryError: it is no number above 0.
    """
    return None if count is None else math.ceil(min(_check(name, count, "number"), MOST))


def _check(name: str, value: object, kind: str) -> float:
    # NaN is above nothing.
    if not isinstance(value, numbers.Real) or isinstance(value, bool) or not cast("float", value) > 0:
        raise QueryError(f"{name} is {value!r}, but must be a {kind} above 0.")
    return cast("float", value)


class Cancellation:
    """Ends the query that it is passed with, before the query runs or while it does."""

    def __init__(self) -> None:
        """Start without a cancellation."""
        self._lock = threading.Lock()
        self._cancelled = False
        self._end: Callable[[], None] | None = None

    @property
    def cancelled(self) -> bool:
        """Whether the query was cancelled."""
        return self._cancelled

    def cancel(self) -> None:
        """End the query; after its end, do nothing."""
        with self._lock:
            self._cancelled = True
            if self._end:
                self._end()

    def set_end(self, end: Callable[[], None] | None) -> None:
        """Set the function that ends the query, None after its end; call it at once where it was cancelled already."""
        with self._lock:
            self._end = end
            if end and self._cancelled:
                end()

    def check(self) -> None:
        """Raise an error where the query was cancelled.

        Raises:
            CancelledError: it was cancelled.
        """
        if self._cancelled:
            raise CancelledError(CANCELLED)


class OwnConnection:
    """A connection for one query at a time, whose cancellation breaks it off; the server then interrupts the query.

    A query that begins soon after the one before has the same connection, so that thirty rules connect once.
    """

    def __init__(self) -> None:
        """Connect with the first query."""
        self.pool = open_pool(self._note)
        self._cancellation = Cancellation()
        self._socket: socket.socket | None = None
        self._ended_at = time.monotonic()

    def begin(self, cancellation: Cancellation) -> None:
        """Begin a query, which a cancellation may end."""
        if time.monotonic() - self._ended_at > KEPT_SECONDS:
            self.pool.clear()
        self._cancellation = cancellation
        if self._socket:
            self._note(self._socket)

    def end(self) -> None:
        """End the query: its cancellation does nothing to the next one."""
        self._cancellation.set_end(None)
        self._ended_at = time.monotonic()

    def _note(self, connected: socket.socket) -> None:
        self._socket = connected
        self._cancellation.set_end(partial(hang_up, connected))


def open_pool(note: Callable[[socket.socket], None]) -> urllib3.PoolManager:
    """Return an HTTP client that passes on the socket of each of its connections."""

    def make_class(kind: type[HTTPConnection]) -> type[HTTPConnection]:
        class Reporting(kind):  # type: ignore[misc,valid-type]  # mypy wants to know the class beforehand
            """Passes its socket on as soon as it is connected."""

            def connect(self) -> None:
                """Connect."""
                super().connect()
                note(self.sock)

        return Reporting

    class Plain(urllib3.HTTPConnectionPool):
        ConnectionCls = make_class(HTTPConnection)

    class Encrypted(urllib3.HTTPSConnectionPool):
        ConnectionCls = make_class(HTTPSConnection)  # type: ignore[assignment]  # make_class() returns a class of its kind

    manager = urllib3.PoolManager(num_pools=1, retries=False)
    manager.pool_classes_by_scheme = {"http": Plain, "https": Encrypted}
    return manager


def hang_up(connected: socket.socket) -> None:
    """Break a connection off, also for a thread that is reading from it."""
    with suppress(OSError):  # it was over already
        # A socket of TLS first forgets its TLS: another thread would send its request in clear text.
        socket.socket.shutdown(connected, socket.SHUT_RDWR)
