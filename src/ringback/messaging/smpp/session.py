"""One SMPP session, of either side (SMPP v3.4 chapter 2): binding, window, answers, signs of life. Pure.

Octets and the time in seconds come in; `poll` gives octets to send and events. The order is: change something, then
drain `poll` until it returns None, and call `handle_timeout` when `next_timeout` says so.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from ringback.messaging.smpp.pdu import BINDS, RESPONSE, Bind, Command, Framer, Pdu, PduError, Status

Role = Literal["esme", "smsc"]
_LAST_SEQUENCE = 0x7FFFFFFF


@dataclass(frozen=True, slots=True)
class Timers:
    """Seconds of the timers of 7.2."""

    session_init: float = 10.0
    """From the connection to its bind."""
    enquire_link: float = 30.0
    """Of silence, after which the other side is asked for a sign of life."""
    response: float = 10.0
    """Until an answer must be there."""


@dataclass(frozen=True, slots=True)
class Send:
    """Put these octets on the wire."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Bound:
    """The session is bound. The answering side told so by `accept_bind`, the asking side learns it here."""

    bind: Bind
    peer: str
    """The system id of the other side."""


@dataclass(frozen=True, slots=True)
class BindAsked:
    """Somebody wants to bind. Answer with `accept_bind` or `refuse_bind`."""

    bind: Bind
    request: Pdu


@dataclass(frozen=True, slots=True)
class Arrived:
    """A submit_sm or deliver_sm. Answer with `answer`."""

    request: Pdu


@dataclass(frozen=True, slots=True)
class Answered:
    """The answer to a request of ours: the one that `send` returned this sequence number for."""

    sequence: int
    status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Unanswered:
    """A request of ours whose answer did not come in time, or that the end of the session cut off."""

    sequence: int


@dataclass(frozen=True, slots=True)
class Closed:
    """The session is over: close the connection. Comes once, after everything else."""

    reason: str
    status: int = 0
    """Of a bind that was refused."""


Event = Send | Bound | BindAsked | Arrived | Answered | Unanswered | Closed


