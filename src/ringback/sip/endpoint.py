"""The user agent core (RFC 3261): what its user may do, and what a shell feeds and drains.

Bytes, the time and a random source come in; `poll` gives bytes to send and events; `next_timeout` tells when
`handle_timeout` is due. The order is: change something, then drain `poll` until it returns None.
"""

from collections.abc import Callable, Iterable

from ringback.sip.dispatch import Dispatcher
from ringback.sip.events import DialogId, Event, Flow, Send
from ringback.sip.fields import parse_name_addr, parse_uri
from ringback.sip.incoming import IncomingLeg
from ringback.sip.outgoing import OutgoingLeg
from ringback.sip.stack import Rng, Stack
from ringback.sip.wire import checked


class Endpoint:
    """All calls of one SIP user agent.

    An action on a call that has ended meanwhile does nothing: its `Ended` is on the way or was read already.
    """

    def __init__(
        self,
        *,
        rng: Rng,
        user_agent: str = "Ringback",
        allowed: Callable[[Flow], bool] | None = None,
        advertised: Callable[[Flow], tuple[str, int]] | tuple[str, int] | None = None,
        max_calls: int = 10_000,
        max_transactions: int = 200_000,
        trace: bool = True,
    ) -> None:
        """`allowed` tells whether requests from a flow may start something; everybody may where it is None.

        `advertised` is the address that Contact and Via name, where it is not that of the socket; a port of 0 keeps
        the socket's. Beyond `max_calls` and `max_transactions` new requests get 503. `trace` False saves the
        `Trace` events.
        """
        agent = checked([("User-Agent", user_agent)])[0][1]
        self._stack = Stack(rng=rng, user_agent=agent, advertised=_advertiser(advertised), trace=trace)
        self._dispatcher = Dispatcher(self._stack, allowed, max_calls, max_transactions)

    # -- the outside ----------------------------------------------------------------------------------------------

    def receive(self, data: bytes, flow: Flow, now: float) -> None:
        """Take one datagram, or one message cut out of a TCP stream. Never raises for what is in it."""
        self._dispatcher.receive(data, flow, now)

    def connection_lost(self, flow: Flow, now: float) -> None:
        """Learn that a TCP connection is gone, or could not be opened."""
        if flow.connection and flow.connection not in self._stack.connections:
            return  # a stranger who comes and goes must not cost a look at everything
        self._stack.connections.discard(flow.connection)
        for transaction in [t for t in self._stack.servers.values() if t.flow == flow]:
            transaction.step("transport error", now)
        for client in [c for c in self._stack.clients.values() if c.flow == flow]:
            client.step("transport error", now)
        for call in list(self._stack.calls.values()):
            call.connection_lost(flow, now)

    def handle_timeout(self, now: float) -> None:
        """Do what is due."""
        self._stack.timers.run_out(now)

    def next_timeout(self) -> float | None:
        """Return the time at which `handle_timeout` is due next, or None."""
        return self._stack.timers.next()

    def poll(self) -> Send | Event | None:
        """Take what is to be sent or told next, or None when all is."""
        outbox = self._stack.outbox
        return outbox.popleft() if outbox else None

    def on_pending(self, wakeup: Callable[[], None] | None) -> None:
        """Have `wakeup` called whenever there is something to poll: so a shell learns of its user's actions."""
        self._stack.wakeup = wakeup

    @property
    def calls(self) -> int:
        """How many calls there are."""
        return len(self._stack.calls)

    @property
    def transactions(self) -> int:
        """How many transactions there are, ended ones included that still wait for retransmissions."""
        return len(self._stack.servers) + len(self._stack.clients)

    # -- the answering side ---------------------------------------------------------------------------------------

    def ring(self, call: DialogId, now: float, code: int = 180, sdp: bytes | None = None) -> None:
        """Send a provisional answer (101 to 199, else ValueError), with early media if `sdp` is given."""
        leg = self._stack.calls.get(call)
        if isinstance(leg, IncomingLeg):
            leg.ring(code, sdp, now)

    def answer(self, call: DialogId, sdp: bytes, now: float) -> None:
        """Pick up. `sdp` is the answer, or our offer where the INVITE had none (then `Acknowledged` has the answer)."""
        leg = self._stack.calls.get(call)
        if isinstance(leg, IncomingLeg):
            leg.answer(sdp, now)

    def reject(
        self, call: DialogId, code: int, now: float, reason: str | None = None, headers: Iterable[tuple[str, str]] = ()
    ) -> None:
        """Refuse a call that is not answered, with 300 to 699. Raises ValueError for the code or a broken header."""
        leg = self._stack.calls.get(call)
        if isinstance(leg, IncomingLeg):
            leg.reject(code, reason, checked(headers), now)

    def answer_reinvite(self, call: DialogId, sdp: bytes, now: float) -> None:
        """Accept what `Reinvite` asks."""
        if leg := self._stack.calls.get(call):
            leg.answer_offer(sdp, now)

    def reject_reinvite(self, call: DialogId, code: int, now: float) -> None:
        """Refuse what `Reinvite` asks; the session stays as it is."""
        if leg := self._stack.calls.get(call):
            leg.reject_offer(code, now)

    # -- both sides -----------------------------------------------------------------------------------------------

    def bye(self, call: DialogId, now: float, reason: str | None = None) -> None:
        """Hang up. `Ended` comes at once. A call that is not answered is refused with 480, or cancelled."""
        if leg := self._stack.calls.get(call):
            leg.bye(now, reason)

    def check(self, call: DialogId, now: float) -> None:
        """Ask for a sign of life: `PeerAlive` follows, or `Ended` with "unreachable"."""
        if leg := self._stack.calls.get(call):
            leg.check(now)

    def info(self, call: DialogId, content_type: str, body: bytes, now: float) -> None:
        """Send an INFO request, such as a key as `application/dtmf-relay`."""
        checked([("Content-Type", content_type)])
        if leg := self._stack.calls.get(call):
            leg.info(content_type, body, now)

    def reinvite(self, call: DialogId, sdp: bytes, now: float) -> None:
        """Offer a change of the session, such as hold. `ReinviteAnswered` or `ReinviteRefused` follows."""
        if leg := self._stack.calls.get(call):
            leg.reinvite(sdp, now)

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
    ) -> DialogId:
        """Call somebody through a flow. Raises ValueError for what cannot be put into a message."""
        for uri in (target_uri, from_uri, to_uri or target_uri):
            parse_uri(uri)
        name = checked([("From", from_name.replace("\\", "\\\\").replace('"', '\\"'))])[0][1]
        from_ = parse_name_addr(f"<{from_uri}>")._replace(name=name)
        leg = OutgoingLeg(self._stack, target_uri, flow, from_, to_uri or target_uri, sdp, checked(headers), now)
        return leg.id

    def cancel(self, call: DialogId, now: float) -> None:
        """Take back a call of ours. `Ended` comes at once; an answer that crosses it is hung up."""
        leg = self._stack.calls.get(call)
        if isinstance(leg, OutgoingLeg):
            leg.cancel(now)


def _advertiser(
    advertised: Callable[[Flow], tuple[str, int]] | tuple[str, int] | None,
) -> Callable[[Flow], tuple[str, int]]:
    if advertised is None:
        return lambda flow: flow.local
    if callable(advertised):
        return advertised
    host, port = advertised
    return lambda flow: (host, port or flow.local[1])


__all__ = ["Endpoint", "Flow", "Rng"]
