"""Incoming numbers: taken from the pool, pointed at applications, given back."""

import re
from typing import Any, Final

from ringback.model.numbers import geography, normalise
from ringback.model.provisioning import AvailableNumberRecord
from ringback.model.records import IncomingNumber
from ringback.model.sids import NUMBER, make_sid
from ringback.model.status import ApiVersion
from ringback.rest.errors import refused
from ringback.rest.operations import Listed, Operation, Request
from ringback.rest.parameters import Parameter
from ringback.rest.resources.applications import API_VERSION, METHOD
from ringback.rest.resources.available import KINDS
from ringback.rest.resources.common import CAPABILITIES, FRIENDLY_NAME, fixed, formatted, none, own, webhook
from ringback.rest.shapes import (
    ACCOUNT_SID,
    BOOLEAN,
    CREATED,
    TEXT,
    UPDATED,
    URI,
    Field,
    Shape,
    nullable,
    sid,
    subresources,
    uri,
    words,
)
from ringback.rest.test_credentials import magic_number
from ringback.storage.errors import StorageError
from ringback.storage.records import Where

_PATH: Final = "IncomingPhoneNumbers/{0.sid}"
NUMBER_SHAPE: Final = Shape(
    "IncomingPhoneNumber",
    "IncomingPhoneNumbers",
    "incoming_phone_numbers",
    (
        Field("sid", sid("PN")),
        ACCOUNT_SID,
        Field("friendly_name", TEXT),
        Field("phone_number", TEXT),
        Field("voice_url", nullable(URI), lambda number: number.voice_url or None),
        Field("voice_method", METHOD),
        Field("voice_fallback_url", nullable(URI)),
        Field("voice_fallback_method", METHOD),
        Field("voice_caller_id_lookup", BOOLEAN),
        Field("voice_application_sid", nullable(sid("AP"))),
        Field("voice_receive_mode", words("voice", "fax"), fixed("voice")),
        CREATED,
        UPDATED,
        Field("sms_url", nullable(URI)),
        Field("sms_method", METHOD),
        Field("sms_fallback_url", nullable(URI)),
        Field("sms_fallback_method", METHOD),
        Field("sms_application_sid", nullable(sid("AP"))),
        Field("capabilities", CAPABILITIES, fixed({"voice": True, "sms": True, "mms": True, "fax": False})),
        Field("status_callback", nullable(URI)),
        Field("status_callback_method", METHOD),
        Field("api_version", TEXT),
        Field("beta", BOOLEAN, fixed(False)),
        Field("origin", TEXT, fixed("hosted")),
        Field("status", TEXT, fixed("in-use")),
        Field("type", nullable(TEXT), lambda number: "local"),
        Field("trunk_sid", nullable(sid("TK"))),
        Field("address_requirements", words("none", "any", "local", "foreign"), fixed("none")),
        Field("address_sid", nullable(sid("AD")), none),
        Field("identity_sid", nullable(sid("RI")), none),
        Field("bundle_sid", nullable(sid("BU")), none),
        Field("emergency_status", words("Active", "Inactive"), fixed("Inactive")),
        Field("emergency_address_sid", nullable(sid("AD")), none),
        Field("emergency_address_status", TEXT, fixed("unregistered")),
        uri(_PATH),
        subresources(_PATH, assigned_add_ons="AssignedAddOns"),
    ),
)
SETTINGS: Final = (
    FRIENDLY_NAME,
    API_VERSION,
    *webhook("VoiceUrl"),
    *webhook("VoiceFallbackUrl"),
    *webhook("StatusCallback"),
    Parameter("VoiceCallerIdLookup", "boolean", code=21409),
    Parameter("VoiceApplicationSid", "sid", code=21420, prefix="AP", empty=True),
    *webhook("SmsUrl"),
    *webhook("SmsFallbackUrl"),
    Parameter("SmsApplicationSid", "sid", code=21420, prefix="AP", empty=True),
    Parameter("TrunkSid", "sid", prefix="TK", empty=True),
    Parameter("VoiceReceiveMode", "word", words=("voice", "fax"), description="Accepted: there is no fax."),
    Parameter("AddressSid", "sid", prefix="AD", empty=True, description="Accepted, and without effect."),
    Parameter("IdentitySid", "sid", prefix="RI", empty=True, description="Accepted, and without effect."),
    Parameter("BundleSid", "sid", prefix="BU", empty=True, description="Accepted, and without effect."),
    Parameter("EmergencyStatus", "word", words=("Active", "Inactive"), description="Accepted, and without effect."),
    Parameter("EmergencyAddressSid", "sid", prefix="AD", empty=True, description="Accepted, and without effect."),
)
_KEPT: Final = frozenset(
    {
        "friendly_name", "api_version", "voice_url", "voice_method", "voice_fallback_url", "voice_fallback_method",
        "status_callback", "status_callback_method", "voice_caller_id_lookup", "voice_application_sid", "sms_url",
        "sms_method", "sms_fallback_url", "sms_fallback_method", "sms_application_sid", "trunk_sid",
    }
)  # fmt: skip
UPDATE: Final = (*SETTINGS, Parameter("AccountSid", "sid", code=20404, prefix="AC"))
CREATE: Final = (
    *SETTINGS,
    Parameter("PhoneNumber", code=21421, most=64),
    Parameter("AreaCode", code=21451, pattern="[0-9]{3}"),
)
FILTERS: Final = (
    Parameter("PhoneNumber", "text", most=64, pattern=r"[+0-9A-Za-z* ().\-]+"),
    Parameter("FriendlyName", most=64, filters="friendly_name"),
    Parameter("Beta", "boolean"),
    Parameter("Origin", "word", words=("twilio", "hosted")),
)


