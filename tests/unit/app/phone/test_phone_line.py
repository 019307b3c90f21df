"""A line between two SIP cores without a network: what is said is what becomes of the call."""

import asyncio
import random
from collections.abc import AsyncIterator

import pytest

from ringback.app.phone.errors import CallRefused, NoServer, PhoneError
from ringback.app.phone.hearing import Hearing
from ringback.app.phone.line import Line
from ringback.app.phone.media import Media
from ringback.app.phone.notes import Note
from ringback.sip import events as sip
from ringback.sip import sdp
from ringback.sip.endpoint import Endpoint
from tests.unit.app.phone.hand_loop import HandLoop, sine

OURS, THEIRS = ("127.0.0.1", 5070), ("127.0.0.1", 5060)


class Wire:
    """The phone's core and line on one side, a bare core on the other; `settle` carries all that is under way."""

    def __init__(self, codecs: tuple[str, ...] = ("PCMU", "PCMA")) -> None:
        self.loop = HandLoop()
        self.phone = Endpoint(rng=random.Random(1), allowed=lambda flow: False)
        self.server = Endpoint(rng=random.Random(2))
        self.media = Media("127.0.0.1", Hearing(10), self.loop)  # type: ignore[arg-type]
        self.notes: list[Note] = []
        self.told: list[sip.Event] = []
        self.offer = sdp.offer("127.0.0.1", self.media.port, codecs=codecs)
        self.line = Line(
            self.phone, self.loop.time, random.Random(3), "100", self.media, self.offer, sine(), self.notes.append
        )
        flow = sip.Flow("UDP", OURS, THEIRS)
        self.line.id = self.phone.invite(
            "sip:100@127.0.0.1", flow, from_uri="sip:a@127.0.0.1", sdp=self.offer, now=self.loop.now
        )
        self.lost = False

    def settle(self) -> None:
        moving = True
        while moving:
            moving = False
            for core, other, source in ((self.phone, self.server, OURS), (self.server, self.phone, THEIRS)):
                while (item := core.poll()) is not None:
                    moving = True
                    if isinstance(item, sip.Send):
                        if not self.lost:
                            there = THEIRS if source is OURS else OURS
                            other.receive(item.data, sip.Flow("UDP", there, source), self.loop.now)
                    elif core is self.server:
                        self.told.append(item)
                    elif getattr(item, "call", None) == self.line.id:
                        self.line.on_event(item)

    def invite(self) -> sip.IncomingCall:
        self.settle()
        return next(event for event in self.told if isinstance(event, sip.IncomingCall))

    def answer(self, description: bytes | None = None) -> sip.IncomingCall:
        invite = self.invite()
        if description is None:
            assert invite.sdp is not None
            description, _ = sdp.answer(invite.sdp, "127.0.0.1", 4000)
        self.server.answer(invite.call, description, self.loop.now)
        self.settle()
        return invite

    def kinds(self) -> list[str]:
        return [note.kind for note in self.notes]

    def last(self, kind: type[sip.Event]) -> sip.Event:
        return [event for event in self.told if isinstance(event, kind)][-1]


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    made = Wire()
    yield made
    made.line.close()
    await asyncio.sleep(0)


async def test_ringing_and_the_answer_are_told(wire: Wire):
    wire.server.ring(wire.invite().call, wire.loop.now)
    wire.settle()
    await wire.line.wait_for_server(1, NoServer("h", 1, "UDP", ""))
    wire.answer()
    await wire.line.wait_for_answer(1)
    assert wire.kinds() == ["ringing", "answered"]
    assert wire.line.call.codec == "PCMU"
    assert wire.media.speaking is not None
    assert wire.media.speaking.next()[12:] != b"\xff" * 160


async def test_a_silent_server_is_none(wire: Wire):
    wire.lost = True
    wire.settle()
    with pytest.raises(NoServer, match="no SIP server answers at h:1 over UDP"):
        await wire.line.wait_for_server(0.001, NoServer("h", 1, "UDP", "waited"))
    wire.line.leave()
    assert wire.line.quiet.is_set()


