"""What a verb sees while it runs: the call, the services, and the document it stands in."""

from collections.abc import Iterable
from typing import Any
from urllib.parse import urljoin

from ringback.calls.port import Call
from ringback.model import events
from ringback.model.audio import Clip
from ringback.model.errors import ApplicationError, describe
from ringback.model.status import ApiVersion
from ringback.twiml.reader import shorten
from ringback.twiml.services import Fetch, Method, plain
from ringback.twiml.sounds import Playable, Silence, Sound, Sounds, Speech
from ringback.twiml.verb import End, GoOn, Next, Verb

FRAME = 0.02
"""Seconds of the shortest audio that a call sends."""

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
            # A pause is only silence: it may as well be used to make what comes after it.
            if not sounds or not isinstance(sounds[0], Silence):
                return sounds[0] if sounds else None
        return None

    async def pause(self, seconds: float) -> None:
        """Be silent. What comes next is made ready meanwhile."""
        self._sounds.prepare(self._then)
        began = self.call.now()
        await self.call.sleep(seconds)
        self.spent(began)

    async def play(self, sound: Playable, loop: int = 1) -> None:
        """Play a sound `loop` times; 0 is without end.

        A text that cannot be spoken is left out with a warning: the rest of the document may still serve the caller.
        Raises ApplicationError when audio cannot be had.
        """
        if self.version is not ApiVersion.V2008:
            loop = min(loop, MAX_LOOPS) or MAX_LOOPS
        clip = await self._clip(sound)
        self._sounds.prepare(self._then)
        # Nothing can be played for ever, but not without end.
        if clip is not None and clip.samples:
            began = self.call.now()
            try:
                await self.call.play(clip, loop)
            finally:
                self.spent(began)

    def spent(self, began: float) -> None:
        """Tell that something happened between a moment and now. It counts when it took at least one frame: a call
        whose audio has failed lets no time pass.
        """
        self.active = self.active or self.call.now() - began >= FRAME

    async def _clip(self, sound: Playable) -> Clip | None:
        try:
            return await self._sounds.clip(sound)
        except ApplicationError as error:
            if not isinstance(sound, Speech) and describe(error.code).level == "error":
                raise
            text = f'"{shorten(plain(sound.text))}" is not spoken: ' if isinstance(sound, Speech) else ""
            self.warn(error.code, text + error.message, url=error.url)
            return None


def _told(step: Next) -> str:
    match step:
        case GoOn(result):
            return result
        case Fetch(url, method):
            return f"{method} {url}"
        case End(reason):
            return reason
