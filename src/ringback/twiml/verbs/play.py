"""Play: play audio, or keys, to the caller. 2008-08-01 clause 2.3, 2010-04-01 clause 2.2."""

import re
from dataclasses import dataclass, replace
from typing import ClassVar, Self

from lxml import etree

from ringback.model.status import ApiVersion
from ringback.twiml.attributes import SCHEMA, BadValueError, attribute, integer
from ringback.twiml.reader import Reader
from ringback.twiml.session import Session
from ringback.twiml.sounds import Audio, AudioBody, Sound
from ringback.twiml.verb import GoOn, Next, Verb

MAX_KEYS = 1000
"""More keys than any menu takes; a minute of them is a third of this."""


def _digits(text: str, _version: ApiVersion) -> str:
    if not re.fullmatch(rf"[0-9A-D#*wW]{{0,{MAX_KEYS}}}", text):
        raise BadValueError("takes 0-9 A-D # *, w for half a second and W for a second")
    return text


@dataclass(frozen=True)
class Play(Verb):
    """The URL of audio and how often to play it, or keys to press towards the caller."""

    name: ClassVar[str] = "Play"
    drops_keys: ClassVar[bool] = True

    url: str = ""
    loop: int = attribute(integer(0), 1, code=13410)
    """0 is until the caller hangs up; in 2010-04-01, 1000 times."""
    digits: str = attribute(_digits, "", since=ApiVersion.V2010)

    @classmethod
    def read(cls, element: etree._Element, reader: Reader, *, nested: bool = False) -> Self | None:
        """Build it; None when there is nothing to play. Keys cannot be pressed while keys are gathered."""
        play = cls(url=reader.text(element), **reader.attributes(cls, element, nested=nested))
        if play.digits and nested:
            reader.warn(13320, "Play digits may not stand inside Gather; it is ignored", element)
            play = replace(play, digits="")
        if play.digits and play.url:
            reader.warn(SCHEMA, "Play has digits and a URL; the URL is ignored", element)
            play = replace(play, url="")
        if not (play.digits or play.url):
            wants = "a URL" if reader.version is ApiVersion.V2008 else "a URL or digits"
            reader.warn(SCHEMA, f"Play has nothing to play: it takes {wants}", element)
            return None
        return play

    def content(self) -> str:
        """The URL."""
        return self.url

    def sounds(self, session: Session) -> tuple[Sound, ...]:
        """The audio of its URL. Raises ApplicationError 11100."""
        return (Audio(session.resolve(self.url)),) if self.url else ()

    async def run(self, session: Session) -> Next:
        """Play, or press the keys once."""
        if self.digits:
            began = session.call.now()
            await session.call.send_keys(self.digits)
            session.spent(began)
        else:
            await session.play(Audio(session.resolve(self.url)), self.loop)
        return GoOn()


@dataclass(frozen=True)
class PlayBody(Verb):
    """Audio that an application sent in place of a document: it is played once (2008-08-01 clause 1.6)."""

    name: ClassVar[str] = "Play"
    drops_keys: ClassVar[bool] = True

    body: bytes
    content_type: str

    def content(self) -> str:
        """What arrived, in words."""
        return f"{len(self.body)} bytes of {self.content_type}"

    def sounds(self, session: Session) -> tuple[Sound, ...]:
        """The audio."""
        return (AudioBody(self.body, self.content_type),)

    async def run(self, session: Session) -> Next:
        """Play it."""
        await session.play(AudioBody(self.body, self.content_type))
        return GoOn()
