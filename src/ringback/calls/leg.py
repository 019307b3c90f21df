"""One call leg: a SIP dialog and a row of a media plane, seen as the Call port."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Protocol

from ringback.calls import outcome
from ringback.calls.answering import detect_machine
from ringback.calls.attendance import Attendance, Attended
from ringback.calls.audio import AudioSettings, LegAudio
from ringback.calls.dialing import Dialed, Dialing, Progress
from ringback.calls.echo import echo
from ringback.calls.errors import CallError
from ringback.calls.house import Conduct, House
from ringback.calls.journal import Journal
from ringback.calls.keys import KeyBuffer
from ringback.calls.outgoing import Attempts, Connected, Group, Hop, NotConnected, Routing
from ringback.calls.port import CallInfo
from ringback.calls.queueing import Queued, Queueing
from ringback.calls.recorder import LegRecording, start_recording
from ringback.calls.recording import RecordOptions
from ringback.media.client import Media
from ringback.media.leg import MediaError
from ringback.model import events
from ringback.model.audio import Clip
from ringback.model.outgoing import MachineDetection
from ringback.model.records import CallEvent, CallRecord, IncomingNumber
from ringback.model.status import ApiVersion, CallStatus
from ringback.sip import events as sip
from ringback.sip import sdp
from ringback.sip.events import DialogId, IncomingCall
from ringback.sip.sdes import SrtpPolicy
from ringback.tasks import TaskOwner

if TYPE_CHECKING:
    from ringback.calls.transfer import Talk

logger = logging.getLogger(__name__)

_PHONE: Final = "phone:"
"""What the identity of a phone of this server begins with."""
_DECLINE: Final = 603
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
    srtp: SrtpPolicy = "optional"
    """What callers may ask for; calls that are made have the policy of their trunk or phone."""


class Signalling(Protocol):
    """The SIP side of a leg: `ringback.calls.signalling.SipSignalling` is the real one."""

    def ring(self, call: DialogId) -> None:
        """Say that the phone rings (180)."""

    def answer(self, call: DialogId, description: bytes) -> None:
        """Pick up (200)."""

    def reject(self, call: DialogId, code: int, reason: str = "", headers: Sequence[tuple[str, str]] = ()) -> None:
        """Refuse."""

    def bye(self, call: DialogId) -> None:
        """Hang up."""

    def check(self, call: DialogId) -> None:
        """Ask for a sign of life."""

    def answer_reinvite(self, call: DialogId, description: bytes) -> None:
        """Accept a new session description."""

    def reject_reinvite(self, call: DialogId, code: int) -> None:
        """Keep the old one."""

    def invite(self, hop: Hop, description: bytes, headers: Sequence[tuple[str, str]]) -> DialogId:
        """Call somebody."""
        ...

    def cancel(self, call: DialogId) -> None:
        """Take a call back."""

    def accept_transfer(self, call: DialogId) -> None:
        """Agree to call somebody in the place of the other side (202)."""

    def reject_transfer(self, call: DialogId, code: int) -> None:
        """Refuse to."""

    def notify_transfer(self, call: DialogId, code: int, reason: str | None = None) -> None:
        """Tell how that call goes; a code of 200 or more is the last."""


class Leg:
    """A leg, from its INVITE to its end: a `ringback.calls.port.Call` and a `ringback.media.client.LegListener`.

    With `invite` somebody calls us; without, `call_out` calls somebody.
    """

    def __init__(
        self,
        invite: IncomingCall | None,
        info: CallInfo,
        *,
        signalling: Signalling,
        media: Media,
        journal: Journal,
        settings: CallSettings,
        house: House,
        entropy: Callable[[int], bytes],
        on_ended: Callable[["Leg"], None],
        time_limit: float | None = None,
    ) -> None:
        self.invite = invite
        self.dialog: DialogId | None = invite.call if invite else None
        self.dialogs: list[DialogId] = [invite.call] if invite else []
        """All that there ever were: a call of ours may have had several."""
        self.tasks = TaskOwner()
        self.house = house
        self.media = media
        self.journal = journal
        self.end_reason: str | None = None
        self.sip_code = 0
        """The SIP status that the call ended with, if it was never answered."""
        self.ended = asyncio.Event()
        """Set as soon as it is over, before its record is complete."""
        self.over = asyncio.Event()
        """Set when everything about it is written down."""
        self.watchers: list[Callable[[Leg, Progress], None]] = []
        self.recordings: list[LegRecording] = []
        """Those that have not ended, the newest last."""
        self.on_early_audio: Callable[[Leg], None] = _ignore
        """Told when the other side sends sound before it picks up."""
        self.sip_call_id = invite.call_id if invite else ""
        self.answered_by = ""
        self.talk: Talk | None = None
        """What it takes part in, while it is connected to another leg by a Dial."""
        self.may_transfer = invite is not None and (invite.identity or "").startswith(_PHONE)
        """Whether its other side may transfer calls: a phone of this server."""
        self._info = info
        self._signalling = signalling
        self._settings = settings
        self._on_ended = on_ended
        self._status = CallStatus.RINGING if invite else CallStatus.QUEUED
        self._recorded = False
        self._keys = KeyBuffer()
        self._answering = asyncio.Lock()
        self._attempts: Attempts | None = None
        self._release: Callable[[], None] = lambda: None
        self._driver: asyncio.Task[Any] | None = None
        self._answered_at: float | None = None
        self._ended_at: float | None = None
        audio = AudioSettings(settings.media_address, settings.srtp, settings.rtp_timeout)
        self.audio = LegAudio(media, self, audio, self.note, entropy, lambda: self._status.final)
        self._time_limit = settings.max_duration if time_limit is None else time_limit
        self._limit = asyncio.get_running_loop().call_later(settings.max_duration, self._time_is_up)

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
        return self._status in (CallStatus.QUEUED, CallStatus.RINGING)

    def now(self) -> float:
        """Seconds of the event loop's clock."""
        return asyncio.get_running_loop().time()

    def note(self, kind: str, /, **data: Any) -> None:
        """Put an event into the timeline."""
        self.journal.note(CallEvent(self._info.sid, self.house.utcnow(), kind, data))

    async def answer(self) -> None:
        """Pick up: take a media leg, agree on the audio, send 200. Without audio to agree on, end with 488 or 503."""
        async with self._answering:
            if self.invite is None or not self._ringing():
                return
            try:
                description = await self.audio.answer(self.invite.sdp)
            except sdp.SdpError as error:
                self.note(events.ERROR, code=0, message=f"no common audio: {error}")
                self._finish(outcome.NOT_ACCEPTABLE, sip_code=488, warning=str(error))
                return
            except MediaError as error:
                self.note(events.ERROR, code=0, message=str(error))
                self._finish(outcome.CAPACITY, sip_code=503)
                return
            if not self._ringing():
                return
            self._signalling.answer(self.invite.call, description)
            self._begin()

    def _begin(self) -> None:
        """The call is answered."""
        self._status = CallStatus.IN_PROGRESS
        self._answered_at = self.now()
        self.limit(self._time_limit)
        self.note(events.STATUS, status=str(self._status))
        self.journal.update_call(self._info.sid, status=self._status, start_time=self.house.utcnow())
        self._tell("answered")

    async def reject(self, sip_code: int) -> None:
        """Refuse the call; does nothing when it has been answered."""
        self.refuse(sip_code, outcome.REJECTED)

    async def hangup(self, reason: str = outcome.HANGUP_VERB) -> None:
        """End the call for `reason`, one of `ringback.calls.outcome`."""
        self._finish(reason)

    async def play(self, clip: Clip, loop: int = 1) -> None:
        """Play a clip; see the port."""
        await self.answer()
        if self.audio.leg is None or self._status.final:
            return
        try:
            await self.audio.leg.play(clip, loop)
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
        if self.audio.leg is None or self._status.final:
            return
        try:
            await self.audio.leg.press(keys)
        except MediaError as error:
            self.note(events.WARNING, code=0, message=str(error))

    async def echo(self) -> None:
        """Send back what comes; see the port."""
        await self.answer()
        await echo(self)

    async def record(self, options: RecordOptions) -> LegRecording:
        """Begin to record; see the port."""
        await self.answer()
        if self.audio.leg is None or self._status.final:
            raise CallError("nothing can be recorded: the call has no audio")
        return await start_recording(self, options)

    async def dial(self, dialing: Dialing) -> Dialed:
        """Connect the call to somebody; see the port."""
        return await self.house.dial(self, dialing)

    async def attend(self, attendance: Attendance) -> Attended:
        """Take part in a conference; see the port."""
        await self.answer()
        return await self.house.attend(self, attendance)

    async def enqueue(self, queueing: Queueing) -> Queued:
        """Wait in a queue; see the port."""
        await self.answer()
        return await self.house.enqueue(self, queueing)

    async def detect_machine(self, detection: MachineDetection) -> str:
        """Find out who answered; see the port."""
        verdict = await detect_machine(self, detection)
        self.found(verdict)
        return verdict

    def found(self, answered_by: str) -> None:
        """Keep who answered, in the words of AnsweredBy."""
        self.answered_by = answered_by
        self.journal.update_call(self.info.sid, answered_by=answered_by)

    def detach(self, work: Coroutine[Any, Any, None], what: str) -> None:
        """Do something that the end of the call does not stop."""
        self.house.detach(work, what)

    # -- for the switch and its handler -------------------------------------------------------------------------

    def assign(self, account_sid: str, number: IncomingNumber | None, api_version: ApiVersion) -> None:
        """Say whose call this is; its record begins here."""
        to = number.phone_number if number else self._info.to
        self._info = replace(self._info, account_sid=account_sid, to=to, api_version=api_version)
        self.begin_record(number.sid if number else None)

    def begin_record(self, phone_number_sid: str | None = None, *, exists: bool = False) -> None:
        """Begin the call's record, or go on with the one that `exists`."""
        info = self._info
        if not exists:
            self.journal.create_call(
                CallRecord(
                    sid=info.sid,
                    account_sid=info.account_sid,
                    from_=info.from_,
                    to=info.to,
                    direction=info.direction,
                    status=self._status,
                    api_version=info.api_version,
                    phone_number_sid=phone_number_sid,
                    sip_call_id=self.sip_call_id or None,
                    date_created=self.house.utcnow(),
                    parent_call_sid=info.parent_sid or None,
                    caller_name=info.caller_name or None,
                    forwarded_from=info.forwarded_from or None,
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

    def drive(self, handler: Conduct) -> None:
        """Let `handler` conduct the call. When it returns the call is hung up; when the call ends it is cancelled."""
        self._driver = self.tasks.start(self._drive(handler), f"call {self._info.sid}")

    async def redirect(self, handler: Conduct) -> None:
        """Let another conduct the call from now on: what is going on is cancelled, and its end awaited."""
        if self._status.final:
            return
        driver, self._driver = self._driver, None
        if driver is not None and not driver.done():
            driver.cancel()
            await asyncio.wait([driver], timeout=_GIVE_UP_SECONDS)
        if not self._status.final:
            self.drive(handler)

    async def _drive(self, handler: Conduct) -> None:
        mine = asyncio.current_task()
        try:
            await handler(self)
        except BaseException:
            # A cancellation that did not come from the end of the call, too: nobody would be left to end it.
            if self._driver is mine:
                self._finish(outcome.SERVER_ERROR, sip_code=500)
            raise
        if self._driver is mine:
            self._finish(outcome.DOCUMENT_END, sip_code=480)

    async def call_out(
        self, groups: Sequence[Group], routing: Routing, timeout: float, headers: Sequence[tuple[str, str]] = (),
        near: "Leg | None" = None,
    ) -> bool:  # fmt: skip
        """Call somebody, and return whether there is somebody now; the call has ended where there is not."""
        try:
            if not await self.audio.open(near.audio.leg if near else None):
                return False
        except MediaError as error:
            self.note(events.ERROR, code=0, message=str(error))
            self._finish(outcome.CAPACITY, sip_code=503)
            return False
        self._attempts = Attempts(self._signalling, routing, self.audio, self._bind, self._rings, headers)
        self._tell("initiated")
        result = await self._attempts.connect(groups, timeout)
        if isinstance(result, NotConnected):
            self.note(events.SIP_RECEIVED, line=f"{result.code} {result.reason}".strip(), cseq="INVITE")
            self._finish(outcome.NO_ANSWER if result.timed_out else outcome.REFUSED, sip_code=result.code, silent=True)
            return False
        self._release = lambda: routing.released(result.hop, 200)
        self.may_transfer = result.hop.phone
        await self._connected(result)
        return not self._status.final

    def _bind(self, dialog: DialogId) -> None:
        self.dialogs.append(dialog)
        self.house.bind(dialog, self)

    async def _connected(self, connected: Connected) -> None:
        self.dialog = connected.dialog
        if self._status.final:
            self._signalling.bye(connected.dialog)
            return
        self._begin()

    def _rings(self, code: int, early: bool) -> None:
        """The other side's phone rings."""
        if early:
            self.on_early_audio(self)
        if self._status is CallStatus.QUEUED:
            self._status = CallStatus.RINGING
            self.note(events.STATUS, status=str(self._status))
            self.journal.update_call(self._info.sid, status=self._status)
            self._tell("ringing")

    def _tell(self, progress: Progress) -> None:
        for watcher in self.watchers:
            watcher(self, progress)

    def on_sip(self, event: sip.Event) -> None:
        """Something happened in one of this leg's dialogs."""
        match event:
            case sip.Ringing() | sip.Answered() | sip.Refused():
                if self._attempts is not None:
                    self._attempts.on_event(event)
            case sip.Ended():
                if self.dialog == event.call:
                    self._finish(outcome.SIP_ENDINGS[event.cause], silent=True)
                elif self._attempts is not None:
                    self._attempts.on_event(event)
            case sip.Acknowledged():
                self._acknowledged(event.sdp)
            case sip.Reinvite():
                if not self._status.final:
                    self.tasks.start(self._renegotiate(event.sdp), "session change")
            case sip.Transfer():
                if self.talk is None or not self.talk.asks(self, event):
                    self._signalling.reject_transfer(event.call, _DECLINE)
            case sip.Dtmf():
                self.pressed(event.key, "info")
            case sip.PeerAlive():
                if not self._status.final:
                    self.note(events.WARNING, code=32014, message="the other side answers, but sends no audio")
            case _:
                logger.debug("call %s: %r", self._info.sid, event)

    def accept_transfer(self, transfer: sip.Transfer) -> None:
        """Agree to what its other side asks for."""
        self._signalling.accept_transfer(transfer.call)

    def tell_transfer(self, transfer: sip.Transfer, code: int) -> None:
        """Tell the other side how the call goes that it asked for, by a SIP status; 200 or more is the last."""
        self._signalling.notify_transfer(transfer.call, code)

    def pressed(self, key: str, by: str) -> None:
        """The caller pressed a key."""
        if self._status.final:
            return
        self.note(events.KEY, key=key, by=by)
        self._keys.press(key)

    def limit(self, seconds: float) -> None:
        """End the call so many seconds after its answer, and never later than any call."""
        if self._status.final:
            return
        passed = 0.0 if self._answered_at is None else self.now() - self._answered_at
        left = max(0.0, min(seconds, self._settings.max_duration) - passed)
        self._limit.cancel()
        self._limit = asyncio.get_running_loop().call_later(left, self._time_is_up)

    def _time_is_up(self) -> None:
        if not self._status.final:
            self.note(events.WARNING, code=32015, message="the call has lasted as long as it may")
        self._finish(outcome.TIME_LIMIT)

    def stop(self) -> None:
        """The server is going down."""
        self._finish(outcome.SERVER_STOPPED, sip_code=503)

    # -- LegListener --------------------------------------------------------------------------------------------

    def on_key(self, key: str) -> None:
        """A key came in the peer's audio: as a telephone event, or as a tone from a peer that has none."""
        self.pressed(key, self.audio.keys_by)

    def on_quiet(self, times: int) -> None:
        """No audio for a while: a caller who is gone does not answer either, one on hold or muted does."""
        if self._status.final:
            return
        if times >= _QUIET_CHECKS and not self.audio.on_hold:
            self._finish(outcome.RTP_TIMEOUT)
        elif self.dialog is not None:
            self._signalling.check(self.dialog)

    def on_lost(self) -> None:
        """The media worker died."""
        self.audio.lost()
        self._finish(outcome.MEDIA_FAILURE)

    # -- session changes ----------------------------------------------------------------------------------------

    def _acknowledged(self, description: bytes | None) -> None:
        """The ACK has come; it carries the answer when the offer was ours."""
        if not self.audio.offering or self._status.final:
            return
        if description is None:
            self.note(events.ERROR, code=0, message="no common audio: the ACK has no answer to our offer")
            self._finish(outcome.NOT_ACCEPTABLE)
        else:
            self.tasks.start(self._accept_answer(description), "session answer")

    async def _accept_answer(self, answer: bytes) -> None:
        try:
            await self.audio.accept(answer)
        except (sdp.SdpError, MediaError) as error:
            self.note(events.ERROR, code=0, message=f"no common audio: {error}")
            self._finish(outcome.NOT_ACCEPTABLE)

    async def _renegotiate(self, offer: bytes | None) -> None:
        dialog = self.dialog
        if dialog is None:
            return
        try:
            description = await self.audio.answer(offer)
        except sdp.SdpError as error:
            self.note(events.WARNING, code=0, message=f"session change refused: {error}")
            self._signalling.reject_reinvite(dialog, 488)
        except MediaError as error:
            self.note(events.WARNING, code=0, message=f"session change refused: {error}")
            self._signalling.reject_reinvite(dialog, 500)
        else:
            if not self._status.final:
                self._signalling.answer_reinvite(dialog, description)

    # -- the end ------------------------------------------------------------------------------------------------

    def _finish(self, reason: str, *, sip_code: int = 480, silent: bool = False, warning: str = "") -> None:
        """End the call once: tell the peer (unless `silent`), stop who drives it, write it down."""
        if self._status.final:
            return
        answered = self._status is CallStatus.IN_PROGRESS
        self.end_reason = reason
        self.sip_code = 0 if answered else sip_code
        self._ended_at = self.now()
        self._status = outcome.final_status(reason, answered=answered, sip_code=sip_code)
        self._limit.cancel()
        self.ended.set()
        if not silent and self.dialog is not None:
            if answered:
                self._signalling.bye(self.dialog)
            else:
                warnings = [("Warning", f'399 ringback "{_quotable(warning)}"')] if warning else []
                self._signalling.reject(self.dialog, sip_code, "", warnings)
        if self._attempts is not None:
            self._attempts.withdraw()
        # Not the task that ends it here: it would cancel itself, and has nothing more to do.
        if self._driver is not None:
            self._driver.cancel()
        self.tasks.start(self._tidy(), f"end of call {self._info.sid}")

    async def _tidy(self) -> None:
        try:
            stats = await self.audio.close()
        except MediaError as error:
            logger.warning("call %s: %s", self._info.sid, error)
        else:
            if stats:
                self.note(events.MEDIA_STATS, **stats)
        # What is told of the end tells of its recordings too.
        for recording in list(self.recordings):
            with suppress(TimeoutError):
                async with asyncio.timeout(_GIVE_UP_SECONDS):
                    await recording.done()
        if self._driver is not None and not self._driver.done():
            await asyncio.wait([self._driver], timeout=_GIVE_UP_SECONDS)
        self.note(events.STATUS, status=str(self._status), reason=self.end_reason)
        if self._recorded:
            self.journal.update_call(
                self._info.sid, status=self._status, end_time=self.house.utcnow(), end_reason=self.end_reason
            )
        self._release()
        self._tell("completed")
        self.over.set()
        self._on_ended(self)


def _ignore(leg: Leg) -> None:
    """Nobody wants to know."""


def _quotable(text: str) -> str:
    """A text as it may stand in a quoted string of a header."""
    return "".join(character if " " <= character <= "~" and character not in '"\\' else " " for character in text)[:200]
