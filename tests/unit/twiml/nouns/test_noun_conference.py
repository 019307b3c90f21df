"""Conference, row by row. Clauses 2.6 of both versions."""

# Covers: twiml/interpreter.py twiml/verbs/dial.py testing/fake_call.py

import pytest
from dial_rig import DONE, dial, told
from twiml_calls import BOTH, URL, V2008, V2010, Taken, codes

from ringback.calls.attendance import Attendance, Attended, ConferenceEvent
from ringback.calls.recording import Recorded
from ringback.model import events
from ringback.model.status import ApiVersion
from ringback.testing.clock import run
from ringback.testing.fake_application import FakeApplication
from ringback.testing.fake_call import CONFERENCE_SID, FakeCall, HangUp, Press, call_info

WAIT = "http://app.example/wait"


def attend(
    attributes: str = "",
    dialing: str = 'action="/done" timeLimit="60"',
    version: ApiVersion = V2010,
    *,
    pages: dict[str, object] | None = None,
    on_attend: object = None,
    script: list[Press | HangUp] | None = None,
) -> Taken:
    """Go into a conference for a minute, alone."""
    markup = f"<Response><Dial {dialing}><Conference {attributes}>Room 1</Conference></Dial><Say>over</Say></Response>"
    application = FakeApplication(
        {URL: markup, DONE: "<Response/>", **(pages or {})}, {"http://app.example/music.mp3": 7.0}
    )  # type: ignore[dict-item]
    call = FakeCall(script or [], call_info(version))
    call.on_attend = on_attend  # type: ignore[assignment]
    return Taken(call, application, run(application.take(call, URL)))


def asked(taken: Taken) -> Attendance:
    (attendance,) = taken.call.attendances
    return attendance


@pytest.mark.conforms(
    "2008-08-01/2.6.2/muted",
    "2010-04-01/2.6.4/muted",
    "2008-08-01/2.6.2/muted-default",
    "2008-08-01/2.6.2/beep",
    "2010-04-01/2.6.4/beep",
    "2008-08-01/2.6.2/beep-default",
    "2008-08-01/2.6.2/startConferenceOnEnter",
    "2010-04-01/2.6.4/startConferenceOnEnter",
    "2008-08-01/2.6.2/startConferenceOnEnter-default",
    "2008-08-01/2.6.2/endConferenceOnExit",
    "2010-04-01/2.6.4/endConferenceOnExit",
    "2008-08-01/2.6.2/endConferenceOnExit-default",
    "2008-08-01/2.6.2/star",
    "2010-04-01/2.6.4/star",
    "2008-08-01/2.6.2/timeLimit",
)
@pytest.mark.parametrize("version", BOTH)
def test_how_somebody_takes_part(version: ApiVersion) -> None:
    plain = asked(attend(version=version))
    assert plain == Attendance("Room 1", time_limit=60)
    assert (plain.muted, plain.beep, plain.start_on_enter, plain.end_on_exit) == (False, "true", True, False)
    attributes = 'muted="true" beep="false" startConferenceOnEnter="false" endConferenceOnExit="true"'
    full = asked(attend(attributes, 'hangupOnStar="true" timeLimit="60"', version))
    assert (full.muted, full.beep, full.start_on_enter, full.end_on_exit) == (True, "false", False, True)
    assert (full.hangup_on_star, full.time_limit) == (True, 60)
    for bad, code in (
        ("muted", 13230),
        ("beep", 13235),
        ("startConferenceOnEnter", 13232),
        ("endConferenceOnExit", 13231),
    ):
        assert codes(f'<Dial><Conference {bad}="perhaps">x</Conference></Dial>', version) == [code]
    expected = [] if version is V2010 else [13235]
    assert codes('<Dial><Conference beep="onEnter">x</Conference></Dial>', version) == expected


