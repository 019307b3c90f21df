"""What a fetch leaves in a timeline."""

from webhooks_application import Notes

from ringback.webhooks.failures import FetchError
from ringback.webhooks.timeline import Timeline, silent


def test_each_request_has_its_answer() -> None:
    notes, times = Notes(), iter([1.0, 1.25, 2.0, 2.5])
    timeline = Timeline(notes, lambda: next(times), "t")
    timeline.sent("POST", "http://a/", {"a": "b"})
    timeline.answered(302, "", 0, "x" * 3000)
    timeline.sent("GET", "http://b/", {})
    timeline.failed(FetchError(11205, "no connection"))
    timeline.failed(FetchError(11200, "and nothing more"))
    assert notes.events == [
        ("webhook.request", {"id": "t", "method": "POST", "url": "http://a/", "parameters": {"a": "b"}}),
        ("webhook.response", {"id": "t", "status": 302, "content_type": "", "bytes": 0, "body": "x" * 2000, "ms": 250}),
        ("webhook.request", {"id": "t/2", "method": "GET", "url": "http://b/", "parameters": {}}),
        ("webhook.response", {"id": "t/2", "error": "11205: no connection", "ms": 500}),
    ]


def test_nothing_is_noted_of_what_was_not_sent() -> None:
    notes = Notes()
    Timeline(notes, lambda: 0.0, "t").failed(FetchError(11205, "no connection"))
    assert notes.events == []


def test_silence() -> None:
    silent("webhook.request", id="t")
