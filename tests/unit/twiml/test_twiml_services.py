"""What the interpreter asks for: the application of a number and its first request."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from twiml_calls import V2008, V2010

from ringback.model.records import IncomingNumber
from ringback.model.status import Direction
from ringback.speech.normalise import Segment
from ringback.twiml.services import Application, Fetch, plain

NUMBER = IncomingNumber(
    sid="PN" + "0" * 32,
    account_sid="AC" + "0" * 32,
    phone_number="+14155550199",
    voice_url="http://app.example/",
    voice_method="GET",
    voice_fallback_url="http://app.example/fallback",
    voice_fallback_method="post",
    status_callback=None,
    status_callback_method="POST",
    api_version=V2010,
    friendly_name="",
    date_created=datetime(2030, 1, 1, tzinfo=UTC),
)


def test_an_application_is_made_of_a_number() -> None:
    assert Application.of(NUMBER) == Application("http://app.example/", "GET", "http://app.example/fallback", "POST")
    bare = replace(NUMBER, voice_method="POST", voice_fallback_url="")
    assert Application.of(bare) == Application("http://app.example/")


@pytest.mark.parametrize(
    ("version", "direction", "parameters"),
    [
        (V2008, Direction.INBOUND, {"DialStatus": "answered"}),
        (V2010, Direction.INBOUND, {}),
        (V2008, Direction.OUTBOUND_API, {}),
    ],
)
def test_the_first_request_of_2008_tells_a_dial_status(
    version: object, direction: Direction, parameters: object
) -> None:
    first = Application.of(NUMBER).first_request(version, direction)  # type: ignore[arg-type]
    assert first == Fetch("http://app.example/", "GET", parameters)  # type: ignore[arg-type]


def test_text_without_its_markup() -> None:
    assert plain("text") == "text"
    assert plain((Segment("a", interpret_as="digits"), Segment("", break_ms=5), Segment("b"))) == "a b"
