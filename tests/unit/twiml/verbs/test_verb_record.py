"""Record, row by row. 2008-08-01 clause 2.5, 2010-04-01 clauses 2.5 and 5.3."""

# Covers: testing/fake_call.py testing/fake_recording.py

import pytest
from twiml_calls import BOTH, URL, V2008, V2010, Taken, codes, take, verb

from ringback.model.status import ApiVersion
from ringback.testing.clock import run
from ringback.testing.fake_application import FakeApplication
from ringback.testing.fake_call import FakeCall, HangUp, Press, call_info

DONE = "http://app.example/done"
END = "<Response/>"
BEEP = 0.5


def record(
    attributes: str = "",
    script: list[Press | HangUp] | None = None,
    version: ApiVersion = V2010,
    *,
    speaks: float = 3.0,
    unrecordable: bool = False,
) -> Taken:
    """Record to /done, then say that nothing was said; the caller speaks for so many seconds."""
    markup = f'<Response><Record action="/done" {attributes}/><Say>nothing</Say></Response>'
    application = FakeApplication({URL: markup, DONE: END})
    call = FakeCall(script or [], call_info(version))
    call.speaks, call.unrecordable = speaks, unrecordable
    return Taken(call, application, run(application.take(call, URL)))


def told(taken: Taken) -> dict[str, str]:
    ((_, url, parameters),) = taken.requests
    assert url == DONE
    return parameters


@pytest.mark.conforms("*/2.5/action", "2008-08-01/2.5/unreachable", "2008-08-01/1.1/verbs")
@pytest.mark.parametrize("version", BOTH)
def test_the_action_is_asked_and_the_verbs_below_are_not_reached(version: ApiVersion) -> None:
    taken = record(version=version)
    assert taken.heard == []
    assert [request[:2] for request in taken.requests] == [("POST", DONE)]


@pytest.mark.conforms(
    "2008-08-01/2.5/action-default", "2008-08-01/2.5/method-default", "2010-04-01/2.5/action", "2010-04-01/2.5/method"
)
@pytest.mark.parametrize("version", BOTH)
def test_without_an_action_the_document_itself_is_asked(version: ApiVersion) -> None:
    asked: list[object] = []

    def page(request: object) -> str:
        asked.append(request)
        return END if len(asked) > 1 else "<Response><Record/></Response>"

    taken = take("", first=page, version=version)
    assert [request[:2] for request in taken.requests] == [("POST", URL)]


@pytest.mark.conforms("2008-08-01/2.5/method", "2010-04-01/2.5/method")
@pytest.mark.parametrize("version", BOTH)
def test_the_method(version: ApiVersion) -> None:
    assert record('method="GET"', version=version).requests[0][0] == "GET"
    assert codes('<Record method="PUT"/>', version) == [13610]


@pytest.mark.conforms("2008-08-01/2.5/RecordingUrl", "2008-08-01/2.5/Duration", "2008-08-01/2.5/Digits")
def test_what_is_told_in_2008() -> None:
    taken = record('finishOnKey="5"', [Press(2.0, "5")], V2008)
    url = f"http://api.example/2008-08-01/Accounts/{taken.call.info.account_sid}/Recordings/RE{0:032x}"
    assert told(taken) == {"RecordingUrl": url, "Duration": "2", "Digits": "5"}
    assert "Digits" not in told(record(version=V2008)), "silence has no key"


@pytest.mark.conforms(
    "2010-04-01/2.5/RecordingUrl",
    "2010-04-01/2.5/RecordingDuration",
    "2010-04-01/2.5/RecordingSid",
    "2010-04-01/2.5/Digits",
)
def test_what_is_told_in_2010() -> None:
    taken = record('finishOnKey="#"', [Press(2.5, "#")])
    sid = f"RE{0:032x}"
    url = f"http://api.example/2010-04-01/Accounts/{taken.call.info.account_sid}/Recordings/{sid}"
    assert told(taken) == {"RecordingUrl": url, "RecordingDuration": "2", "RecordingSid": sid, "Digits": "#"}


@pytest.mark.conforms("*/2.5/timeout", "*/2.5/timeout-default")
@pytest.mark.parametrize("version", BOTH)
def test_silence_ends_it(version: ApiVersion) -> None:
    for attributes, seconds in (("", 5), ('timeout="12"', 12)):
        taken = record(attributes, version=version)
        assert taken.call.recordings[0].options.silence_seconds == seconds
        assert taken.call.ended_at == pytest.approx(BEEP + 3 + seconds)
    assert codes('<Record timeout="soon"/>', version) == [13611]
    assert codes('<Record timeout="0"/>', version) == ([13611] if version is V2008 else [])


