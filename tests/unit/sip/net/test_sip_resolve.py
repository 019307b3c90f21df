"""DNS over real sockets: a server of the tests' own, its answers kept, its failures told."""

import asyncio
import random
from pathlib import Path
from typing import Any

import dns.resolver
import pytest

from ringback.sip.locate import Naptr, Question, Srv, Target, Unanswered
from ringback.sip.net.resolve import DnsResolver, HostsFile, LocateError, locate, locate_flows, parse_hosts
from tests.unit.sip.net.dns_server import DnsServer
from tests.unit.sip.net.net_sides import side

ZONE = {
    ("NAPTR", "example.com."): [
        '20 10 "s" "SIP+D2U" "" _sip._udp.example.com.',
        '10 10 "s" "SIPS+D2T" "" _sips._tcp.example.com.',
    ],
    ("SRV", "_sips._tcp.example.com."): ["10 60 5061 a.example.com.", "20 0 5063 b.example.com."],
    ("SRV", "_sip._udp.example.com."): ["0 0 5060 a.example.com."],
    ("A", "a.example.com."): ["192.0.2.1", "192.0.2.2"],
    ("AAAA", "a.example.com."): ["2001:db8::1"],
    ("A", "b.example.com."): ["192.0.2.3"],
    ("CNAME", "c.example.com."): ["b.example.com."],
}


