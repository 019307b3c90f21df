"""Two legs that talk, and the transfers that their phones ask for (REFER, RFC 3515; RFC 5589).

A phone that transfers goes, and whom it talked to stays: with whoever the phone named (a blind transfer), or with
whoever the phone talks to in another of its calls (an attended one, RFC 3891). Only phones of this server may: a caller
from outside could make calls at somebody else's cost.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ringback.calls import outcome
from ringback.calls.bridge import BridgeEnd, bridge
from ringback.calls.dialing import Progress
from ringback.calls.house import Placing
from ringback.calls.race import first_of
from ringback.media.leg import MediaError
from ringback.model import events
from ringback.model.status import Direction
from ringback.sip.events import Transfer

if TYPE_CHECKING:
    from ringback.calls.leg import Leg

_RINGING: Final = 180
_DONE: Final = 200
_UNAVAILABLE: Final = 480
_GONE: Final = 481
_WITHDRAWN: Final = 487


@dataclass(frozen=True, slots=True)
class Terms:
    """How two may talk. Times are seconds."""

    caller_id: str
    """Shown to whoever a transfer calls."""
    time_limit: float
    timeout: float = 60.0
    """How long a transfer's call may ring."""
    hangup_on_star: bool = False
    referrable: bool = False
    """Where the callee refers the call to is for somebody else to decide: it ends the talk."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """A phone transfers."""

    by: "Leg"
    transfer: Transfer


@dataclass(frozen=True, slots=True)
class _Referred:
    """The callee refers the call elsewhere, which is not done here."""

    transfer: Transfer


@dataclass(frozen=True, slots=True)
class _Lent:
    """One of the two talks to somebody else, until that is over."""

    returned: asyncio.Event


class Talk:
    """Two answered legs, the first of which leads, from their connection on."""

    def __init__(self, caller: "Leg", callee: "Leg", terms: Terms) -> None:
        self.caller = caller
        self.callee = callee
        """Who talks with the caller now: a transfer puts somebody else in this place."""
        self.given = False
        """Whether the callee has gone over to another talk: its end is no longer this one's business."""
        self.referred_to = ""
        """Where the callee has referred the call to, if that has ended the talk."""
        self._terms = terms
        self._deadline = caller.now() + terms.time_limit
        self._wish: asyncio.Future[_Asked | _Lent | _Referred] = asyncio.get_running_loop().create_future()
        self._parted = asyncio.Event()
        self._over = asyncio.Event()
        self._placed: list[Leg] = []

    async def run(self, asked: _Asked | None = None) -> BridgeEnd:
        """Let them talk until that is over; with `asked`, first do what a phone has asked for.

        Who came by a transfer is hung up then; the others are left to whoever drives them.
        """
        try:
            while True:
                if asked is None:
                    end = await self._listen()
                    if end is not None:
                        return end
                    wish = self._wish.result()
                    if isinstance(wish, _Referred):
                        self.callee.tell_transfer(wish.transfer, _DONE)
                        await self.callee.hangup(outcome.TRANSFERRED)
                        return "callee"
                    if isinstance(wish, _Lent) or self.given:
                        # Here nobody is left to talk to. The Dial that began this is over when the other talk is.
                        await (wish.returned if isinstance(wish, _Lent) else self.callee.ended).wait()
                        return "callee"
                    asked = wish
                if not await self._transfer(asked) and asked.by.ended.is_set():
                    return "callee"
                asked = None
        finally:
            self._part()
            self._over.set()
            for leg in self._placed:
                if leg is not self.callee or not self.given:
                    await leg.hangup(outcome.PARENT_ENDED)

    async def _listen(self) -> BridgeEnd | None:
        """Connect the two; None when somebody has a wish."""
        loop, legs, terms = asyncio.get_running_loop(), (self.caller, self.callee), self._terms
        self._wish = loop.create_future()
        self._parted.clear()
        for leg in legs:
            leg.talk = self
        ended: list[BridgeEnd] = []

        async def talk() -> None:
            left = max(0.0, self._deadline - loop.time())
            ended.append(await bridge(*legs, hangup_on_star=terms.hangup_on_star, time_limit=left))

        async def wished() -> None:
            await asyncio.shield(self._wish)

        try:
            await first_of(wished(), talk())
        finally:
            self._part()
        return None if self._wish.done() else ended[0]

    def _part(self) -> None:
        for leg in (self.caller, self.callee):
            if leg.talk is self:
                leg.talk = None
        self._parted.set()

    # -- what phones ask for --------------------------------------------------------------------------------------

    def asks(self, by: "Leg", transfer: Transfer) -> bool:
        """Take a phone's wish to transfer whom it talks to; false where it may not, or not now."""
        if self._wish.done():
            return False
        if self._terms.referrable and by is self.callee and transfer.replaces is None:
            by.accept_transfer(transfer)
            by.note(events.STATUS, status=str(by.status), reason=f"refers the call to {transfer.refer_to}")
            self.referred_to = transfer.refer_to
            self._wish.set_result(_Referred(transfer))
            return True
        if not by.may_transfer:
            return False
        if transfer.replaces is not None and self._other(by, transfer) is None:
            return False
        by.accept_transfer(transfer)
        by.note(events.STATUS, status=str(by.status), reason=f"transfers the call to {transfer.refer_to}")
        asked = _Asked(by, transfer)
        if by is self.caller:
            # The phone that leads this talk goes, mostly at once: the one that stays leads another.
            self._give(Talk(self.callee, by, self._terms), asked)
        self._wish.set_result(asked)
        return True

    def _other(self, by: "Leg", transfer: Transfer) -> "Leg | None":
        """The other call of a phone, which an attended transfer names, if it is a talk too."""
        call = transfer.replaced_call
        leg = None if call is None else by.house.leg_of(call)
        talk = None if leg is None else leg.talk
        if leg is None or talk is None or talk is self or talk._wish.done():
            return None
        return leg if leg.info.account_sid == by.info.account_sid else None

    def _give(self, talk: "Talk", asked: _Asked) -> None:
        """Let the callee lead another talk."""

        async def conduct(leg: "Leg") -> None:
            await self._parted.wait()
            await talk.run(asked)

        self.given = True
        self.callee.tasks.start(self.callee.redirect(conduct), "transfer")

    def _lend(self, leg: "Leg", over: asyncio.Event) -> None:
        """Let one of the two take part in another talk until it is over."""

        async def conduct(leg: "Leg") -> None:
            await over.wait()

        if leg is self.callee:
            self.given = True
            leg.tasks.start(leg.redirect(conduct), "transfer")
        self._wish.set_result(_Lent(over))

    # -- doing it -------------------------------------------------------------------------------------------------

    async def _transfer(self, asked: _Asked) -> bool:
        """Put somebody else into the callee's place, and tell the phone that asked for it how that goes."""
        by, code = asked.by, _WITHDRAWN
        try:
            leg, code = await (self._call(asked) if asked.transfer.replaces is None else self._fetch(asked))
        finally:
            by.tell_transfer(asked.transfer, code)
        if leg is None:
            return False
        self.callee = leg
        await by.hangup(outcome.TRANSFERRED)
        return True

    async def _call(self, asked: _Asked) -> "tuple[Leg | None, int]":
        """Call whom the phone has named, while the caller hears it ring."""
        stays, transfer = self.caller, asked.transfer
        answered = asyncio.Event()

        async def conduct(leg: "Leg") -> None:
            answered.set()
            await self._over.wait()

        def watch(leg: "Leg", progress: Progress) -> None:
            if progress == "ringing":
                asked.by.tell_transfer(transfer, _RINGING)

        leg = stays.house.place(
            Placing(
                to=transfer.refer_to,
                caller_id=self._terms.caller_id,
                account_sid=stays.info.account_sid,
                api_version=stays.info.api_version,
                direction=Direction.OUTBOUND_DIAL,
                conduct=conduct,
                timeout=self._terms.timeout,
                parent=stays,
                watch=watch,
            )
        )
        self._placed.append(leg)
        await first_of(answered.wait(), leg.ended.wait(), stays.ended.wait(), _ring(stays))
        if answered.is_set() and not leg.status.final:
            return leg, _DONE
        await leg.hangup(outcome.CANCELED)
        return None, leg.sip_code or _UNAVAILABLE

    async def _fetch(self, asked: _Asked) -> "tuple[Leg | None, int]":
        """Take whom the phone talks to in its other call out of that talk."""
        other = self._other(asked.by, asked.transfer)
        if other is None or other.talk is None:
            return None, _GONE
        talk = other.talk
        partner = talk.callee if other is talk.caller else talk.caller
        talk._lend(partner, self._over)
        await talk._parted.wait()
        await other.hangup(outcome.TRANSFERRED)
        return partner, _DONE


async def _ring(leg: "Leg") -> None:
    """Let somebody hear that it rings; does not return."""
    if leg.audio.leg is not None:
        with suppress(MediaError):
            await leg.audio.leg.tone("ringback", loop=0)
    await asyncio.get_running_loop().create_future()
