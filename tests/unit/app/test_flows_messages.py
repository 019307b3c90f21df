"""A conversation by messages, from the first text to the fallback: 2008-08-01 clause 12, and the same of 2010-04-01."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ringback.app.call_sms import CallSms
from ringback.messaging.port import Arrival
from ringback.model.errors import ApplicationError
from ringback.model.status import ApiVersion
from ringback.storage.messages import MessageQuery
from ringback.testing.fake_call import FakeCall, call_info
from ringback.twiml.services import OutgoingSms
from ringback.webhooks.signature import HEADER
from tests.unit.app.message_applications import PERSON, SHOP, World, message_applications, number
from tests.unit.app.web_in_memory import Asked, Page

pytestmark = pytest.mark.long

OLD = "+15550100008"
APP, SPARE, STATUS = "http://app/sms", "http://app/spare", "http://app/status"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """A second number, of 2008-08-01."""
    async with message_applications(tmp_path) as made:
        old = number(
            made.account, OLD, api_version=ApiVersion.V2008, sms_url=APP, sms_fallback_url=SPARE,
            sms_fallback_method="GET",
        )  # fmt: skip
        await made.database.numbers.add(old)
        await made.service.tick()
        yield made


async def answers(world: World, body: str, to: str = OLD) -> list[str]:
    """Send a text to a number; return the texts that come back because of it, in their order."""
    before = await world.database.messages.find(MessageQuery(to=PERSON))
    return (await world.bring(body, to))[len(before) :]


@pytest.mark.conforms(
    "2008-08-01/12/sms",
    "2008-08-01/1.1/incoming-sms",
    "2008-08-01/1.3/SmsSid",
    "2008-08-01/1.3/AccountSid",
    "2008-08-01/1.3/From-To",
    "2008-08-01/1.3/Body",
    "2008-08-01/1.3/SmsStatus",
    "2008-08-01/1.3/ApiVersion",
    "2008-08-01/1.6/sms-text",
    "2008-08-01/1.6/sms-xml",
    "2008-08-01/1.6/sms-empty",
    "2008-08-01/3.1/several",
    "2008-08-01/3.1/to-default",
    "2008-08-01/3.1/from-default",
)
async def test_a_conversation_of_2008(world: World) -> None:
    """Text, TwiML, nothing and a failure in turn; the cookie of the first answer comes with each later request."""
    pages = iter(
        (
            Page("hi", "text/plain", headers={"Set-Cookie": "visits=1"}),
            Page("<Response><Sms>one</Sms><Sms>two</Sms></Response>"),
            Page("", "text/plain"),
            Page("oops", "text/plain", 500),
        )
    )

    def page(asked: Asked) -> Page:
        return next(pages)

    world.web.pages |= {APP: page, SPARE: "<Response><Sms>Please try again.</Sms></Response>"}
    assert [await answers(world, text) for text in ("a", "b", "c", "d")] == [
        ["hi"], ["one", "two"], [], ["Please try again."],
    ]  # fmt: skip
    *asked, spare = world.web.asked
    assert [one.fields["Body"] for one in asked] == ["a", "b", "c", "d"]
    assert [one.headers.get("Cookie") for one in asked] == [None, *["visits=1"] * 3]
    for one in asked:
        assert (one.method, one.url) == ("POST", APP)
        assert (one.fields["From"], one.fields["To"]) == (PERSON[2:], OLD[2:])
        assert (one.fields["SmsStatus"], one.fields["ApiVersion"]) == ("received", "2008-08-01")
        assert one.fields["AccountSid"] == world.account.sid
        assert one.fields["SmsSid"] == one.fields["SmsMessageSid"]
        assert (len(one.fields["SmsSid"]), one.fields["SmsSid"][:2]) == (34, "SM")
        assert HEADER in one.headers
    assert (spare.method, spare.fields["ErrorCode"], spare.fields["ErrorUrl"]) == ("GET", "11200", APP)
    assert spare.fields["SmsSid"] == asked[-1].fields["SmsSid"]
    sent = await world.database.messages.find(MessageQuery(to=PERSON))
    assert {(one.from_, one.to) for one in sent} == {(OLD, PERSON)}


@pytest.mark.conforms("2008-08-01/12/sms", "2008-08-01/1.4/cookies-messages")
async def test_a_conversation_is_forgotten_after_four_hours(world: World) -> None:
    world.web.pages[APP] = Page("hi", "text/plain", headers={"Set-Cookie": "visits=1"})
    for pause, cookie in ((0.0, None), (4 * 3600 - 1, "visits=1"), (4 * 3600 - 1, "visits=1"), (4 * 3600 + 1, None)):
        world.clock[0] += pause
        await answers(world, "hello")
        assert world.web.asked[-1].headers.get("Cookie") == cookie


@pytest.mark.conforms("2008-08-01/12/sms")
async def test_everybody_has_a_conversation_of_their_own(world: World) -> None:
    """Neither another person nor another number of the account gets its cookies."""
    world.web.pages[APP] = lambda asked: Page("", headers={"Set-Cookie": f"me={asked.fields['From'][-2:]}"})
    for sender, to in ((PERSON, OLD), ("+15550100098", OLD), (PERSON, SHOP), (PERSON, OLD), ("+15550100098", OLD)):
        await world.service.received(Arrival(sender, to, "hi", "local"))
        await world.service.idle()
    assert [asked.headers.get("Cookie") for asked in world.web.asked] == [None, None, None, "me=99", "me=98"]


@pytest.mark.conforms("2008-08-01/1.1/sms-status", "2010-04-01/5.5/status")
@pytest.mark.parametrize("to", [OLD, SHOP])
async def test_what_became_of_an_answer_is_told(world: World, to: str) -> None:
    verb = "Sms" if to == OLD else "Message"
    world.web.pages |= {APP: f'<Response><{verb} statusCallback="/status">Hello</{verb}></Response>', STATUS: ""}
    assert await answers(world, "hi", to) == ["Hello"]
    (sent,) = await world.database.messages.find(MessageQuery(to=PERSON))
    told = [asked.fields for asked in world.web.asked if (asked.url, asked.method) == (STATUS, "POST")]
    assert {each["SmsSid"] for each in told} == {sent.sid}
    assert told[-1]["SmsStatus"] == sent.status.value == "sent"
    if to == SHOP:
        assert (told[-1]["MessageSid"], told[-1]["MessageStatus"]) == (sent.sid, "sent")
        assert (told[-1]["From"], told[-1]["To"]) == (SHOP, PERSON)


@pytest.mark.conforms("2008-08-01/1.1/sms-status", "2008-08-01/2.7/statusCallback")
async def test_what_became_of_the_sms_of_a_call_is_told(world: World) -> None:
    """A callback that is no URL is a warning of the verb, and nothing is sent."""
    world.web.pages[STATUS] = ""
    info = call_info(ApiVersion.V2008, account_sid=world.account.sid, from_=PERSON, to=OLD)
    sms = CallSms(lambda: world.service)
    sent = await sms.send(FakeCall([], info), OutgoingSms(PERSON, OLD, "Hello", STATUS))
    await world.service.idle()
    (asked,) = world.web.asked
    assert (asked.method, asked.url) == ("POST", STATUS)
    assert asked.fields == {"SmsSid": sent.sid, "SmsStatus": "sent", "AccountSid": world.account.sid}
    with pytest.raises(ApplicationError) as error:
        await sms.send(FakeCall([], info), OutgoingSms(PERSON, OLD, "Hello", "nowhere"))
    assert error.value.code == 14105
