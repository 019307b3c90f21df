"""One call leg: a SIP dialog and a row of a media plane, seen as the Call port."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from ringback.calls import outcome
from ringback.calls.journal import Journal
from ringback.calls.keys import KeyBuffer
from ringback.calls.port import CallInfo
from ringback.calls.tasks import TaskOwner
from ringback.media.client import LegFormat, Media, MediaError, MediaLeg
from ringback.model import events
from ringback.model.audio import Clip
from ringback.model.records import CallEvent, CallRecord, IncomingNumber
from ringback.model.status import ApiVersion, CallStatus, Direction
from ringback.sip import sdp
from ringback.sip.events import DialogId, IncomingCall

logger = logging.getLogger(__name__)

_QUIET_CHECKS: Final = 5
"""So many times in a row the peer may be found alive although it sends no audio; then the call is over."""
_GIVE_UP_SECONDS: Final = 2.0
"""How long the end of a call waits for whoever drives it to let go, so that its last words come before the end's."""


@dataclass(frozen=True, slots=True)
class CallSettings:
    """Limits of a call, in seconds, and the address that session descriptions show."""

    rtp_timeout: float = 30.0
    """Without a packet for so long the peer is asked for a sign of life."""
    max_duration: float = 14400.0
    media_address: str | None = None
    """Shown in place of the media worker's own address (a host behind NAT)."""


class Signalling(Protocol):
    """The SIP side of a leg: `ringback.calls.signalling.SipSignalling` is the real one."""

    def ring(self, call: DialogId) -> None:
        """Say that the phone rings (180)."""

    def answer(self, call: DialogId, description: bytes) -> None:
        """Pick up (200)."""

    def reject(self, call: DialogId, code: int, reason: str = "") -> None:
        """Refuse."""

    def bye(self, call: DialogId) -> None:
        """Hang up."""

    def check(self, call: DialogId) -> None:
        """Ask for a sign of life."""

    def answer_reinvite(self, call: DialogId, description: bytes) -> None:
        """Accept a new session description."""

    def reject_reinvite(self, call: DialogId, code: int) -> None:
        """Keep the old one."""


