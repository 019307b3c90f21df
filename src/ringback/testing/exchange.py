"""A telephone exchange in virtual time: the real switch and the real SIP core, fake media, and phones to call it with.

Everything between the phone and the application is real but for sockets and sound:

>>> from ringback.testing.clock import run
>>> from ringback.testing.exchange import Exchange
>>> async def pick_up(leg):
...     leg.assign("AC" + "0" * 32, None, leg.info.api_version)
...     await leg.answer()
...     await leg.sleep(3500)
>>> async def call():
...     exchange = Exchange(pick_up)
...     phone = exchange.dial("+15550100001")
...     await phone.ended.wait()
...     return exchange.records[phone.sid]["end_reason"]
>>> run(call())
'document-end'
"""

import asyncio
import functools
import random
import shutil
import tempfile
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from ringback.calls.dialplan import NoRoute
from ringback.calls.leg import CallSettings, Leg
from ringback.calls.outgoing import Group, Hop
from ringback.calls.signalling import SipSignalling
from ringback.calls.switch import Afterwards, Handler, ReadNumber, Switch, SwitchSettings
from ringback.model.records import CallEvent, CallRecord, dated, key_of
from ringback.sip import sdp
from ringback.sip.auth import Credentials
from ringback.sip.endpoint import Endpoint
from ringback.sip.events import (
    Acknowledged,
    Answered,
    DialogId,
    Ended,
    Event,
    Flow,
    IncomingCall,
    Refused,
    Reinvite,
    Send,
    TransferProgress,
)
from ringback.testing.media import FakeMedia, FakeMediaLeg

T = TypeVar("T")

SERVER = ("127.0.0.1", 5060)
PHONE = ("127.0.0.1", 5080)
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


async def nothing_afterwards(leg: Leg) -> None:
    """Tell nobody that the call is over."""


@dataclass(frozen=True, slots=True)
class Answers:
    """How a phone takes a call: what it does after it has rung for some seconds, and how long it then talks."""

    rings: float = 1.0
    """Seconds until it answers or refuses."""
    code: int = 200
    """The SIP status that it does so with."""
    talks: float = 3600.0
    """Seconds until it hangs up."""
    early: bool = False
    """Whether it sends sound while it rings (183)."""


class Lines:
    """Where the exchange's numbers lead: every one to the phones. Implements `ringback.calls.outgoing.Routing`."""

    def __init__(self) -> None:
        self.seizures: list[tuple[str, int]] = []
        """The number and the SIP status of each call over it, 0 while there is none."""

    async def hops(
        self, to: str, *, account_sid: str, caller_id: str, credentials: Credentials | None = None
    ) -> Sequence[Group]:
        """One hop, except to `nowhere`, and to `forbidden`, whom nobody may call."""
        if "forbidden" in to:
            raise NoRoute(403, "it may not be called")
        if "nowhere" in to:
            raise NoRoute(404, "no such number")
        flow = Flow("UDP", SERVER, PHONE)
        to = to.removeprefix("sip:").partition("@")[0]
        return [[Hop(f"sip:{to}@127.0.0.1", flow, f"sip:{caller_id}@127.0.0.1", credentials=credentials, phone=True)]]

    def seized(self, hop: Hop) -> None:
        """A call begins."""
        self.seizures.append((hop.uri, 0))

    def released(self, hop: Hop, sip_code: int) -> None:
        """It is over."""
        self.seizures.append((hop.uri, sip_code))


