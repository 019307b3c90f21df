"""Calls that the REST API asks for: accepted on disk, made when their account's turn has come, once."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Final, Protocol

from ringback.app.voice import StatusCallback, VoiceApplications
from ringback.calls.dialing import Progress
from ringback.calls.errors import CallError
from ringback.calls.house import Placing
from ringback.calls.leg import Leg
from ringback.calls.recording import RecordOptions
from ringback.model import events, sids
from ringback.model.outgoing import MachineDetection, OutgoingCall
from ringback.model.records import Account, CallRecord
from ringback.model.status import ApiVersion, CallStatus, Direction
from ringback.storage.database import Database, StorageError
from ringback.tasks import TaskOwner
from ringback.twiml.services import Answer, Application, Fetch, read_method

logger = logging.getLogger(__name__)

_MOST_WAITING: Final = 10_000
"""Calls of one account that may wait for their turn."""
_AT_ONCE: Final = 50
"""Calls whose turn has come that leave the queue in one transaction."""
_ACCOUNT_SECONDS: Final = 1.0
"""How long an account read from the store counts: its rate may change at any time."""
_RETRY_SECONDS: Final = 1.0
"""Pause before the store is asked again that has failed."""


class TooManyCalls(Exception):  # noqa: N818 (a state, not a fault)
    """So many calls of an account wait already that another would not be made in time."""


class Detector(Protocol):
    """Finds out who answered. `ringback.calls.answering` is the real one."""

    async def __call__(self, leg: Leg, detection: MachineDetection) -> str:
        """Listen, and return the verdict in the words of AnsweredBy."""
        ...


Validator = Callable[[Leg, OutgoingCall], Awaitable[None]]
"""Conducts a call that proves a caller id."""


class Watcher(Protocol):
    """Makes a recording's watch of who is to be told about it."""

    def __call__(self, leg: Leg, request: OutgoingCall) -> RecordOptions:
        """How a call is recorded that asked for it."""
        ...


_Entry = tuple[CallRecord, OutgoingCall]


@dataclass(slots=True)
class _Lane:
    """The calls of one account that wait, in order."""

    waiting: deque[_Entry] = field(default_factory=deque)
    next_at: float = 0.0
    busy: bool = False


