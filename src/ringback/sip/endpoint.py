"""The user agent core (RFC 3261): what its user may do, and what a shell feeds and drains.

Bytes, the time and a random source come in; `poll` gives bytes to send and events; `next_timeout` tells when
`handle_timeout` is due. The order is: change something, then drain `poll` until it returns None.
"""

from collections.abc import Callable, Iterable

from ringback.sip.actions import Actions
from ringback.sip.dispatch import Dispatcher
from ringback.sip.events import Event, Flow, Send
from ringback.sip.policy import SHORTEST_SESSION, Policy
from ringback.sip.screening import Screen
from ringback.sip.stack import Rng, Stack
from ringback.sip.values import Reliable
from ringback.sip.wire import checked


class Endpoint(Actions):
    """All calls of one SIP user agent."""

    def __init__(
        self,
        *,
        rng: Rng,
        user_agent: str = "Ringback",
        allowed: Callable[[Flow], bool] | None = None,
        screen: Screen | None = None,
        serves: Iterable[str] = (),
        advertised: Callable[[Flow], tuple[str, int]] | tuple[str, int] | None = None,
        reliable: Reliable = "supported",
        session_expires: int = 1800,
        min_se: int = SHORTEST_SESSION,
        max_datagram: int = 1300,
        max_calls: int = 10_000,
        max_transactions: int = 200_000,
        trace: bool = True,
    ) -> None:
        """`allowed` tells whether requests from a flow may start something; everybody may where it is None.

        `screen` looks at each such request and allows, challenges, refuses or ignores it; then `allowed` only tells
        who is told that a message could not be read. `serves` names the methods,
        such as REGISTER and MESSAGE, that come as `IncomingRequest`. `advertised` is the address that Contact and Via
        name, where it is not that of the socket; a port of 0 keeps the socket's.

        `reliable` tells how provisional answers are secured. `session_expires` is how many seconds a session lives
        without being refreshed, 0 for ever, and `min_se` the least that others may ask for (RFC 4028). A request of
        more than `max_datagram` bytes goes over TCP; 0 leaves all where they are. Beyond `max_calls` and
        `max_transactions` new requests get 503. `trace` False saves the `Trace` events. Raises ValueError for what
        makes no sense.
        """
        agent = checked([("User-Agent", user_agent)])[0][1]
        policy = Policy(
            agent, reliable=reliable, session_expires=session_expires, min_se=min_se, serves=serves,
            max_datagram=max_datagram,
        )  # fmt: skip
        self._stack = Stack(rng=rng, policy=policy, advertised=_advertiser(advertised), trace=trace)
        self._dispatcher = Dispatcher(self._stack, allowed, screen, max_calls, max_transactions)

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

    def shed_load(self, until: float) -> None:
        """Answer new requests with 503 until then: whoever runs the endpoint is late. Calls go on as they are."""
        self._dispatcher.shed_until = until

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
