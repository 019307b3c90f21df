"""TLS of SIP connections: contexts for both sides, whom a certificate names, and one of our own where none is given."""

import datetime
import ipaddress
import os
import socket
import ssl
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_YEARS = 10
"""How long a certificate of our own lasts: a phone that trusts it once should not be asked again."""
_LOOK_EVERY = 60.0
"""Seconds between two looks whether the files of a certificate have changed."""


class TlsError(Exception):
    """TLS cannot be used as it was asked for; the text says what to do."""


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """How to prove who we are, and whom to believe."""

    certificate: Path
    """PEM: our certificate, and behind it those that lead to its authority."""
    key: Path
    """PEM: its private key, without a passphrase."""
    ca: Path | None = None
    """PEM: the authorities that are believed; None are those of the operating system."""
    verify_clients: bool = False
    """Mutual TLS: whoever connects must show a certificate of those authorities."""
    identify: bool = False
    """Show our certificate to servers that we connect to and that ask for one."""


class Tls:
    """The contexts of one endpoint. A certificate that is renewed on disk serves the connections from then on."""

    def __init__(self, settings: TlsSettings | None, clock: Callable[[], float]) -> None:
        """None can connect to others, not listen. Raises TlsError when a file cannot be used."""
        self._settings = settings
        self._clock = clock
        self._looked = clock()
        self._server: ssl.SSLContext | None = None
        self._client: ssl.SSLContext | None = None
        self._stamps: tuple[int, ...] = ()
        self.problem = ""
        """Why the certificate on disk is not in use, if it is not."""
        if settings is not None:
            self._server = server_context(settings)
            self._stamps = _stamps(settings)

    def server(self) -> ssl.SSLContext:
        """Return the context of those who connect to us. Raises TlsError without settings."""
        if self._server is None or self._settings is None:
            raise TlsError("to listen for TLS takes a certificate and its key")
        now = self._clock()
        if now - self._looked >= _LOOK_EVERY:
            self._looked = now
            self._look(self._settings, self._server)
        return self._server

    def client(self) -> ssl.SSLContext:
        """Return the context of our own connections. Raises TlsError."""
        if self._client is None:
            self._client = client_context(self._settings)
        return self._client

    def _look(self, settings: TlsSettings, context: ssl.SSLContext) -> None:
        stamps = _stamps(settings)
        if stamps == self._stamps:
            return
        try:
            # First into a context of its own: half of a pair, just being written, must not stop the service.
            server_context(settings)
            context.load_cert_chain(settings.certificate, settings.key)
        except (TlsError, OSError, ssl.SSLError) as error:
            self.problem = str(error)
        else:
            self._stamps, self.problem, self._client = stamps, "", None


def server_context(settings: TlsSettings) -> ssl.SSLContext:
    """Make the context of those who connect to us. Raises TlsError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    _load_own(context, settings)
    if settings.verify_clients:
        _load_authorities(context, settings.ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def client_context(settings: TlsSettings | None) -> ssl.SSLContext:
    """Make the context of our own connections: certificates and names are always verified. Raises TlsError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    _load_authorities(context, settings.ca if settings is not None else None)
    if settings is not None and settings.identify:
        _load_own(context, settings)
    return context


def _load_own(context: ssl.SSLContext, settings: TlsSettings) -> None:
    try:
        # A passphrase would be asked for at the terminal: refuse instead.
        context.load_cert_chain(settings.certificate, settings.key, password=lambda: b"")
    except (OSError, ssl.SSLError, ValueError) as error:
        raise TlsError(
            f"the certificate {settings.certificate} and the key {settings.key} cannot be used: {_why(error)}; "
            "both are PEM files, belong together, and the key has no passphrase"
        ) from error


def _load_authorities(context: ssl.SSLContext, ca: Path | None) -> None:
    try:
        if ca is None:
            context.load_default_certs()
        else:
            context.load_verify_locations(ca)
    except (OSError, ssl.SSLError) as error:
        raise TlsError(f"the authorities of {ca} cannot be read: {_why(error)}; it is a PEM file") from error


def _why(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return str(error.reason or error.args[-1]).replace("_", " ").lower()
    return os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)


def _stamps(settings: TlsSettings) -> tuple[int, ...]:
    """Return what changes when one of the files does."""
    stamps: list[int] = []
    for path in (settings.certificate, settings.key):
        try:
            status = path.stat()
        except OSError:
            continue
        stamps += [status.st_mtime_ns, status.st_size]
    return tuple(stamps)


def names_of(certificate: Mapping[str, Any]) -> set[str]:
    """Return the hosts that a certificate of a peer names, in lower case (RFC 5922 §7.1): DNS, address, SIP domain.

    `certificate` is what `SSLSocket.getpeercert` gives.
    """
    names: set[str] = set()
    for kind, value in certificate.get("subjectAltName", ()):
        if kind == "DNS":
            names.add(value.lower())
        elif kind == "IP Address":
            names.add(str(ipaddress.ip_address(value)))
        elif kind == "URI" and value.lower().startswith("sip:") and "@" not in value:
            names.add(value[4:].lower())
    return names


# -- a certificate of our own -----------------------------------------------------------------------------------------


def own_certificate(directory: Path, names: Iterable[str], now: datetime.datetime) -> tuple[Path, Path]:
    """Return the files of a certificate and its key in a directory; they are made where they are not there.

    `names` are host names and addresses of this server, in addition to this machine's. One that has run out is made
    anew. Raises TlsError when the directory cannot be written.
    """
    certificate, key = directory / "certificate.pem", directory / "key.pem"
    try:
        if not (key.exists() and _lasts(certificate, now)):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            texts = make_certificate([*names, socket.gethostname(), "localhost", "127.0.0.1", "::1"], now)
            for path, text in ((key, texts[1]), (certificate, texts[0])):
                _write_private(path, text)
    except OSError as error:
        raise TlsError(f"no certificate can be kept in {directory}: {_why(error)}") from error
    return certificate, key


def make_certificate(names: Iterable[str], now: datetime.datetime) -> tuple[bytes, bytes]:
    """Make a self-signed certificate for host names and addresses; returns it and its key, as PEM."""
    names = list(dict.fromkeys(name for name in names if name and len(name) <= 64))
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))  # clocks of phones are often behind
        .not_valid_after(now + datetime.timedelta(days=365 * _YEARS))
        .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return certificate.public_bytes(pem), private


def fingerprint(certificate: Path) -> str:
    """Return the SHA-256 fingerprint of the first certificate in a PEM file, as `AB:CD:…`. Raises TlsError."""
    try:
        found = x509.load_pem_x509_certificate(certificate.read_bytes())
    except (OSError, ValueError) as error:
        raise TlsError(f"{certificate} is no certificate in PEM: {_why(error)}") from error
    return found.fingerprint(hashes.SHA256()).hex(":").upper()


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name.encode("idna").decode() if not name.isascii() else name)


def _lasts(certificate: Path, now: datetime.datetime) -> bool:
    try:
        return x509.load_pem_x509_certificate(certificate.read_bytes()).not_valid_after_utc > now
    except (FileNotFoundError, ValueError):
        return False


def _write_private(path: Path, text: bytes) -> None:
    """Write a file that only its owner can read, all of it or nothing."""
    new = path.with_suffix(".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(text)
    new.replace(path)