def pattern(text: str, region: str) -> Where:
    """The condition that a number is the one given, or has those digits in it where there is a `*` or too few."""
    text = text.strip()
    if "*" in text:
        return Where("phone_number", "like", text if text[0] in "+*" else f"*{text}")
    number = normalise(text, region)
    digits = re.sub(r"\D", "", text)
    if number.startswith("+") or not digits:
        return Where("phone_number", "=", number)
    return Where("phone_number", "like", f"*{digits}*")


async def listed(request: Request) -> Listed:
    """The numbers of the account."""
    return await _listed(request)


async def _listed(request: Request, *more: Where) -> Listed:
    wanted = request.get("phone_number")
    conditions = list(more)
    if wanted:
        conditions.append(pattern(wanted, request.services.settings.region))
    if request.get("beta") is True or request.get("origin") == "twilio":
        return Listed([], False, None, 0)
    return await request.listed(request.services.database.numbers, *conditions)


async def fetch(request: Request) -> IncomingNumber:
    """One number."""
    return await own(request, request.services.database.numbers, request.path["Sid"], NUMBER)


async def changes(request: Request) -> dict[str, Any]:
    """What a request changes. Raises RestError 21420 for an application that is not there."""
    found: dict[str, Any] = {}
    for name, value in request.values.items():
        if name in _KEPT:
            found[name] = value if value != "" else "POST" if name.endswith("_method") else None
    for name in ("voice_application_sid", "sms_application_sid"):
        if found.get(name):
            application = await request.services.database.applications.get(found[name])
            if application is None or application.account_sid != request.account.sid:
                raise refused(21420, f"There is no application {found[name]}")
    if "voice_url" in found:
        found["voice_url"] = found["voice_url"] or ""
    if found.get("api_version"):
        found["api_version"] = ApiVersion(found["api_version"])
    return found


async def update(request: Request) -> IncomingNumber:
    """Change a number, or give it to a subaccount or the parent."""
    number, values = await fetch(request), await changes(request)
    check_fallbacks(values, number)
    target = request.get("account_sid")
    if target and target != number.account_sid:
        other = await request.services.access.account(target)
        family = {request.account.sid, request.account.owner_account_sid}
        if other is None or not {other.sid, other.owner_account_sid} & (family - {None}):
            raise refused(20404, f"There is no account {target} to give it to")
        values["account_sid"] = target
    if values:
        await request.services.database.numbers.update(number.sid, **values, date_updated=request.now)
    changed = await request.services.database.numbers.get(number.sid)
    return changed or number


def check_fallbacks(values: dict[str, Any], number: IncomingNumber | None) -> None:
    """Raise RestError 21405 or 21406 where a fallback would have nothing to stand in for."""
    for name, code in (("voice", 21405), ("sms", 21406)):
        url = values.get(f"{name}_url", getattr(number, f"{name}_url") if number else None)
        if values.get(f"{name}_fallback_url") and not url and not values.get(f"{name}_application_sid"):
            raise refused(code)


async def delete(request: Request) -> None:
    """Give a number back: it is in the pool again."""
    number = await fetch(request)
    await request.services.database.numbers.remove(number.sid)
    if number.phone_number.startswith("+"):
        await request.services.database.available_numbers.offer([pooled(number.phone_number, request)])


