"""Dial, row by row; its nouns have tests of their own. 2008-08-01 clause 2.6, 2010-04-01 clause 2.6."""

from dataclasses import replace

import pytest
from dial_rig import CALLEE_SID, DONE, dial, only, told
from twiml_calls import BOTH, V2008, codes, read, verb

from ringback.calls.dialing import Dialed, Dialing, DialStatus
from ringback.calls.recording import Recorded
from ringback.model import events
from ringback.model.status import ApiVersion, Direction
from ringback.testing.fake_call import HangUp, call_info

NUMBER = "+14155550111"


def ending(status: DialStatus, **more: object):  # type: ignore[no-untyped-def]
    async def on_dial(dialing: Dialing) -> Dialed:
        return Dialed(status, CALLEE_SID, **more)  # type: ignore[arg-type]

    return on_dial


@pytest.mark.conforms("2008-08-01/2.6/action", "2010-04-01/2.6/action", "2008-08-01/2.6/action-default")
@pytest.mark.parametrize("version", BOTH)
@pytest.mark.parametrize("status", ["completed", "busy", "no-answer", "failed", "canceled"])
def test_with_an_action_it_is_asked_and_without_the_next_verb_runs(version: ApiVersion, status: DialStatus) -> None:
    taken = dial(NUMBER, version=version, on_dial=ending(status))
    assert ([request[:2] for request in taken.requests], taken.heard) == ([("POST", DONE)], [])
    taken = dial(NUMBER, "", version, on_dial=ending(status))
    assert (taken.requests, taken.heard) == ([], ["over"])


@pytest.mark.conforms("2008-08-01/2.6/method", "2008-08-01/2.6/method-default", "2010-04-01/2.6/method")
@pytest.mark.parametrize("version", BOTH)
def test_the_method(version: ApiVersion) -> None:
    assert dial(NUMBER, 'action="/done" method="get"', version).requests[0][0] == "GET"
    assert codes(f'<Dial method="PUT">{NUMBER}</Dial>', version) == [13210]


@pytest.mark.conforms(
    "2008-08-01/2.6/answered", "2008-08-01/2.6/busy", "2008-08-01/2.6/no-answer", "2008-08-01/2.6/failed"
)
@pytest.mark.parametrize(
    ("status", "word"),
    [
        ("completed", "answered"),
        ("busy", "busy"),
        ("no-answer", "no-answer"),
        ("canceled", "no-answer"),
        ("failed", "failed"),
    ],
)
def test_what_is_told_in_2008(status: DialStatus, word: str) -> None:
    assert told(dial(NUMBER, version=V2008, on_dial=ending(status))) == {"DialStatus": word}


@pytest.mark.conforms(
    "2010-04-01/2.6/DialCallStatus", "2010-04-01/2.6/DialCallSid", "2010-04-01/2.6/DialCallDuration",
    "2010-04-01/2.6/DialBridged", "2010-04-01/2.6/DialRecordingUrl",
)  # fmt: skip
def test_what_is_told_in_2010() -> None:
    assert told(dial(NUMBER)) == {
        "DialCallStatus": "completed", "DialCallSid": CALLEE_SID, "DialCallDuration": "12", "DialBridged": "true",
    }  # fmt: skip
    for status in ("busy", "no-answer", "failed", "canceled"):
        found = told(dial(NUMBER, on_dial=ending(status)))
        assert (found["DialCallStatus"], found["DialBridged"]) == (status, "false")
    recorded = told(dial(NUMBER, on_dial=ending("completed", recording_sid="RE1")))
    assert recorded["RecordingUrl"].endswith("/Recordings/RE1")


