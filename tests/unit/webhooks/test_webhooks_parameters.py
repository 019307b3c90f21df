"""The parameters of voice requests, by the tables of both versions."""

from dataclasses import replace

import pytest

from ringback.calls.port import CallInfo
from ringback.model.status import ApiVersion, CallStatus, Direction
from ringback.webhooks.parameters import voice_parameters

CALL = CallInfo(
    sid="CA" + "0" * 32,
    account_sid="AC" + "1" * 32,
    from_="+14158675309",
    to="+12125551234",
    direction=Direction.INBOUND,
    api_version=ApiVersion.V2010,
)
OLD = replace(CALL, api_version=ApiVersion.V2008)


@pytest.mark.conforms(
    "2010-04-01/5.1/CallSid",
    "2010-04-01/5.1/From-To",
    "2010-04-01/5.1/Caller-Called",
    "2010-04-01/5.1/Direction",
    "2010-04-01/5.1/geography",
    "2010-04-01/5.1/CallStatus",
)
def test_2010_standard_parameters() -> None:
    """Clause 5.1 of the 2010-04-01 specification."""
    parameters = voice_parameters(CALL, CallStatus.RINGING)
    places = {name for name in parameters if name.endswith(("City", "State", "Zip", "Country"))}
    assert places == {p + g for p in ("From", "To", "Caller", "Called") for g in ("City", "State", "Zip", "Country")}
    assert {name: value for name, value in parameters.items() if name not in places} == {
        "CallSid": CALL.sid,
        "AccountSid": CALL.account_sid,
        "ApiVersion": "2010-04-01",
        "From": "+14158675309",
        "To": "+12125551234",
        "Caller": "+14158675309",
        "Called": "+12125551234",
        "CallStatus": "ringing",
        "Direction": "inbound",
    }
    assert parameters["FromCountry"] == parameters["CalledCountry"] == "US"
    assert parameters["FromState"] == "CA"


@pytest.mark.conforms("2010-04-01/5.1/ForwardedFrom")
def test_2010_name_and_forwarding_when_known() -> None:
    call = replace(CALL, caller_name="ANNA", forwarded_from="+493012345678")
    parameters = voice_parameters(call, CallStatus.IN_PROGRESS)
    assert (parameters["CallerName"], parameters["ForwardedFrom"]) == ("ANNA", "+493012345678")


def test_2010_names_that_are_no_numbers_have_no_place() -> None:
    parameters = voice_parameters(replace(CALL, from_="client:anna"), CallStatus.RINGING)
    assert parameters["From"] == "client:anna"
    assert parameters["FromCountry"] == ""


@pytest.mark.conforms(
    "2008-08-01/1.2/CallSid",
    "2008-08-01/1.2/AccountSid",
    "2008-08-01/1.2/Caller",
    "2008-08-01/1.2/Called",
    "2008-08-01/1.2/CallGuid",
    "2008-08-01/1.2/ApiVersion",
    "2008-08-01/1.2/CallerGeography",
    "2008-08-01/1.2/CalledGeography",
    "2008-08-01/1.2/CallerName",
)
def test_2008_parameters() -> None:
    """Clause 1.2 of the 2008-08-01 specification: ten digits, the old names of the sids, places only when known."""
    parameters = voice_parameters(OLD, CallStatus.RINGING, {"DialStatus": "answered"})
    assert parameters == {
        "CallSid": CALL.sid,
        "AccountSid": CALL.account_sid,
        "CallGuid": CALL.sid,
        "AccountGuid": CALL.account_sid,
        "Caller": "4158675309",
        "Called": "2125551234",
        "CallStatus": "in-progress",
        "ApiVersion": "2008-08-01",
        "CallerState": "CA",
        "CallerCountry": "US",
        "CalledCity": "NEW YORK",
        "CalledState": "NY",
        "CalledCountry": "US",
        "DialStatus": "answered",
    }


@pytest.mark.conforms("2008-08-01/1.2/numbers")
def test_2008_has_no_direction_and_keeps_foreign_numbers_whole() -> None:
    parameters = voice_parameters(replace(OLD, from_="+493012345678", caller_name="ANNA"), CallStatus.COMPLETED)
    assert "Direction" not in parameters
    assert parameters["Caller"] == "+493012345678"
    assert parameters["CallerName"] == "ANNA"


@pytest.mark.conforms("2008-08-01/1.2/CallStatus")
@pytest.mark.parametrize("status", CallStatus)
def test_2008_knows_five_statuses(status: CallStatus) -> None:
    shown = voice_parameters(OLD, status)["CallStatus"]
    assert shown in {"in-progress", "completed", "busy", "failed", "no-answer"}
    assert voice_parameters(CALL, status)["CallStatus"] == status


def test_extra_parameters_win() -> None:
    assert voice_parameters(CALL, CallStatus.COMPLETED, {"CallStatus": "busy"})["CallStatus"] == "busy"
