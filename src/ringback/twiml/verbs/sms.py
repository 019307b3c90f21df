"""Sms: send a text message during a call. 2008-08-01 clause 2.7, 2010-04-01 clause 2.11."""

from dataclasses import dataclass
from typing import ClassVar, Literal, Self

from lxml import etree

from ringback.model.errors import ApplicationError
from ringback.model.numbers import normalise
from ringback.model.status import ApiVersion, Direction
from ringback.twiml.attributes import BadValueError, attribute, free_text, http_method
from ringback.twiml.reader import Reader
from ringback.twiml.services import OutgoingSms, SentSms
from ringback.twiml.session import Session
from ringback.twiml.verb import GoOn, Next, Verb

MAX_2008 = 160
MAX_BODY = 1600


def _number(text: str, _version: ApiVersion) -> str:
    number = normalise(text)
    if not number.lstrip("+").isdigit():
        raise BadValueError("takes a telephone number")
    return number


@dataclass(frozen=True)
class Sms(Verb):
    """A text, from whom to whom, and whom to tell."""

    name: ClassVar[str] = "Sms"

    body: str = ""
    to: str = attribute(_number, "", code=14101)
    """Empty: who is on the phone."""
    from_: str = attribute(_number, "", code=14102)
    """Empty: the number of ours that the call is with."""
    action: str = attribute(free_text, "")
    method: Literal["GET", "POST"] = attribute(http_method, "POST", code=14104)
    status_callback: str = attribute(free_text, "", code=14105)

    @classmethod
    def read(cls, element: etree._Element, reader: Reader, *, nested: bool = False) -> Self | None:
        """Build it with its text."""
        sms = cls(body=reader.text(element), **reader.attributes(cls, element, nested=nested))
        limit = MAX_2008 if reader.version is ApiVersion.V2008 else MAX_BODY
        if not sms.body or len(sms.body) > limit:
            reader.warn(14103, f"Sms takes a text of 1 to {limit} characters, not of {len(sms.body)}", element)
        return sms

    def content(self) -> str:
        """The text."""
        return self.body

    async def run(self, session: Session) -> Next:
        """Send it."""
        sent = await self._send(session)
        if not self.action:
            return GoOn(sent.status)
        return session.fetch(self.action, self.method, {"SmsSid": sent.sid, "SmsStatus": sent.status})

    async def _send(self, session: Session) -> SentSms:
        info = session.call.info
        limit = MAX_2008 if session.version is ApiVersion.V2008 else MAX_BODY
        if not 0 < len(self.body) <= limit:
            return SentSms("", "invalid")
        theirs, ours = (info.from_, info.to) if info.direction is Direction.INBOUND else (info.to, info.from_)
        callback = session.resolve(self.status_callback) if self.status_callback else ""
        sms = OutgoingSms(self.to or theirs, self.from_ or ours, self.body, callback)
        try:
            return await session.services.send_sms(session.call, sms)
        except ApplicationError as error:
            session.warn(error.code, error.message)
            return SentSms("", "invalid")
