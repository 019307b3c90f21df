"""Application: a call of its own that an application of this account conducts. 2010-04-01 clause 2.6."""

from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self
from urllib.parse import urlencode

from lxml import etree

from ringback.calls.dialing import Target
from ringback.model import sids
from ringback.model.status import ApiVersion
from ringback.twiml.attributes import BadValueError, attribute, boolean
from ringback.twiml.nouns.callee import V2010, Callee
from ringback.twiml.nouns.parameters import Parameters, named
from ringback.twiml.reader import Reader, shorten
from ringback.twiml.session import Session

MAX_CUSTOMER = 256
TOLD = "X-Ringback-Told"
"""The header with what the application is told besides, as a query."""


def _customer(text: str, _version: ApiVersion) -> str:
    if not 0 < len(text) <= MAX_CUSTOMER:
        raise BadValueError(f"has 1 to {MAX_CUSTOMER} characters")
    return text


@dataclass(frozen=True)
class Application(Callee):
    """The sid of an application: its VoiceUrl answers, and the two calls are connected."""

    name: ClassVar[str] = "Application"

    parameters: Parameters = ()
    """What its VoiceUrl is told besides."""
    customer_id: str = attribute(_customer, "", since=V2010)
    copy_parent_to: bool = attribute(boolean, False, since=V2010)
    """Its VoiceUrl is told whom the caller has called, not its own sid."""

    @classmethod
    def read(cls, element: etree._Element, reader: Reader, values: dict[str, Any]) -> Self | None:
        """Build it from its attributes' `values`, and its text or its children; None where it has no sid."""
        sid, parameters = named(element, reader, cls.name, "ApplicationSid")
        if not sids.is_sid(sid, sids.APPLICATION):
            reader.warn(13223, f"Application has no sid of an application, but {shorten(sid) or 'nothing'}", element)
            return None
        return cls(to=f"app:{sid}", parameters=parameters, **values)

    def target(self, session: Session) -> Target:
        """Whom to call."""
        told = dict(self.parameters)
        if self.customer_id:
            told["CustomerId"] = self.customer_id
        if self.copy_parent_to:
            told["To"] = session.call.info.to
        return replace(super().target(session), headers=((TOLD, urlencode(told)),) if told else ())
