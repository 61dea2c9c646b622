"""The limits of clients, and of what a listener may open."""

import resource
from typing import Final, NamedTuple

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


DEFAULT: Final = Limits()


def fit_to_descriptors(limits: Limits) -> Limits:
    """Raise the system's limit on open files as far as is useful, and keep the connections below it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = _MOST_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(_MOST_DESCRIPTORS, hard)
    if soft not in {resource.RLIM_INFINITY, limit} and soft < limit:
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
        soft = limit
    room = _MOST_DESCRIPTORS if soft == resource.RLIM_INFINITY else soft
    return limits._replace(connections=max(_FEWEST_CONNECTIONS, min(limits.connections, room - _OWN_DESCRIPTORS)))
