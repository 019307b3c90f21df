"""The INVITEs of a call that we make: one hop after another, or several at once, until somebody picks up."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from ringback.calls.audio import CODECS, LegAudio
from ringback.calls.dialplan import TRIES_NEXT
from ringback.media.leg import MediaError
from ringback.sip import events as sip
from ringback.sip.auth import Credentials
from ringback.sip.sdes import SrtpPolicy
from ringback.sip.sdp import SdpError

_SILENT_SECONDS: Final = 6.0
"""A hop that says nothing at all for so long is left for the next one, if there is one."""
_REQUEST_TIMEOUT: Final = 408
_NOT_ACCEPTABLE: Final = 488
_UNAVAILABLE: Final = 480


@dataclass(frozen=True, slots=True)
class Hop:
    """One way to somebody: where the INVITE goes, and how it looks there."""

    uri: str
    flow: sip.Flow
    from_uri: str
    from_name: str = ""
    to_uri: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    credentials: Credentials | None = None
    route: tuple[str, ...] = ()
    srtp: SrtpPolicy = "off"
    codecs: tuple[str, ...] = CODECS
    """What may be offered, the preferred one first."""
    name: str = ""
    """The trunk or phone, for people."""
    phone: bool = False
    """Whether it leads to a phone of this server, which may transfer its calls."""
    origin: object = field(default=None, compare=False, repr=False)
    """Whatever `Routing` wants to know of it again."""


Group = Sequence[Hop]
"""Hops that are tried at once."""


class Routing(Protocol):
    """Knows where numbers lead."""

    async def hops(
        self, to: str, *, account_sid: str, caller_id: str, credentials: Credentials | None = None
    ) -> Sequence[Group]:
        """Return the ways to somebody, the first to be tried first. Raises `ringback.calls.dialplan.NoRoute`."""
        ...

    def seized(self, hop: Hop) -> None:
        """A call over that hop begins."""
        ...

    def released(self, hop: Hop, sip_code: int) -> None:
        """It was refused with `sip_code`, or (200) it was answered and is over. Once for each that was seized."""
        ...


class Inviting(Protocol):
    """The SIP side of calls that we make."""

    def invite(self, hop: Hop, description: bytes, headers: Sequence[tuple[str, str]]) -> sip.DialogId:
        """Send an INVITE. Raises ValueError for what cannot be put into one."""
        ...

    def cancel(self, call: sip.DialogId) -> None:
        """Take it back."""
        ...


@dataclass(frozen=True, slots=True)
class Connected:
    """Somebody picked up."""

    dialog: sip.DialogId
    hop: Hop


@dataclass(frozen=True, slots=True)
class NotConnected:
    """Nobody did. `code` is the most telling SIP status, 487 where the time was over."""

    code: int
    reason: str = ""
    timed_out: bool = False
    contacts: tuple[str, ...] = ()


@dataclass(slots=True)
class _Fork:
    """One INVITE."""

    hop: Hop
    offer: bytes
    progressed: bool = False
    over: bool = False


@dataclass(slots=True)
class Attempts:
    """All INVITEs of one leg. `on_event` is fed by the switch; `connect` does the work."""

    inviting: Inviting
    routing: Routing
    audio: LegAudio
    bind: Callable[[sip.DialogId], None]
    """Told of each dialog, so that its events come back here."""
    on_ringing: Callable[[int, bool], None]
    """Told that a phone rings: the SIP status, and whether early audio comes with it."""
    headers: Sequence[tuple[str, str]] = ()
    _forks: dict[sip.DialogId, _Fork] = field(default_factory=dict)
    _news: "asyncio.Queue[sip.Event]" = field(default_factory=asyncio.Queue)
    _early: sip.DialogId | None = None
    """Whose early audio is heard."""
    _answers: dict[tuple[sip.DialogId, str], bytes] = field(default_factory=dict)
    """Early session descriptions, which hold where the final answer has none."""

    def on_event(self, event: sip.Ringing | sip.Answered | sip.Refused | sip.Ended) -> None:
        """Something happened to one of the INVITEs."""
        self._news.put_nowait(event)

    async def connect(self, groups: Sequence[Group], timeout: float) -> Connected | NotConnected:
        """Try the groups in order for at most `timeout` seconds of ringing. The media leg must be open.

        Cancelling it takes all INVITEs back.
        """
        failures: list[NotConnected] = []
        deadline = asyncio.get_running_loop().time() + timeout
        try:
            for index, group in enumerate(groups):
                self._invite(group, failures)
                outcome = await self._await_answer(failures, deadline, impatient=index + 1 < len(groups))
                if isinstance(outcome, Connected) or outcome.timed_out:
                    return outcome
                if outcome.code not in TRIES_NEXT:
                    return outcome
        finally:
            self.withdraw()
        return _most_telling(failures)

    def withdraw(self) -> None:
        """Take back every INVITE that has no answer."""
        for dialog, fork in self._forks.items():
            if not fork.over:
                fork.over = True
                self.routing.released(fork.hop, 487)
                self.inviting.cancel(dialog)

    def _invite(self, group: Group, failures: list[NotConnected]) -> None:
        for hop in group:
            self._agree_on(hop)
            offer = self.audio.offer()
            try:
                dialog = self.inviting.invite(hop, offer, self.headers)
            except ValueError as error:
                failures.append(NotConnected(400, str(error)))
                continue
            self.routing.seized(hop)
            self._forks[dialog] = _Fork(hop, offer)
            self.bind(dialog)

    def _agree_on(self, hop: Hop) -> None:
        """What is offered to or taken from that hop goes by its own rules."""
        self.audio.policy(hop.srtp, hop.codecs)

    async def _await_answer(
        self, failures: list[NotConnected], deadline: float, *, impatient: bool
    ) -> Connected | NotConnected:
        loop = asyncio.get_running_loop()
        silent_until = loop.time() + _SILENT_SECONDS
        while any(not fork.over for fork in self._forks.values()):
            progressed = any(fork.progressed for fork in self._forks.values() if not fork.over)
            until = deadline if progressed or not impatient else min(deadline, silent_until)
            try:
                async with asyncio.timeout_at(until):
                    event = await self._news.get()
            except TimeoutError:
                self.withdraw()
                if loop.time() >= deadline:
                    return NotConnected(487, "nobody answered in time", timed_out=True)
                failures.append(NotConnected(_REQUEST_TIMEOUT, "no sign of life"))
                break
            if (connected := await self._take(event, failures)) is not None:
                return connected
        return _most_telling(failures)

    async def _take(self, event: sip.Event, failures: list[NotConnected]) -> Connected | None:
        fork = self._forks.get(getattr(event, "call", sip.DialogId(-1)))
        if fork is None or fork.over:
            return None
        match event:
            case sip.Ringing():
                fork.progressed = True
                await self._ring(event, fork)
            case sip.Answered():
                fork.over = True
                try:
                    description = event.sdp or self._answers.get((event.call, event.fork))
                    if description is None:
                        raise SdpError("the answer has no session description")
                    self._agree_on(fork.hop)
                    await self.audio.accept(description, offered=fork.offer)
                except (SdpError, MediaError) as error:
                    failures.append(NotConnected(_NOT_ACCEPTABLE, str(error)))
                    self.inviting.cancel(event.call)
                    self.routing.released(fork.hop, _NOT_ACCEPTABLE)
                    return None
                return Connected(event.call, fork.hop)
            case sip.Refused():
                fork.over = True
                contacts = tuple(getattr(event, "contacts", ()))
                failures.append(NotConnected(event.code, event.reason, contacts=contacts))
                self.routing.released(fork.hop, event.code)
            case sip.Ended():
                fork.over = True
                failures.append(NotConnected(event.code or _UNAVAILABLE, event.reason))
                self.routing.released(fork.hop, event.code or _UNAVAILABLE)
        return None

    async def _ring(self, event: sip.Ringing, fork: _Fork) -> None:
        early = False
        if event.sdp is not None:
            self._answers[event.call, event.fork] = event.sdp
        if event.sdp is not None and self._early in (None, event.call):
            self._agree_on(fork.hop)
            try:
                await self.audio.accept(event.sdp, offered=fork.offer, final=False)
            except (SdpError, MediaError):
                early = False  # the final answer may still fit
            else:
                self._early, early = event.call, True
        self.on_ringing(event.code, early)


_TELLING: Final = (600, 603, 604, 486, 480, 404, 410, 484)


def _most_telling(failures: list[NotConnected]) -> NotConnected:
    """The failure that says most of the callee (RFC 3261 §16.7 rule 6)."""
    if not failures:
        return NotConnected(_UNAVAILABLE, "there was nobody to call")

    def rank(failure: NotConnected) -> tuple[int, int]:
        return (_TELLING.index(failure.code) if failure.code in _TELLING else len(_TELLING), failure.code // 100)

    return min(failures, key=rank)
