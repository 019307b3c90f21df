"""Number: a telephone number to call. 2008-08-01 clause 2.6, 2010-04-01 clause 2.6."""

import re
from dataclasses import dataclass, replace
from typing import ClassVar

from ringback.calls.dialing import Target
from ringback.model.status import ApiVersion
from ringback.twiml.attributes import BadValueError, attribute
from ringback.twiml.nouns.detecting import DetectingCallee
from ringback.twiml.session import Session

MAX_SEND = 1000


def read_keys(text: str, _version: ApiVersion) -> str:
    """Keys to press after the answer, and pauses between them."""
    if not re.fullmatch(rf"[0-9A-D#*wW]{{0,{MAX_SEND}}}", text):
        raise BadValueError("takes 0-9 A-D # *, w for half a second and W for a second")
    return text


@dataclass(frozen=True)
class Number(DetectingCallee):
    """A number, and keys to press when it has answered."""

    name: ClassVar[str] = "Number"

    send_digits: str = attribute(read_keys, "", code=13222)

    def target(self, session: Session) -> Target:
        """Whom to call."""
        return replace(super().target(session), send_keys=self.send_digits)