@dataclass(slots=True)
class VirtualPhone:
    """The caller's side of one call."""

    exchange: "Exchange"
    call: DialogId
    answered: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    events: list[Event] = field(default_factory=list)
    """What the phone's own SIP core told it, in order."""
    number: int = 0

    @property
    def sid(self) -> str:
        """The call's sid on the server; calls get theirs in the order in which they were dialed."""
        return self.exchange.sids[self.number]

    @property
    def leg(self) -> Leg | None:
        """The live leg on the server."""
        return self.exchange.switch.find(self.sid)

    @property
    def audio(self) -> FakeMediaLeg:
        """The media leg on the server."""
        leg = self.leg
        return next(audio for audio in self.exchange.media.legs if audio.listener is leg)

    @property
    def refused_with(self) -> int | None:
        """The status that the call was refused with."""
        return next((event.code for event in self.events if isinstance(event, Refused)), None)

    def hang_up(self) -> None:
        """BYE, or CANCEL before the answer."""
        self.exchange.phones.bye(self.call, self.exchange.now())

    def info(self, content_type: str, body: bytes) -> None:
        """Send an INFO request."""
        self.exchange.phones.info(self.call, content_type, body, self.exchange.now())

    def reinvite(self, description: bytes) -> None:
        """Offer another session."""
        self.exchange.phones.reinvite(self.call, description, self.exchange.now())

    def hold(self, held: bool = True) -> None:
        """Put the other side on hold, or take the call up again."""
        self.reinvite(sdp.offer("127.0.0.1", 40000, direction="sendonly" if held else "sendrecv"))

    def transfer(self, uri: str, replaces: "VirtualPhone | None" = None) -> None:
        """Ask that the other side be connected to somebody, or (`replaces`) to whom another call of ours is with."""
        other = None if replaces is None else replaces.call
        self.exchange.phones.refer(self.call, uri, self.exchange.now(), replaces=other)

    @property
    def progress(self) -> list[int]:
        """What the phone has been told of its transfer: SIP statuses."""
        return [event.code for event in self.events if isinstance(event, TransferProgress)]


