"""A call in the hands of who made it, on a clock moved by hand: what waits, for how long, and what is told."""

import asyncio
import wave
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from ringback.app.phone.call import PhoneCall
from ringback.app.phone.errors import CallOver, NotHeard, PhoneError
from ringback.app.phone.hearing import Hearing
from ringback.app.phone.media import Media
from ringback.app.phone.notes import End, Note
from ringback.app.phone.script import ScriptError
from ringback.app.phone.speaking import Speaking
from ringback.media import g711
from ringback.rtp.packet import RtpPacket
from tests.unit.app.phone.hand_loop import HandLoop, sine

SILENCE = np.zeros(160, np.int16)


class Bench:
    """A call without a server: the test says what is heard, sees what is told, and plays the signalling."""

    def __init__(self) -> None:
        self.loop = HandLoop()
        self.media = Media("127.0.0.1", Hearing(60), self.loop)  # type: ignore[arg-type]
        self.notes: list[Note] = []
        self.infos: list[bytes] = []
        self.info_answer = "SIP/2.0 200 OK"
        self.call = PhoneCall("+15550100", self.media, self.loop.time, self, self.notes.append)
        self.sent = 0

    def answer(self, event_type: int | None = 101) -> PhoneCall:
        self.media.start(
            self.media._socket.getsockname(), Speaking(1, 0, 0, codec=0, payload_type=0, event_type=event_type)
        )
        self.call.answered("PCMU", "events")
        return self.call

    def bye(self) -> None:
        self.call.over(End("us"))

    def info(self, content_type: str, body: bytes) -> None:
        assert content_type == "application/dtmf-relay"
        self.infos.append(body)
        if self.info_answer:
            self.call.info_answered(self.info_answer)

    def hear(self, seconds: float, *, sound: bool) -> None:
        """Let so much be heard from now on, each packet at its time."""
        for n in range(round(seconds / 0.02)):
            data = RtpPacket(0, self.sent & 0xFFFF, self.sent * 160, 5, g711.encode(sine() if sound else SILENCE))
            self.sent += 1
            self.loop.call_at(
                self.loop.now + n * 0.02, lambda d=bytes(data): self.media.hearing.receive(d, self.loop.now)
            )  # type: ignore[misc]

    def kinds(self) -> list[str]:
        return [note.kind for note in self.notes]


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    made = Bench()
    yield made
    made.media.close()
    await asyncio.sleep(0)


async def test_it_tells_when_it_was_answered_and_what_was_heard_first(bench: Bench):
    bench.loop.until(100.5)
    call = bench.answer()
    assert (call.invited_at, call.answered_at) == (100.0, 100.5)
    bench.loop.call_at(101.0, lambda: bench.hear(0.1, sound=True))
    assert await bench.loop.run(call.wait_sound()) == pytest.approx(101.0, abs=0.021)
    answered, sound = bench.notes
    assert (answered.at, answered.kind, answered.data) == (0.5, "answered", {"codec": "PCMU", "keys_as": "events"})
    assert (sound.kind, sound.data["after"]) == ("sound", "answer")
    assert sound.data["seconds"] == pytest.approx(0.5, abs=0.021)


async def test_silence_is_waited_for_after_speech(bench: Bench):
    call = bench.answer()
    bench.loop.call_at(102.0, lambda: bench.hear(1.0, sound=True))
    last = await bench.loop.run(call.wait_silence())
    assert last == pytest.approx(102.98, abs=0.021)
    assert bench.loop.now == pytest.approx(103.7, abs=0.06)


async def test_a_key_is_down_at_a_moment_and_pressed_with_its_gap(bench: Bench):
    call = bench.answer()
    down = await bench.loop.run(call.press("5"))
    assert down == pytest.approx(100.0, abs=0.021)
    assert bench.loop.now - down == pytest.approx(0.16 + 0.04 + 0.1, abs=0.041)
    assert bench.notes[-1] == Note(down - 100.0, "key", {"key": "5", "how": "telephone event"})


async def test_an_answer_to_a_key_may_come_while_it_is_held(bench: Bench):
    call = bench.answer()
    bench.loop.call_at(100.06, lambda: bench.hear(0.04, sound=True))
    await bench.loop.run(call.press("5"))
    assert await bench.loop.run(call.wait_sound()) == pytest.approx(100.06, abs=0.021)
    assert bench.notes[-1].data["after"] == "5"
    assert bench.notes[-1].data["seconds"] == pytest.approx(0.06, abs=0.041)


async def test_the_rest_of_an_interrupted_prompt_answers_no_key(bench: Bench):
    call = bench.answer()
    bench.hear(0.3, sound=True)
    bench.loop.until(100.2)
    await bench.loop.run(call.press("5"))
    bench.loop.call_at(101.0, lambda: bench.hear(0.04, sound=True))
    assert await bench.loop.run(call.wait_sound()) == pytest.approx(101.0, abs=0.021)


async def test_without_events_keys_are_tones(bench: Bench):
    await bench.loop.run(bench.answer(event_type=None).press("12"))
    assert [note.data["how"] for note in bench.notes if note.kind == "key"] == ["tone", "tone"]


async def test_keys_by_info_wait_for_their_answer(bench: Bench):
    await bench.loop.run(bench.answer().press_info("1#"))
    assert bench.infos == [b"Signal=1\r\nDuration=160\r\n", b"Signal=#\r\nDuration=160\r\n"]
    assert bench.loop.now == pytest.approx(100.52, abs=0.06)


