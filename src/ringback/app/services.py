"""What the interpreter is given for one call: documents, audio and speech, from the layers below."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Final
from urllib.parse import urljoin

from ringback.calls.leg import Leg
from ringback.calls.port import Call
from ringback.calls.recording import Recorded
from ringback.media.library import ClipLibrary
from ringback.model import events
from ringback.model.audio import Clip
from ringback.model.errors import ApplicationError
from ringback.model.status import Direction
from ringback.speech.speaker import Speaker
from ringback.twiml.document import read_document
from ringback.twiml.services import Answer, Fetch, Method, OutgoingSms, Said, SentSms, plain
from ringback.twiml.verbs.play import Play, PlayBody
from ringback.twiml.verbs.say import Say
from ringback.webhooks.client import WebhookSession
from ringback.webhooks.media_fetch import fetch_media
from ringback.webhooks.parameters import voice_parameters

_INTERNAL: Final = 12400


@dataclass(frozen=True, slots=True)
class DefaultSpeech:
    """What a Say is spoken with that asks for nothing: `man` is the default of its attribute."""

    voice: str = "man"
    language: str = ""


_MAN: Final = DefaultSpeech()


async def _anybody(account_sid: str, caller_id: str) -> bool:
    return False


async def _no_transcription(call: Call, recorded: Recorded, callback: str) -> None:
    call.note(events.WARNING, code=32650, message="this server transcribes no recordings")


async def _no_messages(call: Call, sms: OutgoingSms) -> SentSms:
    raise ApplicationError(14108, "this server sends no messages")


async def _all_written() -> None:
    pass


@dataclass(frozen=True, slots=True)
class Facilities:
    """What all calls share."""

    speaker: Speaker
    library: ClipLibrary
    scratch: Path
    """A directory for audio on its way to the library."""
    default: DefaultSpeech = _MAN
    base_url: str = "http://127.0.0.1:8000"
    """Where the REST API is reached from outside."""
    utcnow: Callable[[], datetime] = lambda: datetime.now(UTC)
    may_call_as: Callable[[str, str], Awaitable[bool]] = _anybody
    """Whether an account may show a number."""
    transcribe: Callable[[Call, Recorded, str], Awaitable[None]] = _no_transcription
    send_sms: Callable[[Call, OutgoingSms], Awaitable[SentSms]] = _no_messages
    flush: Callable[[], Awaitable[None]] = _all_written
    """Waits until what the calls have noted is in the store."""

    async def before(self, parameters: Mapping[str, str]) -> None:
        """Make sure that what a request tells of is to be had: applications fetch a recording while they answer."""
        if "RecordingUrl" in parameters:
            await self.flush()


class CallServices:
    """`ringback.twiml.services.Services` for one call: its cookies, logins and signatures are its own."""

    def __init__(
        self,
        call: Call,
        session: WebhookSession,
        facilities: Facilities,
        new_session: Callable[[], WebhookSession] | None = None,
    ) -> None:
        """`new_session` makes sessions for callees, who share nothing with the caller."""
        self._call = call
        self._session = session
        self._facilities = facilities
        self._new_session = new_session
        self._speaker = facilities.speaker
        self._library = facilities.library
        self._scratch = facilities.scratch
        self._default = facilities.default
        self.always: Mapping[str, str] = {}
        """What every request about the call tells besides."""

    async def fetch(self, call: Call, request: Fetch) -> Answer:
        """Ask the application."""
        parameters = voice_parameters(call.info, call.status, {**self.always, **request.parameters})
        await self._facilities.before(parameters)
        response = await self._session.request(request.method, request.url, parameters, note=call.note)
        kind = f"{response.content_type}; charset={response.charset}" if response.charset else response.content_type
        return Answer(response.url, response.status, kind, response.body)

    async def speak(self, text: Said, *, voice: str, language: str) -> Clip:
        """Turn text into audio."""
        if voice == _MAN.voice:
            voice, language = self._default.voice, language or self._default.language
        try:
            spoken = await self._speaker.say(text, voice=voice, language=language)
        except OSError as error:
            raise ApplicationError(_INTERNAL, f"speech cannot be kept on disk: {error}") from error
        self._call.note(
            events.SPEECH,
            engine=spoken.engine,
            voice=voice,
            language=language,
            text=plain(text)[:200],
            seconds=round(spoken.seconds, 2),
            ms=round(spoken.ms, 1),
            cached=spoken.cached,
            clip=spoken.clip.path.name,
        )
        for note in spoken.notes:
            self._call.note(events.WARNING, code=note.code, message=note.message)
        return spoken.clip

    async def audio(self, call: Call, url: str) -> Clip:
        """Fetch audio and make it playable."""
        media = await fetch_media(self._session, url, self._scratch, note=call.note)
        try:
            return await self._library.from_audio(media.path, media.content_type, media.url)
        finally:
            media.path.unlink(missing_ok=True)

    async def clips(self, call: Call, request: Fetch) -> list[Clip]:
        """What a URL has to be heard: audio itself, or the Say and Play of a document. Raises ApplicationError."""
        answer = await self.fetch(call, request)
        document = read_document(answer.body, answer.content_type, call.info.api_version)
        clips = []
        for verb in document.verbs:
            if isinstance(verb, Play) and verb.url:
                clips.append(await self.audio(call, urljoin(answer.url, verb.url)))
            elif isinstance(verb, PlayBody):
                clips.append(await self.audio_body(verb.body, verb.content_type))
            elif isinstance(verb, Say):
                speech = verb.speech()
                clips.append(await self.speak(speech.text, voice=speech.voice, language=speech.language))
        return clips

    async def audio_body(self, body: bytes, content_type: str) -> Clip:
        """Make audio that came in place of a document playable."""
        return await self._library.from_audio(body, content_type)

    def of(self, call: Call) -> "CallServices":
        """The same for another call."""
        session = self._new_session() if self._new_session is not None else self._session
        return CallServices(call, session, self._facilities, self._new_session)

    async def notify(self, call: Call, url: str, method: Method, parameters: Mapping[str, str]) -> None:
        """Tell the application something; what it answers does not matter."""
        told = {**(self.always if call is self._call else {}), **parameters}
        if "CallbackSource" in told or "StatusCallbackEvent" in told:
            told.setdefault("Timestamp", format_datetime(self._facilities.utcnow()))
        if "CallbackSource" in told and call.status.final and isinstance(call, Leg):
            told |= last_words(call)
        await self._facilities.before(told)
        parameters = voice_parameters(call.info, call.status, told)
        if not parameters["CallSid"]:
            # An event of a conference that concerns no one call.
            del parameters["CallSid"]
        try:
            await self._session.request(method, url, parameters, note=call.note)
        except ApplicationError as error:
            call.note(events.WARNING, code=15003, message=f"nobody could be told: {error}", url=url)

    def recording_url(self, call: Call, recording_sid: str) -> str:
        """Where a recording is to be had."""
        info = call.info
        base = self._facilities.base_url.rstrip("/")
        return f"{base}/{info.api_version}/Accounts/{info.account_sid}/Recordings/{recording_sid}"

    async def may_call_as(self, call: Call, caller_id: str) -> bool:
        """Whether calls may show that number."""
        return await self._facilities.may_call_as(call.info.account_sid, caller_id)

    async def transcribe(self, call: Call, recorded: Recorded, callback: str) -> None:
        """Have a recording written down."""
        await self._facilities.transcribe(call, recorded, callback)

    async def send_sms(self, call: Call, sms: OutgoingSms) -> SentSms:
        """Send a text message."""
        return await self._facilities.send_sms(call, sms)


def last_words(leg: Leg) -> dict[str, str]:
    """What the last status callback of a call tells (2010-04-01, clause 5.2)."""
    seconds = leg.duration
    words = {"CallDuration": str(seconds), "Duration": str(-(-seconds // 60))}
    if leg.sip_code >= 300 and leg.info.direction is not Direction.INBOUND:
        words["SipResponseCode"] = str(leg.sip_code)
    return words
