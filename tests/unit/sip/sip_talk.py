"""A scripted peer: says what a test writes down, and reads what the endpoint says back."""

import random
from typing import Any, TypeVar

from ringback.sip import message
from ringback.sip.endpoint import Endpoint
from ringback.sip.events import DialogId, Event, Flow, IncomingCall, Send, Trace
from ringback.sip.message import Request, Response

LOCAL, REMOTE = ("192.0.2.1", 5060), ("192.0.2.2", 5060)
UDP = Flow("UDP", LOCAL, REMOTE)
TCP = Flow("TCP", LOCAL, REMOTE, connection=7)
OFFER = (
    b"v=0\r\no=- 1 1 IN IP4 192.0.2.2\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\n"
    b"m=audio 4000 RTP/AVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\n"
)
ANSWER = b"v=0\r\no=- 2 2 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 6000 RTP/AVP 0\r\n"
SDP = "application/sdp"

E = TypeVar("E")


class Talk:
    """An endpoint under test and the peer that talks to it. Time stands where `now` says."""

    def __init__(self, flow: Flow = UDP, **options: Any) -> None:
        self.endpoint = Endpoint(rng=random.Random(3261), trace=options.pop("trace", False), **options)
        self.flow = flow
        self.now = 0.0
        self.sent: list[Send] = []
        self.events: list[Event] = []
        self.branches = 0
        self.tag = ""
        """To tag of requests within the dialog."""
        self.call_id = "call-1@192.0.2.2"

    def request(
        self,
        method: str,
        cseq: int = 1,
        *,
        branch: str = "",
        headers: str = "",
        body: bytes = b"",
        kind: str = SDP,
        to_tag: str | None = None,
        uri: str = "sip:service@192.0.2.1",
        contact: str = "<sip:caller@192.0.2.2>",
        from_tag: str = "peer",
    ) -> bytes:
        """Write a request; a new branch unless one is given. `headers` are whole lines."""
        if not branch:
            self.branches += 1
            branch = f"z9hG4bK-{self.branches}"
        tag = self.tag if to_tag is None else to_tag
        lines = [
            f"{method} {uri} SIP/2.0",
            f"Via: SIP/2.0/{self.flow.transport} 192.0.2.2:5060;branch={branch}",
            "Max-Forwards: 70",
            f'From: "Ann" <sip:ann@192.0.2.2>;tag={from_tag}',
            "To: <sip:service@192.0.2.1>" + (f";tag={tag}" if tag else ""),
            f"Call-ID: {self.call_id}",
            f"CSeq: {cseq} {method}",
            *([f"Contact: {contact}"] if contact else []),
            *headers.splitlines(),
            *([f"Content-Type: {kind}"] if body and kind else []),
            f"Content-Length: {len(body)}",
        ]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "surrogateescape") + body

    def response(
        self, request: Request, code: int, *, tag: str = "callee", headers: str = "", body: bytes = b"", kind: str = SDP
    ) -> bytes:
        """Write a response to a request of the endpoint."""
        to = request.headers["to"][0]
        lines = [
            f"SIP/2.0 {code} Whatever",
            f"Via: {request.headers['via'][0]}",
            f"From: {request.headers['from'][0]}",
            to if not tag or ";tag=" in to else f"{to};tag={tag}",
            f"Call-ID: {request.call_id}",
            f"CSeq: {request.cseq_text}",
            "Contact: <sip:callee@192.0.2.2>",
            *headers.splitlines(),
            *([f"Content-Type: {kind}"] if body else []),
            f"Content-Length: {len(body)}",
        ]
        lines[3] = f"To: {lines[3]}"
        return ("\r\n".join(lines) + "\r\n\r\n").encode() + body

    def say(self, data: bytes, flow: Flow | None = None) -> None:
        """Let the endpoint receive bytes."""
        self.endpoint.receive(data, flow or self.flow, self.now)
        self.collect()

    def wait(self, seconds: float) -> None:
        """Let time pass, with each timer at its time."""
        end = self.now + seconds
        while (due := self.endpoint.next_timeout()) is not None and due <= end:
            self.now = max(self.now, due)
            self.endpoint.handle_timeout(self.now)
            self.collect()
        self.now = end
        self.endpoint.handle_timeout(end)
        self.collect()

    def collect(self) -> None:
        """Drain the endpoint."""
        while (item := self.endpoint.poll()) is not None:
            if isinstance(item, Send):
                self.sent.append(item)
            else:
                self.events.append(item)

    def heard(self) -> list[str]:
        """Return what was sent since the last look: `180 INVITE` for responses, `BYE` for requests."""
        self.collect()
        return [
            f"{m.code} {m.cseq_method}" if isinstance(m, Response) else m.method for m in map(parse, self._take_sent())
        ]

    def _take_sent(self) -> list[Send]:
        sent, self.sent = self.sent, []
        return sent

    def last(self) -> Send:
        """Return what was sent last, and forget what was sent before."""
        self.collect()
        return self._take_sent()[-1]

    def last_response(self) -> Response:
        """Return the response that was sent last."""
        found = parse(self.last())
        assert isinstance(found, Response)
        return found

    def last_request(self) -> Request:
        """Return the request that was sent last."""
        found = parse(self.last())
        assert isinstance(found, Request)
        return found

    def told(self) -> list[Event]:
        """Return the events since the last look, traces aside."""
        self.collect()
        events, self.events = [e for e in self.events if not isinstance(e, Trace)], []
        return events

    def only(self, kind: type[E]) -> E:
        """Return the one event since the last look, which is of that kind."""
        events = self.told()
        assert [type(event) for event in events] == [kind], events
        found = events[0]
        assert isinstance(found, kind)
        return found

    def ring_in(self, **request: Any) -> DialogId:
        """Let somebody call; `invite_branch` is the branch of the INVITE."""
        self.say(self.request("INVITE", **({"body": OFFER, "branch": "z9hG4bK-invite"} | request)))
        return self.only(IncomingCall).call

    def answered_call(self, **request: Any) -> DialogId:
        """Let somebody call, answer, and have the ACK."""
        call = self.ring_in(**request)
        self.answer(call)
        self.ack()
        self.told()
        return call

    def answer(self, call: DialogId) -> Response:
        """Answer, and take the tag of the dialog."""
        self.endpoint.answer(call, ANSWER, self.now)
        response = self.last_response()
        assert response.code == 200
        self.tag = response.to.tag
        return response

    def ack(self, cseq: int = 1, body: bytes = b"") -> None:
        """Acknowledge a 2xx."""
        self.say(self.request("ACK", cseq, body=body))

    def call_out(self, **options: Any) -> tuple[DialogId, Request]:
        """Let the endpoint call; returns the call and its INVITE."""
        arguments: dict[str, Any] = {"from_uri": "sip:service@192.0.2.1", "sdp": OFFER, "now": self.now} | options
        call = self.endpoint.invite("sip:bob@192.0.2.2", self.flow, **arguments)
        return call, self.last_request()

    def connected_call(self) -> tuple[DialogId, Request]:
        """Let the endpoint call, and pick up. Requests of the peer then go into that dialog."""
        call, invite = self.call_out()
        self.say(self.response(invite, 200, body=ANSWER))
        assert self.heard() == ["ACK"]
        self.told()
        return call, invite

    def peer_request(self, invite: Request, method: str, cseq: int, **options: Any) -> bytes:
        """Write a request of the called side within the dialog of our INVITE."""
        self.call_id, self.tag = invite.call_id, invite.from_.tag
        return self.request(method, cseq, from_tag="callee", **options)


def parse(item: Send) -> Request | Response:
    """Read what the endpoint sent."""
    return message.parse(item.data)
