"""From the settings to the SIP sockets: where to listen, by which certificate, and which address peers are told."""

import datetime
import ipaddress
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from ringback.app.settings import SipSettings
from ringback.sip.events import Flow
from ringback.sip.net.connections import Limits
from ringback.sip.net.tls import TlsError, TlsSettings, own_certificate
from ringback.sip.net.transport import Listen


def listens(sip: SipSettings) -> list[Listen]:
    """Return where to listen: each transport that is on, at each address, the main one first.

    Without UDP and TCP there is TCP on the loopback, last: by it a number of this server calls another one.
    """
    ports = [("TCP", sip.port if sip.tcp else None), ("UDP", sip.port if sip.udp else None)]
    ports += [("TLS", sip.tls_port), ("WS", sip.ws_port), ("WSS", sip.wss_port)]
    hosts = dict.fromkeys((sip.host, *sip.also_listen))
    found = [Listen(transport, host, port) for host in hosts for transport, port in ports if port is not None]
    return found if sip.udp or sip.tcp else [*found, Listen("TCP", "127.0.0.1", sip.port)]


def limits(sip: SipSettings) -> Limits:
    """Return what peers may take of us."""
    return Limits(connections=sip.max_connections, per_source=sip.max_connections_per_address)


def tls_settings(sip: SipSettings, directory: Path, now: datetime.datetime) -> TlsSettings | None:
    """Return how to prove who we are and whom to believe; None where there is nothing to prove and no say in it.

    Without a certificate in the settings one of our own is made, once, and kept in `directory/tls`. Raises TlsError.
    """
    certificate, key = sip.tls_certificate, sip.tls_key
    if (certificate is None) != (key is None):
        raise TlsError("sip.tls_certificate and sip.tls_key are of use together only: set both, or neither")
    if certificate is None or key is None:
        if sip.tls_port is None and sip.wss_port is None and sip.tls_ca is None:
            return None
        names = [sip.tls_name, sip.advertised_address, sip.host, *sip.also_listen]
        given = [name for name in names if name and name not in ("0.0.0.0", "::")]
        certificate, key = own_certificate(directory / "tls", given, now)
    return TlsSettings(
        certificate,
        key,
        ca=sip.tls_ca,
        verify_clients=sip.tls_verify_clients,
        # A certificate that we made ourselves tells a stranger nothing, and some refuse it.
        identify=sip.tls_certificate is not None,
    )


def advertiser(sip: SipSettings) -> Callable[[Flow], tuple[str, int]]:
    """Return the function that says which address and port Via and Contact tell the peer of a flow.

    Behind a NAT that is the advertised one; peers in networks of our own are told the address of the socket.
    """
    ports = {name.upper(): int(port) for name, _, port in (text.partition(":") for text in sip.advertised_ports)}

    @lru_cache(maxsize=10_000)
    def near(host: str) -> bool:
        address = ipaddress.ip_address(host.partition("%")[0])
        address = getattr(address, "ipv4_mapped", None) or address
        return any(address in network for network in sip.local_networks)

    def advertised(flow: Flow) -> tuple[str, int]:
        host, port = flow.local
        secure = flow.transport in ("TLS", "WSS")
        if near(flow.remote[0]):
            return host, port
        if secure and sip.tls_name:
            host = sip.tls_name
        elif sip.advertised_address and (":" in sip.advertised_address) == (":" in host):
            host = sip.advertised_address
        return host, ports.get(flow.transport, port)

    return advertised
