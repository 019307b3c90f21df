"""Message and Sms: answer with a message. 2008-08-01 clauses 2.7 and 3.1, 2010-04-01 clause 3."""

from dataclasses import dataclass
from typing import ClassVar, Literal, Self

from lxml import etree

from ringback.model.status import ApiVersion
from ringback.twiml.attributes import attribute, free_text, http_method
from ringback.twiml.messaging.session import ReplySession
from ringback.twiml.messaging.verb import MessagingVerb
from ringback.twiml.reader import Reader, name_of, shorten
from ringback.twiml.verb import GoOn, Next

MAX_MEDIA = 10


@dataclass(frozen=True)
class Sms(MessagingVerb):
    """A text to the sender, or to whom it says. The old name; an alias of Message since 2010-04-01."""

    name: ClassVar[str] = "Sms"

    body: str = ""
    media: tuple[str, ...] = ()
    to: str = attribute(free_text, "", code=14101)
    """Empty: whoever sent the message that is answered."""
    from_: str = attribute(free_text, "", code=14102)
    """Empty: the number that got it."""
    action: str = attribute(free_text, "")
    """Where the next document comes from; empty: the verb below comes next."""
    method: Literal["GET", "POST"] = attribute(http_method, "POST", code=14104)
    status_callback: str = attribute(free_text, "", code=14105)

    @classmethod
    def read(cls, element: etree._Element, reader: Reader) -> Self | None:
        """Build it from its text, or in 2010-04-01 from Body and Media."""
        values = reader.attributes(cls, element)
        body, media = _content(element, reader)
        if not body and not media:
            reader.warn(14103, f"{cls.name} has neither text nor media; nothing is sent", element)
            return None
        return cls(body=body, media=media, **values)

    def content(self) -> str:
        """The text."""
        return self.body

    async def run(self, session: ReplySession) -> Next:
        """Send it, and ask the action if there is one."""
        sent = await session.send(
            self.body, to=self.to, from_=self.from_, media=self.media, status_callback=self.status_callback
        )
        if not self.action:
            return GoOn(f"{sent.sid or 'nothing'} {sent.status}")
        # "sending" is the word of 2008-08-01 for a message that is queued.
        status = "sending" if session.version is ApiVersion.V2008 and sent.sid else sent.status
        parameters = {"SmsSid": sent.sid, "SmsStatus": status}
        if session.version is not ApiVersion.V2008:
            parameters |= {"MessageSid": sent.sid, "MessageStatus": status}
        return session.fetch(self.action, self.method, parameters)


@dataclass(frozen=True)
class Message(Sms):
    """A text with media."""

    name: ClassVar[str] = "Message"
    since: ClassVar[ApiVersion] = ApiVersion.V2010


def _content(element: etree._Element, reader: Reader) -> tuple[str, tuple[str, ...]]:
    """Read the text and the media of an element. Lines of a message stay lines."""
    texts = [element.text or ""]
    bodies: list[str] = []
    media: list[str] = []
    for child in reader.children(element, text_allowed=True):
        name = name_of(child)
        if reader.version is ApiVersion.V2008 or name not in ("Body", "Media"):
            told = f"{shorten(name)} may not stand inside {name_of(element)}; it is ignored"
            reader.warn(12200, told, child)
        elif name == "Body":
            bodies.append(_inner(child, reader))
        elif len(media) == MAX_MEDIA:
            reader.warn(12200, f"a message has {MAX_MEDIA} media files at most; the others are left out", child)
        elif url := _inner(child, reader):
            media.append(url)
        texts.append(child.tail or "")
    # The text around Body is that of the indentation, mostly; where it is more, it counts as well.
    return "".join([_trimmed("".join(texts)), *bodies]), tuple(media)


def _inner(element: etree._Element, reader: Reader) -> str:
    for name in element.attrib:
        reader.warn(12200, f"{name_of(element)} has no attribute {shorten(str(name))}; it is ignored", element)
    text = [element.text or ""]
    for child in reader.children(element, text_allowed=True):
        reader.warn(12200, f"{shorten(name_of(child))} may not stand inside {name_of(element)}; it is ignored", child)
        text.append(child.tail or "")
    return _trimmed("".join(text))


def _trimmed(text: str) -> str:
    """Take the blanks of an indentation away, and keep the lines of the text."""
    return "\n".join(line.strip() for line in text.strip().splitlines())
