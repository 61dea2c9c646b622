"""The source address of a notification: the connection's other end, or the address that a trusted proxy names."""

from ipaddress import IPv6Address, ip_address, ip_network

from receiver.errors import SettingsError


class TrustedProxies:
    """Reads `X-Forwarded-For` of trusted proxies.

    Args:
        names: addresses or networks (`10.0.0.0/8`).

    Raises:
        SettingsError: one of them is neither.
    """

    def __init__(self, names: frozenset[str]) -> None:
        try:
            self._networks = [ip_network(name, strict=False) for name in names]
        except ValueError as error:
            raise SettingsError(
                f"CLC_TRUSTED_PROXIES is not usable: {error}; list addresses or networks, for example 10.0.0.0/8."
            ) from None

    def source_of(self, peer: str | None, forwarded_for: str | None) -> str | None:
        """Return the sender's address: the last one of the chain that is no trusted proxy."""
        source = peer
        if forwarded_for is None or not self._networks:
            return source
        for hop in reversed(forwarded_for.split(",")):
            if not self._trusts(source) or not _is_address(hop.strip()):
                break
            source = hop.strip()
        return source

    def shares(self, address: str) -> bool:
        """Tell whether many senders may come from an address: a trusted proxy's, or this machine's own."""
        if not _is_address(address):
            return True  # a Unix socket's other end
        parsed = ip_address(address)
        mapped = parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None
        return self._trusts(address) or (mapped or parsed).is_loopback

    def _trusts(self, address: str | None) -> bool:
        return (
            address is not None
            and _is_address(address)
            and any(ip_address(address) in network for network in self._networks)
        )


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
