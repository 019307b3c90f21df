"""Sip: a SIP address to call. 2010-04-01 clause 2.6."""

import re
from dataclasses import dataclass, replace
from typing import ClassVar, Literal
from urllib.parse import unquote_plus

from ringback.calls.dialing import Target
from ringback.model.status import ApiVersion
from ringback.twiml.attributes import attribute, free_text, http_method
from ringback.twiml.nouns.detecting import DetectingCallee
from ringback.twiml.session import Session

MAX_URI = 255
MAX_HEADERS = 1024
_HEADERS = ("user-to-user", "remote-party-id", "p-preferred-identity", "p-called-party-id")
"""Headers that a URI may give besides those that begin with X-."""
_TOKEN = re.compile(r"[A-Za-z0-9.!%*_+`'~-]+")
"""RFC 3261 §25.1."""


@dataclass(frozen=True)
class Sip(DetectingCallee):
    """A SIP URI, with headers behind its `?`, and what to answer a challenge with."""

    name: ClassVar[str] = "Sip"

    method: Literal["GET", "POST"] = attribute(http_method, "POST", code=13241, since=ApiVersion.V2010)
    username: str = attribute(free_text, "", since=ApiVersion.V2010)
    password: str = attribute(free_text, "", since=ApiVersion.V2010)

    def target(self, session: Session) -> Target:
        """Whom to call."""
        uri, _, query = self.to.partition("?")
        headers = []
        for pair in query[:MAX_HEADERS].split("&") if query else ():
            name, _, value = (unquote_plus(part) for part in pair.partition("="))
            allowed = name.lower().startswith("x-") or name.lower() in _HEADERS
            value = " ".join(value.split())
            if allowed and _TOKEN.fullmatch(name) and value.isprintable():
                headers.append((name, value))
            else:
                session.warn(13255, f"the header {name[:40]} may not be given to a SIP address; it is left out")
        target = super().target(session)
        return replace(target, to=uri, username=self.username, password=self.password, headers=tuple(headers))
