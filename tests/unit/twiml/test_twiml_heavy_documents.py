"""Documents as large, as many and as foreign as they come."""

import pytest

from ringback.model import events
from ringback.model.status import ApiVersion
from ringback.testing.clock import run
from ringback.testing.fake_application import FakeApplication
from ringback.testing.fake_call import FakeCall
from ringback.twiml.document import read_document
from ringback.twiml.verbs.say import Say

SHOP = "http://shop.example/"

WORDS = {
    "utf-8": "Grüße 你好",
    "utf-16": "Grüße 你好",
    "utf-16-le": "Grüße 你好",
    "utf-16-be": "Grüße 你好",
    "utf-32": "Grüße 你好",
    "us-ascii": "Greetings",
    "iso-8859-1": "Grüße",
    "iso-8859-2": "złoty",
    "iso-8859-5": "Привет",
    "iso-8859-7": "Γειά",
    "iso-8859-15": "5 €",
    "windows-1251": "Привет",
    "windows-1252": "5 €",
    "koi8-r": "Привет",
    "shift_jis": "日本",
    "euc-jp": "日本",
    "iso-2022-jp": "日本",
    "gb2312": "你好",
    "gb18030": "你好",
    "big5": "你好",
    "euc-kr": "안녕",
}


@pytest.mark.parametrize("encoding", WORDS)
def test_any_encoding_that_xml_allows(encoding: str) -> None:
    text = f'<?xml version="1.0" encoding="{encoding}"?><Response><Say>{WORDS[encoding]}</Say></Response>'
    (say,) = read_document(text.encode(encoding), "text/xml", ApiVersion.V2010).verbs
    assert isinstance(say, Say)
    assert say.content() == WORDS[encoding]


@pytest.mark.parametrize("version", list(ApiVersion))
def test_ten_thousand_elements(version: ApiVersion) -> None:
    """As many as 64 kB hold; a warning for each would only fill the timeline."""
    document = read_document(b"<Response>" + b"<Say/>" * 10_000 + b"</Response>", "text/xml", version)
    assert not document.verbs
    assert len(document.warnings) == 101


@pytest.mark.slow
def test_five_thousand_verbs_run() -> None:
    application = FakeApplication({SHOP: f"<Response>{'<Pause/>' * 5000}</Response>"})
    call = FakeCall()
    assert run(application.take(call, SHOP)).reason == "document-end"
    assert [noted.kind for noted in call.noted].count(events.VERB_END) == 5000


@pytest.mark.conforms("2010-04-01/1/order")
@pytest.mark.slow
def test_a_thousand_documents_one_after_another() -> None:
    """Each leads to the next as long as the caller hears something in each."""
    pages = {
        f"{SHOP}{number}": f"<Response><Say>{number}</Say><Redirect>{SHOP}{number + 1}</Redirect></Response>"
        for number in range(1000)
    }
    application = FakeApplication(pages | {f"{SHOP}1000": "<Response><Say>the end</Say></Response>"})
    call = FakeCall()
    assert run(application.take(call, f"{SHOP}0")).reason == "document-end"
    assert application.heard(call) == [*map(str, range(1000)), "the end"]


@pytest.mark.conforms("2010-04-01/1/loops")
def test_a_thousand_redirects_without_a_sound_are_an_error() -> None:
    """They keep two servers busy and the caller in silence."""
    pages = {f"{SHOP}{n}": f"<Response><Redirect>{SHOP}{n + 1}</Redirect></Response>" for n in range(1000)}
    application = FakeApplication(pages)
    end = run(application.take(FakeCall(), f"{SHOP}0"))
    assert (end.reason, end.error_code) == ("application-error", 11215)
    assert len(application.requests) < 100
