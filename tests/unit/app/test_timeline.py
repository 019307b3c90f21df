"""A timeline as lines: what is in them, and that nothing from outside can break them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.text import Text

from ringback.app.timeline import duration, render
from ringback.calls.outcome import OUTCOMES
from ringback.model import events
from ringback.model.records import CallEvent
from ringback.storage.calls import SERVER_RESTARTED

START = datetime(2024, 2, 29, 12, 30, 15, tzinfo=UTC)
SID = "CA" + "0" * 32

KINDS = [value for name, value in vars(events).items() if name.isupper()]


PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "timeline.md").read_text()


def line(kind: str, after: float = 1.5, /, **data: Any) -> Text:
    return render(CallEvent(SID, START + timedelta(seconds=after), kind, data), START)


def styles(text: Text, part: str) -> set[str]:
    """The styles of a part of a line."""
    begin = text.plain.index(part)
    return {str(span.style) for span in text.spans if span.start <= begin and span.end >= begin + len(part)}


@pytest.mark.parametrize(
    ("kind", "data", "text"),
    [
        (
            events.SIP_RECEIVED,
            {"line": "INVITE sip:1@x SIP/2.0", "cseq": "1 INVITE"},
            "SIP <     INVITE sip:1@x SIP/2.0",
        ),
        (events.SIP_SENT, {"line": "SIP/2.0 200 OK"}, "SIP >     SIP/2.0 200 OK"),
        (events.STATUS, {"status": "ringing"}, "status    ringing"),
        (events.STATUS, {"status": "completed", "reason": "hangup-verb"}, "status    completed (hangup-verb)"),
        (
            events.WEBHOOK_RESPONSE,
            {"status": 200, "content_type": "text/xml", "bytes": 1234, "body": "<Response/>", "ms": 12.4},
            "answer    200 text/xml 1,234 bytes in 12 ms",
        ),
        (
            events.WEBHOOK_RESPONSE,
            {"status": 200, "content_type": "text/xml", "bytes": 9, "cached": "validated", "ms": 5},
            "answer    200 text/xml 9 bytes from the cache (validated) in 5 ms",
        ),
        (
            events.WEBHOOK_RESPONSE,
            {"status": 500, "content_type": "text/plain", "bytes": 4, "body": "Ouch\nline 2", "ms": 3},
            "answer    500 text/plain Ouch line 2 in 3 ms",
        ),
        (events.WEBHOOK_RESPONSE, {"error": "11205: refused", "ms": 1}, "answer    11205: refused in 1 ms"),
        (events.DOCUMENT, {"url": "http://a/", "verbs": ["Say", "Gather"]}, "document  Say, Gather  http://a/"),
        (events.DOCUMENT, {"url": "http://a/", "verbs": []}, "document  no verbs  http://a/"),
        (
            events.VERB_START,
            {"verb": "Gather", "attributes": {"numDigits": "1", "action": "/x"}, "text": "", "document": "http://a/"},
            "Gather    numDigits=1 action=/x",
        ),
        (events.VERB_START, {"verb": "Say", "attributes": {}, "text": "Hello"}, "Say       “Hello”"),
        (events.VERB_END, {"verb": "Say", "ms": 2100, "result": None}, "Say       ended in 2,100 ms"),
        (events.VERB_END, {"verb": "Gather", "ms": 5, "result": "POST /x"}, "Gather    ended: POST /x in 5 ms"),
        (
            events.SPEECH,
            {"engine": "hibari", "voice": "man", "language": "en", "text": "Hi", "seconds": 0.81, "ms": 35.2},
            "speech    “Hi” hibari man en 0.8 s in 35 ms",
        ),
        (events.SPEECH, {"text": "Hi", "seconds": 61, "ms": 0.2, "cached": True}, "speech    “Hi” 1:01 from the cache"),
        (
            events.MEDIA_FETCH,
            {"url": "http://a/b.wav", "status": 200, "content_type": "audio/wav", "bytes": 8000, "seconds": 1, "ms": 9},
            "audio     http://a/b.wav 200 audio/wav 1.0 s 8,000 bytes in 9 ms",
        ),
        (events.MEDIA_FETCH, {"url": "http://a/b.wav", "error": "not found"}, "audio     http://a/b.wav not found"),
        (events.KEY, {"key": "#", "by": "rfc4733"}, "key       # rfc4733"),
        (events.WARNING, {"code": 12200, "message": "no such attribute"}, "warning   12200 no such attribute"),
        (events.WARNING, {"code": 0, "message": "quiet", "url": "http://a/"}, "warning   quiet  url=http://a/"),
        (events.ERROR, {"code": 11200, "message": "no answer"}, "error     11200 no answer"),
        (
            events.MEDIA_START,
            {"codec": "PCMU", "local": "127.0.0.1:20000", "remote": "127.0.0.1:4000", "ptime_ms": 20, "on_hold": True},
            "media     PCMU 127.0.0.1:20000 ↔ 127.0.0.1:4000, packets of 20 ms, on hold",
        ),
        (events.MEDIA_STATS, {"received": 500, "lost": 0}, "media     received=500 lost=0"),
        ("replay.mark", {"a": 1}, "replay.mark a=1"),
    ],
)
def test_each_kind_has_its_line(kind: str, data: dict[str, Any], text: str) -> None:
    assert line(kind, **data).plain.rstrip() == f"    1.500  {text}"


def test_a_request_shows_what_is_new_in_it() -> None:
    """The same parameters in each request hide the one that counts; it stands out and comes first."""
    parameters = {
        "CallSid": SID, "AccountSid": "AC1", "ApiVersion": "2010-04-01", "From": "+14155550199", "To": "+14155550100",
        "Caller": "+14155550199", "Called": "+14155550100", "CallStatus": "in-progress", "Direction": "inbound",
        "FromCity": "", "FromState": "CA", "CalledCountry": "US", "Digits": "42",
    }  # fmt: skip
    request = line(events.WEBHOOK_REQUEST, method="POST", url="http://a/choice", parameters=parameters)
    assert request.plain == (
        "    1.500  request   POST http://a/choice  Digits=42  From=+14155550199  To=+14155550100"
        "  CallStatus=in-progress  Direction=inbound"
    )
    assert "bold" in styles(request, "Digits=42")
    assert "dim" in styles(request, "Direction=inbound")


def test_a_request_of_2008_has_its_own_names() -> None:
    parameters = {
        "CallGuid": SID,
        "AccountGuid": "AC1",
        "Caller": "4155550199",
        "Called": "4155550100",
        "CallerZip": "9",
    }
    request = line(events.WEBHOOK_REQUEST, method="GET", url="http://a/", parameters=parameters)
    assert request.plain.endswith("GET http://a/  Caller=4155550199  Called=4155550100")


@pytest.mark.parametrize(
    ("kind", "data", "part", "style"),
    [
        (events.WARNING, {"message": "odd"}, "odd", "yellow"),
        (events.ERROR, {"message": "bad"}, "bad", "red"),
        (events.WEBHOOK_RESPONSE, {"error": "bad"}, "bad", "red"),
        (events.SIP_SENT, {"line": "BYE"}, "BYE", "dim"),
    ],
)
def test_colours(kind: str, data: dict[str, Any], part: str, style: str) -> None:
    assert style in styles(line(kind, **data), part)


@pytest.mark.parametrize("name", [*KINDS, *OUTCOMES, SERVER_RESTARTED])
def test_each_kind_and_each_reason_is_documented(name: str) -> None:
    assert f"\n| `{name}` | " in PAGE


def test_times_count_from_the_start() -> None:
    assert line(events.KEY, 75.25, key="1").plain.startswith("   75.250  key")
    assert line(events.KEY, 0, key="1").plain.startswith("    0.000  key")


def test_nothing_from_outside_reaches_the_terminal_as_a_command() -> None:
    text = line(events.SIP_RECEIVED, line="INVITE \x1b]0;owned\x07 \u202e\x9b31m\udcff\r\nVia: x").plain
    assert text.isprintable()
    assert "\\x1b]0;owned\\x07 \\u202e\\x9b31m\\udcff  Via: x" in text


def test_what_is_long_is_cut() -> None:
    text = line(events.WEBHOOK_RESPONSE, status=500, body="x" * 10_000).plain
    assert len(text) < 250
    assert "…" in text


@pytest.mark.parametrize("kind", KINDS)
def test_data_may_be_missing(kind: str) -> None:
    assert line(kind).plain.startswith("    1.500  ")


_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
_FIELDS = st.sampled_from(
    [
        *("line", "status", "reason", "method", "url", "parameters", "error", "content_type", "body", "bytes", "ms"),
        *("verb", "verbs", "attributes", "text", "result", "engine", "voice", "seconds", "cached", "key", "by", "code"),
        *("message", "codec", "local", "remote", "ptime_ms", "on_hold"),
    ]
)


@given(st.sampled_from([*KINDS, "other"]), st.dictionaries(_FIELDS, _ANYTHING, max_size=6))
def test_any_data_is_one_printable_line(kind: str, data: dict[str, Any]) -> None:
    assert render(CallEvent(SID, START, kind, data), START).plain.isprintable()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0.0 s"), (3.21, "3.2 s"), (59.94, "59.9 s"), (60, "1:00"), (123.4, "2:03"), (3723, "1:02:03")],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text