@pytest.mark.conforms("2008-08-01/9/dial-timeLimit")
@pytest.mark.conforms(
    "*/2.6/timeout",
    "*/2.6/timeout-default",
    "*/2.6/timeLimit",
    "*/2.6/timeLimit-default",
    "*/2.6/hangupOnStar",
    "*/2.6/hangupOnStar-default",
)
@pytest.mark.parametrize("version", BOTH)
def test_times_and_the_star(version: ApiVersion) -> None:
    (plain,) = dial(NUMBER, version=version).call.dialings
    assert (plain.timeout, plain.time_limit, plain.hangup_on_star) == (30, 14400, False)
    attributes = 'timeout="7" timeLimit="60" hangupOnStar="true" action="/done"'
    (asked,) = dial(NUMBER, attributes, version).call.dialings
    assert (asked.timeout, asked.time_limit, asked.hangup_on_star) == (7, 60, True)
    for bad, code in (
        ('timeout="0"', 13212),
        ('timeout="x"', 13212),
        ('timeLimit="0"', 13216),
        ('hangupOnStar="1"', 13213),
    ):
        assert codes(f"<Dial {bad}>{NUMBER}</Dial>", version) == [code]
    assert codes(f'<Dial timeout="4">{NUMBER}</Dial>', version) == ([] if version is V2008 else [13212])
    assert codes(f'<Dial timeout="601">{NUMBER}</Dial>', version) == ([] if version is V2008 else [13212])


@pytest.mark.conforms("*/2.6/callerId", "*/2.6/callerId-default")
@pytest.mark.parametrize("version", BOTH)
def test_the_caller_id(version: ApiVersion) -> None:
    (plain,) = dial(NUMBER, version=version).call.dialings
    assert plain.caller_id == "+14155550100", "the caller's own"
    for own in ("+14155550100", "+14155550199", "(415) 555-0122"):
        taken = dial(NUMBER, f'callerId="{own}"', version, caller_ids={"+14155550122"})
        assert taken.codes(events.ERROR) == []
        assert taken.call.dialings[0].caller_id in ("+14155550100", "+14155550199", "+14155550122")
    taken = dial(NUMBER, 'callerId="+14155559999" action="/done"', version)
    assert (taken.call.dialings, taken.codes(events.ERROR)) == ([], [13214])
    assert told(taken) == (
        {"DialStatus": "failed"} if version is V2008 else {"DialCallStatus": "failed", "DialBridged": "false"}
    )
    outgoing = dial(NUMBER, version=version, info=replace(call_info(version), direction=Direction.OUTBOUND_API))
    assert outgoing.call.dialings[0].caller_id == "+14155550100", "the number that called"
    assert dial(NUMBER, 'callerId="client:anna"', version).call.dialings[0].caller_id == "client:anna"


@pytest.mark.conforms(
    "2010-04-01/2.6/answerOnBridge",
    "2010-04-01/2.6/answerOnBridge-default",
    "2010-04-01/2.6/sequential",
    "2010-04-01/2.6/sequential-default",
    "2010-04-01/2.6/ringTone",
)
def test_what_2010_has_more() -> None:
    (plain,) = dial(NUMBER).call.dialings
    assert (plain.answer_on_bridge, plain.sequential, plain.ring_tone, plain.record) == (False, False, "", None)
    taken = dial(NUMBER, 'answerOnBridge="true" sequential="true" ringTone="uk"')
    (asked,) = taken.call.dialings
    assert (asked.answer_on_bridge, asked.sequential, asked.ring_tone) == (True, True, "uk")
    for bad, code in (
        ('answerOnBridge="1"', 13219),
        ('sequential="1"', 13218),
        ('ringTone="xx"', 13220),
        ('record="all"', 13217),
    ):
        assert codes(f"<Dial {bad}>{NUMBER}</Dial>") == [code]
        assert codes(f"<Dial {bad}>{NUMBER}</Dial>", V2008) == [12200], "2008 has no such attribute"


@pytest.mark.conforms("2010-04-01/1/answering-bridge")
@pytest.mark.conforms("2010-04-01/2.6/answerOnBridge")
def test_with_answer_on_bridge_the_call_is_not_picked_up_before() -> None:
    at: list[float | None] = []

    async def on_dial(dialing: Dialing) -> Dialed:
        at.append(taken_call.answered_at)
        return Dialed("no-answer")

    from ringback.testing.clock import run
    from ringback.testing.fake_application import FakeApplication
    from ringback.testing.fake_call import FakeCall

    taken_call = FakeCall([], call_info())
    taken_call.on_dial = on_dial
    markup = f'<Response><Dial answerOnBridge="true">{NUMBER}</Dial></Response>'
    run(FakeApplication({"http://app.example/": markup}).take(taken_call, "http://app.example/"))
    assert at == [None]


