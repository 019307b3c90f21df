"""Redirect. 2008-08-01 clause 2.8 and 2010-04-01 clause 2.3: method GET or POST [POST]; the text is an absolute or
relative URL, empty for the current document; nothing below it is reached.
"""

import pytest
from twiml_calls import BOTH, URL, codes, take, verb

from ringback.model.status import ApiVersion

END = "<Response/>"


@pytest.mark.conforms(
    "2008-08-01/2.8/url",
    "2008-08-01/2.8/unreachable",
    "2008-08-01/2.8/method-default",
    "2010-04-01/2.3/Redirect-url",
    "2010-04-01/2.3/Redirect-method",
)
@pytest.mark.parametrize("version", BOTH)
@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("http://other.example/x", "http://other.example/x"),
        ("next", "http://app.example/voice/next"),
        ("../next?a=1&amp;b=2", "http://app.example/next?a=1&b=2"),
        ("/next", "http://app.example/next"),
        ("\n  ?page=2\n", URL + "?page=2"),
    ],
)
def test_the_url(version: ApiVersion, text: str, target: str) -> None:
    taken = take(f"<Redirect>{text}</Redirect><Say>never</Say>", version=version, pages={target: END})
    assert taken.requests == [("POST", target, {})]
    assert taken.heard == []


@pytest.mark.conforms("2008-08-01/2.8/empty", "2010-04-01/2.3/Redirect-url")
@pytest.mark.parametrize("version", BOTH)
def test_without_a_url_it_is_the_current_document(version: ApiVersion) -> None:
    documents = iter(["<Response><Redirect/></Response>", END])
    taken = take("", version=version, first=lambda _: next(documents))
    assert taken.requests == [("POST", URL, {})]


@pytest.mark.conforms("2008-08-01/2.8/method", "2010-04-01/2.3/Redirect-method")
@pytest.mark.parametrize("version", BOTH)
@pytest.mark.parametrize(("method", "used"), [("GET", "GET"), ("POST", "POST"), ("get", "GET")])
def test_the_method(version: ApiVersion, method: str, used: str) -> None:
    markup = f'<Redirect method="{method}">next</Redirect>'
    assert (verb(markup, version).method, codes(markup, version)) == (used, [])


@pytest.mark.conforms("2008-08-01/2.8/method", "2008-08-01/2.8/method-default", "2010-04-01/2.3/Redirect-method")
@pytest.mark.parametrize("version", BOTH)
@pytest.mark.parametrize("method", ["PUT", "", "GETS"])
def test_a_bad_method_is_a_warning_and_a_post(version: ApiVersion, method: str) -> None:
    markup = f'<Redirect method="{method}">next</Redirect>'
    assert (verb(markup, version).method, codes(markup, version)) == ("POST", [13710])


@pytest.mark.parametrize("version", BOTH)
def test_it_takes_no_elements(version: ApiVersion) -> None:
    assert codes("<Redirect>next<Say>x</Say></Redirect>", version) == [12200]
    assert verb("<Redirect>next<Say>x</Say></Redirect>", version).content() == "next"
