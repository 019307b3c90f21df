"""What a leg says to the SIP core reaches the other side, at the time of the clock."""

import random

import pytest
from calls_virtual import NUMBER, OFFER

from ringback.calls.outgoing import Hop
from ringback.calls.signalling import SipSignalling
from ringback.sip.auth import Credentials
from ringback.sip.endpoint import Endpoint
from ringback.sip.events import (
    Answered,
    DialogId,
    Dtmf,
    Ended,
    Event,
    Flow,
    IncomingCall,
    PeerAlive,
    Refused,
    Reinvite,
    ReinviteAnswered,
    ReinviteRefused,
    Ringing,
    Send,
    Transfer,
    TransferProgress,
)
from ringback.testing.exchange import PHONE, SERVER


class Line:
    """A phone that calls a server: what `drain` sends arrives at once, and what each side is told is kept."""

    def __init__(self) -> None:
        rng = random.Random(7)
        self.now = 100.0
        self.deaf = False
        self.server, self.phone = Endpoint(rng=rng), Endpoint(rng=rng)
        self.told: dict[Endpoint, list[Event]] = {self.server: [], self.phone: []}
        self.signalling = SipSignalling(self.server, lambda: self.now, self.drain)
        flow = Flow("UDP", PHONE, SERVER)
        self.id = self.phone.invite(
            f"sip:{NUMBER}@127.0.0.1", flow, from_uri="sip:a@127.0.0.1", sdp=OFFER, now=self.now
        )
        self.drain()
        self.call: DialogId = self.last(self.server, IncomingCall).call

    def drain(self) -> None:
        busy = True
        while busy:
            busy = False
            for here, there, flow in (
                (self.server, self.phone, Flow("UDP", PHONE, SERVER)),
                (self.phone, self.server, Flow("UDP", SERVER, PHONE)),
            ):
                while (item := here.poll()) is not None:
                    busy = True
                    if not isinstance(item, Send):
                        self.told[here].append(item)
                    elif not self.deaf:
                        there.receive(item.data, flow, self.now)

    def last(self, side: Endpoint, kind: type[Event]) -> Event:
        return [event for event in self.told[side] if isinstance(event, kind)][-1]


@pytest.fixture
def line() -> Line:
    return Line()


@pytest.fixture
def answered(line: Line) -> Line:
    line.signalling.answer(line.call, OFFER)
    return line


def test_the_phone_rings(line: Line) -> None:
    line.signalling.ring(line.call)
    assert line.last(line.phone, Ringing).code == 180


def test_the_call_is_answered(answered: Line) -> None:
    assert answered.last(answered.phone, Answered).sdp == OFFER


@pytest.mark.parametrize(("said", "heard"), [("", "Busy Here"), ("Come Back Later", "Come Back Later")])
def test_the_call_is_refused(line: Line, said: str, heard: str) -> None:
    line.signalling.reject(line.call, 486, said)
    refused = line.last(line.phone, Refused)
    assert (refused.code, refused.reason) == (486, heard)


def test_the_call_is_hung_up(answered: Line) -> None:
    answered.signalling.bye(answered.call)
    ended = answered.last(answered.phone, Ended)
    assert (ended.cause, ended.remote) == ("bye", True)


def test_a_sign_of_life_is_asked_for(answered: Line) -> None:
    answered.signalling.check(answered.call)
    assert answered.last(answered.server, PeerAlive).call == answered.call


def test_a_sign_of_life_that_does_not_come_is_missed_half_a_minute_later(answered: Line) -> None:
    answered.deaf = True
    began = answered.now = 500.0
    answered.signalling.check(answered.call)
    for _ in range(100):
        if any(isinstance(event, Ended) for event in answered.told[answered.server]):
            break
        answered.now = max(answered.now, answered.server.next_timeout() or 0.0)
        answered.server.handle_timeout(answered.now)
        answered.drain()
    assert answered.last(answered.server, Ended).cause == "unreachable"
    assert answered.now - began == 32.0


def test_another_session_is_accepted(answered: Line) -> None:
    answered.phone.reinvite(answered.id, OFFER, answered.now)
    answered.drain()
    assert answered.last(answered.server, Reinvite).call == answered.call
    answered.signalling.answer_reinvite(answered.call, OFFER)
    assert answered.last(answered.phone, ReinviteAnswered).sdp == OFFER


def test_another_session_is_refused(answered: Line) -> None:
    answered.phone.reinvite(answered.id, OFFER, answered.now)
    answered.drain()
    answered.signalling.reject_reinvite(answered.call, 488)
    assert answered.last(answered.phone, ReinviteRefused).code == 488


def test_another_session_is_offered(answered: Line) -> None:
    answered.signalling.reinvite(answered.call, OFFER)
    assert answered.last(answered.phone, Reinvite).sdp == OFFER


def test_a_key_is_sent(answered: Line) -> None:
    answered.signalling.info(answered.call, "application/dtmf", b"5")
    assert answered.last(answered.phone, Dtmf).key == "5"


def test_the_other_side_is_asked_to_call_somebody(answered: Line) -> None:
    answered.signalling.refer(answered.call, "sip:carol@127.0.0.1")
    assert answered.last(answered.phone, Transfer).refer_to == "sip:carol@127.0.0.1"


def test_the_other_side_asks_us_to_call_somebody(answered: Line) -> None:
    answered.phone.refer(answered.id, "sip:carol@127.0.0.1", answered.now)
    answered.drain()
    answered.signalling.accept_transfer(answered.call)
    answered.signalling.notify_transfer(answered.call, 486, "Not Now")
    progress = answered.last(answered.phone, TransferProgress)
    assert (progress.code, progress.reason) == (486, "Not Now")
    answered.phone.refer(answered.id, "sip:carol@127.0.0.1", answered.now)
    answered.drain()
    answered.signalling.reject_transfer(answered.call, 603)
    assert answered.last(answered.phone, TransferProgress).code == 603


# -- calls that we make ------------------------------------------------------------------------------------------------

HOP = Hop(
    "sip:bob@127.0.0.1", Flow("UDP", SERVER, PHONE), "sip:us@127.0.0.1", "Us", headers=(("X-Trunk", "one"),),
    credentials=Credentials("us", "secret"),
)  # fmt: skip


@pytest.fixture
def called(line: Line) -> tuple[Line, DialogId]:
    call = line.signalling.invite(HOP, OFFER, [("X-Shop", "7")])
    return line, call


@pytest.mark.conforms("2010-04-01/14/headers")
def test_somebody_is_called_over_a_hop(called: tuple[Line, DialogId]) -> None:
    line, _ = called
    invite = line.last(line.phone, IncomingCall)
    assert isinstance(invite, IncomingCall)
    assert (invite.request_uri, invite.from_, invite.from_name) == (HOP.uri, HOP.from_uri, "Us")
    assert (invite.header("x-trunk"), invite.header("X-Shop"), invite.sdp) == ("one", "7", OFFER)


def test_a_call_is_taken_back(called: tuple[Line, DialogId]) -> None:
    line, call = called
    line.phone.ring(line.last(line.phone, IncomingCall).call, line.now)  # type: ignore[union-attr]
    line.drain()
    line.signalling.cancel(call)
    ended = line.last(line.phone, Ended)
    assert isinstance(ended, Ended) and ended.cause == "cancel"
