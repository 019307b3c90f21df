"""From answers to documents, and from document to document. 2008-08-01 clause 1.6, 2010-04-01 clause 3."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.model.errors import ApplicationError
from ringback.model.status import ApiVersion
from ringback.twiml.messaging.document import read_reply
from ringback.twiml.messaging.interpreter import MAX_DOCUMENTS
from ringback.twiml.xml import TwimlError
from tests.unit.twiml.messaging.replies import Replies

V2008 = ApiVersion.V2008


@pytest.mark.conforms("2008-08-01/1.6/sms-text", "2010-04-01/3/Message")
@pytest.mark.parametrize("version", list(ApiVersion))
async def test_plain_text_is_an_answer_by_itself(version: ApiVersion) -> None:
    assert await Replies(sms=(" Your order\nis here ", "text/plain; charset=utf-8")).run(version=version) == [
        "Your order\nis here"
    ]
    long = Replies(sms=("x" * 2000, "text/plain"))
    assert [len(body) for body in await long.run(version=version)] == [160 if version is V2008 else 1600]
    assert long.codes() == [14103]


async def test_plain_text_that_is_twiml_counts_as_twiml_since_2010() -> None:
    document = "<Response><Sms>hi</Sms></Response>"
    assert await Replies(sms=(document, "text/plain")).run() == ["hi"]
    assert await Replies(sms=(document, "text/plain")).run(version=V2008) == [document]
    assert await Replies(sms=("<p>hi</p>", "text/plain")).run() == ["<p>hi</p>"]
    assert await Replies(sms=("hi", "text/plain; charset=unknown")).run() == ["hi"]
    assert await Replies(sms=("\0", "text/plain")).run() == []


@pytest.mark.conforms("2008-08-01/1.6/sms-empty")
@pytest.mark.parametrize("page", ["", " \n", ("", "application/json"), "<Response/>"])
async def test_an_empty_answer_sends_nothing(page: str) -> None:
    replies = Replies(sms=page)
    assert await replies.run() == []
    assert replies.codes("error") == []


@pytest.mark.parametrize(
    ("page", "code"),
    [
        (("x", ""), 11200),
        (("{}", "application/json"), 12300),
        (("x" * 70_000, "text/xml"), 11750),
        ("<Response>", 12100),
        ("<Reply/>", 12102),
        ('<Response version="2009"/>', 12101),
        (ApplicationError(11205, "no connection"), 11205),
    ],
)
async def test_what_cannot_be_rendered_goes_to_the_fallback(page: object, code: int) -> None:
    replies = Replies(sms=page, spare="<Response><Sms>sorry</Sms></Response>")  # type: ignore[arg-type]
    assert await replies.run(fallback="spare") == ["sorry"]
    assert replies.codes("error") == [code]
    assert replies.asked[1].parameters == {"ErrorCode": str(code), "ErrorUrl": "http://app/sms"}
    without = Replies(sms=page)  # type: ignore[arg-type]
    assert await without.run() == []
    assert without.codes("error") == [code]


async def test_a_fallback_that_fails_too_ends_it() -> None:
    replies = Replies(sms="<", spare="<")
    assert await replies.run(fallback="spare") == []
    assert replies.codes("error") == [12100, 12100]


async def test_documents_go_on_after_the_fallback_as_if_nothing_had_happened() -> None:
    replies = Replies(
        sms="<",
        spare="<Response><Redirect>/next</Redirect></Response>",
        next="<",
        last="<Response><Sms>x</Sms></Response>",
    )
    await replies.run(fallback="spare")
    assert [request.url for request in replies.asked[:4]] == [
        "http://app/sms", "http://app/spare", "http://app/next", "http://app/spare",
    ]  # fmt: skip


@pytest.mark.conforms("2008-08-01/3.1/documents", "2010-04-01/3/limits")
@pytest.mark.parametrize("version", list(ApiVersion))
async def test_a_circle_of_documents_ends(version: ApiVersion) -> None:
    replies = Replies(sms="<Response><Redirect/></Response>")
    await replies.run(version=version)
    assert len(replies.asked) == MAX_DOCUMENTS
    assert replies.codes("error") == [14106]


@pytest.mark.conforms("2008-08-01/3.1/verbs", "2010-04-01/3/verbs")
@pytest.mark.parametrize("version", list(ApiVersion))
async def test_verbs_of_calls_are_not_for_messages(version: ApiVersion) -> None:
    replies = Replies(sms='<Response x="1"><Say>hi</Say><Dial/><Sing/><Sms>ok</Sms></Response>')
    assert await replies.run(version=version) == ["ok"]
    assert replies.codes() == [12200, 14110, 14110, 12200]


async def test_a_document_may_be_of_the_old_version() -> None:
    replies = Replies(sms='<Response version="2008-08-01"><Message>no</Message><Sms>yes</Sms></Response>')
    assert await replies.run() == ["yes"]


@given(st.binary(max_size=300) | st.text(max_size=200).map(lambda text: f"<Response>{text}</Response>".encode()))
def test_anything_is_read_or_refused(body: bytes) -> None:
    for kind in ("text/xml", "text/plain", "text/html; charset=latin-1", "audio/x-wav"):
        for version in ApiVersion:
            with suppress(TwimlError):
                read_reply(body, kind, version)
