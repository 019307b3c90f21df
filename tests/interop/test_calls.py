"""Real phones call Ringback, and real HTTP reaches the application: what both ends notice of a call."""

from pathlib import Path

import pytest

from ringback.model import events
from ringback.model.status import ApiVersion, CallStatus
from tests.interop.peers import sipp as scenarios
from tests.interop.peers import tones

pytestmark = pytest.mark.needs("baresip", "sipp", "sox")
NUMBER = "+14155550100"


def wav(folder: Path, frequency: float, seconds: float) -> bytes:
    """Return a WAV file of a tone."""
    return tones.write_wav(folder / "tone.wav", tones.sine(frequency, seconds)).read_bytes()


@pytest.fixture
async def line(ringback, application):
    """The number of the application, whose first page is / and which is told of the end at /over."""
    await ringback.add_number(NUMBER, application.url(), callback=application.url("/over"))
    application.pages["/over"] = ""
    return ringback.uri(NUMBER)


async def test_a_menu_is_heard_and_answered_with_keys(line, ringback, application, phone, tmp_path: Path):
    """The prompt stops at the first key, the keys reach the application, and what it answers is heard."""
    application.files |= {"/low.wav": wav(tmp_path, 500, 20), "/high.wav": wav(tmp_path, 900, 1.5)}
    application.pages |= {
        "/": '<Gather numDigits="2" action="/keys"><Play>/low.wav</Play></Gather>',
        "/keys": "<Play>/high.wav</Play><Hangup/>",
    }
    alice = await phone("alice")
    await alice.dial(line)
    await alice.hears(500)
    await alice.press("42")
    assert (await application.until("/keys")).fields["Digits"] == "42"
    await alice.hears(900)
    await alice.until("CALL_CLOSED")
    told = (await application.until("/over")).fields
    assert (told["CallStatus"], told["To"]) == ("completed", NUMBER)
    (call,) = await ringback.ended()
    assert (call.status, call.end_reason) == (CallStatus.COMPLETED, "hangup-verb")
    assert [event.data["key"] for event in await ringback.timeline(call) if event.kind == events.KEY] == ["4", "2"]


async def test_a_text_is_spoken(line, ringback, application, phone):
    application.pages["/"] = "<Say>Hello. This is a telephone call.</Say>"
    alice = await phone("alice")
    await alice.dial(line)
    await alice.until("CALL_CLOSED", 20)
    await alice.stop()
    heard = tones.listen(alice.recordings()[0])
    assert 1 < heard.seconds < 6
    assert heard.share < 0.5
    assert (await ringback.ended())[0].end_reason == "document-end"


async def test_the_caller_hangs_up_in_the_middle_of_a_verb(line, ringback, application, phone, tmp_path: Path):
    application.files["/tone.wav"] = wav(tmp_path, 500, 20)
    application.pages["/"] = "<Play>/tone.wav</Play>"
    alice = await phone("alice")
    await alice.dial(line)
    await alice.hears(500)
    await alice.hangup()
    assert (await application.until("/over")).fields["CallStatus"] == "completed"
    assert (await ringback.ended())[0].end_reason == "caller-hangup"


async def test_a_number_that_is_not_there(line, ringback, phone):
    alice = await phone("alice")
    await alice.command("dial", ringback.uri("+14155550199"))
    assert (await alice.until("CALL_CLOSED")).param.startswith("404")


@pytest.mark.parametrize(("reason", "code"), [("busy", "486"), ("rejected", "603")])
async def test_a_call_is_rejected(line, application, phone, reason: str, code: str):
    application.pages["/"] = f'<Reject reason="{reason}"/>'
    alice = await phone("alice")
    await alice.command("dial", line)
    assert (await alice.until("CALL_CLOSED")).param.startswith(code)


async def test_an_application_of_2008(ringback, application, phone):
    """It is asked with Caller and Called, in ten digits, and again at the first URL when the call is over."""
    number = "+16502530001"
    await ringback.add_number(number, application.url(), version=ApiVersion.V2008)
    application.pages["/"] = '<Pause length="1"/>'
    alice = await phone("alice")
    await alice.dial(ringback.uri(number))
    await alice.until("CALL_CLOSED")
    await ringback.ended()
    first, last = application.requests[0].fields, application.requests[-1].fields
    assert (first["Called"], first["CallStatus"]) == ("6502530001", "in-progress")
    assert (last["CallGuid"], last["CallStatus"]) == (first["CallSid"], "completed")


async def test_a_call_over_tcp(line, ringback, application, sipp, tmp_path: Path):
    application.files["/tone.wav"] = wav(tmp_path, 500, 20)
    application.pages["/"] = "<Play>/tone.wav</Play>"
    tone = tones.ulaw_file(tmp_path / "tone.ul", 800, 5)
    script = scenarios.caller(scenarios.say(tone), scenarios.pause(1), to=NUMBER)
    caller = await sipp("caller", script, remote=ringback.port, transport="t1")
    assert (await caller.done())["SuccessfulCall(C)"] == "1"
    (call,) = await ringback.ended()
    assert call.end_reason == "caller-hangup"
    (figures,) = [event.data for event in await ringback.timeline(call) if event.kind == events.MEDIA_STATS]
    assert figures["received"] > 30
    assert figures["lost"] == 0


async def test_a_pause_at_the_beginning_lets_the_phone_ring(line, ringback, application, phone):
    """2010-04-01: what makes no sound does not pick up, so a caller who gives up has not been answered."""
    application.pages["/"] = '<Pause length="30"/>'
    alice = await phone("alice")
    await alice.command("dial", line)
    await alice.until("CALL_RINGING")
    await application.until("/")
    await alice.hangup()
    assert (await application.until("/over")).fields["CallStatus"] == "no-answer"
    assert (await ringback.ended())[0].end_reason == "caller-cancelled"


async def test_twenty_callers_at_once(line, ringback, application, sipp, tmp_path: Path):
    application.files["/tone.wav"] = wav(tmp_path, 500, 2)
    application.pages["/"] = "<Play>/tone.wav</Play>"
    tone = tones.ulaw_file(tmp_path / "tone.ul", 800, 5)
    script = scenarios.caller(scenarios.say(tone), to=NUMBER, ends=False)
    callers = await sipp("callers", script, remote=ringback.port, calls=20, rate=10)
    done = await callers.done()
    assert (done["SuccessfulCall(C)"], done["FailedCall(C)"]) == ("20", "0")
    assert {call.status for call in await ringback.ended(20)} == {CallStatus.COMPLETED}
