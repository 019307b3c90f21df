"""Links: SMPP sessions on sockets of loopback."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from ringback.messaging.smpp.link import AnswerLostError, Link, LinkError, connect
from ringback.messaging.smpp.pdu import Bind, Pdu, message_pdu
from ringback.messaging.smpp.session import BindAsked, Timers
from tests.unit.messaging.smpp_lines import submit


class Smsc:
    """A server that lets everybody in and answers when its gate is open."""

    def __init__(self) -> None:
        self.links: list[Link] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.came = 0
        self.ended: list[str] = []

    async def start(self) -> int:
        self.server = await asyncio.get_running_loop().create_server(self.link, "127.0.0.1", 0)
        return int(self.server.sockets[0].getsockname()[1])

    def link(self) -> Link:
        made = Link("smsc", self.arrived, on_bind=self.asked, on_closed=lambda link, reason: self.ended.append(reason))
        self.links.append(made)
        return made

    def asked(self, link: Link, asked: BindAsked) -> None:
        link.accept_bind(asked, "smsc")

    async def arrived(self, link: Link, request: Pdu) -> None:
        self.came += 1
        await self.gate.wait()
        link.answer(request, 0, b"id\0")

    async def close(self) -> None:
        self.server.close()
        for link in self.links:
            link.abort("the test is over")


async def nothing(link: Link, request: Pdu) -> None:
    """Take nothing."""


@pytest.fixture
async def smsc() -> AsyncIterator[Smsc]:
    made = Smsc()
    yield made
    await made.close()


async def test_messages_are_answered_and_the_end_is_orderly(smsc: Smsc) -> None:
    link = await connect("127.0.0.1", await smsc.start(), Bind("a", "b"), nothing)
    assert link.may_send
    answers = await asyncio.gather(*(link.request(lambda sequence: message_pdu(submit(), sequence)) for _ in range(20)))
    assert {answer.status for answer in answers} == {0}
    assert link.pending == 0
    await link.close()
    assert not link.may_send
    assert smsc.ended == ["the other side has unbound"]


async def test_a_link_that_is_cut_loses_what_waits(smsc: Smsc) -> None:
    link = await connect("127.0.0.1", await smsc.start(), Bind("a", "b"), nothing)
    smsc.gate.clear()
    waiting = asyncio.gather(link.request(lambda sequence: message_pdu(submit(), sequence)), return_exceptions=True)
    await asyncio.sleep(0.05)
    smsc.links[0].abort("cut")
    (lost,) = await waiting
    assert isinstance(lost, AnswerLostError)
    assert "lost" in await link.ended
    with pytest.raises(LinkError):
        await link.request(lambda sequence: message_pdu(submit(), sequence))
    link.pause_writing()
    link.resume_writing()


async def test_more_than_can_be_kept_is_not_read(smsc: Smsc, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ringback.messaging.smpp.link._MOST_ARRIVALS", 4)
    link = await connect("127.0.0.1", await smsc.start(), Bind("a", "b"), nothing)
    smsc.gate.clear()
    tasks = [asyncio.ensure_future(link.request(lambda sequence: message_pdu(submit(), sequence))) for _ in range(4)]  # noqa: TID251
    for _ in range(200):
        if smsc.links[0]._paused:
            break
        await asyncio.sleep(0.01)
    assert smsc.links[0]._paused
    smsc.gate.set()
    await asyncio.gather(*tasks)
    assert not smsc.links[0]._paused
    await link.close()


async def test_what_cannot_be_connected_to(smsc: Smsc) -> None:
    port = await smsc.start()
    smsc.server.close()
    await smsc.server.wait_closed()
    with pytest.raises(LinkError, match="no connection"):
        await connect("127.0.0.1", port, Bind("a", "b"), nothing)
    with pytest.raises(LinkError, match="within"):
        await connect("127.0.0.1", port, Bind("a", "b"), nothing, connect_timeout=0)


async def test_a_bind_that_no_pdu_can_hold(smsc: Smsc) -> None:
    with pytest.raises(LinkError, match="cannot be sent"):
        await connect("127.0.0.1", await smsc.start(), Bind("a", "much too long"), nothing)


async def test_giving_up_before_the_bind() -> None:
    class Silent(asyncio.Protocol):
        """Says nothing."""

    server = await asyncio.get_running_loop().create_server(Silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await connect("127.0.0.1", port, Bind("a", "b"), nothing)
    with pytest.raises(LinkError, match="no bind in time"):
        await connect("127.0.0.1", port, Bind("a", "b"), nothing, timers=Timers(session_init=0.05))
    server.close()


async def test_a_link_without_a_connection_does_nothing() -> None:
    link = Link("smsc", nothing)
    request = Pdu(4, 0, 1)
    link.answer(request, 0)
    link.accept_bind(BindAsked(Bind("a", "b"), request), "x")
    link.refuse_bind(BindAsked(Bind("a", "b"), request), 1)
    link.data_received(b"")
    link.connection_lost(None)
    link.abort("x")
    await link.close()
    assert not link.may_send
