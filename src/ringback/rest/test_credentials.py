"""Test credentials: requests are checked, nothing happens, and some numbers stand for errors.

Clause 16 of the 2010-04-01 specification. An account whose `is_test` is set has nothing but these.
"""

from collections.abc import Mapping
from typing import Final

from ringback.model.messages import MESSAGE, MessageDirection, MessageRecord, MessageStatus
from ringback.model.numbers import normalise
from ringback.model.records import CallRecord, IncomingNumber
from ringback.model.sids import CALL, NUMBER, make_sid
from ringback.model.status import CallStatus, Direction
from ringback.rest.errors import refused
from ringback.rest.operations import Request

_FINE: Final = "+15005550006"
_CALL_FROM: Final = {"+15005550001": 21212}
_CALL_TO: Final = {"+15005550001": 21217, "+15005550002": 21214, "+15005550003": 21215, "+15005550004": 21216}
_MESSAGE_FROM: Final = {"+15005550001": 21212, "+15005550007": 21606, "+15005550008": 21611}
_MESSAGE_TO: Final = {
    "+15005550001": 21211, "+15005550002": 21612, "+15005550003": 21408, "+15005550004": 21610, "+15005550009": 21614,
}  # fmt: skip
_NUMBER: Final = {"+15005550000": 21422, "+15005550001": 21421}


def _check(number: str, errors: Mapping[str, int]) -> None:
    code = errors.get(number)
    if code is not None:
        raise refused(code)


def magic_call(request: Request) -> CallRecord:
    """Answer as if the call were made. Raises RestError as the numbers say."""
    to, from_ = normalise(request.values["to"]), normalise(request.values["from"])
    _check(from_, _CALL_FROM)
    if from_ != _FINE:
        raise refused(21210, "Test credentials call from +15005550006")
    _check(to, _CALL_TO)
    if not (request.get("url") or request.get("twiml") or request.get("application_sid")):
        raise refused(21205, "Say what the call does: Url, Twiml or ApplicationSid is required")
    return CallRecord(
        make_sid(CALL, request.services.entropy(16)), request.account.sid, from_, to, Direction.OUTBOUND_API,
        CallStatus.QUEUED, request.version, None, None, request.now,
    )  # fmt: skip


def magic_message(request: Request) -> MessageRecord:
    """Answer as if the message were sent. Raises RestError as the numbers say."""
    to, from_ = normalise(request.values["to"]), normalise(request.get("from", ""))
    _check(from_, _MESSAGE_FROM)
    if from_ != _FINE:
        raise refused(21606, "Test credentials send from +15005550006")
    _check(to, _MESSAGE_TO)
    if not request.get("body") and not request.get("media_url"):
        raise refused(21602)
    now = request.now
    return MessageRecord(
        make_sid(MESSAGE, request.services.entropy(16)), request.account.sid, from_, to, request.get("body", ""),
        MessageStatus.QUEUED, MessageDirection.OUTBOUND_API, request.version, now, now,
    )  # fmt: skip


def magic_number(request: Request, number: str | None, area_code: str | None) -> IncomingNumber:
    """Answer as if the number were bought. Raises RestError as the numbers say."""
    if number is None:
        if area_code == "533":
            raise refused(21452)
        number = f"+1{area_code or '500'}5550006"
    number = normalise(number)
    _check(number, _NUMBER)
    if number != _FINE and area_code is None:
        raise refused(21421, "Test credentials buy +15005550006")
    return IncomingNumber(
        make_sid(NUMBER, request.services.entropy(16)), request.account.sid, number, request.get("voice_url") or "",
        request.get("voice_method", "POST"), request.get("voice_fallback_url"),
        request.get("voice_fallback_method", "POST"), request.get("status_callback"),
        request.get("status_callback_method", "POST"), request.version, request.get("friendly_name") or number,
        request.now,
    )  # fmt: skip
