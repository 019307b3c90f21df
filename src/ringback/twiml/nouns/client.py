"""Client: a phone that has registered under a name. 2010-04-01 clause 2.6."""

import re
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

from lxml import etree

from ringback.calls.dialing import Target
from ringback.twiml.nouns.callee import Callee
from ringback.twiml.reader import Reader, name_of, shorten
from ringback.twiml.session import Session

MAX_IDENTITY = 256
MAX_PARAMETERS = 1024
"""Characters of all parameters together, names and values."""
_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")


@dataclass(frozen=True)
class Client(Callee):
    """The name of a phone; every phone that has registered under it rings."""

    name: ClassVar[str] = "Client"

    parameters: tuple[tuple[str, str], ...] = ()
    """What the phone is told besides, each as a header of the SIP call: `X-` and its name."""

    @classmethod
    def read(cls, element: etree._Element, reader: Reader, values: dict[str, Any]) -> Self | None:
        """Build it from its attributes' `values`, and its text or its children; None where it has no name."""
        text = element.text or ""
        parameters: list[tuple[str, str]] = []
        for child in reader.children(element, text_allowed=True):
            if name_of(child) == "Identity":
                text = reader.text(child)
            elif name_of(child) == "Parameter":
                parameter = child.get("name", ""), " ".join(child.get("value", "").split())
                told = sum(len(name) + len(value) for name, value in (*parameters, parameter))
                if _NAME.fullmatch(parameter[0]) and parameter[1].isprintable() and told <= MAX_PARAMETERS:
                    parameters.append(parameter)
                else:
                    reader.warn(
                        12200,
                        f"Parameter {shorten(parameter[0])} is left out: names have letters, digits, . _ and -, and"
                        f" all parameters {MAX_PARAMETERS} characters together",
                        child,
                    )
            else:
                reader.warn(12200, f"{shorten(name_of(child))} may not stand inside Client; it is ignored", child)
        identity = " ".join(text.split())
        if not identity:
            reader.warn(13223, "Client has no name", element)
            return None
        return cls(to=f"client:{identity}", parameters=tuple(parameters), **values)

    def target(self, session: Session) -> Target:
        """Whom to call."""
        headers = tuple((f"X-{name}", value) for name, value in self.parameters)
        return replace(super().target(session), headers=headers)
