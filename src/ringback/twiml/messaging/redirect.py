"""Redirect: go on with another document. 2008-08-01 clause 3.1, 2010-04-01 clause 3."""

from dataclasses import dataclass
from typing import ClassVar, Literal, Self

from lxml import etree

from ringback.twiml.attributes import attribute, http_method
from ringback.twiml.messaging.session import ReplySession
from ringback.twiml.messaging.verb import MessagingVerb
from ringback.twiml.reader import Reader
from ringback.twiml.verb import Next


@dataclass(frozen=True)
class Redirect(MessagingVerb):
    """Where the next document comes from; nothing below it is reached."""

    name: ClassVar[str] = "Redirect"

    url: str = ""
    """Empty: the present document again."""
    method: Literal["GET", "POST"] = attribute(http_method, "POST", code=13710)

    @classmethod
    def read(cls, element: etree._Element, reader: Reader) -> Self | None:
        """Build it from its attribute and its text."""
        return cls(url=reader.text(element), **reader.attributes(cls, element))

    def content(self) -> str:
        """The URL."""
        return self.url

    async def run(self, session: ReplySession) -> Next:
        """Go there."""
        return session.fetch(self.url, self.method)
