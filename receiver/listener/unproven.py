"""The connections that have brought no accepted notification yet, by age and by source address."""

import math
from collections.abc import Container
from ipaddress import IPv6Address, ip_address

from tornado.http1connection import HTTP1ServerConnection

_INTERFACE_BITS = 64


class Unproven:
    """Connections that brought no accepted notification, in the order in which they were opened."""

    def __init__(self) -> None:
        self._opened: dict[HTTP1ServerConnection, float] = {}
        self._source: dict[HTTP1ServerConnection, str] = {}
        self._by_source: dict[str, dict[HTTP1ServerConnection, None]] = {}

    def add(self, connection: HTTP1ServerConnection, source: str, now: float) -> int:
        """Add a new connection, and return how many its source has; 0 for an empty source, which has no limit."""
        self._opened[connection] = now
        if not source:
            return 0
        self._source[connection] = source
        others = self._by_source.setdefault(source, {})
        others[connection] = None
        return len(others)

    def __len__(self) -> int:
        """Count them."""
        return len(self._opened)

    def __contains__(self, connection: object) -> bool:
        """Tell whether a connection brought no accepted notification."""
        return connection in self._opened

    def forget(self, connection: HTTP1ServerConnection) -> None:
        """Forget a connection that is proven or closed."""
        if self._opened.pop(connection, None) is None:
            return
        source = self._source.pop(connection, None)
        if source is not None:
            others = self._by_source[source]
            del others[connection]
            if not others:
                del self._by_source[source]

    def find_oldest(
        self,
        waiting: Container[HTTP1ServerConnection],
        *,
        before: float = math.inf,
        answered_before: float = -math.inf,
        source: str | None = None,
    ) -> HTTP1ServerConnection | None:
        """Return the oldest connection that may be closed.

        Args:
            waiting: connections that have not brought a whole request. The others wait for their answer, or read none.
            before: waiting connections opened by then may be closed,
            answered_before: and others opened by then.
            source: consider connections of this source only.
        """
        for connection in self._opened if source is None else self._by_source.get(source, ()):
            opened = self._opened[connection]
            if opened <= (before if connection in waiting else answered_before):
                return connection
            if opened > max(before, answered_before):
                break
        return None


def source_of(address: str) -> str:
    """Return the address by which connections are counted: for IPv6 the /64, which belongs to one subscriber."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return address
    mapped = parsed.ipv4_mapped
    return str(mapped or IPv6Address(int(parsed) >> _INTERFACE_BITS << _INTERFACE_BITS))
