"""What a verb sees while it runs: the call, the services, and the document it stands in."""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from urllib.parse import urljoin

from ringback.calls.port import Call
from ringback.model import events
from ringback.model.audio import Clip
from ringback.model.errors import ApplicationError, describe
from ringback.model.status import ApiVersion
from ringback.twiml.reader import shorten
from ringback.twiml.services import Fetch, Method
from ringback.twiml.sounds import Silence, Sound, Sounds, Speech
from ringback.twiml.verb import End, GoOn, Next, Verb

MAX_LOOPS = 1000
"""What loop="0" means in 2010-04-01; in 2008-08-01 it means until the caller hangs up."""


class Session:
    """The surroundings of the verbs of one document."""

    def __init__(self, call: Call, url: str, version: ApiVersion, sounds: Sounds) -> None:
        self.call = call
        self.url = url
        """Where the document came from; relative URLs resolve against it."""
        self.version = version
        self.active = False
        """Whether the caller heard something, waited or pressed a key. A document that does none of these takes no
        time, and an endless row of such documents would keep two servers busy with nothing."""
        self._sounds = sounds
        self._then: Sound | None = None

    def resolve(self, url: str) -> str:
        """Make a URL of the document absolute; the empty one is the document itself.

        Raises ApplicationError 11100 for what cannot be a URL.
        """
        try:
            return urljoin(self.url, url) if url else self.url
        except ValueError as error:
            raise ApplicationError(11100, f"{shorten(url)} is not a URL: {error}", url) from None

    def fetch(self, url: str, method: Method, parameters: dict[str, str] | None = None) -> Fetch:
        """The request that leads from this document to the next."""
        return Fetch(self.resolve(url), method, parameters or {})

    def warn(self, code: int, message: str, **data: Any) -> None:
        """Write a warning into the call's timeline."""
        self.call.note(events.WARNING, code=code, message=message, **data)

    async def run(self, verb: Verb, following: Iterable[Verb] = ()) -> Next:
        """Run one verb and write its beginning and end down. The first sound of the verbs that follow is made ready
        as soon as this one plays its last.
        """
        self.call.note(
            events.VERB_START, verb=verb.name, attributes=verb.given(), text=verb.content()[:200], document=self.url
        )
        began = self.call.now()
        result = "cut short"
        self._then = self._first_sound(following)
        try:
            step = await verb.run(self)
            result = _told(step)
        except ApplicationError as error:
            result = f"error {error.code}"
            raise
        finally:
            took = round((self.call.now() - began) * 1000)
            self.call.note(events.VERB_END, verb=verb.name, ms=took, result=result)
        return step

    def _first_sound(self, verbs: Iterable[Verb]) -> Sound | None:
        for verb in verbs:
            try:
                sounds = verb.sounds(self)
            except ApplicationError:
                return None
            first = next(_audible(sounds), None)
            # A pause is silence only: it may as well be used to make what comes after it.
            if first is not None or not sounds:
                return first
        return None

    async def pause(self, seconds: float) -> None:
        """Be silent. What comes next is made ready meanwhile."""
        self._sounds.prepare(self._then)
        self.active = self.active or seconds > 0
        await self.call.sleep(seconds)

    async def play(self, sounds: Sequence[Sound], loop: int = 1) -> None:
        """Play sounds one after another, and all that `loop` times; 0 is without end.

        A text that cannot be spoken is left out with a warning: the rest of the document may still serve the caller.
        Raises ApplicationError when audio cannot be had.
        """
        if self.version is not ApiVersion.V2008:
            loop = min(loop, MAX_LOOPS) or MAX_LOOPS
        # The call repeats a single clip by itself, without a seam.
        single = len(sounds) == 1
        track = []
        for index, sound in enumerate(sounds):
            part = await self._part(sound)
            if part is None:
                continue
            self._sounds.prepare(next(_audible(sounds[index + 1 :]), self._then))
            await self._render(part, loop if single else 1)
            track.append(part)
        # Parts that take no time would be repeated for ever in no time.
        if single or not any(part.seconds for part in track):
            return
        for _ in itertools.count() if loop == 0 else range(loop - 1):
            for part in track:
                await self._render(part, 1)

    async def _part(self, sound: Sound) -> Clip | Silence | None:
        if isinstance(sound, Silence):
            return sound
        try:
            return await self._sounds.clip(sound)
        except ApplicationError as error:
            if not isinstance(sound, Speech) and describe(error.code).level == "error":
                raise
            told = f"left out, {error.message}"
            if isinstance(sound, Speech):
                told = f'"{shorten(sound.text)}" is not spoken: {error.message}'
            self.warn(error.code, told, url=error.url)
            return None

    async def _render(self, part: Clip | Silence, loop: int) -> None:
        if part.seconds <= 0:
            return
        self.active = True
        if isinstance(part, Silence):
            await self.call.sleep(part.seconds * loop)
        else:
            await self.call.play(part, loop)


def _audible(sounds: Iterable[Sound]) -> Iterator[Sound]:
    return (sound for sound in sounds if not isinstance(sound, Silence))


def _told(step: Next) -> str:
    match step:
        case GoOn(result):
            return result
        case Fetch(url, method):
            return f"{method} {url}"
        case End(reason):
            return reason
