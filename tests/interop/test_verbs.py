"""Record, Dial, Conference and Enqueue on real phones: who hears whom, told apart by their tones."""

import asyncio
import io
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import aiohttp
import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from ringback.app.heard import find
from ringback.model.status import ApiVersion
from ringback.speech import levels
from ringback.speech.contract import Voice
from ringback.speech.providers.hibari import Hibari
from tests.interop.peers import tones
from tests.interop.peers.application import Application
from tests.interop.peers.baresip import Baresip
from tests.interop.peers.process import PeerError
from tests.interop.peers.ringback import Ringback

pytestmark = [pytest.mark.long, pytest.mark.needs("baresip")]

NUMBER = "+14155550100"
MESSAGE = "This is a message for Mary, please call me back tomorrow morning, because the train leaves in the evening."
LOW, MIDDLE, HIGH, MUSIC = 440.0, 640.0, 920.0, 1300.0
"""What alice, bob and carol say, and what is played to them. None is a multiple of another."""

Phone = Callable[..., Awaitable[Baresip]]


def tone(folder: Path, frequency: float, seconds: float) -> bytes:
    """A WAV file of a tone."""
    return tones.write_wav(folder / "tone.wav", tones.sine(frequency, seconds)).read_bytes()


def heard(samples: NDArray[np.float64], rate: int) -> set[float]:
    """Which of the tones are in a sound: those within 20 dB of the loudest."""
    if len(samples) < rate // 5 or np.abs(samples).max() < tones.LOUD:
        return set()
    power = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    level = {
        each: power[round(each * len(samples) / rate) + np.arange(-4, 5)].max() for each in (LOW, MIDDLE, HIGH, MUSIC)
    }
    return {each for each, value in level.items() if value > max(level.values()) / 10 and value > power.max() / 10}


