"""The limits of clients: their times, their connections, and the bytes of their bodies."""

import resource
from typing import NamedTuple, Protocol

from receiver.listener.turns import ByteRate

_MIB = 1024 * 1024
_MOST_DESCRIPTORS = 8192
# For the spool's segments, the accounts, `/readyz`, and the libraries' files.
_OWN_DESCRIPTORS = 48
_FEWEST_CONNECTIONS = 8


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


def fit_to_descriptors(limits: Limits) -> Limits:
    """Raise the system's limit on open files as far as is useful, and keep the connections below it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = _MOST_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(_MOST_DESCRIPTORS, hard)
    if soft not in {resource.RLIM_INFINITY, limit} and soft < limit:
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
        soft = limit
    room = _MOST_DESCRIPTORS if soft == resource.RLIM_INFINITY else soft
    return limits._replace(connections=max(_FEWEST_CONNECTIONS, min(limits.connections, room - _OWN_DESCRIPTORS)))


class Body(Protocol):
    """A body that may give way."""

    def give_up(self) -> None:
        """Refuse it, to make room for others."""


class BodyBudget:
    """Counts the bytes of all bodies that are being read or written to disk; the largest of those being read gives way.

    Notifications are small, so larger bodies give way first. Of bodies of equal size, the oldest gives way.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.rate = ByteRate()
        self._total = 0
        self._sizes: dict[Body, int] = {}
        self._reading: dict[Body, None] = {}

    def grow(self, body: Body, size: int) -> None:
        """Count bytes that came."""
        self._reading.setdefault(body)
        self._sizes[body] = self._sizes.get(body, 0) + size
        self._total += size
        while self._total > self.limits.body_bytes and self._reading:
            max(self._reading, key=self._sizes.__getitem__).give_up()

    def is_read(self, body: Body) -> None:
        """Note that a body is complete: it stays until it is written."""
        self._reading.pop(body, None)

    def forget(self, body: Body) -> None:
        """Count a body's bytes no more."""
        self._total -= self._sizes.pop(body, 0)
        self._reading.pop(body, None)
