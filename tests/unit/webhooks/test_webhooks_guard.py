"""The guard: which addresses a webhook may reach."""

import socket
from ipaddress import ip_network

import pytest

from ringback.webhooks.guard import AddressGuard, AddressRefusedError


@pytest.mark.parametrize("address", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "1.1.1.1", "2606:4700::1111"])
def test_public_and_loopback_addresses_are_allowed(address: str) -> None:
    assert AddressGuard().allows(address)


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "100.100.100.200",
        "169.254.169.254",
        "168.63.129.16",
        "0.0.0.0",
        "224.0.0.1",
        "239.1.1.1",
        "240.0.0.1",
        "255.255.255.255",
        "192.0.2.1",
        "::",
        "fe80::1",
        "fe80::1%eth0",
        "fc00::1",
        "fd00:ec2::254",
        "ff02::1",
        "2001:db8::1",
        "::ffff:10.0.0.1",
        "64:ff9b::10.0.0.1",
        "2002:0a00:0001::1",
        "2001:0:4136:e378:8000:63bf:f5ff:fffe",
        "localhost",
        "",
    ],
)
def test_everything_else_is_refused(address: str) -> None:
    assert not AddressGuard().allows(address)


def test_a_public_address_inside_another_is_allowed() -> None:
    assert AddressGuard().allows("64:ff9b::1.1.1.1")
    assert AddressGuard().allows("::ffff:1.1.1.1")


def test_settings_open_and_close() -> None:
    guard = AddressGuard((ip_network("10.0.0.0/8"),), (ip_network("10.1.0.0/16"), ip_network("1.1.1.0/24")))
    assert guard.allows("10.2.0.1")
    assert not guard.allows("10.1.0.1")
    assert not guard.allows("1.1.1.1")
    assert not guard.allows("127.0.0.1")


def test_sockets_are_made_for_allowed_addresses_only() -> None:
    guard = AddressGuard()
    guard.make_socket((socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", 80))).close()
    with pytest.raises(AddressRefusedError, match=r"10\.0\.0\.1 .*webhooks\.allow_private"):
        guard.make_socket((socket.AF_INET, socket.SOCK_STREAM, 0, "", ("10.0.0.1", 80)))
