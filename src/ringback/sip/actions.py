"""What the user of an endpoint may do to its calls. An action on a call that has ended meanwhile does nothing: its
`Ended` is on the way or was read already."""

from collections.abc import Iterable, Sequence

from ringback.sip import within
from ringback.sip.auth import Credentials
from ringback.sip.call import Call
from ringback.sip.dialog import MAX_FORWARDS
from ringback.sip.events import DialogId, Flow, RequestId
from ringback.sip.fields import TOKEN, parse_name_addr, parse_uri
from ringback.sip.incoming import IncomingLeg
from ringback.sip.outgoing import Invitation, OutgoingLeg
from ringback.sip.requests import ask, told
from ringback.sip.stack import Stack
from ringback.sip.transaction_client import Outcome
from ringback.sip.transfer import refer_to_text
from ringback.sip.values import Reliable
from ringback.sip.wire import checked


class Actions:
    """The user's side of `Endpoint`."""

    _stack: Stack

    def _call(self, call: DialogId) -> Call | None:
        return self._stack.calls.get(call)

    def _incoming(self, call: DialogId) -> IncomingLeg | None:
        leg = self._stack.calls.get(call)
        return leg if isinstance(leg, IncomingLeg) else None

    # -- the answering side ---------------------------------------------------------------------------------------

    def ring(self, call: DialogId, now: float, code: int = 180, sdp: bytes | None = None) -> None:
        """Send a provisional answer (101 to 199, else ValueError), with early media if `sdp` is given.

        It is a reliable one (RFC 3262) where the caller requires that, and where it has a description and the caller
        can; `EarlyAcknowledged` follows then. `answer` waits for the acknowledgement of a description by itself.
        """
        if leg := self._incoming(call):
            leg.ring(code, sdp, now)

    def answer(self, call: DialogId, sdp: bytes, now: float) -> None:
        """Pick up. `sdp` is the answer, or our offer where the INVITE had none (then `Acknowledged` has the answer)."""
        if leg := self._incoming(call):
            leg.answer(sdp, now)

    def reject(
        self, call: DialogId, code: int, now: float, reason: str | None = None, headers: Iterable[tuple[str, str]] = ()
    ) -> None:
        """Refuse a call that is not answered, with 300 to 699. Raises ValueError for the code or a broken header.

        `ringback.sip.reason.warning` makes the header that tells why.
        """
        if leg := self._incoming(call):
            leg.reject(code, reason, checked(headers), now)

    def answer_reinvite(self, call: DialogId, sdp: bytes, now: float) -> None:
        """Accept what `Reinvite` asks."""
        if leg := self._call(call):
            leg.peer_offers.answer(sdp, now)

    def reject_reinvite(self, call: DialogId, code: int, now: float, headers: Iterable[tuple[str, str]] = ()) -> None:
        """Refuse what `Reinvite` asks; the session stays as it is. Raises ValueError for a broken header."""
        fields = checked(headers)
        if leg := self._call(call):
            leg.peer_offers.reject(code, now, fields)

    # -- both sides -----------------------------------------------------------------------------------------------

    def bye(self, call: DialogId, now: float, reason: str | None = None, q850: int | None = None) -> None:
        """Hang up. `Ended` comes at once. A call that is not answered is refused with 480, or cancelled.

        `reason` and `q850`, a cause of the telephone network, are told in a Reason header (RFC 3326).
        """
        if leg := self._call(call):
            leg.bye(now, reason, q850)

    def check(self, call: DialogId, now: float) -> None:
        """Ask for a sign of life: `PeerAlive` follows, or `Ended` with "unreachable"."""
        if leg := self._call(call):
            within.check(leg, now)

    def info(self, call: DialogId, content_type: str, body: bytes, now: float) -> None:
        """Send an INFO request, such as a key as `application/dtmf-relay`."""
        checked([("Content-Type", content_type)])
        if leg := self._call(call):
            within.info(leg, content_type, body, now)

    def reinvite(self, call: DialogId, sdp: bytes, now: float) -> None:
        """Offer a change of the session, such as hold. `ReinviteAnswered` or `ReinviteRefused` follows.

        Before the answer it is an UPDATE (RFC 3311), which needs a reliable provisional answer with a description.
        When both sides offer at once it is made again after a while, up to five times.
        """
        if (leg := self._call(call)) and leg.may_change:
            leg.reinvites.offer(sdp, now)

    def update(self, call: DialogId, sdp: bytes, now: float) -> None:
        """Offer a change of the session by UPDATE, as `reinvite` does by INVITE."""
        if (leg := self._call(call)) and leg.may_change:
            leg.reinvites.offer(sdp, now, update=True)

    # -- transfers ------------------------------------------------------------------------------------------------

    def accept_transfer(self, call: DialogId, now: float) -> None:
        """Agree to what `Transfer` asks: 202. The other side is told "100 Trying", then what `notify_transfer` says."""
        if leg := self._call(call):
            leg.transfers.accept(now)

    def reject_transfer(self, call: DialogId, code: int, now: float) -> None:
        """Refuse what `Transfer` asks."""
        if leg := self._call(call):
            leg.transfers.reject(code, now)

    def notify_transfer(self, call: DialogId, code: int, reason: str | None, now: float) -> None:
        """Tell how the new call of a transfer goes, also when the call that asked for it has ended meanwhile.

        A `code` of 200 or more is the last. Raises ValueError for what cannot be put into a message.
        """
        checked([("Reason-Phrase", reason or "")])
        if transfers := self._stack.transfers.get(call):
            transfers.notify(code, reason, now)

    def refer(
        self,
        call: DialogId,
        refer_to: str,
        now: float,
        *,
        replaces: DialogId | None = None,
        headers: Iterable[tuple[str, str]] = (),
    ) -> None:
        """Ask the other side to call `refer_to` in our place: `TransferProgress` follows.

        `replaces` is a call of ours that the new one takes the place of (an attended transfer). `headers` may have
        `Referred-By`, or `Refer-Sub: false` for a transfer that nothing is to be told of (RFC 4488). Raises
        ValueError for what cannot be put into a message.
        """
        parse_uri(refer_to)
        fields = checked(headers)
        other = None if replaces is None else self._call(replaces)
        if (leg := self._call(call)) and not leg.ending:
            leg.transfers.refer(refer_to_text(refer_to, None if other is None else other.dialog), fields, now)

    # -- requests that are no calls -------------------------------------------------------------------------------

    def request(
        self,
        method: str,
        target_uri: str,
        flow: Flow,
        *,
        from_uri: str,
        to_uri: str | None = None,
        headers: Iterable[tuple[str, str]] = (),
        content_type: str = "",
        body: bytes = b"",
        credentials: Credentials | None = None,
        call_id: str | None = None,
        cseq: int | None = None,
        route: Sequence[str] = (),
        now: float,
    ) -> RequestId:
        """Send a request outside of any call, such as REGISTER, OPTIONS or MESSAGE: `RequestAnswered` follows.

        `credentials` answer challenges. `call_id` and `cseq` go on with those of an earlier request. `route` has the
        values of Route headers. Raises ValueError for what cannot be put into a message.
        """
        if not TOKEN.fullmatch(method) or method in ("INVITE", "ACK", "CANCEL", "BYE"):
            raise ValueError(f"{method!r} is no method of a request that is no call")
        for uri in (target_uri, from_uri, to_uri or target_uri):
            parse_uri(uri)
        fields = checked([*headers, ("Content-Type", content_type), ("Call-ID", call_id or "")])[:-2]
        checked_routes(route)
        return ask(
            self._stack, method, target_uri, flow, from_=f"<{from_uri}>", to=f"<{to_uri or target_uri}>",
            headers=fields, content_type=content_type, body=body, credentials=credentials, call_id=call_id, cseq=cseq,
            route=route, now=now,
        )  # fmt: skip

    def request_within(
        self,
        call: DialogId,
        method: str,
        now: float,
        *,
        headers: Iterable[tuple[str, str]] = (),
        content_type: str = "",
        body: bytes = b"",
    ) -> RequestId | None:
        """Send a request within a call that is up, such as MESSAGE: `RequestAnswered` follows.

        Returns None where the call is not up. Raises ValueError for what cannot be put into a message.
        """
        if not TOKEN.fullmatch(method) or method in ("INVITE", "ACK", "CANCEL", "BYE", "PRACK", "UPDATE"):
            raise ValueError(f"{method!r} cannot be sent so")
        fields = checked([*headers, ("Content-Type", content_type)])[:-1]
        leg = self._call(call)
        if leg is None or not leg.established:
            return None
        name = self._stack.new_request()
        hear = told(self._stack, name)

        def answered(outcome: Outcome, now: float) -> None:
            hear(outcome, now)
            leg.ended_by(outcome, now)

        leg.request(method, now, answered, fields, body, content_type)
        return name

    def respond(
        self,
        request: RequestId,
        code: int,
        now: float,
        reason: str | None = None,
        headers: Iterable[tuple[str, str]] = (),
        body: bytes = b"",
        content_type: str = "",
    ) -> None:
        """Answer an `IncomingRequest`; after 30 seconds it gets 500 by itself.

        Raises ValueError for the code or a broken header.
        """
        if not 100 <= code < 700:
            raise ValueError(f"a status is 100 to 699, not {code}")
        fields = checked([*headers, ("Reason-Phrase", reason or ""), ("Content-Type", content_type)])[:-2]
        if served := self._stack.requests.get(request):
            served.respond(code, now, reason, fields, body, content_type)

    # -- the calling side -----------------------------------------------------------------------------------------

    def invite(
        self,
        target_uri: str,
        flow: Flow,
        *,
        from_uri: str,
        sdp: bytes,
        now: float,
        to_uri: str | None = None,
        from_name: str = "",
        headers: Iterable[tuple[str, str]] = (),
        credentials: Credentials | None = None,
        route: Sequence[str] = (),
        reliable: Reliable = "supported",
        max_forwards: int = MAX_FORWARDS,
    ) -> DialogId:
        """Call somebody through a flow: `Ringing` perhaps, then `Answered` or `Refused`.

        `credentials` answer challenges, here and within the call. `route` has the values of Route headers, such as
        `<sip:proxy.example;lr>`. With `reliable` "required" who cannot acknowledge provisional answers refuses.
        `max_forwards` is one less than that of a call that is forwarded. Raises ValueError for what cannot be put into
        a message.
        """
        for uri in (target_uri, from_uri, to_uri or target_uri):
            parse_uri(uri)
        checked_routes(route)
        if not 0 < max_forwards < 256:
            raise ValueError(f"Max-Forwards is 1 to 255, not {max_forwards}")
        name = checked([("From", from_name.replace("\\", "\\\\").replace('"', '\\"'))])[0][1]
        parse_name_addr(f"<{from_uri}>")
        invitation = Invitation(
            target_uri, flow, f'"{name}" <{from_uri}>' if name else f"<{from_uri}>", f"<{to_uri or target_uri}>", sdp,
            checked(headers), credentials, tuple(route), reliable, max_forwards,
        )  # fmt: skip
        return OutgoingLeg(self._stack, invitation, now).id

    def cancel(self, call: DialogId, now: float, reason: str | None = None, q850: int | None = None) -> None:
        """Take back a call of ours. `Ended` comes at once; an answer that crosses it is hung up.

        `reason` and `q850` as in `bye`; "Call completed elsewhere" keeps a phone from showing a missed call.
        """
        leg = self._stack.calls.get(call)
        if isinstance(leg, OutgoingLeg):
            leg.cancel(now, reason, q850)


def checked_routes(route: Sequence[str]) -> None:
    """Raise ValueError where one of them is no Route value."""
    for value in route:
        checked([("Route", value)])
        parse_name_addr(value)
