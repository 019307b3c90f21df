"""An engine for tests, what every engine has to do, and measurements of sound."""

import asyncio

import numpy as np
import pytest
from numpy.typing import NDArray

from ringback.speech.contract import MAX_PART, Pcm, SpeechError, TextToSpeech, Voice, check_part

RATE = 16000


class FakeEngine:
    """Hums 50 ms for each letter. Counts what it is asked, and can be made to fail, to wait or to find nothing."""

    def __init__(self, name: str = "fake", languages: str = "en", version: str = "1") -> None:
        self.name = name
        self.version = version
        self.languages = languages.split()
        self.asked: list[tuple[str, Voice, float]] = []
        self.failure: Exception | None = None
        self.silent = False
        self.gate: asyncio.Event | None = None
        self.cancelled = 0
        self.started = self.closed = 0

    async def start(self) -> None:
        self.started += 1
        if self.failure:
            raise self.failure

    async def close(self) -> None:
        self.closed += 1

    def speaks(self, voice: Voice) -> bool:
        return voice.primary in self.languages

    async def synthesize(self, text: str, voice: Voice, rate: float = 1.0) -> Pcm:
        check_part(text, self.name)
        self.asked.append((text, voice, rate))
        if self.gate is not None:
            try:
                await self.gate.wait()
            except asyncio.CancelledError:
                self.cancelled += 1
                raise
        if self.failure:
            raise self.failure
        length = 0 if self.silent else int(len(text) * 0.05 * RATE / rate)
        time = np.arange(length) / RATE
        return Pcm((8000 * np.sin(2 * np.pi * 200 * time)).astype(np.int16), RATE)


def alike(one: Pcm, other: Pcm) -> bool:
    """Tell whether two sounds are the same to an ear: espeak-ng 1.52 flutters by a percent from run to run."""
    if one.rate != other.rate or len(one.samples) != len(other.samples):
        return False
    return bool(np.corrcoef(one.samples.astype(float), other.samples.astype(float))[0, 1] > 0.99)


async def check_engine(provider: TextToSpeech, voice: Voice) -> None:
    """Assert what `TextToSpeech` promises, of real engines and of the fake alike."""
    assert provider.name and provider.name.isidentifier()
    assert provider.version
    assert provider.speaks(voice)
    assert not provider.speaks(Voice("xx-XX"))
    short = await provider.synthesize("One.", voice)
    assert short.samples.dtype == np.int16 and short.samples.ndim == 1 and 8000 <= short.rate <= 48000
    text = "One two three, four five six."
    normal = await provider.synthesize(text, voice)
    assert len(normal.samples) > 1.5 * len(short.samples), "more text is longer"
    again = await provider.synthesize(text, voice)
    assert alike(normal, again), "the same text is the same sound"
    fast = await provider.synthesize(text, voice, 1.6)
    assert len(fast.samples) < 0.85 * len(normal.samples), "rate is heard"
    with pytest.raises(SpeechError, match="characters at once"):
        await provider.synthesize("a" * (MAX_PART + 1), voice)
    both = await asyncio.gather(provider.synthesize(text, voice), provider.synthesize("One.", voice))
    assert [len(pcm.samples) for pcm in both] == [len(normal.samples), len(short.samples)], "calls don't mix"
    async with asyncio.TaskGroup() as group:
        hung_up = group.create_task(provider.synthesize(text, voice))
        await asyncio.sleep(0)
        hung_up.cancel()
    after = await provider.synthesize("One.", voice)
    assert alike(after, short), "a caller who hangs up leaves the engine in order"


def frames_db(samples: NDArray[np.int16], ms: int = 5) -> NDArray[np.float64]:
    """RMS in dBFS of each `ms` at 8 kHz."""
    width = 8 * ms
    blocks = samples[: len(samples) // width * width].reshape(-1, width) / 32768.0
    level: NDArray[np.float64] = 20 * np.log10(np.sqrt(np.mean(blocks**2, axis=1)) + 1e-9)
    return level


def assert_prompt(samples: NDArray[np.int16]) -> None:
    """Assert that samples at 8 kHz are speech as callers should get it: at once, in one loudness, and voiced."""
    db = frames_db(samples)
    heard = np.flatnonzero(db > db.max() - 40)
    assert heard[0] * 5 < 100, "silence before"
    assert (len(db) - heard[-1]) * 5 < 200, "silence after"
    active = db[db > db.max() - 30]
    assert -22 < 10 * np.log10(np.mean(10 ** (active / 10))) < -18, "level"
    assert np.abs(samples).max() < 32767, "no clipping"
    power = np.abs(np.fft.rfft(samples / 32768.0)) ** 2
    hertz = np.fft.rfftfreq(len(samples), 1 / 8000)
    assert power[(hertz > 80) & (hertz < 1000)].sum() > 0.5 * power.sum(), "voiced band"
