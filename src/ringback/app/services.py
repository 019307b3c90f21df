"""What the interpreter is given for one call: documents, audio and speech, from the layers below."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urljoin

from ringback.calls.port import Call
from ringback.media.library import ClipLibrary
from ringback.model import events
from ringback.model.audio import Clip
from ringback.model.errors import ApplicationError
from ringback.speech.speaker import Speaker
from ringback.twiml.document import read_document
from ringback.twiml.services import Answer, Fetch, Said, plain
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


class CallServices:
    """`ringback.twiml.services.Services` for one call: its cookies, logins and signatures are its own."""

    def __init__(
        self,
        call: Call,
        session: WebhookSession,
        speaker: Speaker,
        library: ClipLibrary,
        scratch: Path,
        default: DefaultSpeech = _MAN,
    ) -> None:
        """`scratch` is a directory for audio on its way to the library."""
        self._default = default
        self._call = call
        self._session = session
        self._speaker = speaker
        self._library = library
        self._scratch = scratch

    async def fetch(self, call: Call, request: Fetch) -> Answer:
        """Ask the application."""
        parameters = voice_parameters(call.info, call.status, request.parameters)
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
