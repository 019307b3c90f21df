"""What a verb sees while it runs: the call, the services, and the document it stands in."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any
from urllib.parse import urljoin

from ringback.calls.port import Call
from ringback.model import events
from ringback.model.audio import Clip
from ringback.model.errors import ApplicationError, describe
from ringback.model.status import ApiVersion
from ringback.twiml.reader import shorten
from ringback.twiml.services import Fetch, Method, Services, plain
from ringback.twiml.sounds import Playable, Silence, Sound, Sounds, Speech
from ringback.twiml.verb import End, GoOn, Next, Verb

Owed = Callable[[], Awaitable[Fetch | None]]
"""Makes the request that a verb owes to the application after the caller has hung up; None where there is none."""


@dataclass(frozen=True, slots=True)
class Part:
    """What a document is for: conducting the call, entertaining who waits, or asking a callee."""

    name: str
    verbs: frozenset[str] | None = None
    """Those that it may use; None: all."""
    code: int = 12200
    """The warning for any other."""


MAIN = Part("call")
WAIT = Part("wait", frozenset({"Play", "Say", "Pause", "Redirect"}), 13238)
"""Of a conference, while somebody waits for its beginning."""
QUEUE_WAIT = Part("queue", frozenset({"Play", "Say", "Pause", "Redirect", "Gather", "Leave", "Hangup"}), 13238)
SCREEN = Part("screen", frozenset({"Play", "Say", "Pause", "Redirect", "Gather", "Hangup", "Record", "Sms"}), 13201)
"""Of a callee, before the two are connected."""

Conduct = Callable[[Call, Fetch, Part], Awaitable[End]]

FRAME = 0.02
"""Seconds of the shortest audio that a call sends."""

AHEAD = 8
"""Verbs that are looked at for a sound to make ready; a document may hold thousands of pauses in a row."""

MAX_LOOPS = 1000
"""What loop="0" means in 2010-04-01; in 2008-08-01 it means until the caller hangs up."""


class Session:
    """The surroundings of the verbs of one document."""

    def __init__(
        self,
        call: Call,
        url: str,
        version: ApiVersion,
        sounds: Sounds,
        services: Services,
        *,
        owed: list[Owed] | None = None,
        conduct: Conduct | None = None,
        part: Part = MAIN,
    ) -> None:
        self.call = call
        self.services = services
        self.part = part
        """What the document is for, which decides what it may do."""
        self.url = url
        """Where the document came from; relative URLs resolve against it."""
        self.version = version
        self.active = False
        """Whether the caller heard something, waited or pressed a key. A document that does none of these takes no
        time, and an endless row of such documents would keep two servers busy with nothing."""
        self._sounds = sounds
        self._then: Sound | None = None
        self._owed = owed if owed is not None else []
        self._conduct = conduct

    def owe(self, request: Owed) -> Callable[[], None]:
        """Have a request made after the call, should the caller hang up before what this returns is called."""
        self._owed.append(request)

        def settle() -> None:
            if request in self._owed:
                self._owed.remove(request)

        return settle

    async def conduct(self, call: Call, first: Fetch, part: Part) -> End:
        """Run documents of another part of the application on a call, which may be another: it is not hung up."""
        assert self._conduct is not None, "a session that is part of nothing has no parts"
        return await self._conduct(call, first, part)

    def tell(self, call: Call, url: str, method: Method, parameters: dict[str, str], what: str) -> None:
        """Tell the application something beside what goes on, and after the end of the call if need be."""
        services = self.services if call is self.call else self.services.of(call)
        call.detach(services.notify(call, self.resolve(url), method, parameters), what)

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
        for verb in islice(verbs, AHEAD):
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
