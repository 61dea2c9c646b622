"""Ends queries early: at the longest time, or cancelled from another thread while one waits for the answer."""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

from analytics.errors import CancelledError

CANCELLED = "The query was cancelled."


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

    def set_end(self, end: Callable[[], None]) -> None:
        """Set the function that ends the query; call it at once where the query was cancelled already."""
        with self._lock:
            self._end = end
            if self._cancelled:
                end()

    def check(self) -> None:
        """Raise an error where the query was cancelled.

        Raises:
            CancelledError: it was cancelled.
        """
        if self._cancelled:
            raise CancelledError(CANCELLED)


def open_own_pool(cancellation: Cancellation) -> urllib3.PoolManager:
    """Return an HTTP client that breaks its connection off when the query is cancelled.

    The server then interrupts the query.
    """

    def make_class(kind: type[HTTPConnection]) -> type[HTTPConnection]:
        class Reporting(kind):  # type: ignore[misc,valid-type]  # mypy wants to know the class beforehand
            """Passes its socket on as soon as it is connected."""

            def connect(self) -> None:
                """Connect."""
                super().connect()
                connected = self.sock
                cancellation.set_end(lambda: hang_up(connected))

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
        connected.shutdown(socket.SHUT_RDWR)