class OutgoingCalls:
    """Makes calls, at most so many a second for each account, in the order in which they were asked for."""

    def __init__(
        self,
        *,
        database: Database,
        place: Callable[[Placing], Leg],
        voice: VoiceApplications,
        calls_per_second: float,
        record: Watcher,
        detect: Detector,
        validate: Validator,
        utcnow: Callable[[], datetime],
        clock: Callable[[], float],
        entropy: Callable[[int], bytes],
    ) -> None:
        self._database = database
        self._place = place
        self._voice = voice
        self._rate = calls_per_second
        self._record = record
        self._detect = detect
        self._validate = validate
        self._utcnow = utcnow
        self._clock = clock
        self._entropy = entropy
        self._lanes: dict[str, _Lane] = {}
        self._accounts: dict[str, tuple[float, Account | None]] = {}
        self._tasks = TaskOwner()
        self.on_progress: Callable[[str, Progress], None] = lambda call_sid, progress: None
        """Told how each call gets on, by its sid; `completed` comes once, also for calls that were never made."""

    async def resume(self) -> int:
        """Take up the calls that waited when the server last ended, and return how many there are."""
        waiting = await self._database.outgoing.waiting()
        for record, request in waiting:
            self._queue(record, request)
        return len(waiting)

    async def ask(self, request: OutgoingCall) -> CallRecord:
        """Accept a call. When this returns, a crash does not lose it. Raises TooManyCalls and StorageError."""
        lane = self._lanes.get(request.account_sid)
        if lane is not None and len(lane.waiting) >= _MOST_WAITING:
            raise TooManyCalls(f"{_MOST_WAITING} calls of {request.account_sid} wait for their turn")
        record = CallRecord(
            sid=sids.make_sid(sids.CALL, self._entropy(16)),
            account_sid=request.account_sid,
            from_=request.caller_id or request.from_,
            to=request.to,
            direction=Direction.OUTBOUND_API,
            status=CallStatus.QUEUED,
            api_version=request.api_version,
            phone_number_sid=request.phone_number_sid,
            sip_call_id=None,
            date_created=self._utcnow(),
        )
        await self._database.outgoing.add(record, request)
        self._queue(record, request)
        return record

    async def take_back(self, call_sid: str) -> bool:
        """Forget a call that still waits; False where it waits no more."""
        for lane in self._lanes.values():
            for entry in lane.waiting:
                if entry[0].sid == call_sid:
                    lane.waiting.remove(entry)
                    await self._database.outgoing.taken(call_sid)
                    now = self._utcnow()
                    await self._database.calls.update(
                        call_sid, status=CallStatus.CANCELED, end_time=now, end_reason="api"
                    )
                    self.on_progress(call_sid, "completed")
                    return True
        return False

    @property
    def waiting(self) -> int:
        """How many calls wait for their turn."""
        return sum(len(lane.waiting) for lane in self._lanes.values())

    async def close(self) -> None:
        """Make no more calls; those that wait are made after the next start."""
        await self._tasks.close()

    # -- turns --------------------------------------------------------------------------------------------------

    def _queue(self, record: CallRecord, request: OutgoingCall) -> None:
        lane = self._lanes.setdefault(record.account_sid, _Lane())
        lane.waiting.append((record, request))
        if not lane.busy:
            lane.busy = True
            self._tasks.start(self._work(record.account_sid, lane), f"calls of {record.account_sid}")

    async def _work(self, account_sid: str, lane: _Lane) -> None:
        try:
            while lane.waiting:
                try:
                    await self._make_due(account_sid, lane)
                except StorageError:
                    logger.exception("calls of %s cannot be made now; they are kept", account_sid)
                    await asyncio.sleep(_RETRY_SECONDS)
        finally:
            lane.busy = False

    async def _make_due(self, account_sid: str, lane: _Lane) -> None:
        """Wait for the next turn, and make the calls whose turn has come."""
        account = await self._account(account_sid)
        rate = (account.calls_per_second if account else None) or self._rate
        if (pause := lane.next_at - self._clock()) > 0:
            await asyncio.sleep(pause)
        # Turns of the last second that nobody used may be.
        lane.next_at = max(lane.next_at, self._clock() - 1.0)
        turns = min(_AT_ONCE, 1 + int((self._clock() - lane.next_at) * rate))
        due = list(islice(lane.waiting, turns))
        # Said before the first message: whoever starts after a crash must not call a second time.
        ours = await self._database.outgoing.taken_all([record.sid for record, _ in due])
        lane.next_at += len(due) / rate
        for entry in due:
            if entry not in lane.waiting:
                continue  # taken back meanwhile
            lane.waiting.remove(entry)
            if entry[0].sid in ours:
                await self._make(*entry, account)

    async def _account(self, sid: str) -> Account | None:
        """The account as it was a moment ago."""
        known = self._accounts.get(sid)
        if known is None or self._clock() - known[0] >= _ACCOUNT_SECONDS:
            known = self._accounts[sid] = self._clock(), await self._database.accounts.get(sid)
        return known[1]

    async def _make(self, record: CallRecord, request: OutgoingCall, account: Account | None) -> None:
        try:
            if account is None:
                raise LookupError(f"account {record.account_sid} is gone")
            application, first, callback = await self._application(request)
        except (LookupError, StorageError) as error:
            logger.warning("call %s: %s", record.sid, error)
            await self._database.calls.update(
                record.sid, status=CallStatus.FAILED, end_time=self._utcnow(), end_reason="application-error"
            )
            self.on_progress(record.sid, "completed")
            return

        async def conduct(leg: Leg) -> None:
            await self._conduct(leg, request, application, first)

        leg = self._place(
            Placing(
                to=request.to,
                caller_id=record.from_,
                account_sid=record.account_sid,
                api_version=record.api_version,
                direction=Direction.OUTBOUND_API,
                conduct=conduct,
                timeout=request.timeout,
                time_limit=request.time_limit or 14400.0,
                username=request.sip_auth_username or "",
                password=request.sip_auth_password or "",
                watch=lambda leg, progress: self.on_progress(leg.info.sid, progress),
                sid=record.sid,
                phone_number_sid=record.phone_number_sid,
            )
        )
        self._voice.adopt(leg, account, application, callback)
        waited = round((self._utcnow() - record.date_created).total_seconds() * 1000)
        leg.journal.update_call(record.sid, queue_time=waited)

    async def _application(self, request: OutgoingCall) -> tuple[Application, Fetch | Answer, StatusCallback | None]:
        """Whom to ask, what first, and whom to tell. Raises LookupError for an application that is no more."""
        callback = None
        if request.status_callback:
            callback = StatusCallback(
                request.status_callback, request.status_callback_method, request.status_callback_events
            )
        if request.url is not None or request.twiml is not None:
            application = Application(
                request.url or "",
                read_method(request.method),
                request.fallback_url,
                read_method(request.fallback_method),
            )
            if request.url is None:
                return application, Answer("", 200, "text/xml", (request.twiml or "").encode()), callback
            return application, Fetch(application.url, application.method), callback
        found = await self._database.applications.get(request.application_sid or "")
        if found is None or not found.voice_url:
            raise LookupError(f"application {request.application_sid} is gone, or has no VoiceUrl")
        application = Application.of(found)
        if found.status_callback:
            callback = StatusCallback(found.status_callback, found.status_callback_method)
        return application, Fetch(application.url, application.method), callback

    # -- the call -----------------------------------------------------------------------------------------------

    async def _conduct(self, leg: Leg, request: OutgoingCall, application: Application, first: Fetch | Answer) -> None:
        conducting = self._voice.find(leg.info.sid)
        assert conducting is not None, "adopted before it was answered"
        if request.record is not None:
            try:
                await leg.record(self._record(leg, request))
            except CallError as error:
                leg.note(events.WARNING, code=13618, message=str(error))
        if request.send_digits:
            await leg.send_keys(request.send_digits)
        if request.validation:
            await self._validate(leg, request)
            return
        told: dict[str, str] = {}
        detection = request.machine_detection
        if detection is not None:
            if detection.asynchronous:
                leg.tasks.start(self._detect_beside(leg, detection), "machine detection")
            else:
                verdict, told = await self._who_answered(leg, detection)
                if detection.hangup and verdict.startswith("machine"):
                    conducting.further = {"DialStatus": "hangup-machine"}
                    await leg.hangup("machine")
                    return
        elif leg.info.api_version is ApiVersion.V2008:
            told = {"DialStatus": "answered"}
        if isinstance(first, Fetch):
            first = Fetch(first.url, first.method, {**first.parameters, **told})
        if leg.answered_by and leg.info.api_version is not ApiVersion.V2008:
            conducting.further = {"AnsweredBy": leg.answered_by}
        await self._voice.render(leg, first)

    async def _detect_beside(self, leg: Leg, detection: MachineDetection) -> None:
        """Find out who answered while the document runs already, and tell."""
        _, told = await self._who_answered(leg, detection)
        if (conducting := self._voice.find(leg.info.sid)) is not None and detection.status_callback:
            method = read_method(detection.status_callback_method)
            await self._voice.tell(leg, conducting, detection.status_callback, method, told)

    async def _who_answered(self, leg: Leg, detection: MachineDetection) -> tuple[str, dict[str, str]]:
        """Find out who answered; return the verdict, and what the application is told of it."""
        began = leg.now()
        verdict = await self._detect(leg, detection)
        leg.found(verdict)
        return verdict, _verdict(leg.info.api_version, verdict, round((leg.now() - began) * 1000))


def _verdict(version: ApiVersion, verdict: str, milliseconds: int) -> dict[str, str]:
    if version is ApiVersion.V2008:
        return {"DialStatus": "answered-machine" if verdict.startswith("machine") else "answered-human"}
    return {"AnsweredBy": verdict, "MachineDetectionDuration": str(milliseconds)}