@pytest.mark.conforms("2010-04-01/2.5/timeout")
def test_a_timeout_of_nothing_is_without_end() -> None:
    taken = record('timeout="0" maxLength="100"')
    assert taken.call.ended_at == pytest.approx(BEEP + 100)


@pytest.mark.conforms("*/2.5/finishOnKey", "*/2.5/finishOnKey-default")
@pytest.mark.parametrize("version", BOTH)
@pytest.mark.parametrize(
    ("attributes", "key", "ends"),
    [
        ("", "7", True),
        ("", "*", True),
        ('finishOnKey="12"', "2", True),
        ('finishOnKey="12"', "3", False),
        ('finishOnKey=""', "#", False),
    ],
)
def test_keys_end_it(version: ApiVersion, attributes: str, key: str, ends: bool) -> None:
    taken = record(attributes, [Press(2.0, key)], version)
    assert (taken.call.ended_at == pytest.approx(2.0)) is ends
    assert told(taken).get("Digits", "") == (key if ends else "")
    assert codes('<Record finishOnKey="12a"/>', version) == [13613]


@pytest.mark.conforms("2008-08-01/9/record-length")
@pytest.mark.conforms("*/2.5/maxLength", "*/2.5/maxLength-default")
@pytest.mark.parametrize("version", BOTH)
def test_the_longest_length_ends_it(version: ApiVersion) -> None:
    assert verb("<Record/>", version).max_length == 3600
    assert verb('<Record transcribe="true"/>', version).max_length == 120
    assert record('maxLength="2"', version=version).call.ended_at == pytest.approx(BEEP + 2)
    for bad in ("long", "-1", "1.5", ""):
        assert codes(f'<Record maxLength="{bad}"/>', version) == [13612]


@pytest.mark.parametrize("version", BOTH)
def test_a_length_out_of_range_is_told_apart_from_what_is_no_number(version: ApiVersion) -> None:
    for bad in ("1", "0", *(["86401"] if version is V2010 else [])):
        assert codes(f'<Record maxLength="{bad}"/>', version) == [13617]
        assert verb(f'<Record maxLength="{bad}"/>', version).max_length == 3600
    assert codes('<Record maxLength="86401"/>', V2008) == []


@pytest.mark.conforms("*/2.5/playBeep", "*/2.5/playBeep-default")
@pytest.mark.parametrize("version", BOTH)
def test_the_beep(version: ApiVersion) -> None:
    assert record(version=version).call.recordings[0].options.beep is True
    assert record('playBeep="false"', version=version).call.recordings[0].options.beep is False
    assert codes('<Record playBeep="1"/>', version) == [13616]


@pytest.mark.conforms("2008-08-01/2.5/trimmed", "2010-04-01/2.5/trim", "2010-04-01/2.5/trim-default")
@pytest.mark.parametrize("version", BOTH)
def test_silence_at_the_ends_is_cut_off(version: ApiVersion) -> None:
    assert record(version=version).call.recordings[0].options.trim is True
    if version is V2010:
        assert record('trim="do-not-trim"').call.recordings[0].options.trim is False
        assert codes('<Record trim="some"/>') == [12200]


@pytest.mark.conforms("*/2.5/silence-only")
@pytest.mark.parametrize("version", BOTH)
def test_silence_alone_is_not_submitted(version: ApiVersion) -> None:
    taken = record(version=version, speaks=0)
    assert (taken.requests, taken.heard) == ([], ["nothing"])
    assert taken.end.reason == "document-end"


@pytest.mark.conforms("*/2.5/hangup")
@pytest.mark.parametrize("version", BOTH)
def test_a_caller_who_hangs_up_has_left_a_message(version: ApiVersion) -> None:
    taken = record(script=[HangUp(2.5)], version=version)
    assert (told(taken)["Digits"], taken.end.reason) == ("hangup", "caller-hangup")
    assert told(taken)["Duration" if version is V2008 else "RecordingDuration"] == "2"
    assert record(script=[HangUp(2.5)], version=version, speaks=0).requests == []


@pytest.mark.parametrize("version", BOTH)
def test_an_action_that_fails_after_the_hangup_is_a_warning(version: ApiVersion) -> None:
    taken = take('<Record action="/gone"/>', [HangUp(2.5)], version)
    assert (taken.codes(), taken.end.reason) == ([11200], "caller-hangup")