def pooled(phone_number: str, request: Request) -> AvailableNumberRecord:
    """A number as the pool has it."""
    place = geography(phone_number)
    return AvailableNumberRecord(
        phone_number, place.country or request.services.settings.region, "local", request.now,
        locality=place.city or None, region=place.state or None,
    )  # fmt: skip


async def buy(request: Request) -> IncomingNumber:
    """Take a number from the operator's pool: the one that is named, or any of an area code."""
    return await take(request, None)


async def take(request: Request, kind: str | None, country: str | None = None) -> IncomingNumber:
    """Take a number of a kind from the pool. Raises RestError where there is none."""
    wanted, area = request.get("phone_number"), request.get("area_code")
    if request.account.is_test:
        return magic_number(request, wanted, area)
    database = request.services.database
    if wanted:
        candidates = [await _wanted(request, wanted)]
    else:
        if area is None and kind is None:
            raise refused(21421, "Say which number: PhoneNumber or AreaCode is required")
        conditions = [Where("phone_number", "like", f"+1{area}*")] if area else []
        conditions += [Where("kind", "=", kind)] if kind else []
        conditions += [Where("iso_country", "=", country)] if country else []
        candidates = [one.phone_number for one in await database.available_numbers.page(conditions)]
    values = await changes(request)
    check_fallbacks(values, None)
    for phone_number in candidates:
        number = _bought(request, phone_number, dict(values))
        try:
            if await database.numbers.buy(number):
                return number
        except StorageError as error:
            if error.unavailable:
                raise
    raise refused(21422 if wanted else 21452)


async def _wanted(request: Request, text: str) -> str:
    number = normalise(text, request.services.settings.region)
    if not re.fullmatch(r"\+[0-9]{7,15}", number):
        raise refused(21421, f"PhoneNumber '{text}' is not valid: it is a telephone number such as +14155550100")
    return number


def _bought(request: Request, phone_number: str, values: dict[str, Any]) -> IncomingNumber:
    values = {"voice_method": "POST", "voice_fallback_method": "POST", "status_callback_method": "POST", **values}
    values.setdefault("friendly_name", formatted(phone_number))
    return IncomingNumber(
        sid=make_sid(NUMBER, request.services.entropy(16)),
        account_sid=request.account.sid,
        phone_number=phone_number,
        voice_url=values.pop("voice_url", ""),
        voice_fallback_url=values.pop("voice_fallback_url", None),
        status_callback=values.pop("status_callback", None),
        api_version=values.pop("api_version", None) or request.version,
        date_created=request.now,
        **values,
    )


def _of_kind(kind: str) -> tuple[Any, Any]:
    async def listed_kind(request: Request) -> Listed:
        """The numbers of the account that are of that kind."""
        # Which kind a number is of is not known once it is somebody's: all of them are local then.
        if kind != "local":
            return Listed([], False, None, 0)
        return await _listed(request)

    async def buy_kind(request: Request) -> IncomingNumber:
        """Take a number of that kind from the pool."""
        return await take(request, kind)

    return listed_kind, buy_kind


_ROOT: Final = "/Accounts/{AccountSid}"
_OURS: Final = _ROOT + "/IncomingPhoneNumbers"
_SHAPE: Final = NUMBER_SHAPE


def _kind_operations() -> list[Operation]:
    found = []
    for path in ("Local", "Mobile", "TollFree"):
        listed_kind, buy_kind = _of_kind(KINDS[path])
        noun = f"IncomingPhoneNumber{path}"
        found.append(Operation("GET", f"{_OURS}/{path}", f"List{noun}", listed_kind, _SHAPE, FILTERS, listed=True))
        found.append(Operation("POST", f"{_OURS}/{path}", f"Create{noun}", buy_kind, _SHAPE, CREATE, 201))
    return found


OPERATIONS: Final = (
    Operation("GET", _OURS, "ListIncomingPhoneNumber", listed, _SHAPE, FILTERS, listed=True),
    Operation("POST", _OURS, "CreateIncomingPhoneNumber", buy, _SHAPE, CREATE, 201, test=True),
    Operation("GET", _OURS + "/{Sid}", "FetchIncomingPhoneNumber", fetch, _SHAPE),
    Operation("POST", _OURS + "/{Sid}", "UpdateIncomingPhoneNumber", update, _SHAPE, UPDATE),
    Operation("DELETE", _OURS + "/{Sid}", "DeleteIncomingPhoneNumber", delete, status=204),
    *_kind_operations(),
)