@pytest.mark.conforms("2008-08-01/2.6.2/room", "2010-04-01/2.6.4/room")
@pytest.mark.parametrize("version", BOTH)
def test_a_conference_has_a_name(version: ApiVersion) -> None:
    assert 13237 in codes("<Dial><Conference/></Dial>", version)


@pytest.mark.conforms("2010-04-01/2.6/DialCallStatus")
@pytest.mark.parametrize("version", BOTH)
def test_what_is_told_afterwards(version: ApiVersion) -> None:
    name = "DialStatus" if version is V2008 else "DialCallStatus"
    assert told(attend(version=version)) == {name: "answered"}

    async def full(attendance: Attendance) -> Attended:
        return Attended(CONFERENCE_SID, "full")

    assert told(attend(version=version, on_attend=full)) == {name: "failed"}

    async def recorded(attendance: Attendance) -> Attended:
        return Attended(CONFERENCE_SID, "ended", 60, "RE1")

    found = told(attend(version=version, on_attend=recorded))
    assert found.get("RecordingUrl", "").endswith("RE1") is (version is V2010)


@pytest.mark.conforms(
    "2008-08-01/2.6.2/waitUrl",
    "2010-04-01/2.6.4/waitUrl",
    "2008-08-01/2.6.2/waitUrl-default",
    "2010-04-01/2.6.4/waitUrl-default",
    "2008-08-01/2.6.2/waitMethod",
    "2010-04-01/2.6.4/waitMethod",
    "2008-08-01/2.6.2/waitMethod-default",
    "2008-08-01/1.1/wait",
    "2010-04-01/2.6.4/wait",
)
@pytest.mark.parametrize("version", BOTH)
def test_what_is_heard_while_waiting(version: ApiVersion) -> None:
    assert asked(attend(version=version)).wait is None, "the built-in music"
    silent = attend('waitUrl=""', version=version)
    assert (silent.heard, silent.requests[:-1]) == ([], [])
    pages = {WAIT: "<Response><Say>Soon.</Say><Play>/music.mp3</Play></Response>"}
    taken = attend('waitUrl="/wait"', version=version, pages=pages)
    assert taken.requests[0][:2] == ("POST", WAIT)
    assert taken.heard[:2] == ["Soon.", "http://app.example/music.mp3"]
    # 2010-04-01 asks once, 2008-08-01 as often as the document ends.
    assert (len(taken.heard) > 2) is (version is V2008)
    assert attend('waitUrl="/wait" waitMethod="GET"', version=version, pages=pages).requests[0][0] == "GET"
    assert codes('<Dial><Conference waitMethod="PUT">x</Conference></Dial>', version) == [13234]


@pytest.mark.conforms("2008-08-01/2.6.2/wait-verbs")
@pytest.mark.parametrize("version", BOTH)
def test_who_waits_is_only_entertained(version: ApiVersion) -> None:
    pages = {
        WAIT: "<Response><Gather/><Dial>1</Dial><Record/><Say>Soon.</Say><Pause/><Redirect>/more</Redirect></Response>",
        "http://app.example/more": "<Response><Say>More.</Say><Pause length='99'/></Response>",
    }
    taken = attend('waitUrl="/wait"', version=version, pages=pages)
    assert (taken.heard[:2], taken.codes()) == (["Soon.", "More."], [13238] * 3)


@pytest.mark.parametrize("version", BOTH)
def test_a_wait_document_that_fails_leaves_the_caller_waiting(version: ApiVersion) -> None:
    taken = attend('waitUrl="/gone"', version=version)
    assert taken.call.ended_at == pytest.approx(60, abs=1)
    assert taken.requests[-1][2] == {"DialStatus" if version is V2008 else "DialCallStatus": "answered"}
    assert taken.heard == []


