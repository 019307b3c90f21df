"""What dialogs can do, against sipp: reliable answers, UPDATE, session timers, transfers, challenges."""

import asyncio
import random
from collections.abc import AsyncIterator

import pytest

from ringback.sip import sdp
from ringback.sip.auth import Credentials
from ringback.sip.endpoint import Endpoint
from ringback.sip.events import (
    EarlyAcknowledged,
    Ended,
    Event,
    Flow,
    IncomingCall,
    Refused,
    Reinvite,
    Ringing,
    Trace,
    Transfer,
)  # fmt: skip
from ringback.sip.net.transport import SipTransport
from tests.interop.peers.sipp import SDP, request, response, scenario, send

pytestmark = pytest.mark.needs("sipp")

TAG = ";tag=[pid]u[call_number]"
BODY = SDP.format(port="media_port")
END = '<Reference variables="seen"/>'


class User:
    """Our endpoint on real sockets, and what it was told."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.endpoint = Endpoint(rng=random.Random(1))
        self.transport = SipTransport(self.endpoint, self.loop.time, self.on_event)
        self.events: list[Event] = []
        self.news, self.over = asyncio.Event(), asyncio.Event()
        self.answer = b""
        self.address = ("127.0.0.1", 0)

    def on_event(self, event: Event) -> None:
        """Take a call with early media, pick up once that is acknowledged, agree to all changes and transfers."""
        self.events.append(event)
        self.news.set()
        now = self.loop.time()
        match event:
            case IncomingCall(call=call, sdp=bytes(offer)):
                self.answer = sdp.answer(offer, "127.0.0.1", 40000)[0]
                self.endpoint.ring(call, now, 183, self.answer)
            case EarlyAcknowledged(call=call):
                self.endpoint.answer(call, self.answer, now)
            case Reinvite(call=call):
                self.endpoint.answer_reinvite(call, self.answer, now)
            case Transfer(call=call):
                self.endpoint.accept_transfer(call, now)
                self.loop.call_later(0.1, lambda: self.endpoint.notify_transfer(call, 200, None, self.loop.time()))
            case Ended() | Refused():
                self.over.set()

    async def hear(self, line: str) -> None:
        """Wait for a message."""
        async with asyncio.timeout(20):
            while line not in self.lines("in"):
                self.news.clear()
                await self.news.wait()

    def lines(self, direction: str) -> list[str]:
        """Return method or status of each message of a direction, repeated ones once."""
        found = [e.line.split()[1 if e.line.startswith("SIP/") else 0] + " " + e.cseq.split()[1]
                 for e in self.events if isinstance(e, Trace) and e.direction == direction]  # fmt: skip
        return list(dict.fromkeys(found))


@pytest.fixture
async def user() -> AsyncIterator[User]:
    """An endpoint that listens on UDP."""
    made = User()
    made.address = await made.transport.listen("127.0.0.1", 0)
    yield made
    await made.transport.close()


def check(header: str, pattern: str, variable: str = "seen") -> str:
    """Return the action that fails the call where a header of the last message is not like that."""
    return (
        f'<action><ereg regexp="{pattern}" search_in="hdr" header="{header}" check_it="true"'
        f' assign_to="{variable}"/></action>'
    )


def with_lines(text: str, *lines: str) -> str:
    """Put header lines into a message."""
    head, empty, body = text.partition("\n\n")
    return "\n".join([head, *lines]) + empty + body


async def test_a_caller_that_wants_everything(user: User, sipp) -> None:
    """A PRACK for the early answer, an UPDATE, a session timer that it refreshes, a transfer, and the end."""
    within = {"to": "service", "frm": "sipp", "dialog": True}
    timer = "Supported: timer\nSession-Expires: 90;refresher=uac"
    ok = send(response("200 OK"), retransmit=False)
    text = scenario(
        send(request("INVITE", 1, to="service", frm="sipp", extra=f"Require: 100rel\n{timer}", body=BODY)),
        '<recv response="100" optional="true"/>',
        f'<recv response="183" rrs="true">{check("RSeq:", "[0-9]+", "rseq")}</recv>',
        send(request("PRACK", 2, extra="RAck: [$rseq] 1 INVITE", **within)),
        '<recv response="200"/>',
        f'<recv response="200" rrs="true">{check("Session-Expires:", "90;refresher=uac")}</recv>',
        send(request("ACK", 1, **within), retransmit=False),
        send(request("UPDATE", 3, extra=timer, body=BODY, **within)),
        f'<recv response="200">{check("Session-Expires:", "90;refresher=uac")}</recv>',
        send(request("REFER", 4, extra="Refer-To: <sip:carol@127.0.0.1>", **within)),
        '<recv response="202"/>',
        '<recv request="NOTIFY"/>',
        ok,
        f'<recv request="NOTIFY">{check("Subscription-State:", "terminated")}</recv>',
        ok,
        send(request("BYE", 5, **within)),
        '<recv response="200"/>',
        END,
    )
    await sipp("caller", text, remote=user.address[1])
    await asyncio.wait_for(user.over.wait(), 20)
    assert [event.refer_to for event in user.events if isinstance(event, Transfer)] == ["sip:carol@127.0.0.1"]
    assert [event.cause for event in user.events if isinstance(event, Ended)] == ["bye"]
    assert user.lines("out") == [
        "183 INVITE", "200 PRACK", "200 INVITE", "200 UPDATE", "202 REFER", "NOTIFY NOTIFY", "200 BYE",
    ]  # fmt: skip


async def test_a_phone_that_challenges_and_secures_its_answers(user: User, sipp) -> None:
    """401, the same call with credentials, a reliable 183 and its PRACK; then the caller changes his mind."""
    challenge = 'WWW-Authenticate: Digest realm="r", nonce="n", qop="auth", algorithm=SHA-256'
    text = scenario(
        '<recv request="INVITE"/>',
        send(with_lines(response("401 Unauthorized", TAG), challenge)),
        '<recv request="ACK"/>',
        f'<recv request="INVITE" rrs="true">{check("Authorization:", "username=.alice")}</recv>',
        send(
            with_lines(response("183 Session Progress", TAG, contact=True, body=BODY), "Require: 100rel", "RSeq: 17"),
            retransmit=False,
        ),
        f'<recv request="PRACK">{check("RAck:", "17 [0-9]+ INVITE")}</recv>',
        send(response("200 OK"), retransmit=False),
        '<recv request="CANCEL"/>',
        send(response("200 OK"), retransmit=False),
        END,
    )
    phone = await sipp("phone", text)
    now = user.loop.time()
    call = user.endpoint.invite(
        f"sip:bob@127.0.0.1:{phone.port}", Flow("UDP", user.address, ("127.0.0.1", phone.port)),
        from_uri="sip:alice@127.0.0.1", sdp=sdp.offer("127.0.0.1", 40000), now=now,
        credentials=Credentials("alice", "secret"),
    )  # fmt: skip
    await user.hear("200 PRACK")
    user.endpoint.cancel(call, user.loop.time())
    await user.hear("200 CANCEL")
    assert [event.code for event in user.events if isinstance(event, Ringing)] == [183]
    assert user.lines("out") == ["INVITE INVITE", "ACK ACK", "PRACK PRACK", "CANCEL CANCEL"]
