"""The rules of the cache: hishel's state machine of RFC 9111, told what it needs to know in the form that it reads.

It decides what may be kept, what may serve, what must be validated, and what a validation means. How old an answer is,
it is told: `ringback.webhooks.freshness` counts all that the RFC counts, and takes its clock as an argument.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence

import hishel
from multidict import CIMultiDict, CIMultiDictProxy, MultiMapping

from ringback.webhooks.cache_store import Stored
from ringback.webhooks.exchange import Reply, Request
from ringback.webhooks.freshness import Moment, age, directives, lifetime

# Shared by all calls of an account: what is private is for one caller.
OPTIONS = hishel.CacheOptions(shared=True, supported_methods=["GET"], allow_stale=False)

_CONNECTION = frozenset(
    {"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "proxy-connection"}
    | {"proxy-authenticate", "proxy-authentication-info", "proxy-authorization"}
)
"""Fields of a connection, not of an answer (RFC 9111 clause 3.1)."""
_OF_THE_BODY = frozenset({"content-encoding", "content-type", "content-length", "content-range"})
"""Fields that say how a body is to be read; a 304 has none (RFC 9111 clause 3.2)."""


def key(request: Request) -> str:
    """Name what a request asks for: answers are used again for the same URL of the same account only.

    Each request is signed with the Auth Token of its account, and an application may answer one customer otherwise
    than another.
    """
    return hashlib.sha256(f"{request.account}\0{request.url}".encode("utf-8", "surrogatepass")).hexdigest()


def look_up(request: Request, stored: Iterable[Stored], now: float) -> hishel.AnyState:
    """Tell whether a kept answer serves (FromCache), may serve once it is validated, or there is none (CacheMiss)."""
    matching = sorted((one for one in stored if matches(one, request)), key=lambda one: -one.moment.came)
    entries = [
        hishel.Entry(one.id, hishel.Request("GET", request.url), hishel.Response(one.status, _as_aged(one, now)))
        for one in matching
    ]
    return hishel.IdleClient(options=OPTIONS).next(_request(request), entries)


def miss(request: Request) -> hishel.CacheMiss:
    """The state in which there is nothing to serve."""
    return hishel.CacheMiss(request=_request(request), options=OPTIONS)


def _as_aged(entry: Stored, now: float) -> hishel.Headers:
    left = (lifetime(entry.headers, entry.moment) or 0) - age(entry.headers, entry.moment, now)
    validators = {name: entry.headers[name] for name in ("ETag", "Last-Modified") if name in entry.headers}
    must_ask = "no-cache" in (said := directives(entry.headers)) and said["no-cache"] is None
    # Without a Date, hishel takes the answer for one of this moment.
    return hishel.Headers(validators | {"Cache-Control": "no-cache" if must_ask else f"max-age={max(0, int(left))}"})


def conditions(asked: hishel.Request) -> dict[str, str]:
    """Return the header fields that make a request of the state machine a conditional one."""
    names = ("If-None-Match", "If-Modified-Since")
    return {name: asked.headers[name] for name in names if name in asked.headers}


def response(reply: Reply, moment: Moment) -> hishel.Response:
    """Return an answer in the form of the state machine."""
    headers: dict[str, str | list[str]] = {
        name: reply.headers.getall(name) for name in _lasting(reply.headers) if name != "cache-control"
    }
    said = directives(reply.headers)
    words = [name for name in ("public", "must-revalidate", "no-store") if name in said]
    words += [name for name in ("private", "no-cache") if name in said and said[name] is None]
    words += [f'{name}="{value}"' for name in ("private", "no-cache") if (value := said.get(name)) is not None]
    fresh = lifetime(reply.headers, moment)
    if fresh is not None:
        # One number for all the ways to say it; s-maxage also allows to keep an answer to one who has logged in.
        words.append(f"{'s-maxage' if 's-maxage' in said else 'max-age'}={int(fresh)}")
    return hishel.Response(reply.status, hishel.Headers(headers | {"cache-control": ", ".join(words)}))


def worth_keeping(reply: Reply, moment: Moment) -> bool:
    """Tell whether an answer that may be kept is of use later, and harms nobody.

    Challenges are not kept: whoever logs in would get them again. Nor are cookies: they are a caller's own.
    """
    headers = reply.headers
    if reply.status in (401, 407) or "Set-Cookie" in headers or "*" in _names(headers.getall("Vary", [])):
        return False
    if lifetime(headers, moment) or "ETag" in headers or "Last-Modified" in headers:
        return True
    # Only those who wait for it now will have it: a hundred callers, one fetch.
    return headers.get("Content-Type", "").lower().startswith("audio/") and lifetime(headers, moment) is None


def may_share(headers: MultiMapping[str], moment: Moment) -> bool:
    """Tell whether an answer is also one for those who asked while it was on its way (RFC 9111 clause 4)."""
    return "no-cache" not in directives(headers) and lifetime(headers, moment) != 0


def kept_headers(reply: Reply, cleaned: hishel.Headers) -> CIMultiDictProxy[str]:
    """Return the header fields of an answer as they are kept: those that the state machine lets through."""
    kept: CIMultiDict[str] = CIMultiDict()
    for name, value in reply.headers.items():
        if name.lower() in cleaned:
            kept.add(name, value)
    return CIMultiDictProxy(kept)


def refreshed(stored: CIMultiDictProxy[str], validation: CIMultiDictProxy[str]) -> CIMultiDictProxy[str]:
    """Return kept header fields with those of a 304 in their place (RFC 9111 clause 3.2)."""
    fresh: CIMultiDict[str] = CIMultiDict(stored)
    # These belong to one answer; from now on the validation's own count.
    fresh.popall("Age", None)
    fresh.popall("Date", None)
    for name in _lasting(validation):
        if name not in _OF_THE_BODY and name != "set-cookie":
            fresh.popall(name, None)
            fresh.extend((name, value) for value in validation.getall(name))
    return CIMultiDictProxy(fresh)


def varies(request: Request, headers: MultiMapping[str]) -> Mapping[str, str]:
    """Return, for each header field that an answer's Vary names, a fingerprint of what it was in the request."""
    return {name: _fingerprint(request, name) for name in _names(headers.getall("Vary", []))}


def matches(entry: Stored, request: Request) -> bool:
    """Tell whether a kept answer was selected by the same header fields (RFC 9111 clause 4.1)."""
    return all(_fingerprint(request, name) == value for name, value in entry.varies.items())


def _fingerprint(request: Request, name: str) -> str:
    value = next((value for header, value in request.headers.items() if header.lower() == name), None)
    if value is None:
        return ""
    normal = re.sub(r"\s*,\s*", ",", " ".join(value.split()))
    return hashlib.sha256(normal.encode("utf-8", "surrogateescape")).hexdigest()[:32]


def _request(request: Request) -> hishel.Request:
    # aiohttp answers a Digest challenge underneath: with a login, an answer may be one to somebody who logged in.
    login = {"Authorization": "login"} if request.digest or "Authorization" in request.headers else {}
    return hishel.Request("GET", request.url, hishel.Headers(login))


def _lasting(headers: MultiMapping[str]) -> Sequence[str]:
    """The names of fields that are about the answer, in lower case."""
    unwanted = _CONNECTION | set(_names(headers.getall("Connection", [])))
    return [name for name in dict.fromkeys(name.lower() for name in headers) if name not in unwanted]


def _names(values: Iterable[str]) -> list[str]:
    names = (name.strip().lower() for value in values for name in value.split(","))
    return list(dict.fromkeys(name for name in names if name))
