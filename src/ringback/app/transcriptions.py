"""Recordings written down: jobs in the store, so that a restart loses none, done one after another."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

from ringback.app.recordings import recording_url
from ringback.calls.journal import Journal
from ringback.calls.port import Call
from ringback.calls.recording import Recorded
from ringback.model import events, sids
from ringback.model.errors import ApplicationError
from ringback.model.recordings import RecordingRecord, TranscriptionRecord, TranscriptionStatus
from ringback.model.records import CallEvent, CallRecord
from ringback.model.status import ApiVersion, Direction
from ringback.speech.contract import HearingError, SpeechToText
from ringback.storage.database import Database
from ringback.storage.errors import StorageError
from ringback.tasks import TaskOwner
from ringback.webhooks.client import WebhookClient
from ringback.webhooks.parameters import voice_parameters

logger = logging.getLogger(__name__)

FAILED: Final = 32650
_IDLE: Final = 60.0
"""Seconds without a job after which the engine gives its memory back."""
_PAUSE: Final = 5.0
"""Seconds until the next try while the database fails."""


@dataclass(frozen=True, slots=True)
class _Facts:
    """What a request tells of a call that may be over: its record."""

    sid: str
    account_sid: str
    from_: str
    to: str
    direction: Direction
    api_version: ApiVersion
    caller_name: str
    forwarded_from: str

    @classmethod
    def of(cls, call: CallRecord) -> "_Facts":
        return cls(
            call.sid,
            call.account_sid,
            call.from_,
            call.to,
            call.direction,
            call.api_version,
            call.caller_name or "",
            call.forwarded_from or "",
        )


class Transcriptions:
    """Writes recordings down, the oldest first, and tells the applications (2008-08-01 clause 2.5)."""

    def __init__(
        self,
        *,
        database: Database,
        engine: SpeechToText,
        webhooks: WebhookClient,
        journal: Journal,
        flush: Callable[[], Awaitable[None]],
        base_url: Callable[[], str],
        language: str = "en",
        utcnow: Callable[[], datetime],
        entropy: Callable[[int], bytes],
    ) -> None:
        """`flush` waits until what the journal took is in the store; `base_url` is where the REST API is reached from
        outside; `language` is what is spoken, empty where that is to be found out.
        """
        self._database = database
        self._engine = engine
        self._webhooks = webhooks
        self._journal = journal
        self._flush = flush
        self._base_url = base_url
        self._language = language
        self._utcnow = utcnow
        self._entropy = entropy
        self._more = asyncio.Event()
        self._tasks = TaskOwner()

    def start(self) -> None:
        """Begin, with what an earlier server has left."""
        self._tasks.start(self._work(), "transcriptions")

    async def close(self) -> None:
        """Stop. What is not finished is taken up by the next server."""
        await self._tasks.close()
        await self._engine.rest()

    async def ask(self, call: Call, recorded: Recorded, callback: str) -> None:
        """Have a recording written down; `callback` is a URL to tell, or empty. When this returns, a crash does not
        lose it.
        """
        if self._engine.unfit:
            call.note(events.WARNING, code=FAILED, message=f"{recorded.sid} is not transcribed: {self._engine.unfit}")
        record = TranscriptionRecord(
            sid=sids.make_sid(sids.TRANSCRIPTION, self._entropy(16)),
            account_sid=call.info.account_sid,
            recording_sid=recorded.sid,
            # Without an engine too: who waits for the callback is told that it failed.
            status=TranscriptionStatus.IN_PROGRESS,
            api_version=call.info.api_version,
            date_created=self._utcnow(),
            duration=float(recorded.seconds),
            callback=callback or None,
        )
        try:
            await self._database.transcriptions.create(record)
        except StorageError as error:
            call.note(events.WARNING, code=FAILED, message=f"{recorded.sid} is not transcribed: {error}")
        self._more.set()

    # -- the work -----------------------------------------------------------------------------------------------

    async def _work(self) -> None:
        told = False
        while True:
            self._more.clear()
            try:
                if not told:
                    await self._tell_rest()
                    told = True
                record = await self._database.transcriptions.next()
                if record is not None:
                    await self._make(record)
            except StorageError:
                logger.exception("transcriptions wait: the database fails")
                await asyncio.sleep(_PAUSE)
            else:
                if record is None:
                    await self._wait()

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(_IDLE):
                await self._more.wait()
        except TimeoutError:
            await self._engine.rest()
            await self._more.wait()

    async def _tell_rest(self) -> None:
        for record in await self._database.transcriptions.untold():
            await self._tell(record)

    async def _make(self, record: TranscriptionRecord) -> None:
        # The record of the recording may still be on its way to the store, and so may its call's.
        await self._flush()
        recording = await self._database.recordings.get(record.recording_sid)
        changes: dict[str, Any]
        try:
            changes = {
                "status": TranscriptionStatus.COMPLETED,
                "transcription_text": await self._engine.transcribe(_audio(recording), self._language),
            }
        except HearingError as error:
            changes = {"status": TranscriptionStatus.FAILED}
            if recording is not None and recording.call_sid and not self._engine.unfit:
                self._note(
                    recording.call_sid,
                    events.WARNING,
                    code=FAILED,
                    message=f"{record.recording_sid} is not transcribed: {error}",
                )
        changed = await self._change(record.sid, **changes, date_updated=self._utcnow())
        if changed is not None and changed.callback:
            await self._tell(changed, recording)

    async def _tell(self, record: TranscriptionRecord, recording: RecordingRecord | None = None) -> None:
        """Tell the callback what became of it."""
        assert record.callback is not None
        database = self._database
        recording = recording or await database.recordings.get(record.recording_sid)
        call = await database.calls.get(recording.call_sid) if recording and recording.call_sid else None
        account = await database.accounts.get(record.account_sid)
        if call is not None and account is not None:
            session, note = self._webhooks.session(account.auth_token), partial(self._note, call.sid)
            parameters = voice_parameters(_Facts.of(call), call.status, self._parameters(record))
            try:
                await session.request("POST", record.callback, parameters, note=note)
            except ApplicationError as error:
                note(
                    events.WARNING,
                    code=15003,
                    message=f"nobody could be told of {record.sid}: {error}",
                    url=record.callback,
                )
        await self._change(record.sid, callback=None)

    async def _change(self, sid: str, **changes: Any) -> TranscriptionRecord | None:
        """Change a transcription, unless somebody has deleted it; return what it is now."""
        transcriptions = self._database.transcriptions
        if await transcriptions.get(sid) is not None:
            await transcriptions.update(sid, **changes)
        return await transcriptions.get(sid)

    def _parameters(self, record: TranscriptionRecord) -> dict[str, str]:
        recording = recording_url(self._base_url(), record.api_version, record.account_sid, record.recording_sid)
        return {
            "TranscriptionSid": record.sid,
            "TranscriptionText": record.transcription_text or "",
            "TranscriptionStatus": str(record.status),
            "TranscriptionUrl": f"{recording}/Transcriptions/{record.sid}",
            "TranscriptionType": record.type,
            "RecordingSid": record.recording_sid,
            "RecordingUrl": recording,
        }

    def _note(self, call_sid: str, kind: str, /, **data: Any) -> None:
        self._journal.note(CallEvent(call_sid, self._utcnow(), kind, data))


def _audio(recording: RecordingRecord | None) -> Path:
    """The file of a recording. Raises HearingError where there is none."""
    if recording is None or recording.path is None:
        raise HearingError("the recording is not there any more")
    return Path(recording.path)
