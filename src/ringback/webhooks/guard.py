"""The guard: webhooks don't reach into the private network of the server that sends them.

Whoever may set a URL could otherwise read what only this machine can reach: a database's console, a cloud's metadata.
The address that is really connected to is checked, so neither a name that resolves to a private address nor a
redirect to one gets through.
"""

import errno
import socket
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

Network = IPv4Network | IPv6Network
"""A network as `ipaddress` knows it."""

LOOPBACK: tuple[Network, ...] = (ip_network("127.0.0.0/8"), ip_network("::1/128"))

# Public by its number, yet it answers for the platform inside each virtual machine of Azure (its "wire server").
_METADATA = frozenset({ip_address("168.63.129.16")})
_NAT64 = ip_network("64:ff9b::/96")  # RFC 6052


class AddressRefusedError(OSError):
    """The guard refuses an address. An OSError, so that it travels like any other failure to connect."""


class AddressGuard:
    """Decides which addresses may be connected to, and makes the sockets for them."""

    def __init__(self, allow_private: tuple[Network, ...] = LOOPBACK, deny: tuple[Network, ...] = ()) -> None:
        """Let through every public address and the private ones of `allow_private`; nothing of `deny`."""
        self._allow_private = allow_private
        self._deny = deny

    def allows(self, address: str) -> bool:
        """Tell whether a numeric address may be connected to. What is no address may not."""
        try:
            ip = ip_address(address)
        except ValueError:
            return False
        return all(self._allows(one) for one in _meanings(ip))

    def _allows(self, ip: IPv4Address | IPv6Address) -> bool:
        if any(ip in network for network in self._deny):
            return False
        if any(ip in network for network in self._allow_private):
            return True
        return ip.is_global and not ip.is_multicast and not ip.is_reserved and ip not in _METADATA

    def make_socket(self, info: tuple[Any, ...]) -> socket.socket:
        """Make the socket for an entry of `getaddrinfo` (aiohttp's socket factory), or raise AddressRefusedError."""
        family, kind, protocol, _, sockaddr = info
        address = str(sockaddr[0])
        if not self.allows(address):
            raise AddressRefusedError(
                errno.EACCES,
                f"{address} is a private or refused address; the setting webhooks.allow_private permits it",
            )
        return socket.socket(family, kind, protocol)


def _meanings(ip: IPv4Address | IPv6Address) -> list[IPv4Address | IPv6Address]:
    """Return the addresses that one address reaches: an IPv6 address may carry an IPv4 one."""
    if isinstance(ip, IPv4Address):
        return [ip]
    if ip.ipv4_mapped is not None:
        return [ip.ipv4_mapped]
    if ip in _NAT64:
        return [IPv4Address(int(ip) & 0xFFFFFFFF)]
    if ip.sixtofour is not None:
        return [ip, ip.sixtofour]
    if ip.teredo is not None:
        return [ip, *ip.teredo]
    return [ip]
