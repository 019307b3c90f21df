"""The signature: the vectors that Twilio publishes, and the rules between the lines."""

import hashlib

import pytest

from ringback.webhooks.signature import body_url, sign

URL = "https://mycompany.com/myapp.php?foo=1&bar=2"
FORM = [
    ("CallSid", "CA1234567890ABCDE"),
    ("Caller", "+14158675309"),
    ("Digits", "1234"),
    ("From", "+14158675309"),
    ("To", "+18005551212"),
]


@pytest.mark.conforms(
    "2008-08-01/1.5/vector",
    "2008-08-01/1.5/hmac",
    "2008-08-01/1.5/post",
    "2010-04-01/6/key",
    "2010-04-01/6/form",
)
def test_published_vector_of_a_form() -> None:
    """Clause 1.5 of the 2008-08-01 specification; the SDKs' own test."""
    assert sign("12345", URL, FORM) == "RSOYDt4T1cUTdK1PDd93/VVr8B8="


@pytest.mark.conforms("2010-04-01/6/port")
def test_a_port_is_signed_as_it_is_sent() -> None:
    assert sign("12345", URL.replace(".com", ".com:8443"), FORM) != sign("12345", URL, FORM)


@pytest.mark.conforms("2008-08-01/1.5/post", "2010-04-01/6/form")
def test_order_of_fields_does_not_matter() -> None:
    assert sign("12345", URL, reversed(FORM)) == sign("12345", URL, FORM)


@pytest.mark.conforms("2008-08-01/1.5/get", "2010-04-01/6/get")
def test_a_get_is_its_url_alone() -> None:
    assert sign("12345", URL) == sign("12345", URL, [])


@pytest.mark.conforms("2010-04-01/6/form")
def test_values_that_occur_twice_count_once_and_are_sorted() -> None:
    many = [("Sid", "b"), ("Sid", "a"), ("Sid", "b")]
    assert sign("12345", URL, many) == sign("12345", URL + "SidaSidb")


@pytest.mark.conforms("2010-04-01/6/empty")
def test_empty_values_are_signed_with_their_name() -> None:
    assert sign("12345", URL, [("Digits", "")]) == sign("12345", URL + "Digits")


def test_names_are_sorted_by_bytes() -> None:
    assert sign("t", URL, [("a", "1"), ("Z", "2")]) == sign("t", URL + "Z2a1")


@pytest.mark.conforms("2010-04-01/6/non-ascii")
def test_text_beyond_ascii_is_utf_8() -> None:
    assert sign("t", URL, [("Name", "Zoë")]) == sign("t", URL + "NameZoë")


@pytest.mark.parametrize(("url", "separator"), [("https://a.example/", "?"), ("https://a.example/?b=c", "&")])
def test_a_body_that_is_no_form_is_signed_by_its_hash(url: str, separator: str) -> None:
    body = b'{"property": "value", "boolean": true}'
    assert body_url(url, body) == url + separator + "bodySHA256=" + hashlib.sha256(body).hexdigest()


@pytest.mark.conforms("2010-04-01/6/json")
def test_published_vector_of_a_body() -> None:
    """The hash of the SDKs' JSON body, in the URL that they sign."""
    body = b'{"property": "value", "boolean": true}'
    digest = "0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620"
    assert body_url(URL, body) == f"{URL}&bodySHA256={digest}"
    assert sign("12345", body_url(URL, body)) == "a9nBmqA0ju/hNViExpshrM61xv4="
