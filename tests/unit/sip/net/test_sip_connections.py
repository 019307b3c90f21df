"""Who has how many connections, and which one serves a flow."""

import asyncio
from typing import Any

from ringback.sip.events import Flow
from ringback.sip.net.connections import Connections, Limits

HERE, THERE = ("192.0.2.1", 5060), ("192.0.2.2", 5061)


class Fake:
    """A connection that does nothing."""

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def send(self, data: bytes) -> None: ...

    def close(self) -> None: ...

    def abort(self) -> None: ...


class World:
    """A table, and what it tells."""

    def __init__(self, **limits: Any) -> None:
        self.received: list[tuple[bytes, Flow]] = []
        self.lost: list[Flow] = []
        self.refused: list[str] = []
        self.table = Connections(
            lambda data, flow: self.received.append((data, flow)), self.lost.append,
            lambda flow, reason: self.refused.append(reason), Limits(**limits),
        )  # fmt: skip

    def connection(self, transport: str = "TCP", name: str = "", remote: tuple[str, int] = THERE) -> Fake:
        made = Fake(Flow(transport, HERE, remote, self.table.number(), name))
        assert self.table.opened(made)
        return made


def anyone(transport: str = "TCP", name: str = "", remote: tuple[str, int] = THERE) -> Flow:
    """A flow that any connection may serve."""
    return Flow(transport, HERE, remote, 0, name)


async def test_a_flow_finds_its_connection_or_one_to_its_address() -> None:
    world = World()
    first, second = world.connection(), world.connection()
    assert world.table.find(first.flow) is first
    assert world.table.find(second.flow) is second
    assert world.table.find(anyone()) is first, "the older of two stays in use"
    assert world.table.find(anyone("TLS")) is None
    assert world.table.find(Flow("TCP", HERE, THERE, 99)) is None
    assert (len(world.table), world.table.all()) == (2, [first, second])


async def test_a_name_is_served_only_where_it_was_verified() -> None:
    """RFC 5923 §9.3: two domains on one address have two connections."""
    world = World()
    verified = world.connection("TLS", "a.example")
    assert world.table.find(anyone("TLS", "a.example")) is verified
    assert world.table.find(anyone("TLS", "b.example")) is None
    assert world.table.find(anyone("TLS")) is None
    world.table.alias(verified, ("192.0.2.2", 7000), "c.example")
    assert world.table.find(anyone("TLS", "c.example", ("192.0.2.2", 7000))) is verified
    for port in range(100):
        world.table.alias(verified, ("192.0.2.2", port), "c.example")
    assert world.table.find(anyone("TLS", "c.example", ("192.0.2.2", 99))) is None, "aliases are bounded"


async def test_whoever_used_a_connection_learns_of_its_end() -> None:
    world = World()
    made = world.connection()
    world.table.find(anyone())
    world.table.alias(made, ("192.0.2.2", 7000), "")
    world.table.lost(made)
    world.table.lost(made)
    assert world.lost == [made.flow, anyone()]
    assert world.table.find(anyone(remote=("192.0.2.2", 7000))) is None
    world.table.alias(made, ("192.0.2.2", 7000), "")
    assert world.table.find(anyone(remote=("192.0.2.2", 7000))) is None


async def test_after_a_second_connection_the_first_is_not_forgotten() -> None:
    world = World()
    first, second = world.connection(), world.connection()
    world.table.lost(second)
    assert world.table.find(anyone()) is first


async def test_room_is_limited_in_all_and_by_source() -> None:
    world = World(connections=3, per_source=2)
    assert [world.table.enter("192.0.2.1") for _ in range(3)] == ["", "", "too many connections from one address"]
    assert world.table.enter("192.0.2.2") == ""
    assert world.table.enter("192.0.2.3") == "too many connections"
    world.table.leave("192.0.2.1")
    assert world.table.enter("192.0.2.3") == ""
    for source in ("192.0.2.1", "192.0.2.2", "192.0.2.3"):
        world.table.leave(source)
    assert not world.table._sources


async def test_when_all_is_closed_nothing_is_taken_or_told() -> None:
    world = World()
    made = world.connection()
    world.table.closing = True
    assert not world.table.opened(Fake(Flow("TCP", HERE, THERE, 9)))
    world.table.lost(made)
    assert world.lost == []


async def test_what_connections_tell_is_handed_on() -> None:
    world = World()
    world.table.receive(b"x", anyone())
    world.table.refused(anyone(), "why")
    assert (world.received, world.refused) == ([(b"x", anyone())], ["why"])
