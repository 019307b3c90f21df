"""Record: record the caller. 2008-08-01 clause 2.5, 2010-04-01 clause 2.5."""

import asyncio
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, Self

from lxml import etree

from ringback.calls.errors import CallError
from ringback.calls.recording import Recorded, Recording, RecordOptions
from ringback.model.errors import ApplicationError
from ringback.model.status import ApiVersion
from ringback.twiml.attributes import BadValueError, attribute, boolean, free_text, http_method, integer, one_of
from ringback.twiml.nouns.callee import event_list
from ringback.twiml.reader import Reader
from ringback.twiml.recordings import RECORDING_EVENTS, watch_recording
from ringback.twiml.services import Fetch
from ringback.twiml.session import Session
from ringback.twiml.verb import GoOn, Next, Verb

V2010 = ApiVersion.V2010
TRANSCRIBED_SECONDS = 120
"""The longest recording that is transcribed."""
MAX_SECONDS = 86400
"""The longest recording of 2010-04-01."""
_ANY_KEY = "1234567890*#"


def _finish_keys(text: str, _version: ApiVersion) -> str:
    if any(key not in "0123456789#*" for key in text):
        raise BadValueError("takes keys of 0-9 # *")
    return text


def _max_length(text: str, version: ApiVersion) -> int:
    """A number that is no length is one thing, what is no number another."""
    whole = integer(0)(text, version)
    if whole < 2 or (whole > MAX_SECONDS and version is not ApiVersion.V2008):
        bound = "of at least 2" if version is ApiVersion.V2008 else f"from 2 to {MAX_SECONDS}"
        raise BadValueError(f"takes a whole number {bound}", 13617)
    return int(whole)


@dataclass(frozen=True)
class Record(Verb):
    """What ends the recording, and whom to tell where it is."""

    name: ClassVar[str] = "Record"
    drops_keys: ClassVar[bool] = True

    action: str = attribute(free_text, "")
    """Empty: the present document."""
    method: Literal["GET", "POST"] = attribute(http_method, "POST", code=13610)
    timeout: int = attribute(integer(0, minimum_2008=1), 5, code=13611)
    """Seconds of silence that end it; in 2010-04-01 0 is never."""
    finish_on_key: str = attribute(_finish_keys, _ANY_KEY, code=13613)
    max_length: int = attribute(_max_length, 3600, code=13612)
    transcribe: bool = attribute(boolean, False, code=13614)
    transcribe_callback: str = attribute(free_text, "")
    play_beep: bool = attribute(boolean, True, code=13616)
    trim: str = attribute(one_of("trim-silence", "do-not-trim"), "trim-silence", since=V2010)
    recording_status_callback: str = attribute(free_text, "", since=V2010)
    recording_status_callback_method: Literal["GET", "POST"] = attribute(http_method, "POST", since=V2010)
    recording_status_callback_event: tuple[str, ...] = attribute(
        event_list(*RECORDING_EVENTS), ("completed",), code=13621, since=V2010
    )

    @classmethod
    def read(cls, element: etree._Element, reader: Reader, *, nested: bool = False) -> Self | None:
        """Build it. What is to be transcribed is shorter."""
        record = super().read(element, reader, nested=nested)
        if record is None or not (record.transcribe or record.transcribe_callback):
            return record
        if "maxLength" not in element.attrib:
            return replace(record, transcribe=True, max_length=TRANSCRIBED_SECONDS)
        if record.max_length > TRANSCRIBED_SECONDS:
            told = f"Record maxLength is above {TRANSCRIBED_SECONDS}: the recording will not be transcribed"
            reader.warn(13615, told, element)
            return replace(record, transcribe=False, transcribe_callback="")
        return replace(record, transcribe=True)

    async def run(self, session: Session) -> Next:
        """Record until one of the ends is reached. Raises ApplicationError where it cannot be recorded."""
        call, began = session.call, session.call.now()
        call.clear_keys()
        try:
            recording = await call.record(self._options(session))
        except CallError as error:
            raise ApplicationError(13618, str(error)) from error
        settle = session.owe(lambda: self._after_hangup(session, recording))
        try:
            recorded = await recording.done()
        except asyncio.CancelledError:
            # The caller hung up, or somebody wants the call to do something else: what was said is kept.
            call.detach(recording.stop(), f"end of recording {recording.sid}")
            raise
        if recorded.reason == "hangup":
            # The end of the call will cancel this: the request is made after it.
            await asyncio.get_running_loop().create_future()
        settle()
        session.spent(began)
        call.clear_keys()
        if recorded.reason == "failed":
            raise ApplicationError(13618, "the recording could not be completed")
        if not recorded.spoken:
            return GoOn("nothing but silence")
        return await self._submit(session, recorded, recorded.key)

    def _options(self, session: Session) -> RecordOptions:
        return RecordOptions(
            "RecordVerb",
            max_seconds=self.max_length,
            silence_seconds=self.timeout,
            finish_keys=self.finish_on_key,
            trim=self.trim == "trim-silence",
            beep=self.play_beep,
            watch=watch_recording(
                session,
                self.recording_status_callback,
                self.recording_status_callback_method,
                self.recording_status_callback_event,
            ),
        )

    async def _submit(self, session: Session, recorded: Recorded, keys: str) -> Fetch:
        if self.transcribe:
            callback = session.resolve(self.transcribe_callback) if self.transcribe_callback else ""
            await session.services.transcribe(session.call, recorded, callback)
        told = {"RecordingUrl": session.services.recording_url(session.call, recorded.sid), "Digits": keys}
        if session.call.info.api_version is ApiVersion.V2008:
            told["Duration"] = str(recorded.seconds)
            if not keys:
                del told["Digits"]
        else:
            told |= {"RecordingDuration": str(recorded.seconds), "RecordingSid": recorded.sid}
        return session.fetch(self.action, self.method, told)

    async def _after_hangup(self, session: Session, recording: Recording) -> Fetch | None:
        recorded = await recording.done()
        return await self._submit(session, recorded, "hangup") if recorded.spoken else None
