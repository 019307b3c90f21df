"""The switch: every call of this server by its sid, from SIP events to legs. The house that its legs live in."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from ringback.calls import outcome
from ringback.calls.attendance import Attendance, Attended
from ringback.calls.conferences import Conferences
from ringback.calls.dialer import Dialer
from ringback.calls.dialing import Dialed, Dialing
from ringback.calls.dialplan import NoRoute
from ringback.calls.house import Placing
from ringback.calls.journal import Journal
from ringback.calls.leg import CallSettings, Leg, Signalling
from ringback.calls.outgoing import Routing
from ringback.calls.port import CallInfo
from ringback.calls.queueing import Queued, Queueing
from ringback.calls.queues import Queue, Queues
from ringback.calls.refusals import RefusalLog
from ringback.media.client import Media
from ringback.model import events, sids
from ringback.model.numbers import normalise
from ringback.model.records import CallEvent
from ringback.model.status import ApiVersion, Direction
from ringback.sip import events as sip
from ringback.sip.auth import Credentials
from ringback.tasks import TaskOwner

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
    recordings: Path = Path("recordings")
    """The directory of recordings."""


RETRY_AFTER: Final = (("Retry-After", "5"),)
"""What a caller is told for whom there is no room (RFC 3261 §20.33), in seconds."""

ReadNumber = Callable[[str, str | None], str]
"""Returns the stored form of a number that came from somebody, whom the screen of the endpoint has named, or not."""


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
        routing: Routing,
        entropy: Callable[[int], bytes],
        utcnow: Callable[[], datetime],
        read_number: ReadNumber | None = None,
        busy: Callable[[], str] = lambda: "",
    ) -> None:
        """`read_number` knows how the trunks write their numbers; without it all are read in the settings' region.

        `busy` tells why no calls should come in now, though there would be room; it is empty where they may.
        """
        self._busy = busy
        self._read_number: ReadNumber = read_number or (lambda user, identity: normalise(user, settings.region))
        self._signalling = signalling
        self._media = media
        self._journal = journal
        self._settings = settings
        self._handler = handler
        self._afterwards = afterwards
        self._routing = routing
        self._entropy = entropy
        self.utcnow = utcnow
        self._by_sid: dict[str, Leg] = {}
        self._by_dialog: dict[sip.DialogId, Leg] = {}
        self._tasks = TaskOwner()
        self._stopping = False
        self.conferences = Conferences(self, media, journal)
        self.queues = Queues(journal, self)
        self._refusals = RefusalLog()
        self.refused = 0
        """Requests that were refused before a call came of them."""

    def find(self, sid: str) -> Leg | None:
        """The live call of that sid. Whoever wants to command a call looks it up here, each time."""
        return self._by_sid.get(sid)

    def __len__(self) -> int:
        return len(self._by_sid)

    def __iter__(self) -> Iterator[Leg]:
        return iter(list(self._by_sid.values()))

    # -- the house ----------------------------------------------------------------------------------------------

    def place(self, placing: Placing) -> Leg:
        """Make a call; it begins at once. One that cannot be routed ends as failed."""
        parent = placing.parent
        info = CallInfo(
            sid=placing.sid or self.make_sid(sids.CALL),
            account_sid=placing.account_sid,
            from_=placing.caller_id,
            to=placing.to,
            direction=placing.direction,
            api_version=placing.api_version,
            caller_name=placing.caller_name,
            parent_sid=parent.info.sid if parent else "",
        )
        leg = self._leg(None, info, placing.time_limit)
        if placing.watch is not None:
            leg.watchers.append(placing.watch)
        leg.begin_record(placing.phone_number_sid, exists=bool(placing.sid))
        logger.info("call %s: %s calls %s", info.sid, info.from_, info.to)

        async def conduct(leg: Leg) -> None:
            if await self._call_out(leg, placing):
                await placing.conduct(leg)

        leg.drive(conduct)
        return leg

    async def _call_out(self, leg: Leg, placing: Placing) -> bool:
        credentials = Credentials(placing.username, placing.password) if placing.username else None
        try:
            if self._stopping or len(self._by_sid) > self._settings.max_concurrent:
                raise NoRoute(503, f"calls.max_concurrent is {self._settings.max_concurrent}")
            groups = await self._routing.hops(
                placing.to, account_sid=placing.account_sid, caller_id=placing.caller_id, credentials=credentials
            )
        except NoRoute as error:
            code = 13227 if error.code == 403 else 13224
            leg.note(events.WARNING, code=code, message=f"nobody can be reached as {placing.to}: {error}")
            leg.refuse(error.code, outcome.NO_ROUTE)
            return False
        return await leg.call_out(groups, self._routing, placing.timeout, placing.headers, placing.parent)

    def bind(self, dialog: sip.DialogId, leg: Leg) -> None:
        """From now on that dialog's events are for that leg."""
        self._by_dialog[dialog] = leg

    def leg_of(self, dialog: sip.DialogId) -> Leg | None:
        """The live leg that a dialog belongs to."""
        return self._by_dialog.get(dialog)

    async def dial(self, leg: Leg, dialing: Dialing) -> Dialed:
        """Connect a leg to somebody."""
        return await Dialer(leg, dialing).run()

    async def attend(self, leg: Leg, attendance: Attendance) -> Attended:
        """Put a leg into a conference."""
        return await self.conferences.attend(leg, attendance)

    async def enqueue(self, leg: Leg, queueing: Queueing) -> Queued:
        """Let a leg wait."""
        return await self.queues.enqueue(leg, queueing)

    def queue(self, account_sid: str, name: str) -> Queue | None:
        """The queue of that name, if there is one."""
        return self.queues.named(account_sid, name)

    def detach(self, work: Coroutine[Any, Any, None], what: str) -> None:
        """Do something that outlives a call."""
        self._tasks.start(work, what)

    def make_sid(self, prefix: str) -> str:
        """A new sid."""
        return sids.make_sid(prefix, self._entropy(16))

    def recording_path(self, recording_sid: str) -> Path:
        """The file of a recording; its directory is there. Raises OSError."""
        self._settings.recordings.mkdir(parents=True, exist_ok=True)
        return self._settings.recordings / f"{recording_sid}.wav"

    # -- events -------------------------------------------------------------------------------------------------

    def on_event(self, event: sip.Event) -> None:
        """Take an event of the SIP core."""
        match event:
            case sip.IncomingCall():
                self._incoming(event)
            case sip.Refusal():
                self.refused += 1
                now = asyncio.get_running_loop().time()
                if line := self._refusals.line(event.reason, *event.flow.remote, now):
                    logger.warning("%s", line)
            case sip.Trace():
                self._trace(event)
            case _:
                leg = self._by_dialog.get(getattr(event, "call", None) or sip.DialogId(-1))
                if leg is not None:
                    leg.on_sip(event)

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
        if why := self._too_much():
            self.refused += 1
            now = asyncio.get_running_loop().time()
            if line := self._refusals.line(f"a call, with 503: {why}", *invite.flow.remote, now):
                logger.warning("%s", line)
            self._signalling.reject(invite.call, 503, "", RETRY_AFTER)
            return
        leg = self._leg(invite, self._info(invite))
        self._by_dialog[invite.call] = leg
        logger.info("call %s: %s calls %s", leg.info.sid, leg.info.from_, leg.info.to)
        leg.note(events.SIP_RECEIVED, line=f"INVITE {invite.request_uri} SIP/2.0", cseq="INVITE")
        self._signalling.ring(invite.call)
        leg.drive(self._handler)

    def _too_much(self) -> str:
        """Why no call may come in now; empty where there is no reason."""
        if self._stopping:
            return "going down"
        if len(self._by_sid) >= self._settings.max_concurrent:
            return f"calls.max_concurrent is {self._settings.max_concurrent}"
        return self._busy()

    def _leg(self, invite: sip.IncomingCall | None, info: CallInfo, time_limit: float | None = None) -> Leg:
        leg = Leg(
            invite,
            info,
            signalling=self._signalling,
            media=self._media,
            journal=self._journal,
            settings=self._settings.call,
            house=self,
            entropy=self._entropy,
            on_ended=self._ended,
            time_limit=time_limit,
        )
        self._by_sid[info.sid] = leg
        return leg

    def _info(self, invite: sip.IncomingCall) -> CallInfo:
        caller = self._read_number(invite.from_user, invite.identity) if invite.from_user else ""
        if not caller.lstrip("+").isdigit():
            # No telephone number: who calls is a SIP address, as 2010-04-01 shows those.
            caller = invite.from_
        diverting = _diverting_user(invite.header("diversion"))
        return CallInfo(
            sid=sids.make_sid(sids.CALL, self._entropy(16)),
            account_sid="",
            from_=caller,
            to=self._read_number(invite.request_uri_user or invite.to_user, invite.identity),
            direction=Direction.INBOUND,
            api_version=ApiVersion.V2010,
            caller_name=invite.from_name,
            forwarded_from=self._read_number(diverting, invite.identity) if diverting else "",
            sip_headers=tuple(
                (name, value)
                for name, value in invite.headers
                if name.startswith("x-") and not name.startswith("x-ringback-")  # what this server tells itself
            ),
        )

    def _trace(self, trace: sip.Trace) -> None:
        leg = self._by_dialog.get(trace.call) if trace.call is not None else None
        if leg is not None:
            kind = events.SIP_RECEIVED if trace.direction == "in" else events.SIP_SENT
            self._journal.note(CallEvent(leg.info.sid, self.utcnow(), kind, {"line": trace.line, "cseq": trace.cseq}))

    def _ended(self, leg: Leg) -> None:
        self._by_sid.pop(leg.info.sid, None)
        for dialog in [dialog for dialog in leg.dialogs if self._by_dialog.get(dialog) is leg]:
            del self._by_dialog[dialog]
        logger.info("call %s ended: %s (%s)", leg.info.sid, leg.status, leg.end_reason)
        self._tasks.start(self._afterwards(leg), f"after call {leg.info.sid}")  # type: ignore[arg-type]


def _diverting_user(diversion: str | None) -> str:
    """Who forwarded the call, from a Diversion header (RFC 5806); empty where there is none."""
    if not diversion:
        return ""
    _, _, rest = diversion.partition(":")
    user = rest.partition("@")[0]
    return user if ">" not in user else ""
