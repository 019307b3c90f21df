"""Certificates: our own, those of others, and what they name."""

import datetime
import ssl
import stat
from pathlib import Path

import pytest

from ringback.sip.net.tls import (
    Tls,
    TlsError,
    TlsSettings,
    client_context,
    fingerprint,
    make_certificate,
    names_of,
    own_certificate,
    server_context,
)
from tests.unit.sip.net.net_sides import NOW, certificate


def shake_hands(server: ssl.SSLContext, client: ssl.SSLContext, name: str) -> ssl.SSLObject:
    """Let two contexts talk in memory, and return the server's side."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(to_client, to_server, server_hostname=name),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]
    for _ in range(6):
        for end in ends:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
    ends[0].do_handshake()
    ends[1].do_handshake()
    return ends[1]


def test_a_certificate_is_made_once_and_kept_for_its_owner_alone(tmp_path: Path) -> None:
    first, key = own_certificate(tmp_path / "tls", ["sip.example.com"], NOW)
    text = first.read_bytes()
    assert own_certificate(tmp_path / "tls", ["other.example.com"], NOW)[0].read_bytes() == text
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert stat.S_IMODE(first.parent.stat().st_mode) == 0o700
    later = NOW + datetime.timedelta(days=4000)
    assert own_certificate(tmp_path / "tls", ["sip.example.com"], later)[0].read_bytes() != text


def test_a_certificate_that_cannot_be_read_is_made_anew(tmp_path: Path) -> None:
    first, _ = own_certificate(tmp_path, ["a.example"], NOW)
    first.write_text("no PEM")
    own_certificate(tmp_path, ["a.example"], NOW)
    assert fingerprint(first).count(":") == 31


def test_where_no_certificate_can_be_kept(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TlsError, match="no certificate can be kept"):
        own_certificate(tmp_path / "file" / "tls", ["a.example"], NOW)


def test_a_fingerprint_of_something_else(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no PEM")
    with pytest.raises(TlsError, match="no certificate in PEM"):
        fingerprint(tmp_path / "file")


@pytest.mark.parametrize("name", ["sip.example.com", "192.0.2.7", "2001:db8::7", "localhost", "127.0.0.1"])
def test_the_names_of_our_own_certificate_are_verified(tmp_path: Path, name: str) -> None:
    ours = certificate(tmp_path, "sip.example.com", "192.0.2.7", "2001:db8::7", "x" * 80, "")
    shake_hands(server_context(ours), client_context(ours), name)


def test_a_name_that_the_certificate_has_not(tmp_path: Path) -> None:
    ours = certificate(tmp_path)
    with pytest.raises(ssl.SSLCertVerificationError, match=r"not valid for 'sip\.example\.com'"):
        shake_hands(server_context(ours), client_context(ours), "sip.example.com")


def test_an_authority_that_is_not_believed(tmp_path: Path) -> None:
    ours, theirs = certificate(tmp_path / "a"), certificate(tmp_path / "b")
    with pytest.raises(ssl.SSLCertVerificationError, match="self-signed"):
        shake_hands(server_context(ours), client_context(theirs), "127.0.0.1")
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(server_context(ours), client_context(None), "127.0.0.1")


def test_mutual_tls_wants_a_certificate_of_a_known_authority(tmp_path: Path) -> None:
    ours, theirs = certificate(tmp_path / "a"), certificate(tmp_path / "b", "phone.example")
    server = server_context(TlsSettings(ours.certificate, ours.key, ca=theirs.certificate, verify_clients=True))
    known = TlsSettings(theirs.certificate, theirs.key, ca=ours.certificate, identify=True)
    unknown = TlsSettings(ours.certificate, ours.key, ca=ours.certificate, identify=True)
    nobody = TlsSettings(ours.certificate, ours.key, ca=ours.certificate)
    peer = shake_hands(server, client_context(known), "127.0.0.1").getpeercert()
    assert peer is not None
    assert "phone.example" in names_of(peer)
    for stranger in (unknown, nobody):
        with pytest.raises(ssl.SSLError):
            shake_hands(server, client_context(stranger), "127.0.0.1")


def test_files_that_cannot_be_used(tmp_path: Path) -> None:
    ours, other = certificate(tmp_path / "a"), certificate(tmp_path / "b")
    with pytest.raises(TlsError, match="No such file"):
        server_context(TlsSettings(tmp_path / "none", ours.key))
    with pytest.raises(TlsError, match="values mismatch.*belong together"):
        server_context(TlsSettings(ours.certificate, other.key))
    with pytest.raises(TlsError, match="No such file"):
        client_context(TlsSettings(ours.certificate, ours.key, ca=tmp_path / "none"))
    ours.key.write_text("no PEM")
    with pytest.raises(TlsError, match="PEM files"):
        server_context(ours)


def test_a_key_with_a_passphrase_is_refused_not_asked_for(tmp_path: Path) -> None:
    from cryptography.hazmat.primitives import serialization as pem

    ours = certificate(tmp_path)
    key = pem.load_pem_private_key(ours.key.read_bytes(), None)
    locked = key.private_bytes(pem.Encoding.PEM, pem.PrivateFormat.PKCS8, pem.BestAvailableEncryption(b"secret"))
    ours.key.write_bytes(locked)
    with pytest.raises(TlsError, match="passphrase"):
        server_context(ours)


def test_names_of_a_certificate() -> None:
    names = (
        ("DNS", "SIP.example.com"),
        ("IP Address", "2001:DB8:0:0:0:0:0:1"),
        ("URI", "sip:example.com"),
        ("URI", "sip:me@example.org"),
        ("URI", "https://example.net"),
        ("email", "a@b"),
    )
    assert names_of({"subjectAltName": names}) == {"sip.example.com", "2001:db8::1", "example.com"}
    assert names_of({}) == set()


def test_names_with_letters_of_other_languages() -> None:
    assert b"BEGIN CERTIFICATE" in make_certificate(["bücher.example"], NOW)[0]


def test_a_renewed_certificate_serves_the_connections_from_then_on(tmp_path: Path) -> None:
    ours, other = certificate(tmp_path / "a"), certificate(tmp_path / "b", "127.0.0.1", "renewed-and-longer.example")
    now = [0.0]
    tls = Tls(ours, lambda: now[0])
    before = tls.client()
    ours.key.write_bytes(other.key.read_bytes())
    now[0] = 61.0
    assert tls.server() is not None
    assert "values mismatch" in tls.problem, "half of a pair stays unused"
    ours.certificate.write_bytes(other.certificate.read_bytes())
    now[0] = 62.0
    tls.server()
    assert "values mismatch" in tls.problem, "it is not looked at all the time"
    now[0] = 130.0
    shake_hands(tls.server(), client_context(other), "renewed-and-longer.example")
    assert (tls.problem, tls.client() is not before) == ("", True)
    ours.key.unlink()
    now[0] = 200.0
    tls.server()
    assert "No such file" in tls.problem


def test_without_settings_others_can_be_connected_to() -> None:
    tls = Tls(None, lambda: 0.0)
    assert tls.client().check_hostname
    with pytest.raises(TlsError, match="takes a certificate"):
        tls.server()
