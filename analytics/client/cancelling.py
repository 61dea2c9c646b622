"""Ends a query from another thread than the one that waits for its answer."""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

from analytics.errors import CancelledError

CANCELLED = "The query was cancelled."


class Cancellation:
    """Given along with a query, it ends that query when it is cancelled, before it runs or while it does."""

    def __init__(self) -> None:
        """Let nothing be cancelled yet."""
        self._lock = threading.Lock()
        self._cancelled = False
        self._end: Callable[[], None] | None = None

    @property
    def cancelled(self) -> bool:
        """Whether it was cancelled."""
        return self._cancelled

    def cancel(self) -> None:
        """End the query; an end that comes too late does nothing."""
        with self._lock:
            self._cancelled = True
            if self._end:
                self._end()

    def set_end(self, end: Callable[[], None]) -> None:
        """Take note of what ends the query from now on; it is called at once where that was asked for already."""
        with self._lock:
            self._end = end
            if self._cancelled:
                end()

    def check(self) -> None:
        """Go on only where nothing was cancelled.

        Raises:
            CancelledError: it was.
        """
        if self._cancelled:
            raise CancelledError(CANCELLED)


def open_own_pool(cancellation: Cancellation) -> urllib3.PoolManager:
    """Return a client whose connection is broken off when the query is cancelled.

    The server then sees that the client hung up, and interrupts the query.
    """

    def make_class(kind: type[HTTPConnection]) -> type[HTTPConnection]:
        class Telling(kind):  # type: ignore[misc,valid-type]  # mypy wants to know the class beforehand
            """Tells its socket as soon as there is one."""

            def connect(self) -> None:
                """Connect."""
                super().connect()
                connected = self.sock
                cancellation.set_end(lambda: hang_up(connected))

        return Telling

    class Plain(urllib3.HTTPConnectionPool):
        ConnectionCls = make_class(HTTPConnection)

    class Encrypted(urllib3.HTTPSConnectionPool):
        ConnectionCls = make_class(HTTPSConnection)  # type: ignore[assignment]  # it is one, as telling() gives what it takes

    manager = urllib3.PoolManager(num_pools=1, retries=False)
    manager.pool_classes_by_scheme = {"http": Plain, "https": Encrypted}
    return manager


def hang_up(connected: socket.socket) -> None:
    """Break a connection off, also for a thread that waits to read from it."""
    with suppress(OSError):  # it was over already
        connected.shutdown(socket.SHUT_RDWR)