class Exchange:
    """A switch with its SIP core, fake media and an in-memory journal; phones share one SIP core of their own.

    With `deaf` set the network swallows everything that the server sends to phones, and what phones send too: they
    have vanished. Needs a running loop; every method is to be called within it.
    """

    def __init__(
        self,
        handler: Handler,
        *,
        settings: SwitchSettings | None = None,
        afterwards: Afterwards = nothing_afterwards,
        media: FakeMedia | None = None,
        read_number: ReadNumber | None = None,
        busy: Callable[[], str] = lambda: "",
        seed: int = 1,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        rng = random.Random(seed)
        self.media = media or FakeMedia()
        self.server = Endpoint(rng=rng)
        self.phones = Endpoint(rng=rng)
        self.events: list[CallEvent] = []
        """Timelines of all calls."""
        self.records: dict[str, dict[str, Any]] = {}
        """Call records as dictionaries, by sid."""
        self.saved: dict[tuple[type, str | tuple[str, ...]], Any] = {}
        """Records that are not calls', by class and key."""
        self.answers: dict[str, Answers] = {}
        """How phones take calls, by number; those that are not in here answer after a second."""
        self.called: list[str] = []
        """The numbers that were called, in order."""
        self.taken: dict[str, VirtualPhone] = {}
        """The phones that were called, by number: the last call of each."""
        self.lines = Lines()
        self.sids: list[str] = []
        self.deaf = False
        self._dialed: dict[DialogId, VirtualPhone] = {}
        self._timers: dict[Endpoint, asyncio.TimerHandle] = {}
        for endpoint in (self.server, self.phones):
            endpoint.on_pending(functools.partial(self._soon, endpoint))
        self.switch = Switch(
            signalling=SipSignalling(self.server, self.now, lambda: None),
            media=self.media,
            journal=self,
            settings=replace(settings or SwitchSettings(CallSettings()), recordings=_folder_of(self)),
            handler=handler,
            afterwards=afterwards,
            routing=self.lines,
            entropy=rng.randbytes,
            utcnow=lambda: EPOCH + timedelta(seconds=self.now()),
            read_number=read_number,
            busy=busy,
        )

    def now(self) -> float:
        """Seconds of the loop's clock."""
        return self._loop.time()

    def dial(
        self,
        number: str,
        *,
        caller: str = "+14155550123",
        offer: bytes | None = None,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> VirtualPhone:
        """Let a phone call a number."""
        call = self.phones.invite(
            f"sip:{number}@127.0.0.1",
            Flow("UDP", PHONE, SERVER),
            from_uri=f"sip:{caller}@127.0.0.1",
            sdp=sdp.offer("127.0.0.1", 40000) if offer is None else offer,
            now=self.now(),
            headers=headers,
        )
        phone = self._dialed[call] = VirtualPhone(self, call, number=len(self._dialed))
        return phone

    def timeline(self, sid: str, *kinds: str) -> list[dict[str, Any]]:
        """The data of a call's events of these kinds."""
        return [dict(event.data) for event in self.events if event.call_sid == sid and event.kind in kinds]

    # -- Journal ------------------------------------------------------------------------------------------------

    def note(self, event: CallEvent) -> None:
        """Keep an event."""
        self.events.append(event)

    def create_call(self, record: CallRecord) -> None:
        """Keep a record."""
        self.records[record.sid] = {name: getattr(record, name) for name in CallRecord.__slots__}

    def update_call(self, sid: str, **changes: Any) -> None:
        """Change a record."""
        self.records[sid] |= dated(changes)

    def save(self, record: Any) -> None:
        """Keep a record that is not a call's, by its class and its key."""
        self.saved[type(record), key_of(record)] = record

    def change(self, kind: type, key: str | tuple[str, ...], **changes: Any) -> None:
        """Change a record."""
        self.saved[kind, key] = replace(self.saved[kind, key], **dated(changes))

    def remove(self, kind: type, key: str | tuple[str, ...]) -> None:
        """Forget a record."""
        self.saved.pop((kind, key), None)

    def kept(self, kind: type[T]) -> list[T]:
        """All records of a kind, oldest first."""
        return [record for (each, _), record in self.saved.items() if each is kind]

    # -- the network --------------------------------------------------------------------------------------------

    def _soon(self, endpoint: Endpoint) -> None:
        self._loop.call_soon(self._pump, endpoint)

    def _pump(self, endpoint: Endpoint) -> None:
        other, here, there = (self.phones, SERVER, PHONE) if endpoint is self.server else (self.server, PHONE, SERVER)
        while (item := endpoint.poll()) is not None:
            if isinstance(item, Send):
                if not self.deaf:
                    other.receive(item.data, Flow("UDP", there, here), self.now())
            elif endpoint is self.server:
                self.switch.on_event(item)
                if isinstance(item, IncomingCall):
                    # A call that is refused at once has none.
                    newest = next((leg for leg in self.switch if leg.dialog == item.call), None)
                    self.sids += [newest.info.sid] if newest else []
            else:
                self._phone_event(item)
        if endpoint in self._timers:
            self._timers.pop(endpoint).cancel()
        if (deadline := endpoint.next_timeout()) is not None:
            self._timers[endpoint] = self._loop.call_at(deadline, self._expire, endpoint)

    def _expire(self, endpoint: Endpoint) -> None:
        del self._timers[endpoint]
        endpoint.handle_timeout(self.now())
        self._pump(endpoint)

    def _phone_event(self, event: Event) -> None:
        if isinstance(event, IncomingCall):
            self._take_call(event)
            return
        call = getattr(event, "call", None) or DialogId(-1)
        phone = self._dialed.get(call) or next((each for each in self.taken.values() if each.call == call), None)
        if phone is None:
            return
        phone.events.append(event)
        match event:
            case Answered():
                phone.answered.set()
            case Reinvite():
                self.phones.answer_reinvite(phone.call, sdp.offer("127.0.0.1", 40000), self.now())
            case Ended() | Refused():
                phone.ended.set()
            case Acknowledged():
                pass

    def _take_call(self, invite: IncomingCall) -> None:
        """A phone rings, and does what its number stands for."""
        how = self.answers.get(invite.request_uri_user, Answers())
        self.called.append(invite.request_uri_user)
        self.taken[invite.request_uri_user] = VirtualPhone(self, invite.call, number=-1)
        description = sdp.answer(invite.sdp or b"", "127.0.0.1", 40000)[0]
        self.phones.ring(invite.call, self.now(), 183 if how.early else 180, description if how.early else None)

        def decide() -> None:
            if how.code < 300:
                self.phones.answer(invite.call, description, self.now())
                self._loop.call_later(how.talks, lambda: self.phones.bye(invite.call, self.now()))
            else:
                self.phones.reject(invite.call, how.code, self.now())

        self._loop.call_later(how.rings, decide)


def _folder_of(exchange: Exchange) -> Path:
    """A directory for recordings that goes when the exchange does."""
    folder = tempfile.mkdtemp(prefix="ringback-exchange-")
    weakref.finalize(exchange, shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)
