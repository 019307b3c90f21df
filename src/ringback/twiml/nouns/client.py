"""Client: a phone that has registered under a name. 2010-04-01 clause 2.6."""

from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

from lxml import etree

from ringback.calls.dialing import Target
from ringback.twiml.nouns.callee import Callee
from ringback.twiml.nouns.parameters import Parameters, headers, named
from ringback.twiml.reader import Reader
from ringback.twiml.session import Session

MAX_IDENTITY = 256


@dataclass(frozen=True)
class Client(Callee):
    """The name of a phone; every phone that has registered under it rings."""

    name: ClassVar[str] = "Client"

    parameters: Parameters = ()
    """What the phone is told besides, each as a header of the SIP call: `X-` and its name."""

    @classmethod
    def read(cls, element: etree._Element, reader: Reader, values: dict[str, Any]) -> Self | None:
        """Build it from its attributes' `values`, and its text or its children; None where it has no name."""
        identity, parameters = named(element, reader, cls.name, "Identity")
        if not identity:
            reader.warn(13223, "Client has no name", element)
            return None
        return cls(to=f"client:{identity}", parameters=parameters, **values)

    def target(self, session: Session) -> Target:
        """Whom to call."""
        return replace(super().target(session), headers=headers(self.parameters))
