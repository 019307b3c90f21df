"""Pages of lists: which one is asked for, and what is told about it and its neighbours."""

import base64
import binascii
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import quote, urlencode

from ringback.rest.errors import refused
from ringback.rest.operations import Listed, Request
from ringback.storage.records import Page

DEFAULT_SIZE: Final = 50
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def token(last: tuple[datetime, str] | None, offset: int) -> str:
    """Write where a page begins: behind the row with that time and key, or after so many rows."""
    plain = f"{(last[0] - _EPOCH) // _MICROSECOND}.{last[1]}" if last else f"@{offset}"
    return "PA" + base64.urlsafe_b64encode(plain.encode()).decode().rstrip("=")


def untoken(text: str) -> tuple[tuple[datetime, str] | None, int]:
    """Read what `token` wrote. Raises RestError 21481 for anything else."""
    try:
        if not text.startswith("PA"):
            raise ValueError
        plain = base64.b64decode(text[2:] + "=" * (-len(text[2:]) % 4), altchars=b"-_", validate=True).decode("ascii")
        if plain.startswith("@"):
            offset = int(plain[1:])
            if not 0 <= offset < 2**31:
                raise ValueError
            return None, offset
        moment, _, key = plain.partition(".")
        if not key.isalnum():
            raise ValueError
        return (_EPOCH + timedelta(microseconds=int(moment)), key), 0
    except (ValueError, OverflowError, binascii.Error) as error:
        raise refused(21481, "PageToken is not valid: take the whole next_page_uri of the page before") from error


def page_of(values: dict[str, Any]) -> tuple[Page, int]:
    """Return which rows a request wants, and the number of that page. Raises RestError."""
    size = int(values.pop("page_size", DEFAULT_SIZE))
    number = int(values.pop("page", 0))
    text = values.pop("page_token", None)
    if text is None:
        return Page(size, offset=number * size), number
    after, offset = untoken(text)
    return Page(size, offset=offset, after=after), number


def _query(pairs: Sequence[tuple[str, str]]) -> str:
    return urlencode(pairs, quote_via=quote) if pairs else ""


def uris_2010(request: Request, path: str, listed: Listed) -> dict[str, Any]:
    """What a page of 2010-04-01 tells besides its resources. The paths have no suffix yet: `{path}?…`."""
    size, number = request.page.limit, request.number
    filters = [pair for pair in request.pairs if pair[0] not in ("Page", "PageToken", "PageSize")]

    def uri(*pairs: tuple[str, str]) -> tuple[str, str]:
        return path, _query([*filters, ("PageSize", str(size)), *pairs])

    start = number * size
    following = token(listed.last, request.page.offset + size)
    return {
        "first_page_uri": uri(("Page", "0")),
        "next_page_uri": uri(("Page", str(number + 1)), ("PageToken", following)) if listed.more else None,
        "previous_page_uri": uri(("Page", str(number - 1))) if number > 0 else None,
        "uri": (path, _query(request.pairs)) if request.pairs else uri(("Page", str(number))),
        "page": number,
        "page_size": size,
        "start": start,
        "end": max(start, start + len(listed.items) - 1) if listed.items else start,
    }


def attributes_2008(request: Request, path: str, listed: Listed) -> dict[str, str]:
    """What a page of 2008-08-01 tells besides its resources (clause 4.3)."""
    size, number = request.page.limit, request.number
    total = listed.total or 0
    pages = -(-total // size)
    filters = [pair for pair in request.pairs if pair[0] not in ("page", "num")]

    def uri(page: int) -> str:
        return f"{path}?{_query([*filters, ('num', str(size)), ('page', str(page))])}"

    start = number * size
    return {
        "page": str(number),
        "numpages": str(pages),
        "pagesize": str(size),
        "total": str(total),
        "start": str(start),
        "end": str(max(start, start + len(listed.items) - 1)),
        "uri": uri(number),
        "firstpageuri": uri(0),
        "nextpageuri": uri(number + 1) if listed.more else "",
        "previouspageuri": uri(number - 1) if number > 0 else "",
        "lastpageuri": uri(max(0, pages - 1)),
    }
