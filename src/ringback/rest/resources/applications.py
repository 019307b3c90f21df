"""Applications: URLs that numbers, calls and messages are pointed at by one sid."""

from typing import Any, Final

from ringback.model.provisioning import ApplicationRecord
from ringback.model.sids import APPLICATION, make_sid
from ringback.model.status import ApiVersion
from ringback.rest.errors import refused
from ringback.rest.operations import Listed, Operation, Request
from ringback.rest.parameters import Parameter
from ringback.rest.resources.common import FRIENDLY_NAME, own, webhook
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
    uri,
    words,
)

METHOD: Final = words("GET", "POST")

APPLICATION_SHAPE: Final = Shape(
    "Application",
    "Applications",
    "applications",
    (
        Field("sid", sid("AP")),
        CREATED,
        UPDATED,
        ACCOUNT_SID,
        Field("friendly_name", TEXT),
        Field("api_version", TEXT),
        Field("voice_url", nullable(URI)),
        Field("voice_method", METHOD),
        Field("voice_fallback_url", nullable(URI)),
        Field("voice_fallback_method", METHOD),
        Field("status_callback", nullable(URI)),
        Field("status_callback_method", METHOD),
        Field("voice_caller_id_lookup", BOOLEAN),
        Field("sms_url", nullable(URI)),
        Field("sms_method", METHOD),
        Field("sms_fallback_url", nullable(URI)),
        Field("sms_fallback_method", METHOD),
        Field("sms_status_callback", nullable(URI)),
        Field("message_status_callback", nullable(URI)),
        Field("public_application_connect_enabled", BOOLEAN),
        uri("Applications/{0.sid}"),
    ),
)

API_VERSION: Final = Parameter("ApiVersion", "word", words=tuple(version.value for version in ApiVersion))
SETTINGS: Final = (
    FRIENDLY_NAME,
    API_VERSION,
    *webhook("VoiceUrl"),
    *webhook("VoiceFallbackUrl"),
    *webhook("StatusCallback"),
    Parameter("VoiceCallerIdLookup", "boolean", code=21409),
    *webhook("SmsUrl"),
    *webhook("SmsFallbackUrl"),
    Parameter("SmsStatusCallback", "url", code=21609, empty=True),
    Parameter("MessageStatusCallback", "url", code=21609, empty=True),
    Parameter("PublicApplicationConnectEnabled", "boolean"),
)


def changes(request: Request) -> dict[str, Any]:
    """What a request changes: an empty URL unsets it."""
    known = {parameter.target for parameter in SETTINGS}
    found: dict[str, Any] = {}
    for name, value in request.values.items():
        if name in known:
            found[name] = None if value == "" else value
    if found.get("api_version"):
        found["api_version"] = ApiVersion(found["api_version"])
    return found


async def listed(request: Request) -> Listed:
    """The applications of the account."""
    return await request.listed(request.services.database.applications)


async def create(request: Request) -> ApplicationRecord:
    """Make an application."""
    values = changes(request)
    name = values.pop("friendly_name", None) or ""
    record = ApplicationRecord(
        make_sid(APPLICATION, request.services.entropy(16)), request.account.sid, name, request.now, **values
    )
    await request.services.database.applications.create(record)
    return record


async def fetch(request: Request) -> ApplicationRecord:
    """One application."""
    return await own(request, request.services.database.applications, request.path["Sid"], APPLICATION)


async def update(request: Request) -> ApplicationRecord:
    """Change an application."""
    record = await fetch(request)
    values = changes(request)
    if values:
        await request.services.database.applications.update(record.sid, **values, date_updated=request.now)
    return await fetch(request)


async def delete(request: Request) -> None:
    """Forget an application, unless a number points at it."""
    record = await fetch(request)
    numbers = [number for number in await request.services.database.numbers.list() if number.account_sid]
    if any(record.sid in (number.voice_application_sid, number.sms_application_sid) for number in numbers):
        raise refused(20409, "A number points at this application: point it elsewhere first")
    await request.services.database.applications.remove(record.sid)


_PATH: Final = "/Accounts/{AccountSid}/Applications"
OPERATIONS: Final = (
    Operation(
        "GET", _PATH, "ListApplication", listed, APPLICATION_SHAPE,
        (Parameter("FriendlyName", most=64, filters="friendly_name"),), listed=True,
    ),
    Operation("POST", _PATH, "CreateApplication", create, APPLICATION_SHAPE, SETTINGS, 201),
    Operation("GET", _PATH + "/{Sid}", "FetchApplication", fetch, APPLICATION_SHAPE),
    Operation("POST", _PATH + "/{Sid}", "UpdateApplication", update, APPLICATION_SHAPE, SETTINGS),
    Operation("DELETE", _PATH + "/{Sid}", "DeleteApplication", delete, status=204),
)  # fmt: skip
