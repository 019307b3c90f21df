"""What applications are told about a message. 2008-08-01 clause 1.3, 2010-04-01 clause 5.5."""

import pytest

from ringback.messaging.parameters import message_parameters
from ringback.model.messages import MediaRecord
from ringback.model.status import ApiVersion
from ringback.testing.messages import EPOCH, fake_message

NAMES_2008 = {
    "AccountSid", "ApiVersion", "Body", "From", "FromCity", "FromCountry", "FromState", "FromZip", "SmsMessageSid",
    "SmsSid", "SmsStatus", "To", "ToCity", "ToCountry", "ToState", "ToZip",
}  # fmt: skip


@pytest.mark.conforms(
    "2008-08-01/1.3/SmsSid",
    "2008-08-01/1.3/AccountSid",
    "2008-08-01/1.3/From-To",
    "2008-08-01/1.3/Body",
    "2008-08-01/1.3/SmsStatus",
    "2008-08-01/1.3/ApiVersion",
    "2008-08-01/1.3/geography",
)
def test_the_old_set_is_complete_and_has_ten_digits() -> None:
    told = message_parameters(fake_message(api_version=ApiVersion.V2008))
    assert set(told) == NAMES_2008
    assert (told["From"], told["To"], told["SmsStatus"], told["ApiVersion"]) == (
        "4155550100", "5550100001", "received", "2008-08-01",
    )  # fmt: skip
    assert told["SmsSid"] == told["SmsMessageSid"]
    assert (told["FromState"], told["FromCountry"]) == ("CA", "US")


@pytest.mark.conforms("2010-04-01/5.5/inbound", "2010-04-01/5.5/media", "2010-04-01/5.5/geography")
def test_the_new_set_has_media_and_segments() -> None:
    message = fake_message(messaging_service_sid="MG" + "0" * 32, num_segments=2)
    media = [MediaRecord("ME" + "0" * 32, message.account_sid, message.sid, "image/png", EPOCH, EPOCH)]
    told = message_parameters(message, media, media_base="http://voice", opt_out="STOP")
    assert set(told) == NAMES_2008 | {
        "MessageSid", "NumMedia", "NumSegments", "MessagingServiceSid", "MediaUrl0", "MediaContentType0", "OptOutType",
    }  # fmt: skip
    assert told["From"] == "+14155550100"
    assert (told["NumMedia"], told["NumSegments"], told["OptOutType"]) == ("1", "2", "STOP")
    path = f"/2010-04-01/Accounts/{message.account_sid}/Messages/{message.sid}/Media/{media[0].sid}"
    assert told["MediaUrl0"] == f"http://voice{path}"
    assert "OptOutType" not in message_parameters(message)
