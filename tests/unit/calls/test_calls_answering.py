"""Who answered: verdicts from voices and beeps, in virtual time."""

# Covers: calls/leg.py

import asyncio
from collections.abc import Callable

import numpy as np
import pytest
from calls_virtual import ACCOUNT, NUMBER, virtual
from numpy.typing import NDArray

from ringback.calls.answering import ToneSpotter, detect_machine
from ringback.calls.leg import Leg
from ringback.media.leg import LegObserver, MediaError
from ringback.model.outgoing import MachineDetection
from ringback.model.status import ApiVersion
from ringback.testing.exchange import Exchange
from ringback.testing.media import FakeMediaLeg


def frames(hertz: float, seconds: float, level: float = 8000.0) -> list[NDArray[np.int16]]:
    time = np.arange(round(seconds * 8000)) / 8000
    sound = (level * np.sin(2 * np.pi * hertz * time)).astype(np.int16)
    return [sound[start : start + 160] for start in range(0, len(sound) - 159, 160)]


def noise(seconds: float) -> list[NDArray[np.int16]]:
    rng = np.random.default_rng(4)
    return [(rng.standard_normal(160) * 3000).astype(np.int16) for _ in range(round(seconds * 50))]


def spotted(*sound: NDArray[np.int16]) -> int:
    spotter = ToneSpotter()
    return sum(spotter.frame(frame) for frame in sound)


@pytest.mark.parametrize("hertz", [440.0, 850.0, 1000.0, 1400.0, 2000.0])
def test_a_beep_is_spotted_when_it_ends(hertz: float) -> None:
    assert spotted(*frames(hertz, 0.4)) == 0
    assert spotted(*frames(hertz, 0.4), *frames(0, 0.1)) == 1
    assert spotted(*frames(hertz, 0.4), *noise(0.1)) == 1


def test_what_is_no_beep_is_not_spotted() -> None:
    chord = [one + other for one, other in zip(frames(697, 1.0), frames(1209, 1.0), strict=True)]
    assert spotted(*frames(1000, 0.1), *noise(0.5), *chord, *frames(1000, 0.5, level=100.0), *frames(0, 0.2)) == 0
    assert spotted(np.zeros(7, np.int16)) == 0


def test_the_tones_of_a_fax_are_known() -> None:
    spotter = ToneSpotter()
    for frame in frames(2100, 0.6):
        spotter.frame(frame)
    assert spotter.fax


class Answerer:
    """A call whose callee speaks by a script: seconds of voice and of silence in turn, beginning with silence."""

    def __init__(self, *script: float, beep_at: float | None = None, fax: bool = False) -> None:
        self.script, self.beep_at, self.fax = script, beep_at, fax
        self.verdict, self.took = "", 0.0

    def listen(self, detection: MachineDetection) -> str:
        @virtual
        async def test() -> None:
            async def conduct(leg: Leg) -> None:
                leg.assign(ACCOUNT, None, ApiVersion.V2010)
                await leg.answer()
                began = leg.now()
                leg.tasks.start(self._speak(lambda: exchange.media.legs[0]), "voice")
                self.verdict = await leg.detect_machine(detection)
                assert exchange.records[leg.info.sid]["answered_by"] == self.verdict
                self.took = leg.now() - began
                assert type(exchange.media.legs[0].observer) is LegObserver

            exchange = Exchange(conduct)
            phone = exchange.dial(NUMBER)
            await phone.ended.wait()

        test()
        return self.verdict

    async def _speak(self, audio: Callable[[], FakeMediaLeg]) -> None:
        await asyncio.sleep(0.01)
        leg = audio()
        if self.beep_at is not None or self.fax:
            asyncio.get_running_loop().call_later(self.beep_at or 1.0, self._beep, leg)
        for index, seconds in enumerate(self.script):
            if index:
                leg.observer.on_voice(index % 2 == 1)
            await asyncio.sleep(seconds)

    def _beep(self, leg: FakeMediaLeg) -> None:
        for frame in [*frames(2100 if self.fax else 1000, 0.6), *frames(0, 0.1)]:
            leg.observer.on_audio(True, frame)
            leg.observer.on_audio(False, frame)


DETECT = MachineDetection()
END = MachineDetection("DetectMessageEnd")


@pytest.mark.conforms("2010-04-01/5.4/verdicts")
@pytest.mark.parametrize(
    ("answerer", "detection", "verdict", "took"),
    [
        (Answerer(0.5, 1.0, 60), DETECT, "human", 2.7),
        (Answerer(0.5, 1.0, 0.6, 1.0, 60), DETECT, "human", 4.3),
        (Answerer(0.5, 8.0, 60), DETECT, "machine_start", 2.9),
        (Answerer(0.5, 1.5, 0.5, 1.5, 60), DETECT, "machine_start", 3.4),
        (Answerer(100.0), DETECT, "unknown", 5.0),
        (Answerer(100.0), MachineDetection(timeout=3), "unknown", 3.0),
        (Answerer(100.0, beep_at=1.0), DETECT, "machine_start", 1.0),
        (Answerer(100.0, fax=True), DETECT, "fax", 1.0),
        (Answerer(0.5, 5.0, 60, beep_at=6.0), END, "machine_end_beep", 6.0),
        (Answerer(0.5, 5.0, 60), END, "machine_end_silence", 7.5),
        (Answerer(0.5, 100.0), END, "machine_end_other", 30.0),
        (Answerer(0.5, 1.0, 60), END, "human", 2.7),
    ],
)
def test_the_verdict(answerer: Answerer, detection: MachineDetection, verdict: str, took: float) -> None:
    assert answerer.listen(detection) == verdict
    assert answerer.took == pytest.approx(took, abs=0.05)


@virtual
async def test_nobody_can_be_listened_to_without_audio() -> None:
    verdicts: list[str] = []

    class Deaf(FakeMediaLeg):
        async def detect_voice(self, wanted: bool) -> None:
            if wanted:
                raise MediaError("no voice activity here")

    async def conduct(leg: Leg) -> None:
        leg.assign(ACCOUNT, None, ApiVersion.V2010)
        verdicts.append(await detect_machine(leg, DETECT))
        await leg.answer()
        leg.audio.leg = Deaf(exchange.media, 99, leg)
        verdicts.append(await detect_machine(leg, DETECT))

    exchange = Exchange(conduct)
    phone = exchange.dial(NUMBER)
    await phone.ended.wait()
    assert verdicts == ["unknown", "unknown"]