async def test_a_server_that_refuses_info_is_told_of(bench: Bench):
    bench.info_answer = "SIP/2.0 415 Unsupported Media Type"
    with pytest.raises(PhoneError, match="does not take keys by INFO: SIP/2.0 415"):
        await bench.loop.run(bench.answer().press_info("1"))


async def test_an_info_that_the_end_of_the_call_overtakes(bench: Bench):
    bench.info_answer = ""
    call = bench.answer()
    bench.loop.call_at(100.1, bench.bye)
    with pytest.raises(CallOver, match="we hung up"):
        await bench.loop.run(call.press_info("1"))
    call.info_answered("too late")


async def test_a_script_answers_prompts_in_their_own_time(bench: Bench):
    """Two prompts of different length; each key comes 0.7 s after the end of its prompt."""
    call = bench.answer()
    bench.loop.call_at(100.3, lambda: bench.hear(2.0, sound=True))
    bench.loop.call_at(104.0, lambda: bench.hear(0.4, sound=True))
    await bench.loop.run(call.run("~1 ~W2"))
    first, second = [note.at for note in bench.notes if note.kind == "key"]
    assert first == pytest.approx(2.28 + 0.7, abs=0.05)
    assert second == pytest.approx(4.38 + 0.7 + 1.0, abs=0.06)
    after = [note.data["after"] for note in bench.notes if note.kind == "sound"]
    assert after == ["answer", "1"]


async def test_a_script_may_press_by_info(bench: Bench):
    await bench.loop.run(bench.answer().run("w7", info=True))
    assert len(bench.infos) == 1
    assert bench.infos[0].startswith(b"Signal=7")


async def test_a_call_that_ends_before_its_script_tells_what_was_left(bench: Bench):
    call = bench.answer()
    bench.loop.call_at(100.4, lambda: call.over(End("them", "hangup-verb")))
    with pytest.raises(CallOver, match=r"^the other side hung up \(hangup-verb\) before 23# was pressed$"):
        await bench.loop.run(call.run("1WW23#"))


async def test_a_call_that_ends_while_its_script_only_listens_is_fine(bench: Bench):
    call = bench.answer()
    bench.loop.call_at(100.4, lambda: call.over(End("them")))
    await bench.loop.run(call.run("1~"))
    assert str(call.end) == "the other side hung up"


@pytest.mark.parametrize("what", ["press", "wait_sound", "wait_silence", "sleep"])
async def test_nothing_waits_longer_than_the_call(bench: Bench, what: str):
    call = bench.answer()
    work = {"press": lambda: call.press("12"), "sleep": lambda: call.sleep(9)}.get(what, getattr(call, what))
    bench.loop.call_at(100.04, lambda: call.over(End("network")))
    with pytest.raises(CallOver, match="the other side was lost"):
        await bench.loop.run(work())
    with pytest.raises(CallOver, match="the other side was lost"):
        await bench.loop.run(work())


async def test_nothing_waits_for_ever(bench: Bench):
    call = bench.answer()
    with pytest.raises(NotHeard, match=r"heard no sound within 0\.001 s"):
        await call.wait_sound(timeout=0.001)
    with pytest.raises(NotHeard, match=r"the call had not ended after 0\.001 s"):
        await call.ended(0.001)


async def test_hanging_up_ends_the_call_once(bench: Bench):
    call = bench.answer()
    await call.hangup()
    await call.hangup()
    call.over(End("them"))
    assert await call.ended() == End("us")
    assert bench.kinds() == ["answered", "ended"]
    assert call.ended_at == 100.0


async def test_an_unanswered_call_presses_nothing(bench: Bench):
    bench.call.say(sine())
    with pytest.raises(CallOver, match="the call is not answered"):
        await bench.call.press("1")


async def test_what_cannot_be_pressed_is_refused(bench: Bench):
    call = bench.answer()
    for press in (call.press, call.press_info):
        with pytest.raises(PhoneError, match="'wx' cannot be pressed"):
            await press("1xw")
    with pytest.raises(ScriptError):
        await call.run("?")


async def test_the_keys_of_the_other_side_are_told(bench: Bench):
    bench.answer()
    bench.call.hearing.on_key("7")
    assert bench.notes[-1].data == {"key": "7"}


async def test_it_says_what_it_is_given(bench: Bench):
    call = bench.answer()
    assert bench.media.speaking is not None
    call.say(sine())
    assert bench.media.speaking.next()[12:] == g711.encode(sine())


async def test_the_recording_begins_with_the_answer(bench: Bench, tmp_path: Path):
    bench.hear(0.1, sound=True)
    bench.loop.until(100.1)
    call = bench.answer()
    bench.hear(0.2, sound=True)
    bench.loop.until(100.3)
    assert len(call.recording()) == pytest.approx(1600, abs=200)
    call.save(tmp_path / "heard.wav")
    with wave.open(str(tmp_path / "heard.wav")) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (8000, 1, 2)
        assert file.readframes(10**6) == call.recording().tobytes()


async def test_a_key_counts_even_if_the_other_side_hangs_up_upon_it(bench: Bench):
    call = bench.answer()
    bench.loop.call_at(100.06, lambda: call.over(End("them")))
    await bench.loop.run(call.run("#"))
    assert [note.kind for note in bench.notes] == ["answered", "key", "ended"]
