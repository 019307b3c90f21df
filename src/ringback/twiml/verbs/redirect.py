"""Redirect: go on with another document. 2008-08-01 clause 2.8, 2010-04-01 clause 2.3."""

from dataclasses import dataclass
from typing import ClassVar, Literal, Self

from lxml import etree

from ringback.twiml.attributes import attribute, http_method
from ringback.twiml.reader import Reader
from ringback.twiml.session import Session
from ringback.twiml.verb import Next, Verb


@dataclass(frozen=True)
class Redirect(Verb):
    """Where the next document comes from; nothing below it is reached."""

    name: ClassVar[str] = "Redirect"

    url: str = ""
    """Empty: the present document again."""
    method: Literal["GET", "POST"] = attribute(http_method, "POST", code=13710)

    @classmethod
    def read(cls, element: etree._Element, reader: Reader, *, nested: bool = False) -> Self | None:
        """Build it from its attribute and its text."""
        return cls(url=reader.text(element), **reader.attributes(cls, element, nested=nested))

    def content(self) -> str:
        """The URL."""
        return self.url

    async def run(self, session: Session) -> Next:
        """Go there."""
        return session.fetch(self.url, self.method)
