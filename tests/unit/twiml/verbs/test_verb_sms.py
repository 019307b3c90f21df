"""Sms in a call, row by row. 2008-08-01 clause 2.7, 2010-04-01 clause 2.11."""

import pytest
from twiml_calls import BOTH, URL, V2008, Taken, codes, verb

from ringback.model.errors import ApplicationError
from ringback.model.status import ApiVersion, Direction
from ringback.testing.clock import run
from ringback.testing.fake_application import FakeApplication
from ringback.testing.fake_call import FakeCall, call_info

DONE = "http://app.example/done"
CALLER, OURS = "+14155550100", "+14155550199"


def send(
    attributes: str = "",
    text: str = "Hello",
    version: ApiVersion = V2008,
    *,
    refused: ApplicationError | None = None,
    direction: Direction = Direction.INBOUND,
) -> Taken:
    markup = f"<Response><Sms {attributes}>{text}</Sms><Say>next</Say></Response>"
    application = FakeApplication({URL: markup, DONE: "<Response/>"})
    application.sms_refused = refused
    call = FakeCall([], call_info(version, direction=direction))
    return Taken(call, application, run(application.take(call, URL)))


@pytest.mark.conforms(
    "2008-08-01/2.7/to-default",
    "2008-08-01/2.7/from-default",
    "2008-08-01/2.7/to",
    "2008-08-01/2.7/from",
    "2010-04-01/2.11/attributes",
)
@pytest.mark.parametrize("version", BOTH)
def test_from_whom_to_whom(version: ApiVersion) -> None:
    (sms,) = send(version=version).application.sms
    assert (sms.to, sms.from_, sms.body, sms.status_callback) == (CALLER, OURS, "Hello", "")
    (sms,) = send(version=version, direction=Direction.OUTBOUND_API).application.sms
    assert (sms.to, sms.from_) == (OURS, CALLER)
    (sms,) = send('to="4155550122" from="+14155550133" statusCallback="sent"', version=version).application.sms
    assert (sms.to, sms.from_) == ("+14155550122", "+14155550133")
    assert sms.status_callback == "http://app.example/voice/sent"
    assert codes('<Sms to="nobody">x</Sms>', version) == [14101]
    assert codes('<Sms from="nobody">x</Sms>', version) == [14102]


@pytest.mark.conforms(
    "2008-08-01/2.7/action",
    "2008-08-01/2.7/action-default",
    "2008-08-01/2.7/method",
    "2008-08-01/2.7/method-default",
    "2010-04-01/2.11/parameters",
)
@pytest.mark.parametrize("version", BOTH)
def test_the_action_is_asked_at_once(version: ApiVersion) -> None:
    assert (send(version=version).requests, send(version=version).heard) == ([], ["next"])
    taken = send('action="/done"', version=version)
    assert (taken.requests, taken.heard) == ([("POST", DONE, {"SmsSid": f"SM{1:032x}", "SmsStatus": "sending"})], [])
    assert send('action="/done" method="GET"', version=version).requests[0][0] == "GET"
    assert codes('<Sms method="PUT">x</Sms>', version) == [14104]


@pytest.mark.conforms("2008-08-01/9/sms")
@pytest.mark.conforms("2008-08-01/2.7/body")
@pytest.mark.parametrize("version", BOTH)
def test_the_text_has_a_length(version: ApiVersion) -> None:
    limit = 160 if version is V2008 else 1600
    assert verb("<Sms>Hello  you</Sms>", version).content() == "Hello you"
    assert codes(f"<Sms>{'x' * limit}</Sms>", version) == []
    for text in ("", "x" * (limit + 1)):
        assert codes(f"<Sms>{text}</Sms>", version) == [14103]
        taken = send('action="/done"', text, version)
        assert (taken.application.sms, taken.requests[0][2]) == ([], {"SmsSid": "", "SmsStatus": "invalid"})


@pytest.mark.conforms("2008-08-01/2.7/from")
@pytest.mark.parametrize("version", BOTH)
def test_a_number_that_cannot_send_is_a_warning(version: ApiVersion) -> None:
    taken = send(version=version, refused=ApplicationError(14108, "it cannot send"))
    assert (taken.codes(), taken.heard) == ([14108], ["next"])