async def hears(phone: Baresip, *wanted: float, timeout: float = 20) -> None:
    """Wait until the last half second that a phone heard was these tones and no other. Raises PeerError."""
    now: set[float] = set()
    for _ in range(round(timeout / 0.1)):
        if recordings := phone.recordings():
            samples, rate = tones.read_wav(recordings[-1])
            now = heard(samples[-rate // 2 :], rate)
            if now == set(wanted):
                return
        await asyncio.sleep(0.1)
    raise PeerError(f"{phone.user} did not hear {wanted} in {timeout} s, the last was {now}")


@pytest.fixture
async def line(ringback: Ringback, application: Application) -> str:
    """The number of the application, whose first page is /."""
    await ringback.add_number(NUMBER, application.url(), callback=application.url("/over"))
    application.pages["/over"] = ""
    return ringback.uri(NUMBER)


@pytest.fixture
async def callers(phone: Phone) -> AsyncIterator[tuple[Baresip, Baresip, Baresip]]:
    """Alice, bob and carol; bob and carol pick up by themselves."""
    yield (
        await phone("alice", tone=LOW),
        await phone("bob", tone=MIDDLE, answers=True),
        await phone("carol", tone=HIGH, answers=True),
    )


# -- Record ---------------------------------------------------------------------------------------------------------


async def speech(folder: Path) -> Path:
    """A file of the message, with a minute of silence after it: the phone's call would end with its file."""
    engine = Hibari()
    try:
        sound = levels.prompt(await engine.synthesize(MESSAGE, Voice("en-US", "woman")))
    finally:
        await engine.close()
    return tones.write_wav(
        folder / "message.wav", np.concatenate([levels.silence(4000), sound, levels.silence(60_000)])
    )


async def fetched(url: str) -> tuple[NDArray[np.int16], str]:
    """The sound at a URL and its type."""
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        assert response.status == 200, url
        samples, rate = soundfile.read(io.BytesIO(await response.read()), dtype="int16")
        assert rate == 8000
        return samples, response.content_type


def likeness(said: NDArray[np.int16], recorded: NDArray[np.int16]) -> float:
    """The share of the half seconds of sound that were said, and that are in a recording: a phone slips a few."""
    pieces = [said[at : at + 4000] for at in range(0, len(said) - 4000, 4000)]
    loud = [piece for piece in pieces if np.sqrt(np.mean(np.square(piece.astype(np.float64)))) > 400]
    assert len(loud) > 6
    return sum(find(piece, recorded) is not None for piece in loud) / len(loud)


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.conforms("2008-08-01/12/voicemail")
async def test_a_message_is_recorded_fetched_and_written_down(
    ringback: Ringback, application: Application, phone: Phone, tmp_path: Path
) -> None:
    """Voicemail of 2008: what the phone said is what the recording holds, as WAV and MP3, before the action is
    answered; its text comes later, with at most two wrong words of ten.
    """
    await ringback.add_number(NUMBER, application.url(), version=ApiVersion.V2008)
    application.pages |= {
        "/": '<Record action="/rec" timeout="6" transcribe="true" transcribeCallback="/txt" maxLength="120"/>',
        "/rec": '<Pause length="20"/>',
        "/txt": "",
    }
    path = await speech(tmp_path)
    alice = await phone("alice", says=path)
    await alice.dial(ringback.uri(NUMBER))
    told = (await application.until("/rec", 40)).fields
    assert "Digits" not in told
    said, _ = soundfile.read(path, dtype="int16")
    for suffix, kind in (("", "audio/x-wav"), (".mp3", "audio/mpeg")):
        recorded, content_type = await fetched(told["RecordingUrl"] + suffix)
        assert content_type in (kind, kind.replace("x-", ""))
        assert likeness(said, recorded) > 0.6
        assert abs(len(recorded) / 8000 - int(told["Duration"])) < 1.0
    text = (await application.until("/txt", 90)).fields
    assert text["TranscriptionStatus"] == "completed"
    assert text["RecordingUrl"] == told["RecordingUrl"]
    truth, words = (re.sub(r"[^a-z ]", "", each.lower()).split() for each in (MESSAGE, text["TranscriptionText"]))
    assert len(set(truth) - set(words)) <= 0.2 * len(truth), text["TranscriptionText"]


async def test_a_key_ends_a_recording_and_its_tone_is_not_in_it(
    line: str, application: Application, phone: Phone, tmp_path: Path
) -> None:
    application.pages |= {"/": '<Record action="/rec" finishOnKey="#" timeout="0" playBeep="false"/>', "/rec": ""}
    alice = await phone("alice", says=await speech(tmp_path))
    await alice.dial(line)
    await alice.until("CALL_ESTABLISHED")
    await asyncio.sleep(7)  # four seconds of silence come first
    await alice.press("#")
    told = (await application.until("/rec")).fields
    assert (told["Digits"], told["CallStatus"]) == ("#", "in-progress")
    assert 1 <= int(told["RecordingDuration"]) <= 6


# -- Dial -----------------------------------------------------------------------------------------------------------


async def test_two_phones_hear_each_other_and_nothing_else(
    line: str, ringback: Ringback, application: Application, callers: tuple[Baresip, ...]
) -> None:
    """And the star ends the bridge, not the call."""
    alice, bob, _ = callers
    application.pages |= {
        "/": f'<Dial action="/dialled" hangupOnStar="true"><Sip>{bob.uri}</Sip></Dial>',
        "/dialled": '<Pause length="30"/>',
    }
    await alice.dial(line)
    await hears(alice, MIDDLE)
    await hears(bob, LOW)
    await asyncio.sleep(1)
    await alice.press("*")
    await bob.until("CALL_CLOSED")
    told = (await application.until("/dialled")).fields
    assert (told["DialCallStatus"], told["DialBridged"], told["CallStatus"]) == ("completed", "true", "in-progress")
    assert int(told["DialCallDuration"]) >= 1
    await alice.hangup()
    records = await ringback.ended(2)
    assert {record.sid for record in records} == {told["CallSid"], told["DialCallSid"]}


async def test_a_bridge_is_recorded_each_voice_on_its_side(
    line: str, ringback: Ringback, application: Application, callers: tuple[Baresip, ...]
) -> None:
    alice, bob, _ = callers
    application.pages |= {
        "/": f'<Dial action="/dialled" record="record-from-answer-dual"><Sip>{bob.uri}</Sip></Dial>',
        "/dialled": '<Pause length="30"/>',
    }
    await alice.dial(line)
    await hears(alice, MIDDLE)
    await asyncio.sleep(1)
    await bob.hangup()
    told = (await application.until("/dialled")).fields
    sid = told["RecordingUrl"].rsplit("/", 1)[1]
    record = await ringback.database.recordings.get(sid)
    assert record is not None
    assert record.path is not None
    samples, rate = soundfile.read(record.path, dtype="float64")
    assert samples.shape[1] == 2
    middle = slice(len(samples) // 2 - rate // 4, len(samples) // 2 + rate // 4)
    assert [heard(samples[middle, side], rate) for side in (0, 1)] == [{LOW}, {MIDDLE}]


async def test_a_whisper_is_for_the_callee_alone(
    line: str, application: Application, callers: tuple[Baresip, ...], tmp_path: Path
) -> None:
    alice, bob, _ = callers
    application.files["/whisper.wav"] = tone(tmp_path, MUSIC, 3)
    application.pages |= {
        "/": f'<Dial><Sip url="/whisper">{bob.uri}</Sip></Dial>',
        "/whisper": "<Play>/whisper.wav</Play>",
    }
    await alice.command("dial", line)
    await hears(bob, MUSIC)
    await hears(bob, LOW)
    await hears(alice, MIDDLE)
    await alice.hangup()
    await alice.stop()
    samples, rate = tones.read_wav(alice.recordings()[-1])
    pieces = [samples[at : at + rate // 2] for at in range(0, len(samples) - rate // 2, rate // 4)]
    assert all(MUSIC not in heard(piece, rate) for piece in pieces)


async def test_a_callee_who_declines_by_hangup_is_not_connected(
    line: str, application: Application, callers: tuple[Baresip, ...], tmp_path: Path
) -> None:
    alice, bob, _ = callers
    application.files["/sorry.wav"] = tone(tmp_path, MUSIC, 5)
    application.pages |= {
        "/": f'<Dial><Sip url="/whisper">{bob.uri}</Sip></Dial><Play>/sorry.wav</Play>',
        "/whisper": "<Hangup/>",
    }
    await alice.command("dial", line)
    await bob.until("CALL_CLOSED", 15)
    await hears(alice, MUSIC)
    await alice.hangup()


async def test_the_first_of_several_phones_that_answers_gets_the_call(
    line: str, ringback: Ringback, application: Application, phone: Phone
) -> None:
    alice, bob, carol = await phone("alice", tone=LOW), await phone("bob", tone=MIDDLE), await phone("carol", tone=HIGH)
    application.pages["/"] = f"<Dial><Sip>{bob.uri}</Sip><Sip>{carol.uri}</Sip></Dial>"
    await alice.command("dial", line)
    await bob.until("CALL_INCOMING")
    await carol.answer()
    await bob.until("CALL_CLOSED")
    await hears(alice, HIGH)
    await hears(carol, LOW)
    await alice.hangup()
    await carol.until("CALL_CLOSED")


# -- Conference -----------------------------------------------------------------------------------------------------


async def test_three_phones_in_a_conference(
    line: str, ringback: Ringback, application: Application, callers: tuple[Baresip, ...]
) -> None:
    """Each hears the two others and never itself."""
    alice, bob, carol = callers
    application.pages["/"] = '<Dial><Conference beep="false">Room</Conference></Dial>'
    for each in callers:
        await each.dial(line)
    await hears(alice, MIDDLE, HIGH)
    await hears(bob, LOW, HIGH)
    await hears(carol, LOW, MIDDLE)
    await carol.hangup()
    await hears(alice, MIDDLE)
    await hears(bob, LOW)


async def test_music_until_the_conference_begins(
    line: str, ringback: Ringback, application: Application, callers: tuple[Baresip, ...], tmp_path: Path
) -> None:
    alice, bob, _ = callers
    other = "+14155550101"
    await ringback.add_number(other, application.url("/host"))
    application.files["/music.wav"] = tone(tmp_path, MUSIC, 30)
    conference = '<Dial><Conference beep="false" waitUrl="/wait" {}>Room</Conference></Dial>'
    application.pages |= {
        "/": conference.format('startConferenceOnEnter="false"'),
        "/host": conference.format('endConferenceOnExit="true"'),
        "/wait": "<Play>/music.wav</Play>",
    }
    await alice.dial(line)
    await hears(alice, MUSIC)
    await bob.dial(ringback.uri(other))
    await hears(alice, MIDDLE)
    await hears(bob, LOW)
    await bob.hangup()
    await alice.until("CALL_CLOSED")


# -- Enqueue --------------------------------------------------------------------------------------------------------


async def test_who_waits_in_a_queue_hears_music_and_then_an_agent(
    line: str, ringback: Ringback, application: Application, callers: tuple[Baresip, ...], tmp_path: Path
) -> None:
    alice, bob, _ = callers
    agents = "+14155550101"
    await ringback.add_number(agents, application.url("/agent"))
    application.files["/music.wav"] = tone(tmp_path, MUSIC, 30)
    application.pages |= {
        "/": '<Enqueue waitUrl="/wait" action="/left">Support</Enqueue>',
        "/wait": "<Play>/music.wav</Play>",
        "/agent": '<Dial action="/served"><Queue>Support</Queue></Dial>',
        "/served": '<Pause length="30"/>',
        "/left": "",
    }
    await alice.dial(line)
    await hears(alice, MUSIC)
    await bob.dial(ringback.uri(agents))
    await hears(bob, LOW)
    await hears(alice, MIDDLE)
    await alice.hangup()
    assert (await application.until("/served")).fields["DialCallStatus"] == "completed"
    left = (await application.until("/left")).fields
    assert (left["QueueResult"], left["CallStatus"]) == ("bridged", "completed")


# -- Echo -----------------------------------------------------------------------------------------------------------


async def test_who_calls_an_echo_hears_the_own_voice(
    line: str, application: Application, callers: tuple[Baresip, Baresip, Baresip]
) -> None:
    alice, _, _ = callers
    application.pages["/"] = "<Echo/>"
    await alice.dial(line)
    await hears(alice, LOW)
    await alice.hangup()