@pytest.mark.conforms("*/2.5/transcribe", "*/2.5/transcribe-default", "*/2.5/transcribeCallback")
@pytest.mark.parametrize("version", BOTH)
def test_a_transcription_is_asked_for(version: ApiVersion) -> None:
    assert record(version=version).application.transcribed == []
    for attributes, callback in (
        ('transcribe="true"', ""),
        ('transcribe="true" transcribeCallback="/text"', "http://app.example/text"),
        ('transcribeCallback="/text"', "http://app.example/text"),
    ):
        ((recorded, url),) = record(attributes, version=version).application.transcribed
        assert (recorded.sid, url) == (f"RE{0:032x}", callback)
    assert len(record('transcribe="true"', [HangUp(3)], version).application.transcribed) == 1
    assert codes('<Record transcribe="yes"/>', version) == [13614]


@pytest.mark.conforms("2008-08-01/2.5/too-long-to-transcribe")
@pytest.mark.parametrize("version", BOTH)
def test_what_is_too_long_is_not_transcribed(version: ApiVersion) -> None:
    assert codes('<Record transcribe="true" maxLength="121"/>', version) == [13615]
    assert record('transcribe="true" maxLength="121"', version=version).application.transcribed == []
    assert codes('<Record transcribe="true" maxLength="120"/>', version) == []


@pytest.mark.conforms(
    "2010-04-01/2.5/recordingStatusCallback", "2010-04-01/2.5/recordingStatusCallbackMethod",
    "2010-04-01/2.5/recordingStatusCallbackEvent", "2010-04-01/5.3/parameters", "2010-04-01/5.3/source",
)  # fmt: skip
def test_somebody_may_be_told_how_the_recording_gets_on() -> None:
    taken = record('recordingStatusCallback="/rec"')
    (only,) = taken.application.told
    sid = f"RE{0:032x}"
    assert (only.method, only.url) == ("POST", "http://app.example/rec")
    assert only.parameters == {
        "RecordingSid": sid,
        "RecordingUrl": f"http://api.example/2010-04-01/Accounts/{taken.call.info.account_sid}/Recordings/{sid}",
        "RecordingStatus": "completed", "RecordingDuration": "3", "RecordingChannels": "1",
        "RecordingSource": "RecordVerb", "RecordingTrack": "both", "ErrorCode": "0",
    }  # fmt: skip
    every = 'recordingStatusCallback="/rec" recordingStatusCallbackEvent="in-progress completed absent"'
    for speaks, last in ((3.0, "completed"), (0.0, "absent")):
        states = [each.parameters["RecordingStatus"] for each in record(every, speaks=speaks).application.told]
        assert states == ["in-progress", last]
    taken = record('recordingStatusCallback="/rec" recordingStatusCallbackMethod="GET"')
    assert taken.application.told[0].method == "GET"
    assert codes('<Record recordingStatusCallbackEvent="started"/>') == [13621]
    assert codes('<Record recordingStatusCallback="/rec"/>', V2008) == [12200]


@pytest.mark.parametrize("version", BOTH)
def test_what_cannot_be_recorded_is_an_error(version: ApiVersion) -> None:
    taken = record(version=version, unrecordable=True)
    assert taken.end.error_code == 13618


@pytest.mark.parametrize("version", BOTH)
def test_a_recording_that_fails_is_an_error(version: ApiVersion) -> None:
    call = FakeCall([], call_info(version))
    application = FakeApplication({URL: '<Response><Record recordingStatusCallback="/rec"/></Response>'})

    async def main() -> object:
        async def fail() -> None:
            await call.sleep(2)
            call.recordings[0].end("failed")

        call.detach(fail(), "a full disk")
        return await application.take(call, URL)

    end = run(main())
    assert getattr(end, "error_code") == 13618  # noqa: B009 (a union for the type checker)
    assert [each.parameters["RecordingStatus"] for each in application.told] == (["failed"] if version is V2010 else [])


@pytest.mark.parametrize("version", BOTH)
def test_keys_of_before_and_of_its_end_are_forgotten(version: ApiVersion) -> None:
    taken = take(
        "<Pause length='2'/><Record action='/done' finishOnKey='#'/>",
        [Press(1.0, "9"), Press(4.0, "#")],
        version,
        pages={DONE: '<Response><Gather timeout="1"/></Response>'},
    )
    assert taken.requests[0][2]["Digits"] == "#"
    assert len(taken.requests) == 1, "Gather found no key"