async def test_a_server_that_only_rings_is_not_waited_for_for_ever(wire: Wire):
    invite = wire.invite()
    wire.server.ring(invite.call, wire.loop.now)
    wire.settle()
    with pytest.raises(PhoneError, match=r"100 was not answered within 0\.001 s"):
        await wire.line.wait_for_answer(0.001)
    wire.line.leave()
    assert not wire.line.quiet.is_set()
    wire.settle()
    assert wire.line.quiet.is_set()
    assert wire.last(sip.Ended) == sip.Ended(invite.call, "cancel", True, 487)


async def test_a_refusal_says_why(wire: Wire):
    wire.server.reject(wire.invite().call, 404, wire.loop.now)
    wire.settle()
    await wire.line.wait_for_server(1, NoServer("h", 1, "UDP", ""))
    with pytest.raises(CallRefused, match="the server has no number 100") as caught:
        await wire.line.wait_for_answer(1)
    assert caught.value.code == 404
    assert wire.line.quiet.is_set()


@pytest.mark.parametrize("description", [b"nonsense", b""])
async def test_an_answer_without_a_usable_session_is_hung_up(wire: Wire, description: bytes):
    invite = wire.answer(description)
    with pytest.raises(PhoneError, match="no session description that can be used"):
        await wire.line.wait_for_answer(1)
    assert wire.last(sip.Ended) == sip.Ended(invite.call, "bye", True)
    assert wire.line.quiet.is_set()


@pytest.mark.parametrize(("reason", "said"), [("hangup-verb", "hangup-verb"), (None, "")])
async def test_the_other_side_hangs_up(wire: Wire, reason: str | None, said: str):
    wire.server.bye(wire.answer().call, wire.loop.now, reason)
    wire.settle()
    end = await wire.line.call.ended()
    assert (end.by, end.reason) == ("them", said)
    assert wire.line.quiet.is_set()


async def test_we_hang_up_and_the_server_confirms_it(wire: Wire):
    wire.answer()
    wire.line.bye()
    assert not wire.line.quiet.is_set()
    wire.settle()
    assert (await wire.line.call.ended()).by == "us"
    assert wire.line.quiet.is_set()


async def test_a_lost_server_is_no_normal_end(wire: Wire):
    wire.answer()
    wire.lost = True
    wire.line.info("application/dtmf-relay", b"Signal=1")
    for second in range(1, 60):
        wire.loop.until(100.0 + second)
        wire.phone.handle_timeout(wire.loop.now)
        wire.settle()
    assert (await wire.line.call.ended()).by == "network"


async def test_keys_by_info_arrive_and_are_answered(wire: Wire):
    wire.answer()
    pressing = wire.line.call.press_info("4")
    pressing.send(None)
    wire.settle()
    key = wire.last(sip.Dtmf)
    assert isinstance(key, sip.Dtmf)
    assert key.key == "4"
    assert wire.line.call._info is not None
    assert wire.line.call._info.result() == "SIP/2.0 200 OK"
    pressing.close()


async def test_hold_silences_the_phone_and_resuming_gives_it_its_voice_back(wire: Wire):
    invite = wire.answer()
    for direction, held in (("sendonly", True), ("sendrecv", False)):
        offer = sdp.offer("127.0.0.1", 4000, direction=direction)  # type: ignore[arg-type]
        wire.server.reinvite(invite.call, offer, wire.loop.now)
        wire.settle()
        assert wire.notes[-1].kind == "hold"
        assert wire.notes[-1].data == {"on": held}
        assert (wire.media._remote is None) is held


async def test_an_offer_that_cannot_be_met_leaves_the_call_as_it_is(wire: Wire):
    invite = wire.answer()
    wire.server.reinvite(invite.call, b"v=0\r\n", wire.loop.now)
    wire.settle()
    assert isinstance(wire.last(sip.ReinviteRefused), sip.ReinviteRefused)
    assert wire.line.call.end is None


@pytest.mark.parametrize("answer", [None, b"nonsense"])
async def test_a_server_that_asks_for_our_offer_gets_one(wire: Wire, answer: bytes | None):
    invite = wire.answer()
    wire.line.on_event(sip.Reinvite(wire.line.id, None))
    description, _ = sdp.answer(wire.line._description, "127.0.0.1", 4002)
    wire.line.on_event(sip.Acknowledged(wire.line.id, answer or description))
    wire.settle()
    if answer is None:
        assert wire.media._remote == ("127.0.0.1", 4002)
    else:
        assert wire.last(sip.Ended) == sip.Ended(invite.call, "bye", True)
