"""Which certificates are for which hosts (RFC 9525 clause 6), and connections that tell no name."""

import ssl
from typing import Any

import pytest
from webhooks_application import TLS

from ringback.webhooks.nameless import is_for, nameless_context


def certificate(*names: str) -> dict[str, Any]:
    kinds = [("IP Address" if name[0].isdigit() or ":" in name else "DNS", name) for name in names]
    return {"subject": ((("commonName", "common.example"),),), "subjectAltName": tuple(kinds)}


@pytest.mark.parametrize(
    ("names", "host"),
    [
        (["app.example"], "app.example"),
        (["App.Example"], "aPP.example."),
        (["other.example", "app.example"], "app.example"),
        (["*.app.example"], "one.app.example"),
        (["127.0.0.1"], "127.0.0.1"),
        (["0:0:0:0:0:0:0:1"], "[::1]"),
    ],
)
def test_a_certificate_is_for_its_names(names: list[str], host: str) -> None:
    assert is_for(certificate(*names), host)


@pytest.mark.parametrize(
    ("names", "host"),
    [
        ([], "app.example"),
        (["app.example"], ""),
        (["app.example"], "evil.example"),
        (["app.example"], "one.app.example"),
        (["app.example"], "app.example.evil"),
        (["*.app.example"], "app.example"),
        (["*.app.example"], "two.one.app.example"),
        (["*.app.example"], ".app.example"),
        (["*.example"], "app.example"),
        (["*"], "app"),
        (["*.*.example"], "one.two.example"),
        (["a*.app.example"], "ab.app.example"),
        (["app.example"], "common.example"),
        (["127.0.0.1"], "127.0.0.2"),
        (["app.example"], "127.0.0.1"),
        (["1.0.0.127"], "one.0.0.127"),
    ],
)
def test_and_for_no_other(names: list[str], host: str) -> None:
    assert not is_for(certificate(*names), host)
    assert not is_for({}, host)


def test_an_address_is_no_name() -> None:
    assert not is_for({"subjectAltName": (("DNS", "127.0.0.1"), ("IP Address", "<invalid>"))}, "127.0.0.1")


def shake(host: str | bytes | None, name: str = "valid", *, verify: bool = True) -> list[str | None]:
    """Shake hands in memory, and return the names that the server was told."""
    told: list[str | None] = []
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(TLS / f"{name}.pem")
    server.sni_callback = lambda _socket, told_name, _context: told.append(told_name)
    client = nameless_context()
    client.load_verify_locations(TLS / "authority.pem")
    if not verify:
        client.verify_mode = ssl.CERT_NONE
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = [client.wrap_bio(back, there, server_hostname=host), server.wrap_bio(there, back, server_side=True)]
    for _ in range(3):
        for side in sides:
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    return told


@pytest.mark.parametrize("host", ["localhost", b"localhost", "127.0.0.1"])
def test_no_name_is_told(host: str | bytes) -> None:
    assert shake(host) == [None]


@pytest.mark.parametrize(
    ("host", "name"), [("elsewhere.example", "valid"), ("localhost", "elsewhere"), (None, "valid")]
)
def test_another_host_s_certificate_ends_the_handshake(host: str | None, name: str) -> None:
    with pytest.raises(ssl.SSLCertVerificationError) as raised:
        shake(host, name)
    assert raised.value.verify_code == 62
    assert repr(host) in raised.value.verify_message
    assert shake(host, name, verify=False) == [None]