@pytest.mark.conforms(
    "2010-04-01/2.6.4/participantLabel",
    "2010-04-01/2.6.4/jitterBufferSize",
    "2010-04-01/2.6.4/maxParticipants",
    "2010-04-01/2.6.4/record",
    "2010-04-01/2.6.4/trim",
    "2010-04-01/2.6.4/coach",
)
def test_what_2010_has_more() -> None:
    plain = asked(attend())
    assert (plain.label, plain.max_participants, plain.record, plain.coach) == ("", 250, None, "")
    attributes = (
        'participantLabel="boss" maxParticipants="3" record="record-from-start" coach="CA1" jitterBufferSize="off"'
    )
    full = asked(attend(attributes))
    assert (full.label, full.max_participants, full.coach) == ("boss", 3, "CA1")
    assert full.record is not None
    assert (full.record.source, full.record.track, full.record.trim) == ("Conference", "both", True)
    untrimmed = asked(attend('record="true" trim="do-not-trim"')).record
    assert untrimmed is not None
    assert untrimmed.trim is False
    for bad, code in (
        ('participantLabel="a/b"', 16024), (f'participantLabel="{"x" * 129}"', 16024), ('maxParticipants="251"', 12200),
        ('maxParticipants="1"', 12200), ('record="maybe"', 12200), ('trim="maybe"', 13239),
        ('jitterBufferSize="xl"', 12200),
    ):  # fmt: skip
        assert codes(f"<Dial><Conference {bad}>x</Conference></Dial>") == [code]


@pytest.mark.conforms("2010-04-01/2.6.4/statusCallback", "2010-04-01/2.6.4/parameters")
def test_somebody_may_be_told_what_happens() -> None:
    async def on_attend(attendance: Attendance) -> Attended:
        assert attendance.watch is not None
        for number, name in enumerate(
            ("participant-join", "conference-start", "participant-mute", "conference-end"), 1
        ):
            attendance.watch(
                ConferenceEvent(
                    name, number, CONFERENCE_SID, "Room 1", "CA1" if "participant" in name else "", {"Muted": True}
                )
            )  # type: ignore[arg-type]
        return Attended(CONFERENCE_SID, "ended")

    taken = attend('statusCallback="/events" statusCallbackEvent="start join end"', on_attend=on_attend)
    assert [(sent.url, sent.parameters["StatusCallbackEvent"]) for sent in taken.application.told] == [
        ("http://app.example/events", "participant-join"),
        ("http://app.example/events", "conference-start"),
        ("http://app.example/events", "conference-end"),
    ]
    first = taken.application.told[0].parameters
    assert first == {
        "ConferenceSid": CONFERENCE_SID, "FriendlyName": "Room 1", "SequenceNumber": "1", "CallSid": "CA1",
        "StatusCallbackEvent": "participant-join", "Muted": "true",
    }  # fmt: skip
    assert codes('<Dial><Conference statusCallbackEvent="begin">x</Conference></Dial>') == [12200]


@pytest.mark.conforms("2010-04-01/2.6.4/recordingStatusCallback")
@pytest.mark.parametrize("name", ["recordingStatusCallback", "eventCallbackUrl"])
def test_somebody_may_be_told_of_the_recording(name: str) -> None:
    async def on_attend(attendance: Attendance) -> Attended:
        assert attendance.record is not None
        assert attendance.record.watch is not None
        attendance.record.watch("completed", Recorded("RE1", 9, "stopped", source="Conference"))
        return Attended(CONFERENCE_SID, "ended", 9, "RE1")

    taken = attend(f'record="true" {name}="/rec"', on_attend=on_attend)
    (sent,) = taken.application.told
    assert (sent.url, sent.parameters["RecordingSource"]) == ("http://app.example/rec", "Conference")


def test_dial_without_anybody_is_no_conference() -> None:
    assert dial("").call.attendances == []


def test_what_2008_does_not_have_is_ignored_and_an_error_to_the_account() -> None:
    taken = attend('participantLabel="anna" muted="true"', version=V2008)
    assert (asked(taken).label, asked(taken).muted) == ("", True)
    assert (taken.codes(events.ERROR), taken.codes()) == ([13299], [])
    assert attend('nonsense="x"', version=V2008).codes() == [12200]