@pytest.mark.conforms(
    "2010-04-01/2.6/record",
    "2010-04-01/2.6/record-default",
    "2010-04-01/2.6/recordingTrack",
    "2010-04-01/2.6/trim",
    "2010-04-01/2.6/recordingStatusCallback",
)
@pytest.mark.parametrize(
    ("mode", "channels", "ringing"),
    [
        ("true", 1, False),
        ("record-from-answer", 1, False),
        ("record-from-ringing", 1, True),
        ("record-from-answer-dual", 2, False),
        ("record-from-ringing-dual", 2, True),
    ],
)
def test_the_talk_is_recorded(mode: str, channels: int, ringing: bool) -> None:
    taken = dial(NUMBER, f'record="{mode}" recordingStatusCallback="/rec" recordingTrack="inbound" trim="trim-silence"')
    (asked,) = taken.call.dialings
    assert asked.record is not None
    assert (asked.record.source, asked.record.channels, asked.record_from_ringing) == ("DialVerb", channels, ringing)
    assert (asked.record.track, asked.record.trim) == ("inbound", True)
    assert asked.record.watch is not None
    plain = dial(NUMBER, 'record="true"').call.dialings[0].record
    assert plain is not None
    assert (plain.track, plain.trim, plain.watch) == ("both", False, None)
    for no in ("do-not-record", "false"):
        assert dial(NUMBER, f'record="{no}"').call.dialings[0].record is None


def test_a_recording_of_the_talk_is_told() -> None:
    async def on_dial(dialing: Dialing) -> Dialed:
        assert dialing.record is not None
        assert dialing.record.watch is not None
        for event in ("in-progress", "completed"):
            dialing.record.watch(event, Recorded("RE1", 7, "stopped", channels=2, source="DialVerb"))  # type: ignore[arg-type]
        return Dialed("completed")

    taken = dial(NUMBER, 'record="true" recordingStatusCallback="rec"', on_dial=on_dial)
    (sent,) = taken.application.told
    assert (sent.url, sent.parameters["RecordingSource"]) == ("http://app.example/voice/rec", "DialVerb")


@pytest.mark.conforms("2008-08-01/2.6/number-form", "2010-04-01/2.6/wrong-number")
@pytest.mark.parametrize("version", BOTH)
@pytest.mark.parametrize("bad", ["", "   ", "not a number!", "<Number/>", "<Number>?!</Number>"])
def test_nobody_to_call_fails_the_dial(version: ApiVersion, bad: str) -> None:
    assert set(codes(f"<Dial>{bad}</Dial>", version)) == {13223}
    taken = dial(bad, version=version)
    assert taken.call.dialings == []
    assert "failed" in told(taken).values()


@pytest.mark.conforms("2008-08-01/2.6/nested-element")
@pytest.mark.parametrize("version", BOTH)
def test_what_is_no_noun_is_left_out(version: ApiVersion) -> None:
    assert codes(f"<Dial><Say>x</Say><Number>{NUMBER}</Number></Dial>", version) == [13215]
    for later, code in (("Client", 13215), ("Sip", 13245), ("Queue", 13215)):
        found = dial(f"<{later}>sip:a@b</{later}><Number>{NUMBER}</Number>", version=V2008)
        assert (found.codes(), only(found).to) == ([code], NUMBER)


@pytest.mark.conforms("2008-08-01/2.1/nesting-dial")
@pytest.mark.parametrize("version", BOTH)
def test_numbers_and_a_conference_do_not_go_together(version: ApiVersion) -> None:
    document = read(f"<Dial><Number>{NUMBER}</Number><Conference>x</Conference></Dial>", version)
    assert [warning.code for warning in document.warnings] == [13000]
    assert document.verbs[0].content() == "x"


@pytest.mark.conforms("2008-08-01/9/dial-numbers")
@pytest.mark.conforms("2010-04-01/2.6/ten", "2008-08-01/2.6.1/ten")
@pytest.mark.parametrize("version", BOTH)
def test_ten_at_once_and_no_more(version: ApiVersion) -> None:
    inside = "".join(f"<Number>+1415555{n:04d}</Number>" for n in range(12))
    taken = dial(inside, version=version)
    assert len(taken.call.dialings[0].targets) == 10
    assert 13223 in codes(f"<Dial>{inside}</Dial>", version)