class Session:
    """The state of one connection."""

    def __init__(self, role: Role, now: float, *, timers: Timers | None = None, bind: Bind | None = None) -> None:
        """An ESME gives its `bind`, which goes out at once. Raises ValueError for one that no PDU can hold."""
        self._timers = timers or Timers()
        self._role = role
        self._framer = Framer()
        self._events: deque[Event] = deque()
        self._sequence = 0
        self._waiting: dict[int, tuple[float, int]] = {}
        """Sequence number of each request of ours that waits: when it is given up, and its command."""
        self._heard = now
        self._asked_for_life: int | None = None
        self._bind = bind
        self._unbinding = False
        self.bound: Bind | None = None
        """The bind that is in force."""
        self.closed = False
        self._init_deadline: float | None = now + self._timers.session_init
        if bind is not None:
            self._request(bind.pdu(self._next()), now)

    # -- what the user does ---------------------------------------------------------------------------------------

    @property
    def pending(self) -> int:
        """How many messages of ours wait for their answer: what the window counts."""
        return sum(command in (Command.SUBMIT_SM, Command.DELIVER_SM) for _, command in self._waiting.values())

    def may_send(self) -> bool:
        """Whether messages may go out this way: an ESME needs a bind that transmits, a server one that receives."""
        if self.bound is None or self.closed or self._unbinding:
            return False
        return self.bound.kind != ("receiver" if self._role == "esme" else "transmitter")

    def send(self, make: Callable[[int], Pdu], now: float) -> int:
        """Send a request made for the sequence number that it is given, which is returned.

        Raises RuntimeError when the session is not bound that way.
        """
        if not self.may_send():
            raise RuntimeError("the session is not bound for sending")
        pdu = make(self._next())
        self._request(pdu, now)
        return pdu.sequence

    def answer(self, request: Pdu, status: int, body: bytes = b"") -> None:
        """Answer `Arrived`."""
        self._send(request.response(status, body))

    def accept_bind(self, asked: BindAsked, system_id: str) -> None:
        """Let somebody in."""
        self.bound = asked.bind
        self._init_deadline = None
        self._send(asked.request.response(Status.ROK, system_id.encode("latin-1", "replace")[:15] + b"\0"))
        self._events.append(Bound(asked.bind, asked.bind.system_id))

    def refuse_bind(self, asked: BindAsked, status: int) -> None:
        """Keep somebody out, and end the session."""
        self._send(asked.request.response(status))
        self._close("a bind was refused", status)

    def unbind(self, now: float) -> None:
        """End the session properly; `Closed` comes with the answer, or after the time for one."""
        if self.closed or self._unbinding:
            return
        if self.bound is None:
            self._close("ended before it was bound")
            return
        self._unbinding = True
        self._request(Pdu(Command.UNBIND, 0, self._next()), now)

    # -- the outside ----------------------------------------------------------------------------------------------

    def receive(self, data: bytes, now: float) -> None:
        """Take octets. Never raises for what is in them."""
        self._heard = now
        try:
            pdus = self._framer.feed(data)
        except PduError as error:
            self._send(Pdu(Command.GENERIC_NACK, error.status, 0))
            self._close(str(error))
            return
        for pdu in pdus:
            self._take(pdu)

    def lost(self, reason: str) -> None:
        """The connection is gone."""
        self._close(reason)

    def handle_timeout(self, now: float) -> None:
        """Do what is due."""
        if self.closed:
            return
        if self._init_deadline is not None and now >= self._init_deadline:
            self._close("no bind in time")
            return
        for sequence, (deadline, command) in list(self._waiting.items()):
            if now < deadline:
                continue
            if command not in (Command.SUBMIT_SM, Command.DELIVER_SM):
                self._close(f"no answer to {Command(command).name.lower()}")
                return
            del self._waiting[sequence]
            self._events.append(Unanswered(sequence))
        if self.bound and self._asked_for_life is None and now >= self._heard + self._timers.enquire_link:
            self._asked_for_life = self._next()
            self._request(Pdu(Command.ENQUIRE_LINK, 0, self._asked_for_life), now)

    def next_timeout(self) -> float | None:
        """Return the time at which `handle_timeout` is due next, or None."""
        if self.closed:
            return None
        # All requests are given the same time, so the first of them is the first to be given up.
        deadlines = [deadline for deadline, _ in islice(self._waiting.values(), 1)]
        if self._init_deadline is not None:
            deadlines.append(self._init_deadline)
        if self.bound and self._asked_for_life is None:
            deadlines.append(self._heard + self._timers.enquire_link)
        return min(deadlines, default=None)

    def poll(self) -> Event | None:
        """Take what is to be sent or told next, or None when all is."""
        return self._events.popleft() if self._events else None

    # -- inside ---------------------------------------------------------------------------------------------------

    def _next(self) -> int:
        self._sequence = self._sequence % _LAST_SEQUENCE + 1
        return self._sequence

    def _send(self, pdu: Pdu) -> None:
        if not self.closed:
            self._events.append(Send(pdu.encode()))

    def _request(self, pdu: Pdu, now: float) -> None:
        self._waiting[pdu.sequence] = now + self._timers.response, pdu.command
        self._send(pdu)

    def _close(self, reason: str, status: int = 0) -> None:
        if self.closed:
            return
        self.closed = True
        for sequence, (_, command) in self._waiting.items():
            if command in (Command.SUBMIT_SM, Command.DELIVER_SM):
                self._events.append(Unanswered(sequence))
        self._waiting.clear()
        self._events.append(Closed(reason, status))

    def _take(self, pdu: Pdu) -> None:
        if self.closed:
            return
        if pdu.is_response:
            self._take_response(pdu)
        else:
            self._take_request(pdu)

    def _take_response(self, pdu: Pdu) -> None:
        waiting = self._waiting.pop(pdu.sequence, None)
        if waiting is None:
            return  # too late, or never asked
        command = waiting[1]
        if pdu.command not in (command | RESPONSE, Command.GENERIC_NACK):
            self._close(f"the answer to {Command(command).name.lower()} is of another kind")
        elif command in BINDS.values():
            self._bind_answered(pdu)
        elif command == Command.UNBIND:
            self._close("unbound")
        elif command == Command.ENQUIRE_LINK:
            self._asked_for_life = None
        else:
            status = pdu.status or (Status.RSYSERR if pdu.command == Command.GENERIC_NACK else 0)
            self._events.append(Answered(pdu.sequence, status, pdu.body))

    def _bind_answered(self, pdu: Pdu) -> None:
        if self._bind is None:
            return
        if pdu.status != Status.ROK or pdu.command == Command.GENERIC_NACK:
            self._close(f"the bind was refused with status 0x{pdu.status:02x}", pdu.status or Status.RBINDFAIL)
            return
        self.bound = self._bind
        self._init_deadline = None
        self._events.append(Bound(self._bind, pdu.body.partition(b"\0")[0].decode("latin-1")))

    def _take_request(self, pdu: Pdu) -> None:
        match pdu.command:
            case Command.ENQUIRE_LINK:
                self._send(pdu.response(Status.ROK))
            case Command.UNBIND:
                self._send(pdu.response(Status.ROK))
                self._close("the other side has unbound")
            case Command.BIND_RECEIVER | Command.BIND_TRANSMITTER | Command.BIND_TRANSCEIVER if self._role == "smsc":
                self._bind_asked(pdu)
            case Command.SUBMIT_SM if self._role == "smsc":
                self._message(pdu, allowed=self.bound is not None and self.bound.kind != "receiver")
            case Command.DELIVER_SM if self._role == "esme":
                self._message(pdu, allowed=self.bound is not None and self.bound.kind != "transmitter")
            case _:
                self._send(Pdu(Command.GENERIC_NACK, Status.RINVCMDID, pdu.sequence))

    def _message(self, pdu: Pdu, *, allowed: bool) -> None:
        if allowed:
            self._events.append(Arrived(pdu))
        else:
            self._send(pdu.response(Status.RINVBNDSTS, b"\0"))

    def _bind_asked(self, pdu: Pdu) -> None:
        if self.bound is not None:
            self._send(pdu.response(Status.RALYBND))
            return
        try:
            bind = Bind.read(pdu)
        except PduError as error:
            self._send(pdu.response(error.status))
            self._close(str(error))
            return
        self._events.append(BindAsked(bind, pdu))
