"""Short codes: those of the account's numbers that have five or six digits, as carriers give them for messages.

A short code is an incoming number like any other (clause 9.7). Here it is seen as a resource of its own, with the sid
of that number but for the prefix: `SC…` for `PN…`.
"""

import re
from dataclasses import replace
from typing import Final

from ringback.model.records import IncomingNumber
from ringback.model.sids import NUMBER
from ringback.model.status import ApiVersion
from ringback.rest.errors import not_found
from ringback.rest.operations import Listed, Operation, Request
from ringback.rest.parameters import Parameter
from ringback.rest.resources import numbers
from ringback.rest.resources.applications import API_VERSION, METHOD
from ringback.rest.resources.common import FRIENDLY_NAME, own, webhook
from ringback.rest.shapes import ACCOUNT_SID, CREATED, TEXT, UPDATED, URI, Field, Shape, nullable, sid, uri
from ringback.storage.records import Page, Where

PREFIX: Final = "SC"
_CODE: Final = re.compile("[0-9]{5,6}")
_MOST: Final = 10_000
"""Numbers that are looked through."""

SHORT_CODE: Final = Shape(
    "ShortCode",
    "ShortCodes",
    "short_codes",
    (
        ACCOUNT_SID,
        Field("api_version", TEXT),
        CREATED,
        UPDATED,
        Field("friendly_name", TEXT),
        Field("short_code", TEXT, lambda number: number.phone_number),
        Field("sid", sid(PREFIX)),
        Field("sms_fallback_method", METHOD),
        Field("sms_fallback_url", nullable(URI)),
        Field("sms_method", METHOD),
        Field("sms_url", nullable(URI)),
        uri("SMS/ShortCodes/{0.sid}"),
    ),
)
SETTINGS: Final = (FRIENDLY_NAME, API_VERSION, *webhook("SmsUrl"), *webhook("SmsFallbackUrl"))
FILTERS: Final = (
    Parameter("FriendlyName", most=64, filters="friendly_name"),
    Parameter("ShortCode", most=64, pattern="[0-9*]+", description="Digits; `*` stands for any."),
)


def _seen(number: IncomingNumber) -> IncomingNumber:
    """A number as a short code."""
    return replace(number, sid=PREFIX + number.sid.removeprefix(NUMBER))


async def listed(request: Request) -> Listed:
    """The short codes of the account."""
    # In every order of characters + comes before the digits, so this leaves the telephone numbers out.
    wanted = [request.mine(), *request.filters, Where("phone_number", ">=", "0")]
    if request.get("short_code"):
        wanted.append(Where("phone_number", "like", request.values["short_code"]))
    page = Page(_MOST, by_update=request.version is ApiVersion.V2008)
    found = await request.services.database.numbers.page(wanted, page)
    return request.slice([_seen(number) for number in found if _CODE.fullmatch(number.phone_number)])


async def _number(request: Request) -> IncomingNumber:
    name = request.path["Sid"]
    key = NUMBER + name.removeprefix(PREFIX) if name.startswith(PREFIX) else ""
    number = await own(request, request.services.database.numbers, key, NUMBER)
    if not _CODE.fullmatch(number.phone_number):
        raise not_found(name)
    return number


async def fetch(request: Request) -> IncomingNumber:
    """One short code."""
    return _seen(await _number(request))


async def update(request: Request) -> IncomingNumber:
    """Point a short code elsewhere."""
    number, values = await _number(request), await numbers.changes(request)
    numbers.check_fallbacks(values, number)
    if values:
        await request.services.database.numbers.update(number.sid, **values, date_updated=request.now)
    return await fetch(request)


_PATH: Final = "/Accounts/{AccountSid}/SMS/ShortCodes"


def operations(shape: Shape) -> tuple[Operation, ...]:
    """The operations, answering in the shape that a version of the API has for them."""
    return (
        Operation("GET", _PATH, "ListShortCode", listed, shape, FILTERS, listed=True),
        Operation("GET", _PATH + "/{Sid}", "FetchShortCode", fetch, shape),
        Operation("POST", _PATH + "/{Sid}", "UpdateShortCode", update, shape, SETTINGS),
    )


OPERATIONS: Final = operations(SHORT_CODE)
