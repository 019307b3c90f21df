"""From settings to sockets: where to listen, by which certificate, and what peers are told of our address."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ringback.app.settings import SipSettings
from ringback.app.sip_sockets import advertiser, limits, listens, tls_settings
from ringback.sip.events import Flow
from ringback.sip.net.tls import TlsError
from ringback.sip.net.transport import Listen

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_udp_and_tcp_at_one_address_is_the_default() -> None:
    assert listens(SipSettings()) == [Listen("TCP", "127.0.0.1", 5060), Listen("UDP", "127.0.0.1", 5060)]


def test_every_transport_at_every_address() -> None:
    sip = SipSettings(
        host="0.0.0.0", also_listen=("::", "0.0.0.0"), tcp=False, tls_port=5061, ws_port=8080, wss_port=8443
    )
    assert [(where.transport, where.host, where.port) for where in listens(sip)] == [
        (transport, host, port)
        for host in ("0.0.0.0", "::")
        for transport, port in (("UDP", 5060), ("TLS", 5061), ("WS", 8080), ("WSS", 8443))
    ]


def test_encrypted_alone_leaves_a_way_to_the_server_itself() -> None:
    sip = SipSettings(host="0.0.0.0", udp=False, tcp=False, tls_port=5061)
    assert listens(sip) == [Listen("TLS", "0.0.0.0", 5061), Listen("TCP", "127.0.0.1", 5060)]


def test_limits_of_connections() -> None:
    made = limits(SipSettings(max_connections=7, max_connections_per_address=3))
    assert (made.connections, made.per_source) == (7, 3)


def test_without_tls_there_is_no_certificate(tmp_path: Path) -> None:
    assert tls_settings(SipSettings(ws_port=8080), tmp_path, NOW) is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("given", [{"tls_port": 5061}, {"wss_port": 8443}, {"tls_ca": Path("/ca.pem")}])
def test_a_certificate_is_made_where_none_is_given(tmp_path: Path, given: dict[str, Any]) -> None:
    made = tls_settings(SipSettings(host="0.0.0.0", tls_name="sip.example.com", **given), tmp_path, NOW)
    assert made is not None
    assert made.certificate == tmp_path / "tls" / "certificate.pem"
    assert (made.identify, made.ca, made.verify_clients) == (False, given.get("tls_ca"), False)


def test_a_certificate_of_the_settings_is_shown_to_others_too(tmp_path: Path) -> None:
    sip = SipSettings(
        tls_certificate=Path("/a.pem"), tls_key=Path("/b.pem"), tls_ca=Path("/ca.pem"), tls_verify_clients=True
    )
    made = tls_settings(sip, tmp_path, NOW)
    assert made is not None
    assert (made.certificate, made.key, made.verify_clients, made.identify) == (
        Path("/a.pem"),
        Path("/b.pem"),
        True,
        True,
    )


@pytest.mark.parametrize("given", [{"tls_certificate": Path("/a.pem")}, {"tls_key": Path("/b.pem")}])
def test_half_of_a_certificate(tmp_path: Path, given: dict[str, Any]) -> None:
    with pytest.raises(TlsError, match="set both, or neither"):
        tls_settings(SipSettings(**given), tmp_path, NOW)


def flow(transport: str, remote: str = "198.51.100.9", local: str = "10.0.0.5") -> Flow:
    return Flow(transport, (local, 5060), (remote, 40000))


def test_what_peers_are_told_behind_a_nat() -> None:
    """The advertised address to the world, the socket's to our own networks, and none of another family."""
    told = advertiser(
        SipSettings(
            advertised_address="203.0.113.5",
            advertised_ports=("udp:15060", "tls:15061"),
            tls_name="sip.example.com",
            local_networks=("10.0.0.0/8", "127.0.0.0/8"),  # type: ignore[arg-type]
        )
    )
    assert told(flow("UDP")) == ("203.0.113.5", 15060)
    assert told(flow("TCP")) == ("203.0.113.5", 5060)
    assert told(flow("TLS")) == ("sip.example.com", 15061)
    assert told(flow("UDP", "10.1.2.3")) == ("10.0.0.5", 5060)
    assert told(flow("TLS", "::ffff:10.1.2.3")) == ("10.0.0.5", 5060)
    assert told(flow("UDP", "2001:db8::9", "2001:db8::5")) == ("2001:db8::5", 15060)
    assert advertiser(SipSettings())(flow("UDP")) == ("10.0.0.5", 5060)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"advertised_ports": ("udp:70000",)}, "1 to 65535"),
        ({"advertised_ports": ("sctp:5060",)}, "advertised_ports"),
        ({"tls_verify_clients": True}, "tls_ca beside it"),
        ({"ws_origins": ("phone.example.com",)}, "ws_origins"),
        ({"tls_name": "sip example"}, "tls_name"),
    ],
)
def test_settings_that_make_no_sense(given: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        SipSettings(**given)
