"""Say: speak a text to the caller. 2008-08-01 clause 2.2, 2010-04-01 clause 2.1."""

from dataclasses import dataclass
from typing import ClassVar, Self

from lxml import etree

from ringback.model.status import ApiVersion
from ringback.twiml.attributes import attribute, integer
from ringback.twiml.reader import Reader, shorten
from ringback.twiml.session import Session
from ringback.twiml.sounds import Silence, Sound, Speech
from ringback.twiml.ssml import Piece, read_speech
from ringback.twiml.verb import GoOn, Next, Verb
from ringback.twiml.voices import language_of, parse_language, parse_voice, text_limit


@dataclass(frozen=True)
class Say(Verb):
    """A text, the voice and language to speak it in, and how often."""

    name: ClassVar[str] = "Say"
    drops_keys: ClassVar[bool] = True

    pieces: tuple[Piece, ...]
    """Texts, and between them the silences that SSML asks for."""
    voice: str = attribute(parse_voice, "man", code=13511, nested_code=13321)
    language: str = attribute(parse_language, "", code=13512)
    """Empty: that of the voice."""
    loop: int = attribute(integer(0), 1, code=13510, nested_code=13322)
    """0 is until the caller hangs up; in 2010-04-01, 1000 times."""

    @classmethod
    def read(cls, element: etree._Element, reader: Reader, *, nested: bool = False) -> Self | None:
        """Build it; None when there is nothing to say. In 2008-08-01 a Say has no child elements."""
        values = reader.attributes(cls, element, nested=nested)
        pieces = (reader.text(element),) if reader.version is ApiVersion.V2008 else read_speech(element, reader)
        if not any(pieces):
            reader.warn(13520, "Say has no text; nothing is said", element)
            return None
        say = cls(pieces=pieces, **values)
        limit = text_limit(say.voice)
        if len(say.content()) <= limit:
            return say
        told = f'"{shorten(say.content(), 20)}" is longer than {limit} characters; the rest is left out'
        reader.warn(13521, told, element)
        return cls(pieces=_cut(pieces, limit), **values)

    def content(self) -> str:
        """The text without its pauses."""
        return " ".join(piece for piece in self.pieces if isinstance(piece, str))

    def sounds(self, session: Session) -> tuple[Sound, ...]:
        """One speech a text, and the silences between them."""
        language = self.language or language_of(self.voice, session.version)
        return tuple(
            Speech(piece, self.voice, language) if isinstance(piece, str) else Silence(piece) for piece in self.pieces
        )

    async def run(self, session: Session) -> Next:
        """Speak."""
        await session.play(self.sounds(session), self.loop)
        return GoOn()


def _cut(pieces: tuple[Piece, ...], limit: int) -> tuple[Piece, ...]:
    """Keep the first `limit` characters."""
    kept: list[Piece] = []
    for piece in pieces:
        if limit <= 0:
            break
        if isinstance(piece, str):
            kept.append(piece[:limit])
            limit -= len(piece)
        else:
            kept.append(piece)
    return tuple(kept)
