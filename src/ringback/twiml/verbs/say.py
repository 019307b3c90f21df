"""Say: speak a text to the caller. 2008-08-01 clause 2.2, 2010-04-01 clause 2.1."""

from dataclasses import dataclass, replace
from typing import ClassVar, Self

from lxml import etree

from ringback.model.status import ApiVersion
from ringback.speech.normalise import Segment
from ringback.twiml.attributes import attribute, integer
from ringback.twiml.reader import Reader, shorten
from ringback.twiml.services import plain
from ringback.twiml.session import Session
from ringback.twiml.sounds import Sound, Speech
from ringback.twiml.ssml import read_speech
from ringback.twiml.verb import GoOn, Next, Verb
from ringback.twiml.voices import parse_language, parse_voice, text_limit


@dataclass(frozen=True)
class Say(Verb):
    """A text, the voice and language to speak it in, and how often."""

    name: ClassVar[str] = "Say"
    drops_keys: ClassVar[bool] = True

    segments: tuple[Segment, ...]
    """The text; more than one segment where SSML says how parts of it are to be read."""
    voice: str = attribute(parse_voice, "man", code=13511, nested_code=13321)
    language: str = attribute(parse_language, "", code=13512)
    """Empty: that of the voice; in 2008-08-01 English."""
    loop: int = attribute(integer(0), 1, code=13510, nested_code=13322)
    """0 is until the caller hangs up; in 2010-04-01, 1000 times."""

    @classmethod
    def read(cls, element: etree._Element, reader: Reader, *, nested: bool = False) -> Self | None:
        """Build it; None when there is nothing to say. In 2008-08-01 a Say has no child elements."""
        values = reader.attributes(cls, element, nested=nested)
        if reader.version is ApiVersion.V2008:
            text = reader.text(element)
            segments: tuple[Segment, ...] = (Segment(text),) if text else ()
            values.setdefault("language", "en")
        else:
            segments = read_speech(element, reader)
        if not segments:
            reader.warn(13520, "Say has no text; nothing is said", element)
            return None
        say = cls(segments=segments, **values)
        limit = text_limit(say.voice)
        if sum(len(segment.text) for segment in segments) <= limit:
            return say
        told = f'"{shorten(say.content(), 20)}" is longer than {limit} characters; the rest is left out'
        reader.warn(13521, told, element)
        return replace(say, segments=_cut(segments, limit))

    def content(self) -> str:
        """The text without its markup."""
        return plain(self.segments)

    def speech(self) -> Speech:
        """What is to be spoken; text without markup goes as it is."""
        plain = len(self.segments) == 1 and self.segments[0] == Segment(self.segments[0].text)
        return Speech(self.segments[0].text if plain else self.segments, self.voice, self.language)

    def sounds(self, session: Session) -> tuple[Sound, ...]:
        """The speech."""
        return (self.speech(),)

    async def run(self, session: Session) -> Next:
        """Speak."""
        await session.play(self.speech(), self.loop)
        return GoOn()


def _cut(segments: tuple[Segment, ...], limit: int) -> tuple[Segment, ...]:
    """Keep the first `limit` characters."""
    kept: list[Segment] = []
    for segment in segments:
        kept.append(replace(segment, text=segment.text[:limit]))
        limit -= len(segment.text)
        if limit <= 0:
            break
    return tuple(kept)
