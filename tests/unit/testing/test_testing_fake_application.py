"""The fake application: pages, audio and speech from a dictionary."""

import pytest

from ringback.calls.recording import Recorded
from ringback.model.errors import ApplicationError
from ringback.speech.normalise import Segment
from ringback.testing.clock import run
from ringback.testing.fake_application import FakeApplication, Page
from ringback.testing.fake_call import FakeCall, HangUp
from ringback.twiml.services import Fetch, OutgoingSms

CALL = FakeCall()


def fetch(application: FakeApplication, url: str) -> object:
    return run(application.fetch(CALL, Fetch(url)))


def test_pages_are_found_by_url_and_by_url_without_query() -> None:
    application = FakeApplication({"http://a/x": "<Response/>", "http://a/x?y=2": b"two"})
    bodies = [run(application.fetch(CALL, Fetch(f"http://a/x{query}"))).body for query in ("", "?y=1", "?y=2")]
    assert bodies == [b"<Response/>", b"<Response/>", b"two"]
    assert [request.url for request in application.requests] == ["http://a/x", "http://a/x?y=1", "http://a/x?y=2"]


def test_a_page_can_be_made_from_the_request() -> None:
    application = FakeApplication({"http://a/": lambda asked: Page(asked.method, "text/plain", 201, "http://b/")})
    answer = run(application.fetch(CALL, Fetch("http://a/", "GET")))
    assert (answer.body, answer.content_type, answer.status, answer.url) == (b"GET", "text/plain", 201, "http://b/")


@pytest.mark.parametrize("pages", [{}, {"http://a/": Page(status=500)}])
def test_missing_pages_and_failures_are_code_11200(pages: dict[str, Page]) -> None:
    with pytest.raises(ApplicationError) as caught:
        fetch(FakeApplication(pages), "http://a/")
    assert (caught.value.code, caught.value.url) == (11200, "http://a/")


def test_errors_are_raised() -> None:
    refused = ApplicationError(11205, "refused")
    with pytest.raises(ApplicationError, match="11205"):
        fetch(FakeApplication({"http://a/": refused}), "http://a/")
    with pytest.raises(ApplicationError, match="11205"):
        run(FakeApplication({}, {"http://a/": refused}).audio(CALL, "http://a/"))
    with pytest.raises(ApplicationError, match="11200"):
        run(FakeApplication({}).audio(CALL, "http://a/"))


def test_speech_has_the_length_of_its_text_and_its_pauses() -> None:
    application = FakeApplication({})
    assert run(application.speak("x" * 30, voice="man", language="en")).seconds == 2
    segments = (Segment("x" * 15), Segment("", break_ms=500))
    assert run(application.speak(segments, voice="woman", language="de")).seconds == pytest.approx(1.5, abs=0.1)
    assert application.said == [("x" * 30, "man", "en"), (segments, "woman", "de")]
    application.mute = ApplicationError(12400, "no engine")
    with pytest.raises(ApplicationError, match="no engine"):
        run(application.speak("x", voice="man", language="en"))


def test_a_session_is_run_from_its_first_request_to_its_end() -> None:
    application = FakeApplication(
        {
            "http://a/": "<Response><Say>Hello</Say><Play>b.wav</Play></Response>",
            "http://a/f": Page(b"x" * 8000, "audio/wav"),
        },
        {"http://a/b.wav": 2.0},
        fetch_seconds=0.5,
        speech_seconds=0.25,
    )
    call = FakeCall()
    assert run(application.take(call, "http://a/")).reason == "document-end"
    assert application.heard(call) == ["Hello", "http://a/b.wav"]
    assert application.fetched_audio == ["http://a/b.wav"]
    # The page, the speech; then the audio is fetched while the speech plays for a third of a second.
    assert [played.start for played in call.played] == pytest.approx([0.75, 1.25])
    body = FakeCall()
    run(application.take(body, "http://a/f"))
    assert application.heard(body) == ["audio/wav"]
    assert body.played[0].stop == 1.5


def test_a_caller_who_hangs_up_ends_the_session() -> None:
    application = FakeApplication({"http://a/": "<Response><Pause length='60'/></Response>"})
    call = FakeCall([HangUp(5)])
    assert run(application.take(call, "http://a/")).reason == "caller-cancelled"
    assert call.ended_at == 5


def test_what_the_application_is_told_and_asked_is_kept() -> None:
    application = FakeApplication({})
    run(application.notify(CALL, "http://a/", "POST", {"CallStatus": "ringing"}))
    assert application.told == [Fetch("http://a/", "POST", {"CallStatus": "ringing"})]
    recorded = Recorded("RE1", 3, "stopped")
    run(application.transcribe(CALL, recorded, "http://a/text"))
    assert application.transcribed == [(recorded, "http://a/text")]
    assert application.recording_url(CALL, "RE1").endswith(f"/Accounts/{CALL.info.account_sid}/Recordings/RE1")
    assert application.of(CALL) is application


def test_caller_ids_are_those_of_the_test() -> None:
    application = FakeApplication({})
    application.caller_ids = {"+15550100001"}
    assert [run(application.may_call_as(CALL, number)) for number in ("+15550100001", "+15550100002")] == [True, False]


def test_messages_are_kept_or_refused() -> None:
    application, sms = FakeApplication({}), OutgoingSms("+14155550100", "+15550100001", "hello")
    sent = [run(application.send_sms(CALL, sms)).sid for _ in range(2)]
    assert (application.sms, len(set(sent))) == ([sms, sms], 2)
    application.sms_refused = ApplicationError(14101, "no such number")
    with pytest.raises(ApplicationError, match="14101"):
        run(application.send_sms(CALL, sms))
