"""The switch: every call of this server by its sid, from SIP events to legs."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from ringback.calls.journal import Journal
from ringback.calls.leg import CallSettings, Leg, Signalling
from ringback.calls.port import CallInfo
from ringback.calls.tasks import TaskOwner
from ringback.media.client import Media
from ringback.model import events, sids
from ringback.model.numbers import normalise
from ringback.model.records import CallEvent
from ringback.model.status import ApiVersion, Direction
from ringback.sip import events as sip

logger = logging.getLogger(__name__)

Handler = Callable[[Leg], Awaitable[None]]
"""Conducts an incoming call: finds out whose it is (`Leg.assign`) and drives it to its end."""
Afterwards = Callable[[Leg], Awaitable[None]]
"""Runs when a call has ended and everything about it is written down."""

_STOP_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class SwitchSettings:
    """What the switch allows."""

    call: CallSettings
    max_concurrent: int = 500
    region: str = "US"
    """How numbers without a country code are read (ISO 3166)."""


class Switch:
    """All calls of this server."""

    def __init__(
        self,
        *,
        signalling: Signalling,
        media: Media,
        journal: Journal,
        settings: SwitchSettings,
        handler: Handler,
        afterwards: Afterwards,
        entropy: Callable[[int], bytes],
        utcnow: Callable[[], datetime],
    ) -> None:
        self._signalling = signalling
        self._media = media
        self._journal = journal
        self._settings = settings
        self._handler = handler
        self._afterwards = afterwards
        self._entropy = entropy
        self._utcnow = utcnow
        self._by_sid: dict[str, Leg] = {}
        self._by_dialog: dict[sip.DialogId, Leg] = {}
        self._tasks = TaskOwner()
        self._stopping = False
        self.refused = 0
        """Requests that were refused before a call came of them."""

    def find(self, sid: str) -> Leg | None:
        """The live call of that sid. Whoever wants to command a call looks it up here, each time."""
        return self._by_sid.get(sid)

    def __len__(self) -> int:
        return len(self._by_sid)

    def on_event(self, event: sip.Event) -> None:
        """Take an event of the SIP core."""
        match event:
            case sip.IncomingCall():
                self._incoming(event)
            case sip.Refusal():
                self.refused += 1
                logger.warning("refused: %s (from %s:%d)", event.reason, *event.flow.remote)
            case sip.Trace():
                self._trace(event)
            case _:
                leg = self._by_dialog.get(event.call)
                if leg is not None:
                    self._of_leg(leg, event)

    async def close(self) -> None:
        """End all calls and wait for their ends, for a few seconds."""
        self._stopping = True
        legs = list(self._by_sid.values())
        for leg in legs:
            leg.stop()
        with suppress(TimeoutError):
            async with asyncio.timeout(_STOP_SECONDS):
                for leg in legs:
                    await leg.tasks.drain(_STOP_SECONDS)
        await self._tasks.drain(_STOP_SECONDS)
        for leg in legs:
            await leg.tasks.close()
        await self._tasks.close()

    def _incoming(self, invite: sip.IncomingCall) -> None:
        if self._stopping or len(self._by_sid) >= self._settings.max_concurrent:
            why = "going down" if self._stopping else f"calls.max_concurrent is {self._settings.max_concurrent}"
            logger.warning("refused a call to %s with 503: %s", invite.request_uri_user, why)
            self._signalling.reject(invite.call, 503)
            return
        leg = Leg(
            invite,
            self._info(invite),
            signalling=self._signalling,
            media=self._media,
            journal=self._journal,
            settings=self._settings.call,
            utcnow=self._utcnow,
            on_ended=self._ended,
        )
        self._by_sid[leg.info.sid] = leg
        self._by_dialog[invite.call] = leg
        logger.info("call %s: %s calls %s", leg.info.sid, leg.info.from_, leg.info.to)
        leg.note(events.SIP_RECEIVED, line=f"INVITE {invite.request_uri} SIP/2.0", cseq="INVITE")
        self._signalling.ring(invite.call)
        leg.drive(self._handler)

    def _info(self, invite: sip.IncomingCall) -> CallInfo:
        region = self._settings.region
        caller = normalise(invite.from_user, region) if invite.from_user else ""
        if not caller.lstrip("+").isdigit():
            # No telephone number: who calls is a SIP address, as 2010-04-01 shows those.
            caller = invite.from_
        return CallInfo(
            sid=sids.make_sid(sids.CALL, self._entropy(16)),
            account_sid="",
            from_=caller,
            to=normalise(invite.request_uri_user or invite.to_user, region),
            direction=Direction.INBOUND,
            api_version=ApiVersion.V2010,
            caller_name=invite.from_name,
            forwarded_from=_diverting_user(invite.header("diversion"), region),
        )

    def _of_leg(self, leg: Leg, event: sip.Event) -> None:
        match event:
            case sip.Ended():
                leg.ended_by_peer(event.cause)
            case sip.Acknowledged():
                leg.acknowledged(event.sdp)
            case sip.Reinvite():
                leg.reoffered(event.sdp)
            case sip.Dtmf():
                leg.pressed(event.key, "info")
            case sip.PeerAlive():
                leg.peer_alive()
            case _:
                logger.debug("call %s: %r", leg.info.sid, event)

    def _trace(self, trace: sip.Trace) -> None:
        leg = self._by_dialog.get(trace.call) if trace.call is not None else None
        if leg is not None:
            kind = events.SIP_RECEIVED if trace.direction == "in" else events.SIP_SENT
            self._journal.note(CallEvent(leg.info.sid, self._utcnow(), kind, {"line": trace.line, "cseq": trace.cseq}))

    def _ended(self, leg: Leg) -> None:
        self._by_sid.pop(leg.info.sid, None)
        self._by_dialog.pop(leg.invite.call, None)
        logger.info("call %s ended: %s (%s)", leg.info.sid, leg.status, leg.end_reason)
        self._tasks.start(self._afterwards(leg), f"after call {leg.info.sid}")  # type: ignore[arg-type]


def _diverting_user(diversion: str | None, region: str) -> str:
    """The number that forwarded the call, from a Diversion header (RFC 5806); empty where there is none."""
    if not diversion:
        return ""
    _, _, rest = diversion.partition(":")
    user = rest.partition("@")[0]
    return normalise(user, region) if user and ">" not in user else ""