class Leg:
    """A leg, from its INVITE to its end: a `ringback.calls.port.Call` and a `ringback.media.client.LegListener`."""

    def __init__(
        self,
        invite: IncomingCall,
        info: CallInfo,
        *,
        signalling: Signalling,
        media: Media,
        journal: Journal,
        settings: CallSettings,
        utcnow: Callable[[], datetime],
        on_ended: Callable[["Leg"], None],
    ) -> None:
        self.invite = invite
        self.tasks = TaskOwner()
        self.end_reason: str | None = None
        self._info = info
        self._signalling = signalling
        self._media = media
        self._journal = journal
        self._settings = settings
        self._utcnow = utcnow
        self._on_ended = on_ended
        self._status = CallStatus.RINGING
        self._recorded = False
        self._keys = KeyBuffer()
        self._answering = asyncio.Lock()
        self._audio: MediaLeg | None = None
        self._answer_sdp: bytes | None = None
        self._offered: bytes | None = None
        self._on_hold = False
        self._keys_by = "rfc4733"
        self._driver: asyncio.Task[Any] | None = None
        self._answered_at: float | None = None
        self._ended_at: float | None = None
        self._limit = asyncio.get_running_loop().call_later(settings.max_duration, self._finish, outcome.TIME_LIMIT)

    # -- the Call port ------------------------------------------------------------------------------------------

    @property
    def info(self) -> CallInfo:
        """Who calls whom."""
        return self._info

    @property
    def status(self) -> CallStatus:
        """What the call is doing now."""
        return self._status

    def _ringing(self) -> bool:
        return self._status is CallStatus.RINGING

    def now(self) -> float:
        """Seconds of the event loop's clock."""
        return asyncio.get_running_loop().time()

    def note(self, kind: str, /, **data: Any) -> None:
        """Put an event into the timeline."""
        self._journal.note(CallEvent(self._info.sid, self._utcnow(), kind, data))

    async def answer(self) -> None:
        """Pick up: take a media leg, agree on the audio, send 200. Without audio to agree on, end with 488 or 503."""
        async with self._answering:
            if not self._ringing():
                return
            try:
                description = await self._negotiate(self.invite.sdp)
            except sdp.SdpError as error:
                self.note(events.ERROR, code=0, message=f"no common audio: {error}")
                self._finish(outcome.NOT_ACCEPTABLE, sip_code=488)
                return
            except MediaError as error:
                self.note(events.ERROR, code=0, message=str(error))
                self._finish(outcome.CAPACITY, sip_code=503)
                return
            if not self._ringing():
                return
            self._signalling.answer(self.invite.call, description)
            self._status = CallStatus.IN_PROGRESS
            self._answered_at = self.now()
            self.note(events.STATUS, status=str(self._status))
            self._journal.update_call(self._info.sid, status=self._status, start_time=self._utcnow())

    async def reject(self, sip_code: int) -> None:
        """Refuse the call; does nothing when it has been answered."""
        self.refuse(sip_code, outcome.REJECTED)

    async def hangup(self, reason: str = outcome.HANGUP_VERB) -> None:
        """End the call for `reason`, one of `ringback.calls.outcome`."""
        self._finish(reason)

    async def play(self, clip: Clip, loop: int = 1) -> None:
        """Play a clip; see the port."""
        await self.answer()
        if self._audio is None or self._status.final:
            return
        try:
            await self._audio.play(clip, loop)
        except MediaError as error:
            self.note(events.WARNING, code=0, message=str(error))

    async def sleep(self, seconds: float) -> None:
        """Wait while the caller hears silence."""
        await asyncio.sleep(seconds)

    async def next_key(self, timeout: float | None = None) -> str | None:
        """Take the next key."""
        return await self._keys.next(timeout)

    def clear_keys(self) -> None:
        """Forget the keys that were not taken."""
        self._keys.clear()

    async def send_keys(self, keys: str) -> None:
        """Press keys towards the caller."""
        await self.answer()
        if self._audio is None or self._status.final:
            return
        try:
            await self._audio.press(keys)
        except MediaError as error:
            self.note(events.WARNING, code=0, message=str(error))

    # -- for the switch and its handler -------------------------------------------------------------------------

    def assign(self, account_sid: str, number: IncomingNumber | None, api_version: ApiVersion) -> None:
        """Say whose call this is; its record begins here."""
        self._info = CallInfo(
            sid=self._info.sid,
            account_sid=account_sid,
            from_=self._info.from_,
            to=number.phone_number if number else self._info.to,
            direction=self._info.direction,
            api_version=api_version,
            caller_name=self._info.caller_name,
            forwarded_from=self._info.forwarded_from,
        )
        self._journal.create_call(
            CallRecord(
                sid=self._info.sid,
                account_sid=account_sid,
                from_=self._info.from_,
                to=self._info.to,
                direction=Direction.INBOUND,
                status=self._status,
                api_version=api_version,
                phone_number_sid=number.sid if number else None,
                sip_call_id=self.invite.call_id,
                date_created=self._utcnow(),
            )
        )
        self._recorded = True
        self.note(events.STATUS, status=str(self._status))

    def refuse(self, sip_code: int, reason: str) -> None:
        """Refuse a call that has not been answered, for one of the reasons of `ringback.calls.outcome`."""
        if self._ringing():
            self._finish(reason, sip_code=sip_code)

    @property
    def duration(self) -> int:
        """Whole seconds from the answer to the end, or to now; 0 before the answer."""
        if self._answered_at is None:
            return 0
        return round((self.now() if self._ended_at is None else self._ended_at) - self._answered_at)

    def drive(self, handler: Callable[["Leg"], Any]) -> None:
        """Let `handler` conduct the call. When it returns the call is hung up; when the call ends it is cancelled."""
        self._driver = self.tasks.start(self._drive(handler), f"call {self._info.sid}")

    async def _drive(self, handler: Callable[["Leg"], Any]) -> None:
        try:
            await handler(self)
        except BaseException:
            # A cancellation that did not come from the end of the call, too: nobody would be left to end it.
            self._finish(outcome.SERVER_ERROR, sip_code=500)
            raise
        self._finish(outcome.DOCUMENT_END, sip_code=480)

    def ended_by_peer(self, cause: str) -> None:
        """The SIP dialog is over; nothing more can be said to the peer."""
        self._finish(outcome.SIP_ENDINGS[cause], silent=True)

    def pressed(self, key: str, by: str) -> None:
        """The caller pressed a key."""
        if self._status.final:
            return
        self.note(events.KEY, key=key, by=by)
        self._keys.press(key)

    def peer_alive(self) -> None:
        """The peer answered when it was asked for a sign of life."""
        if self._status.final:
            return
        self.note(events.WARNING, code=0, message="the caller's phone answers, but sends no audio")

    def acknowledged(self, description: bytes | None) -> None:
        """The ACK has come; it carries the answer when the offer was ours."""
        offered, self._offered = self._offered, None
        if offered is None or self._status.final:
            return
        if description is None:
            self.note(events.ERROR, code=0, message="no common audio: the ACK has no answer to our offer")
            self._finish(outcome.NOT_ACCEPTABLE)
        else:
            self.tasks.start(self._accept_answer(offered, description), "session answer")

    def reoffered(self, description: bytes | None) -> None:
        """The peer wants another session: hold, resume, another address or codec."""
        if not self._status.final:
            self.tasks.start(self._renegotiate(description), "session change")

    def stop(self) -> None:
        """The server is going down."""
        self._finish(outcome.SERVER_STOPPED, sip_code=503)

    # -- LegListener --------------------------------------------------------------------------------------------

    def on_key(self, key: str) -> None:
        """A key came in the peer's audio: as a telephone event, or as a tone from a peer that has none."""
        self.pressed(key, self._keys_by)

    def on_quiet(self, times: int) -> None:
        """No audio for a while: a caller who is gone does not answer either, one on hold or muted does."""
        if self._status.final:
            return
        if times >= _QUIET_CHECKS and not self._on_hold:
            self._finish(outcome.RTP_TIMEOUT)
        else:
            self._signalling.check(self.invite.call)

    def on_lost(self) -> None:
        """The media worker died."""
        self._audio = None
        self._finish(outcome.MEDIA_FAILURE)

    # -- audio --------------------------------------------------------------------------------------------------

    async def _negotiate(self, offer: bytes | None) -> bytes:
        """Take a media leg if there is none yet, and return our side of the session."""
        if self._audio is None:
            audio = await self._media.open(self)
            if self._status.final:
                await audio.close()
                return b""
            self._audio = audio
        host, port = self._audio.address
        host = self._settings.media_address or host
        if offer is None:
            self._offered = self._answer_sdp = sdp.offer(host, port, previous=self._answer_sdp)
            return self._offered
        description, agreed = sdp.answer(offer, host, port, previous=self._answer_sdp)
        await self._setup(agreed)
        self._answer_sdp = description
        return description

    async def _accept_answer(self, offer: bytes, answer: bytes) -> None:
        try:
            await self._setup(sdp.accept_answer(offer, answer))
        except (sdp.SdpError, MediaError) as error:
            self.note(events.ERROR, code=0, message=f"no common audio: {error}")
            self._finish(outcome.NOT_ACCEPTABLE)

    async def _renegotiate(self, offer: bytes | None) -> None:
        try:
            description = await self._negotiate(offer)
        except sdp.SdpError as error:
            self.note(events.WARNING, code=0, message=f"session change refused: {error}")
            self._signalling.reject_reinvite(self.invite.call, 488)
        except MediaError as error:
            self.note(events.WARNING, code=0, message=f"session change refused: {error}")
            self._signalling.reject_reinvite(self.invite.call, 500)
        else:
            if not self._status.final:
                self._signalling.answer_reinvite(self.invite.call, description)

    async def _setup(self, agreed: sdp.Negotiated) -> None:
        audio = self._audio
        if audio is None:
            # It went with the call, which has ended.
            return
        self._on_hold = agreed.on_hold
        self._keys_by = "tone" if agreed.telephone_event is None else "rfc4733"
        await audio.setup(
            LegFormat(
                remote=agreed.remote,
                payload_type=agreed.payload_type,
                payload_types={agreed.payload_type: agreed.codec},
                telephone_event=agreed.telephone_event,
                packet_ms=agreed.send_ptime_ms,
                sends=not agreed.on_hold,
                quiet_seconds=self._settings.rtp_timeout,
            )
        )
        if self._status.final:
            return
        self.note(
            events.MEDIA_START,
            codec=agreed.codec,
            local="{}:{}".format(*audio.address),
            remote="{}:{}".format(*agreed.remote),
            ptime_ms=agreed.send_ptime_ms,
            on_hold=agreed.on_hold,
        )

    # -- the end ------------------------------------------------------------------------------------------------

    def _finish(self, reason: str, *, sip_code: int = 480, silent: bool = False) -> None:
        """End the call once: tell the peer (unless `silent`), stop who drives it, write it down."""
        if self._status.final:
            return
        answered = self._status is CallStatus.IN_PROGRESS
        self.end_reason = reason
        self._ended_at = self.now()
        self._status = outcome.final_status(reason, answered=answered, sip_code=sip_code)
        self._limit.cancel()
        if not silent:
            if answered:
                self._signalling.bye(self.invite.call)
            else:
                self._signalling.reject(self.invite.call, sip_code)
        if self._driver is not None:
            self._driver.cancel()
        self.tasks.start(self._tidy(), f"end of call {self._info.sid}")

    async def _tidy(self) -> None:
        audio, self._audio = self._audio, None
        if audio is not None:
            try:
                stats = await audio.close()
            except MediaError as error:
                logger.warning("call %s: %s", self._info.sid, error)
            else:
                if stats:
                    self.note(events.MEDIA_STATS, **stats)
        if self._driver is not None and not self._driver.done():
            await asyncio.wait([self._driver], timeout=_GIVE_UP_SECONDS)
        self.note(events.STATUS, status=str(self._status), reason=self.end_reason)
        if self._recorded:
            self._journal.update_call(
                self._info.sid, status=self._status, end_time=self._utcnow(), end_reason=self.end_reason
            )
        self._on_ended(self)
