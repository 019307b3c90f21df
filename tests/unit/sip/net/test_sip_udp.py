"""The UDP socket, on loopback."""

import asyncio

from ringback.sip.events import Flow
from ringback.sip.net.udp import UdpSocket, local_host_towards


async def bound(host: str) -> tuple[UdpSocket, "asyncio.Queue[tuple[bytes, Flow]]"]:
    """Bind a socket; return it with what it receives."""
    received: asyncio.Queue[tuple[bytes, Flow]] = asyncio.Queue()
    _, sock = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: UdpSocket(lambda data, flow: received.put_nowait((data, flow))), local_addr=(host, 0)
    )
    return sock, received


async def test_datagrams_come_with_their_flow() -> None:
    one, heard_by_one = await bound("127.0.0.1")
    two, heard_by_two = await bound("0.0.0.0")
    two_at = ("127.0.0.1", two.local[1])
    one.send(b"hello", two_at)
    data, flow = await heard_by_two.get()
    assert (data, flow) == (b"hello", Flow("UDP", two_at, one.local)), "a wildcard socket knows its address"
    two.send(b"back", flow.remote)
    assert (await heard_by_one.get())[0] == b"back"
    await one.close()
    one.send(b"nothing", two_at)
    one.error_received(OSError("port unreachable"))
    await one.close()
    await two.close()


async def test_the_addresses_that_were_asked_for_are_remembered_within_bounds() -> None:
    sock, _ = await bound("0.0.0.0")
    for number in range(10_005):
        sock._local_hosts[str(number)] = "192.0.2.1"
    assert sock.flow_to(("127.0.0.1", 5060)).local[0] == "127.0.0.1"
    assert len(sock._local_hosts) == 1
    await sock.close()


def test_our_address_towards_a_host() -> None:
    assert local_host_towards("127.0.0.1") == "127.0.0.1"
    assert local_host_towards("not an address") == "127.0.0.1"
    assert local_host_towards("::zz") == "::1"
