"""TLS without telling the server its name, which is still what its certificate must be for.

Python checks a name only where it sends it (RFC 6066 clause 3), so the certificate's names are compared here, by RFC
9525 clause 6. All else about a certificate is checked as ever.
"""

import ssl
from collections.abc import Mapping, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, Final

_MISMATCH: Final = 62
"""What OpenSSL calls X509_V_ERR_HOSTNAME_MISMATCH."""


class _CheckedObject(ssl.SSLObject):
    """One connection, whose handshake fails for a certificate that is for another host."""

    host: str | None = None

    def do_handshake(self) -> None:
        super().do_handshake()
        if self.context.verify_mode is ssl.CERT_REQUIRED and not is_for(self.getpeercert() or {}, self.host or ""):
            error = ssl.SSLCertVerificationError(1, f"the certificate is not valid for {self.host!r}")
            error.verify_code = _MISMATCH
            error.verify_message = f"it is not valid for {self.host!r}"
            raise error


class _NamelessContext(ssl.SSLContext):
    sslobject_class = _CheckedObject

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        wrapped = super().wrap_bio(incoming, outgoing, server_side, None, session)
        assert isinstance(wrapped, _CheckedObject)
        wrapped.host = server_hostname.decode("ascii") if isinstance(server_hostname, bytes) else server_hostname
        return wrapped


def nameless_context() -> ssl.SSLContext:
    """Return what `ssl.create_default_context` does, but that no name is sent. For asyncio's connections only."""
    context = _NamelessContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_flags = ssl.create_default_context().verify_flags
    context.load_default_certs()
    return context


def is_for(certificate: Mapping[str, Any], host: str) -> bool:
    """Tell whether a certificate, as `getpeercert` has it, names a host: by its alternative names and nothing else."""
    names: Sequence[tuple[str, str]] = certificate.get("subjectAltName", ())
    address = _address(host.strip("[]"))
    if address is not None:
        return any(kind == "IP Address" and _address(name.strip()) == address for kind, name in names)
    wanted = host.lower().removesuffix(".")
    return any(kind == "DNS" and _matches(name.lower().removesuffix("."), wanted) for kind, name in names)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None


def _matches(name: str, host: str) -> bool:
    first, _, rest = name.partition(".")
    if first != "*":
        return bool(host) and name == host
    # A star is one whole label, and no certificate is for a whole top-level domain.
    label, _, domain = host.partition(".")
    return bool(label) and "." in rest and "*" not in rest and domain == rest
