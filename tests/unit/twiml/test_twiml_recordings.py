"""Who is told about a recording that a document asked for."""

import asyncio
from typing import Any

import pytest
from twiml_calls import URL, V2010

from ringback.calls.recording import Recorded
from ringback.testing.clock import run
from ringback.testing.fake_application import FakeApplication
from ringback.testing.fake_call import FakeCall
from ringback.twiml.recordings import recording_parameters, watch_recording
from ringback.twiml.session import Session
from ringback.twiml.sounds import Sounds

RECORDED = Recorded("RE1", 7, "stopped", channels=2, source="DialVerb")


def with_session(work: Any) -> FakeApplication:
    call, application = FakeCall(), FakeApplication({})

    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            sounds = Sounds(call, application, group)
            work(Session(call, URL, V2010, sounds, application))
            sounds.close()

    run(call.conduct(main()))
    return application


@pytest.mark.parametrize(
    ("events", "happened", "told"),
    [
        (("completed",), ["in-progress", "completed"], ["completed"]),
        (("in-progress", "completed", "absent"), ["in-progress", "absent"], ["in-progress", "absent"]),
        (("completed",), ["failed"], ["failed"]),
        (("absent",), ["failed", "completed"], []),
    ],
)
def test_the_events_that_are_wanted_are_told(events: tuple[str, ...], happened: list[Any], told: list[str]) -> None:
    def work(session: Session) -> None:
        watch = watch_recording(session, "rec", "GET", events)
        assert watch is not None
        for event in happened:
            watch(event, RECORDED)

    sent = with_session(work).told
    assert [each.parameters["RecordingStatus"] for each in sent] == told
    assert {(each.method, each.url) for each in sent} <= {("GET", "http://app.example/voice/rec")}


def test_without_a_url_nobody_is_told() -> None:
    def work(session: Session) -> None:
        assert watch_recording(session, "", "POST", ("completed",)) is None

    assert with_session(work).told == []


def test_what_is_told() -> None:
    def work(session: Session) -> None:
        for event, code in (("completed", "0"), ("failed", "13618")):
            told = recording_parameters(session, event, RECORDED)  # type: ignore[arg-type]
            assert (told["RecordingSid"], told["RecordingDuration"], told["RecordingChannels"]) == ("RE1", "7", "2")
            assert (told["RecordingSource"], told["ErrorCode"]) == ("DialVerb", code)
            assert told["RecordingUrl"].endswith("/Recordings/RE1")

    with_session(work)
