"""What the verbs for messages have in common."""

from dataclasses import dataclass
from typing import Any, ClassVar, Self

from lxml import etree

from ringback.model.status import ApiVersion
from ringback.twiml.attributes import attributes_of
from ringback.twiml.messaging.session import ReplySession
from ringback.twiml.reader import Reader
from ringback.twiml.verb import Next


@dataclass(frozen=True)
class MessagingVerb:
    """A verb with its attributes, as a document gives it."""

    name: ClassVar[str]
    """The name of its element."""
    since: ClassVar[ApiVersion] = ApiVersion.V2008
    """The version that introduced it."""

    @classmethod
    def read(cls, element: etree._Element, reader: Reader) -> Self | None:
        """Build the verb, with a warning for whatever is wrong; None when nothing is left to do."""
        raise NotImplementedError

    def given(self) -> dict[str, Any]:
        """The attributes that differ from their defaults, by their names in TwiML, for the timeline."""
        known = attributes_of(type(self)).items()
        values = ((name, getattr(self, field), attribute.default) for name, (field, attribute) in known)
        return {name: value for name, value, default in values if value != default}

    def content(self) -> str:
        """The text between its tags, for the timeline."""
        return ""

    async def run(self, session: ReplySession) -> Next:
        """Do it. Raises ApplicationError when it fails for good."""
        raise NotImplementedError
