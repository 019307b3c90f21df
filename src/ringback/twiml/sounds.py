"""Sounds before they are audio, and the one that is made while the one before it plays."""

import asyncio
from dataclasses import dataclass

from ringback.calls.port import Call
from ringback.model.audio import Clip
from ringback.twiml.services import Said, Services


@dataclass(frozen=True, slots=True)
class Speech:
    """A text to be spoken, as `Services.speak` takes it."""

    text: Said
    voice: str
    language: str


@dataclass(frozen=True, slots=True)
class Audio:
    """Audio to be fetched from an absolute URL."""

    url: str


@dataclass(frozen=True, slots=True)
class AudioBody:
    """Audio that is here already, in the coding that its content type names."""

    body: bytes
    content_type: str


@dataclass(frozen=True, slots=True)
class Silence:
    """Nothing, for so many seconds."""

    seconds: float


Playable = Speech | Audio | AudioBody
Sound = Playable | Silence


class Sounds:
    """Turns sounds into clips, and can begin with one before it is needed.

    Speech takes a while to make and audio to fetch. The caller should not hear that as a gap between two prompts.
    """

    def __init__(self, call: Call, services: Services, group: asyncio.TaskGroup) -> None:
        """`group` holds whatever is being prepared; `close` must be called before it is left."""
        self._call = call
        self._services = services
        self._group = group
        self._preparing: dict[Sound, asyncio.Task[Clip | Exception]] = {}

    def prepare(self, sound: Sound | None) -> None:
        """Begin with a sound, unless it is in the making already."""
        if sound is None or isinstance(sound, Silence) or sound in self._preparing:
            return
        self._preparing[sound] = self._group.create_task(self._attempt(sound))

    async def clip(self, sound: Playable) -> Clip:
        """Return the audio of a sound. Raises ApplicationError."""
        task = self._preparing.pop(sound, None)
        if task is None:
            return await self._make(sound)
        outcome = await task
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def close(self) -> None:
        """Give up whatever was prepared and not needed."""
        for task in self._preparing.values():
            task.cancel()
        self._preparing.clear()

    async def _attempt(self, sound: Playable) -> Clip | Exception:
        # A failure is kept for the one who asks for the clip: perhaps nobody does, and nothing has failed then.
        try:
            return await self._make(sound)
        except Exception as error:  # noqa: BLE001
            return error

    async def _make(self, sound: Playable) -> Clip:
        match sound:
            case Speech(text, voice, language):
                return await self._services.speak(text, voice=voice, language=language)
            case Audio(url):
                return await self._services.audio(self._call, url)
            case AudioBody(body, content_type):
                return await self._services.audio_body(body, content_type)
