"""Validated caller ids: numbers that somebody has proven to be theirs, by keying in a code when they were called."""

import re
from typing import Final

from ringback.model.numbers import normalise
from ringback.model.provisioning import CallerIdRecord
from ringback.model.sids import NUMBER
from ringback.rest.control import ValidationRequest
from ringback.rest.errors import refused
from ringback.rest.operations import Listed, Operation, Request
from ringback.rest.parameters import Parameter
from ringback.rest.resources.common import FRIENDLY_NAME, formatted, own
from ringback.rest.shapes import ACCOUNT_SID, CREATED, TEXT, UPDATED, Field, Shape, sid, uri

CALLER_ID: Final = Shape(
    "OutgoingCallerId",
    "OutgoingCallerIds",
    "outgoing_caller_ids",
    (
        Field("sid", sid("PN")),
        CREATED,
        UPDATED,
        Field("friendly_name", TEXT),
        ACCOUNT_SID,
        Field("phone_number", TEXT),
        uri("OutgoingCallerIds/{0.sid}"),
    ),
)
VALIDATION: Final = Shape(
    "ValidationRequest",
    "ValidationRequests",
    "validation_requests",
    (
        ACCOUNT_SID,
        Field("call_sid", sid("CA")),
        Field("friendly_name", TEXT),
        Field("phone_number", TEXT),
        Field("validation_code", TEXT),
    ),
)


async def caller_ids(request: Request) -> Listed:
    """The validated caller ids of the account."""
    return await request.listed(request.services.database.caller_ids)


async def caller_id(request: Request) -> CallerIdRecord:
    """One validated caller id."""
    return await own(request, request.services.database.caller_ids, request.path["Sid"], NUMBER)


async def update_caller_id(request: Request) -> CallerIdRecord:
    """Rename a caller id."""
    found = await caller_id(request)
    if request.get("friendly_name"):
        await request.services.database.caller_ids.update(
            found.sid, friendly_name=request.values["friendly_name"], date_updated=request.now
        )
    return await caller_id(request)


async def delete_caller_id(request: Request) -> None:
    """Forget a caller id."""
    found = await caller_id(request)
    await request.services.database.caller_ids.remove(found.sid)


class _Validation:
    def __init__(self, asked: ValidationRequest, call_sid: str) -> None:
        self.account_sid, self.phone_number = asked.account_sid, asked.phone_number
        self.friendly_name, self.validation_code, self.call_sid = asked.friendly_name, asked.validation_code, call_sid


async def validate(request: Request) -> _Validation:
    """Call a number, whose owner must key in the code that is answered here."""
    values, database = request.values, request.services.database
    number = normalise(values["phone_number"], request.services.settings.region)
    if not re.fullmatch(r"\+?[0-9]{2,15}", number):
        raise refused(21401, f"PhoneNumber '{values['phone_number']}' is not valid")
    if await database.caller_ids.of_number(request.account.sid, number) is not None:
        raise refused(21450)
    code = f"{int.from_bytes(request.services.entropy(8), 'big') % 900_000 + 100_000}"
    asked = ValidationRequest(
        request.account.sid, number, values.get("friendly_name") or str(formatted(number)), code,
        values.get("call_delay", 0), values.get("extension", ""), values.get("status_callback"),
        values.get("status_callback_method", "POST"),
    )  # fmt: skip
    call = await request.services.control.validate(asked)
    return _Validation(asked, call.sid)


VALIDATE: Final = (
    Parameter("PhoneNumber", required=21401, code=21401, most=64),
    FRIENDLY_NAME,
    Parameter("CallDelay", "integer", code=21454, least=0, most=60),
    Parameter("Extension", pattern="[0-9#*wW]{1,32}"),
    Parameter("StatusCallback", "url", code=21609),
    Parameter("StatusCallbackMethod", "method", code=21209),
)
CALLER_ID_FILTERS: Final = (
    Parameter("PhoneNumber", "number", filters="phone_number"),
    Parameter("FriendlyName", most=64, filters="friendly_name"),
)

_IDS: Final = "/Accounts/{AccountSid}/OutgoingCallerIds"
OPERATIONS: Final = (
    Operation("GET", _IDS, "ListOutgoingCallerId", caller_ids, CALLER_ID, CALLER_ID_FILTERS, listed=True),
    Operation("POST", _IDS, "CreateValidationRequest", validate, VALIDATION, VALIDATE),
    Operation("GET", _IDS + "/{Sid}", "FetchOutgoingCallerId", caller_id, CALLER_ID),
    Operation("POST", _IDS + "/{Sid}", "UpdateOutgoingCallerId", update_caller_id, CALLER_ID, (FRIENDLY_NAME,)),
    Operation("DELETE", _IDS + "/{Sid}", "DeleteOutgoingCallerId", delete_caller_id, status=204),
)
