"""What a request to a voice application says about the call.

Sources: clause 1.2 of the 2008-08-01 specification, clause 5.1 of the 2010-04-01 one.
"""

from collections.abc import Mapping
from typing import Protocol

from ringback.model.numbers import geography, presented
from ringback.model.status import ApiVersion, CallStatus, Direction


class CallFacts(Protocol):
    """What is told of a call. Numbers are in their stored form (`ringback.model.numbers.normalise`)."""

    @property
    def sid(self) -> str: ...
    @property
    def account_sid(self) -> str: ...
    @property
    def from_(self) -> str: ...
    @property
    def to(self) -> str: ...
    @property
    def direction(self) -> Direction: ...
    @property
    def api_version(self) -> ApiVersion: ...
    @property
    def caller_name(self) -> str: ...
    @property
    def forwarded_from(self) -> str: ...


# 2008-08-01 knows five statuses. A call that rings is in progress for it, and one that was called off was not answered.
_STATUS_2008 = {
    CallStatus.QUEUED: CallStatus.IN_PROGRESS,
    CallStatus.RINGING: CallStatus.IN_PROGRESS,
    CallStatus.CANCELED: CallStatus.NO_ANSWER,
}


def voice_parameters(call: CallFacts, status: CallStatus, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the parameters of a request about a call, in the words of the call's API version.

    `extra` is what this one request adds (`Digits`, `DialStatus`, `ErrorCode`, ...).
    """
    version = ApiVersion(call.api_version)
    parameters = _version_2008(call, status) if version is ApiVersion.V2008 else _version_2010(call, status)
    return parameters | dict(extra or {})


def _version_2008(call: CallFacts, status: CallStatus) -> dict[str, str]:
    parameters = {
        "CallSid": call.sid,
        "AccountSid": call.account_sid,
        # The names of before CallSid and AccountSid; applications of 2010 still read them.
        "CallGuid": call.sid,
        "AccountGuid": call.account_sid,
        "Caller": presented(call.from_, ApiVersion.V2008),
        "Called": presented(call.to, ApiVersion.V2008),
        "CallStatus": str(_STATUS_2008.get(status, status)),
        "ApiVersion": str(ApiVersion.V2008),
    }
    if call.caller_name:
        parameters["CallerName"] = call.caller_name
    places = _geography("Caller", call.from_) | _geography("Called", call.to)
    return parameters | {name: value for name, value in places.items() if value}


def _version_2010(call: CallFacts, status: CallStatus) -> dict[str, str]:
    caller, called = presented(call.from_, ApiVersion.V2010), presented(call.to, ApiVersion.V2010)
    parameters = {
        "CallSid": call.sid,
        "AccountSid": call.account_sid,
        "ApiVersion": str(ApiVersion.V2010),
        "From": caller,
        "To": called,
        "Caller": caller,
        "Called": called,
        "CallStatus": str(status),
        "Direction": str(call.direction),
    }
    if call.forwarded_from:
        parameters["ForwardedFrom"] = presented(call.forwarded_from, ApiVersion.V2010)
    if call.caller_name:
        parameters["CallerName"] = call.caller_name
    for name in ("From", "Caller"):
        parameters |= _geography(name, call.from_)
    for name in ("To", "Called"):
        parameters |= _geography(name, call.to)
    return parameters


def _geography(prefix: str, number: str) -> dict[str, str]:
    place = geography(number)
    return {
        f"{prefix}City": place.city,
        f"{prefix}State": place.state,
        f"{prefix}Zip": place.zip,
        f"{prefix}Country": place.country,
    }
