"""Message, Sms and Redirect. 2008-08-01 clauses 2.7 and 3.1, 2010-04-01 clause 3."""

# Covers: twiml/messaging/verb.py

import pytest

from ringback.messaging.port import MessageRefused
from ringback.model.messages import MessageDirection
from ringback.model.status import ApiVersion
from ringback.twiml.messaging.session import MAX_REPLIES
from ringback.twiml.messaging.verb import MessagingVerb
from tests.unit.twiml.messaging.replies import Replies

V2008 = ApiVersion.V2008


@pytest.mark.conforms("2010-04-01/3/Message")
async def test_an_answer_goes_back_to_the_sender() -> None:
    replies = Replies(sms="<Response><Message>  Hello\n    there </Message></Response>")
    assert await replies.run() == ["Hello\nthere"]
    (draft,) = replies.sent
    assert (draft.to, draft.from_, draft.direction) == (
        "+14155550100", "+15550100001", MessageDirection.OUTBOUND_REPLY,
    )  # fmt: skip
    assert draft.in_reply_to == "SM" + "0" * 31 + "1"
    assert replies.codes() == []


@pytest.mark.conforms("2010-04-01/3/Message", "2010-04-01/3/Body", "2010-04-01/3/Media")
async def test_it_may_go_elsewhere_with_media_and_a_callback() -> None:
    replies = Replies(
        sms="""<Response><Message to="+4477" from="+15550100002" statusCallback="/done?x=1">
            <Body>One </Body><Body>two</Body><Media>/cat.png</Media><Media>http://other/dog.png</Media>
        </Message></Response>"""
    )
    await replies.run()
    (draft,) = replies.sent
    assert (draft.to, draft.from_, draft.body) == ("+4477", "+15550100002", "Onetwo")
    assert draft.media_urls == ("http://app/cat.png", "http://other/dog.png")
    assert draft.status_callback == "http://app/done?x=1"


@pytest.mark.conforms("2008-08-01/3.1/several", "2008-08-01/3.1/ten", "2010-04-01/3/limits")
@pytest.mark.parametrize("version", list(ApiVersion))
async def test_several_are_sent_in_their_order_up_to_ten(version: ApiVersion) -> None:
    replies = Replies(sms=f"<Response>{''.join(f'<Sms>{n}</Sms>' for n in range(12))}</Response>")
    assert await replies.run(version=version) == [str(n) for n in range(MAX_REPLIES)]
    assert replies.codes() == [14109, 14109]


@pytest.mark.conforms("2010-04-01/3/Message", "2010-04-01/3/Sms")
@pytest.mark.parametrize(
    ("version", "told"),
    [
        (ApiVersion.V2010, {"SmsSid", "SmsStatus", "MessageSid", "MessageStatus"}),
        (V2008, {"SmsSid", "SmsStatus"}),
    ],
)
async def test_an_action_is_asked_and_nothing_below_is_reached(version: ApiVersion, told: set[str]) -> None:
    replies = Replies(
        sms='<Response><Sms action="next" method="GET">hi</Sms><Sms>never</Sms></Response>', next="<Response/>"
    )
    assert await replies.run(version=version) == ["hi"]
    asked = replies.asked[1]
    assert (asked.url, asked.method, set(asked.parameters)) == ("http://app/next", "GET", told)
    assert asked.parameters["SmsStatus"] == ("sending" if version is V2008 else "queued")


@pytest.mark.parametrize(
    ("refused", "code"), [(21211, 14101), (21606, 14102), (21617, 14103), (21609, 14105), (21610, 21610)]
)
async def test_what_cannot_be_sent_is_a_warning(refused: int, code: int) -> None:
    replies = Replies(
        sms='<Response><Sms action="/next">bad</Sms></Response>', next="<Response><Sms>ok</Sms></Response>"
    )
    replies.refusals["bad"] = MessageRefused(refused, "no")
    assert await replies.run() == ["ok"]
    assert replies.codes() == [code]
    assert replies.asked[1].parameters["SmsStatus"] == "invalid"


async def test_two_numbers_that_answer_each_other_are_stopped() -> None:
    replies = Replies(sms="<Response><Sms>one</Sms><Sms>two</Sms><Redirect/></Response>")
    replies.refusals["one"] = MessageRefused(14107, "too fast", 429)
    assert await replies.run() == []
    assert replies.codes("error") == [14107]
    assert len(replies.asked) == 1


async def test_warnings_of_attributes_and_content() -> None:
    replies = Replies(
        sms="""<Response><Message method="PUT" colour="red">x<Bold>y</Bold></Message><Message/>
            <Message><Body x="1">a<b/>c</Body>tail</Message></Response>"""
    )
    assert await replies.run() == ["x", "tailac"]
    assert sorted(replies.codes()) == [12200] * 4 + [14103, 14104]


@pytest.mark.conforms("2010-04-01/3/Media")
async def test_no_more_media_than_ten() -> None:
    media = "".join(f"<Media>/{n}</Media>" for n in range(11))
    replies = Replies(sms=f"<Response><Message>{media}</Message></Response>")
    await replies.run()
    assert len(replies.sent[0].media_urls) == 10
    assert replies.codes() == [12200]


async def test_2008_has_sms_with_text_only() -> None:
    replies = Replies(sms="<Response><Message>no</Message><Sms>a<Body>b</Body></Sms></Response>")
    assert await replies.run(version=V2008) == ["a"]
    assert replies.codes() == [12200, 12200]


@pytest.mark.conforms("2008-08-01/3.1/redirect", "2010-04-01/3/Redirect")
@pytest.mark.parametrize("version", list(ApiVersion))
@pytest.mark.parametrize(("attribute", "method"), [("", "POST"), ('method="get"', "GET")])
async def test_redirect_goes_on_with_another_document(attribute: str, method: str, version: ApiVersion) -> None:
    replies = Replies(
        sms=f"<Response><Redirect {attribute}>/next</Redirect><Sms>never</Sms></Response>",
        next="<Response><Sms>hi</Sms></Response>",
    )
    assert await replies.run(version=version) == ["hi"]
    assert (replies.asked[1].method, replies.asked[1].parameters) == (method, {})
    text = {event.data["verb"]: event.data["text"] for event in replies.events if event.kind == "verb.start"}
    assert text == {"Redirect": "/next", "Sms": "hi"}


async def test_an_address_that_is_none_is_an_error() -> None:
    replies = Replies(sms="<Response><Redirect>http://[</Redirect></Response>")
    await replies.run()
    assert replies.codes("error") == [11100]


def test_a_verb_alone_has_no_text() -> None:
    assert MessagingVerb().content() == ""
