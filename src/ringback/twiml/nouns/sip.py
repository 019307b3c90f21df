"""Sip: a SIP address to call. 2010-04-01 clause 2.6."""

import re
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, Self
from urllib.parse import unquote_plus

from lxml import etree

from ringback.calls.dialing import Target
from ringback.model.status import ApiVersion
from ringback.twiml.attributes import BadValueError, attribute, http_method
from ringback.twiml.nouns.detecting import DetectingCallee
from ringback.twiml.nouns.number import read_keys
from ringback.twiml.reader import Reader, shorten
from ringback.twiml.session import Session

MAX_URI = 255
MAX_HEADERS = 1024
MAX_LOGIN = 256
"""Characters of a user name or a password."""
_HEADERS = ("user-to-user", "remote-party-id", "p-preferred-identity", "p-called-party-id")
"""Headers that a URI may give besides those that begin with X-."""
_TOKEN = re.compile(r"[A-Za-z0-9.!%*_+`'~-]+")
"""RFC 3261 §25.1."""


def _login(text: str, _version: ApiVersion) -> str:
    if len(text) > MAX_LOGIN:
        raise BadValueError(f"takes up to {MAX_LOGIN} characters")
    return text


@dataclass(frozen=True)
class Sip(DetectingCallee):
    """A SIP URI, with headers behind its `?`, and what to answer a challenge with."""

    name: ClassVar[str] = "Sip"

    method: Literal["GET", "POST"] = attribute(http_method, "POST", code=13241, since=ApiVersion.V2010)
    username: str = attribute(_login, "", code=13249, since=ApiVersion.V2010)
    password: str = attribute(_login, "", code=13249, since=ApiVersion.V2010)
    send_digits: str = attribute(read_keys, "", code=13242, since=ApiVersion.V2010)

    @classmethod
    def read(cls, text: str, element: etree._Element, reader: Reader, values: dict[str, Any]) -> Self | None:
        """Build it from its text and its attributes' `values`; None where the text is no SIP address."""
        if not text.lower().startswith(("sip:", "sips:")) or len(text.partition("?")[0]) > MAX_URI:
            reader.warn(13243, f"{shorten(text) or 'nothing'} is no SIP address; it is ignored", element)
            return None
        sip = cls(to=text, **values)
        if bool(sip.username) != bool(sip.password):
            there, missing = ("password", "user name") if sip.password else ("user name", "password")
            reader.warn(13244, f"Sip has a {there} and no {missing}: the other side may refuse the call", element)
        return sip

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
        return replace(
            target,
            to=uri,
            send_keys=self.send_digits,
            username=self.username,
            password=self.password,
            headers=tuple(headers),
        )
