"""Two hundred calls at twenty a second, and keys by INFO, from sipp; a menu of three documents, from baresip."""

from pathlib import Path

import pytest

from ringback.model import events
from ringback.model.status import CallStatus
from tests.interop.peers import sipp as scenarios
from tests.interop.peers import tones

pytestmark = pytest.mark.needs("baresip", "sipp", "sox")
NUMBER = "+14155550100"
CALLS, RATE = 200, 20


def wav(folder: Path, frequency: float, seconds: float) -> bytes:
    """Return a WAV file of a tone."""
    return tones.write_wav(folder / "tone.wav", tones.sine(frequency, seconds)).read_bytes()


@pytest.fixture
async def line(ringback, application, tmp_path: Path) -> str:
    """A menu of three documents, the last of which plays a tone and hangs up."""
    await ringback.add_number(NUMBER, application.url())
    application.files["/tone.wav"] = wav(tmp_path, 900, 1.5)
    application.pages |= {
        "/": '<Gather numDigits="1" action="/second" timeout="10"><Pause length="10"/></Gather>',
        "/second": '<Gather finishOnKey="#" action="/third" timeout="10"><Pause length="10"/></Gather>',
        "/third": "<Play>/tone.wav</Play><Hangup/>",
    }
    return ringback.uri(NUMBER)


def info(number: int, key: str) -> str:
    """The step that presses a key by INFO, and waits for its answer."""
    head = scenarios.request("INFO", number, to=NUMBER, frm="sipp", dialog=True)
    body = f"Signal={key}\nDuration=160"
    text = f"{head}\nContent-Type: application/dtmf-relay\nContent-Length: [len]\n\n{body}\n"
    return f'<send retrans="500"><![CDATA[\n{text}\n]]></send>\n<recv response="200"/>'


async def test_keys_by_info_lead_to_the_third_document(line, ringback, application, sipp, tmp_path: Path):
    tone = tones.ulaw_file(tmp_path / "tone.ul", 800, 5)
    steps = [scenarios.say(tone), scenarios.pause(0.5), info(2, "1"), scenarios.pause(0.5)]
    steps += [info(3, "4"), scenarios.pause(0.2), info(4, "2"), scenarios.pause(0.2), info(5, "#")]
    caller = await sipp("caller", scenarios.caller(*steps, to=NUMBER, ends=False), remote=ringback.port)
    assert (await caller.done())["SuccessfulCall(C)"] == "1"
    assert [request.path for request in application.requests[:3]] == ["/", "/second", "/third"]
    assert (await application.until("/third")).fields["Digits"] == "42"
    (call,) = await ringback.ended()
    assert (call.status, call.end_reason) == (CallStatus.COMPLETED, "hangup-verb")
    keys = [event.data for event in await ringback.timeline(call) if event.kind == events.KEY]
    assert keys == [{"key": key, "by": "info"} for key in "142#"]


async def test_keys_by_telephone_event_lead_to_the_third_document(line, ringback, application, phone):
    alice = await phone("alice")
    await alice.dial(line)
    await alice.press("1")
    await application.until("/second")
    await alice.press("42#")
    assert (await application.until("/third")).fields["Digits"] == "42"
    await alice.hears(900)
    await alice.until("CALL_CLOSED")
    (call,) = await ringback.ended()
    assert call.end_reason == "hangup-verb"


@pytest.mark.parametrize("transport", ["u1", "t1"], ids=["UDP", "TCP"])
async def test_two_hundred_calls_at_twenty_a_second(transport: str, ringback, application, sipp, tmp_path: Path):
    """None fails, each has its audio both ways, and each is hung up by its document."""
    await ringback.add_number(NUMBER, application.url())
    application.files["/tone.wav"] = wav(tmp_path, 500, 1.5)
    application.pages["/"] = "<Play>/tone.wav</Play>"
    tone = tones.ulaw_file(tmp_path / "tone.ul", 800, 5)
    script = scenarios.caller(scenarios.say(tone), to=NUMBER, ends=False)
    callers = await sipp("callers", script, remote=ringback.port, calls=CALLS, rate=RATE, transport=transport)
    done = await callers.done()
    assert (done["SuccessfulCall(C)"], done["FailedCall(C)"]) == (str(CALLS), "0")
    calls = await ringback.ended(CALLS)
    assert {(call.status, call.end_reason) for call in calls} == {(CallStatus.COMPLETED, "document-end")}
    for call in calls:
        timeline = await ringback.timeline(call)
        (figures,) = [event.data for event in timeline if event.kind == events.MEDIA_STATS]
        assert figures["received"] > 30
        assert figures["sent"] > 70
