"""Tornado's streams, for clients that end their half of a connection after a request: they are answered, too."""

import socket
import ssl
from typing import Any

from tornado.iostream import IOStream, SSLIOStream


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
