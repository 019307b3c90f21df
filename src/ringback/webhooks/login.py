"""Logging in to an application with the user and password of its URL: Basic (RFC 7617) and Digest (RFC 7616)."""

import base64
import re

import aiohttp
from multidict import CIMultiDictProxy

_BASIC = re.compile(r"(?:^|,)\s*basic(?:\s|,|$)", re.IGNORECASE)


class Login:
    """A login that holds for one origin and one call: nothing is sent before the first challenge, all from then on."""

    def __init__(self, user: str, password: str) -> None:
        self._credentials = base64.b64encode(f"{user}:{password}".encode()).decode("ascii")
        self._basic = False
        self.digest = aiohttp.DigestAuthMiddleware(user, password)
        """Answers Digest challenges by itself; what is left to this class are the others."""

    @property
    def headers(self) -> dict[str, str]:
        """What a request carries besides."""
        return {"Authorization": f"Basic {self._credentials}"} if self._basic else {}

    def challenged(self, headers: CIMultiDictProxy[str]) -> bool:
        """Take the headers of a 401 and tell whether another try may succeed."""
        if self._basic or not any(_BASIC.search(value) for value in headers.getall("WWW-Authenticate", [])):
            return False
        self._basic = True
        return True
