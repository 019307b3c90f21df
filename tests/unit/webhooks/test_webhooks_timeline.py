"""What a fetch leaves in a timeline."""

from pathlib import Path

from webhooks_application import Notes

from ringback.webhooks.exchange import Kept
from ringback.webhooks.failures import FetchError
from ringback.webhooks.timeline import Timeline, silent


def test_each_request_has_its_answer() -> None:
    notes, times = Notes(), iter([1.0, 1.25, 2.0, 2.5])
    timeline = Timeline(notes, lambda: next(times), "t")
    timeline.sent("POST", "http://a/", {"a": "b"})
    timeline.answered(302, "", 0, "x" * 3000, {"Location": "http://b/"}, None)
    timeline.sent("GET", "http://b/", {})
    timeline.failed(FetchError(11205, "no connection"))
    timeline.failed(FetchError(11200, "and nothing more"))
    assert notes.events == [
        ("webhook.request", {"id": "t", "method": "POST", "url": "http://a/", "parameters": {"a": "b"}}),
        (
            "webhook.response",
            {
                "id": "t",
                "status": 302,
                "content_type": "",
                "bytes": 0,
                "body": "x" * 2000,
                "headers": {"Location": "http://b/"},
                "ms": 250,
            },
        ),
        ("webhook.request", {"id": "t/2", "method": "GET", "url": "http://b/", "parameters": {}}),
        ("webhook.response", {"id": "t/2", "error": "11205: no connection", "ms": 500}),
    ]


def test_nothing_is_noted_of_what_was_not_sent() -> None:
    notes = Notes()
    Timeline(notes, lambda: 0.0, "t").failed(FetchError(11205, "no connection"))
    assert notes.events == []


def test_silence() -> None:
    """Where nobody looks nothing is put together, nor looked at the clock for an end."""
    silent("webhook.request", id="t")
    times = iter([1.0])
    timeline = Timeline(silent, lambda: next(times), "t")
    timeline.sent("POST", "http://a/", {"a": "b"})
    timeline.answered(200, "text/xml", 1, "x", {}, None)
    timeline.failed(FetchError(11200, "and nothing more"))


def test_what_the_cache_gave_is_told() -> None:
    notes = Notes()
    timeline = Timeline(notes, lambda: 0.0, "t")
    for kept in (
        Kept("fresh", 3, Path("body")),
        Kept("stale", 60, Path("body"), FetchError(11205, "no connection", "http://a/")),
    ):
        timeline.sent("GET", "http://a/", {})
        timeline.answered(200, "text/xml", 1, "x", {}, kept)
    assert [data["cached"] for kind, data in notes.events if kind == "webhook.response"] == ["fresh", "stale"]
    assert notes.events[-1] == (
        "warning",
        {"code": 11205, "message": "no connection: an answer of 60 s ago is used", "url": "http://a/"},
    )
