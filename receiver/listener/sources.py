"""The sources of notifications, which are addresses, and the connections of each that brought none yet."""

import math
from collections.abc import Container, Hashable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Generic, TypeVar

from receiver.errors import SettingsError

_INTERFACE_BITS = 64
_MAPPED_BITS = 96
Connection = TypeVar("Connection", bound=Hashable)


class TrustedProxies:
    """Reads `X-Forwarded-For` of trusted proxies.

    Args:
        names: addresses or networks (`10.0.0.0/8`).

    Raises:
        SettingsError: one of them is neither.
    """

    def __init__(self, names: frozenset[str]) -> None:
        try:
            self._networks = [_read_network(name) for name in names]
        except ValueError as error:
            raise SettingsError(
                f"CLC_TRUSTED_PROXIES is not usable: {error}; list addresses or networks, for example 10.0.0.0/8."
            ) from None

    def find_source(self, peer: str | None, forwarded_for: str | None) -> str | None:
        """Return the sender's address: the last one of the chain that is no trusted proxy."""
        source = peer
        if forwarded_for is None or not self._networks:
            return source
        for hop in reversed(forwarded_for.split(",")):
            if not self.trusts(source) or _parse_address(hop.strip()) is None:
                break
            source = unmap_address(hop.strip())
        return source

    def shares(self, address: str) -> bool:
        """Tell whether many senders may come from an address: a trusted proxy's, or this machine's own."""
        parsed = _parse_address(address)
        return parsed is None or parsed.is_loopback or self.trusts(address)  # None is a Unix socket's other end

    def trusts(self, address: str | None) -> bool:
        """Tell whether an address is a trusted proxy's."""
        parsed = _parse_address(address) if address is not None else None
        return parsed is not None and any(parsed in network for network in self._networks)


def unmap_address(address: str) -> str:
    """Return an address; an IPv4 address as itself, also where a socket of IPv6 has it as `::ffff:192.0.2.1`."""
    parsed = _parse_address(address)
    mapped = parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None
    return str(mapped or address)


def _read_network(name: str) -> IPv4Network | IPv6Network:
    """Read a network, and one of mapped IPv4 addresses as that of IPv4, because no source has a mapped address."""
    network = ip_network(name, strict=False)
    mapped = network.network_address.ipv4_mapped if isinstance(network, IPv6Network) else None
    if mapped is None or network.prefixlen < _MAPPED_BITS:
        return network
    return IPv4Network((mapped, network.prefixlen - _MAPPED_BITS))


def _parse_address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None


class Unproven(Generic[Connection]):
    """Connections that brought no accepted notification, in the order in which they were opened."""

    def __init__(self) -> None:
        # With the time at which each was opened, and its source.
        self._opened: dict[Connection, tuple[float, str]] = {}
        self._by_source: dict[str, dict[Connection, None]] = {}

    def add(self, connection: Connection, source: str, now: float) -> int:
        """Add a new connection, and return how many its source has; 0 for an empty source, which has no limit."""
        self._opened[connection] = now, source
        if not source:
            return 0
        others = self._by_source.setdefault(source, {})
        others[connection] = None
        return len(others)

    def __len__(self) -> int:
        """Count them."""
        return len(self._opened)

    def __contains__(self, connection: object) -> bool:
        """Tell whether a connection brought no accepted notification."""
        return connection in self._opened

    def forget(self, connection: Connection) -> None:
        """Forget a connection that is proven or closed."""
        _, source = self._opened.pop(connection, (0.0, ""))
        if source:
            others = self._by_source[source]
            del others[connection]
            if not others:
                del self._by_source[source]

    def find_oldest(
        self,
        waiting: Container[Connection],
        *,
        before: float = math.inf,
        answered_before: float = -math.inf,
        source: str | None = None,
    ) -> Connection | None:
        """Return the oldest connection that may be closed.

        Args:
            waiting: connections that have not brought a whole request. The others wait for their answer, or read none.
            before: waiting connections opened by then may be closed,
            answered_before: and others opened by then.
            source: consider connections of this source only.
        """
        for connection in self._opened if source is None else self._by_source.get(source, ()):
            opened, _ = self._opened[connection]
            if opened <= (before if connection in waiting else answered_before):
                return connection
            if opened > max(before, answered_before):
                break
        return None


def find_source(address: str) -> str:
    """Return the address by which connections are counted: for IPv6 the /64, which belongs to one subscriber."""
    parsed = _parse_address(address)
    if not isinstance(parsed, IPv6Address):
        return address
    return str(IPv6Address(int(parsed) >> _INTERFACE_BITS << _INTERFACE_BITS))