def test_ten_sip_addresses_and_no_more() -> None:
    inside = "".join(f"<Sip>sip:{n}@office.example</Sip>" for n in range(11))
    taken = dial(inside)
    assert (len(taken.call.dialings[0].targets), taken.codes()) == (10, [13250])
    mixed = inside.replace("<Sip>sip:0@office.example</Sip>", f"<Number>{NUMBER}</Number>")
    assert codes(f"<Dial>{mixed}</Dial>") == [13223]


@pytest.mark.parametrize("version", BOTH)
@pytest.mark.parametrize("number", ["+9995550100", "+2105550100"])
def test_a_country_that_there_is_not_is_not_called(version: ApiVersion, number: str) -> None:
    assert codes(f"<Dial>{number}</Dial>", version) == [13226, 13223]
    taken = dial(f"<Number>{number}</Number><Number>{NUMBER}</Number>", version=version)
    assert (taken.codes(), only(taken).to) == ([13226], NUMBER)


def test_a_caller_id_that_is_no_number_is_an_error_but_towards_sip() -> None:
    taken = dial(NUMBER, 'callerId="anna" action="/done"')
    assert (taken.call.dialings, taken.codes(events.ERROR), told(taken)["DialCallStatus"]) == ([], [13247], "failed")
    assert dial(NUMBER, 'callerId="anna"', V2008).codes(events.ERROR) == [13214]
    sip = "<Sip>sip:bob@office.example</Sip>"
    assert dial(sip, 'callerId="anna"').call.dialings[0].caller_id == "anna"
    for spoofed, code in (("an na", 13247), ("\u00e4nna", 13247), ("+14155559999", 13214)):
        assert dial(sip, f'callerId="{spoofed}"').codes(events.ERROR) == [code], spoofed
    assert dial(f"{sip}<Number>{NUMBER}</Number>", 'callerId="anna"').codes(events.ERROR) == [13247]


def test_a_caller_id_that_is_too_long_is_a_warning_and_not_shown() -> None:
    taken = dial(NUMBER, f'callerId="{"1" * 257}"')
    assert (taken.codes(), taken.call.dialings[0].caller_id) == ([13248], "+14155550100")
    assert dial(NUMBER, f'callerId="{"1" * 257}"', V2008).codes() == [13214]


@pytest.mark.conforms("2010-04-01/2.6/refer")
@pytest.mark.parametrize(("attribute", "method"), [("", "POST"), ('referMethod="GET"', "GET")])
def test_a_callee_who_refers_the_call_leads_to_another_document(attribute: str, method: str) -> None:
    async def refers(dialing: Dialing) -> Dialed:
        assert dialing.referrable
        return Dialed("completed", CALLEE_SID, 5, True, referred_to="sip:carol@office.example")

    attributes = f'referUrl="/done" action="/never" {attribute}'
    taken = dial(NUMBER, attributes, on_dial=refers)
    assert told(taken)["ReferTransferTarget"] == "sip:carol@office.example"
    assert told(taken)["DialCallStatus"] == "completed"
    assert taken.requests[0][0] == method
    assert not dial(NUMBER).call.dialings[0].referrable
    assert codes(f'<Dial referUrl="/x">{NUMBER}</Dial>', V2008) == [12200]


@pytest.mark.conforms("2008-08-01/2.6/caller-hangs-up")
@pytest.mark.parametrize("version", BOTH)
def test_a_caller_who_hangs_up_ends_the_session(version: ApiVersion) -> None:
    taken = dial(NUMBER, version=version, on_dial=None, script=[HangUp(5)])
    assert (taken.end.reason, taken.requests) == ("caller-hangup", [])


@pytest.mark.parametrize("version", BOTH)
def test_what_it_calls_is_in_the_timeline(version: ApiVersion) -> None:
    assert verb(f"<Dial>{NUMBER}</Dial>", version).content() == NUMBER
    taken = dial("(415) 555-0111", version=version)
    assert only(taken).to == NUMBER
    assert taken.results()[0] == ("Dial", f"POST {DONE}")