class Clock:
    """A clock that is moved by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def resolver(server: DnsServer, **options: Any) -> DnsResolver:
    return DnsResolver(["127.0.0.1"], server.port, **{"hosts": Path("/none"), "lifetime": 2.0, **options})


async def test_a_domain_is_located() -> None:
    async with DnsServer(ZONE) as server:
        found = await locate("sip:me@example.com", resolver=resolver(server), rng=random.Random(1), families=("A",))
    addresses = ["192.0.2.1", "192.0.2.2"]  # which the name server, or its client, gives in any order
    assert [target.transport for target in found] == ["TLS", "TLS", "TLS", "UDP", "UDP"]
    assert sorted(target.host for target in found[:2]) == addresses == sorted(target.host for target in found[3:])
    assert found[2] == Target("TLS", "192.0.2.3", 5063, "example.com")
    assert {target.port for target in found[3:]} == {5060}


async def test_flows_are_those_that_can_be_reached() -> None:
    zone = {("AAAA", "six.example."): ["2001:db8::1"], ("A", "four.example."): ["192.0.2.1"]}
    async with DnsServer(zone) as server, side(1) as four, side(2, "UDP", "TCP", host="::1") as six:
        asks = resolver(server)
        (flow,) = await locate_flows("sip:me@four.example:5070", four.transport, asks)
        assert (flow.transport, flow.remote) == ("UDP", ("192.0.2.1", 5070))
        (flow,) = await locate_flows("sips:me@six.example", six.transport, asks)
        assert (flow.transport, flow.remote, flow.name) == ("TLS", ("2001:db8::1", 5061), "six.example")
        with pytest.raises(LocateError, match=r"no host four\.example"):
            await locate_flows("sip:me@four.example", six.transport, asks)
        with pytest.raises(LocateError, match="no socket of its family"):
            await locate_flows("sip:me@[2001:db8::1]", four.transport, asks)


async def test_records_of_each_kind() -> None:
    async with DnsServer(ZONE) as server:
        ask = resolver(server).resolve
        assert await ask(Question("SRV", "_sip._udp.example.com")) == (Srv(0, 0, 5060, "a.example.com"),)
        assert Naptr(10, 10, "s", "SIPS+D2T", "_sips._tcp.example.com") in await ask(Question("NAPTR", "example.com"))  # type: ignore[operator]
        assert await ask(Question("AAAA", "a.example.com")) == ("2001:db8::1",)
        assert await ask(Question("AAAA", "b.example.com")) == ()
        assert await ask(Question("A", "none.example.com")) == ()


@pytest.mark.parametrize("name", ["a..example.com", "x" * 64 + ".example", "a." * 200, "\udc80.example"])
async def test_names_that_cannot_be_asked_for(name: str) -> None:
    async with DnsServer(ZONE) as server:
        assert await resolver(server).resolve(Question("A", name)) == ()


async def test_answers_are_kept_as_long_as_they_may_be() -> None:
    clock = Clock()
    async with DnsServer(ZONE, ttl=30) as server:
        kept = resolver(server, clock=clock)
        for moment, asked in ((0.0, 1), (29.0, 1), (31.0, 2)):
            clock.now = moment
            await kept.resolve(Question("A", "b.example.com"))
            assert server.asked["A b.example.com."] == asked
        for moment, asked in ((100.0, 1), (159.0, 1), (161.0, 2)):
            clock.now = moment
            await kept.resolve(Question("A", "none.example.com"))
            assert server.asked["A none.example.com."] == asked


async def test_what_is_kept_is_bounded() -> None:
    clock = Clock()
    async with DnsServer(ZONE) as server:
        kept = resolver(server, clock=clock, max_kept=4)
        for n in range(9):
            await kept.resolve(Question("A", f"n{n}.example.com"))
        assert len(kept._kept) <= 4
        clock.now = 1000.0
        for n in range(9, 14):
            await kept.resolve(Question("A", f"n{n}.example.com"))
        assert all(kept[0] > 1000 for kept in kept._kept.values())


async def test_a_long_answer_comes_over_tcp() -> None:
    async with DnsServer(ZONE) as server:
        server.truncates = True
        assert await resolver(server).resolve(Question("A", "b.example.com")) == ("192.0.2.3",)


async def test_servers_that_fail_are_asked_again_soon() -> None:
    clock = Clock()
    async with DnsServer(ZONE) as server:
        server.failing = True
        kept = resolver(server, clock=clock)
        assert await kept.resolve(Question("A", "b.example.com")) == Unanswered("the name servers fail")
        server.failing, clock.now = False, 6.0
        assert await kept.resolve(Question("A", "b.example.com")) == ("192.0.2.3",)


async def test_time_is_bounded() -> None:
    async with DnsServer(ZONE) as server:
        server.silent = True
        with pytest.raises(LocateError, match="no name server answers"):
            async with asyncio.timeout(2):
                await locate("sip:b.example.com:5060", resolver=resolver(server, lifetime=0.1))


async def test_a_machine_without_name_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(self: dns.resolver.BaseResolver, *_: object) -> None:
        raise dns.resolver.NoResolverConfiguration

    monkeypatch.setattr(dns.resolver.BaseResolver, "read_resolv_conf", none)
    with pytest.raises(LocateError, match="no name servers"):
        await locate("sip:example.com", resolver=DnsResolver(hosts=Path("/none")))


async def test_names_of_the_hosts_file_are_looked_up_nowhere_else(tmp_path: Path) -> None:
    hosts = tmp_path / "hosts"
    hosts.write_text("192.0.2.8 pbx PBX.example\n")
    async with DnsServer(ZONE) as server:
        asks = resolver(server, hosts=hosts)
        assert await locate("sip:me@pbx", resolver=asks) == [Target("UDP", "192.0.2.8", 5060, "pbx")]
        assert [t.host for t in await locate("sip:me@localhost", resolver=asks)] == ["127.0.0.1", "::1"]
        assert not server.asked


def test_a_hosts_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "hosts"
    hosts = HostsFile(path)
    assert hosts.answer(Question("A", "a")) is None
    path.write_text("192.0.2.1 a\n")
    assert hosts.answer(Question("A", "A.")) == ("192.0.2.1",)
    assert hosts.answer(Question("AAAA", "a")) == ()
    assert hosts.answer(Question("SRV", "_sip._udp.a")) == ()
    path.write_text("192.0.2.2 a\n192.0.2.3 a\n")
    hosts._stamp = 0
    assert hosts.answer(Question("A", "a")) == ("192.0.2.2", "192.0.2.3")


def test_lines_of_a_hosts_file() -> None:
    text = "# 192.0.2.1 a\n\n192.0.2.2 b B.example # c\nfe80::1%lo0 d\nnonsense e\n192.0.2.3\n"
    assert parse_hosts(text) == {"b": ["192.0.2.2"], "b.example": ["192.0.2.2"], "d": ["fe80::1"]}
