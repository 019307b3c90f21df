"""Who answered: a human, a machine or a fax. 2010-04-01 clause 5.4, 2008-08-01 clause 6.2.

A human says a short greeting and waits. A machine talks on, and at its end beeps or is silent. The vendor's rule:
speech longer than a threshold is a machine's, a pause after shorter speech is a human's, and nobody speaks for so long
is unknown.
"""

import asyncio
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from ringback.media.leg import LegObserver, MediaError
from ringback.model.outgoing import MachineDetection

if TYPE_CHECKING:
    from ringback.calls.leg import Leg

FRAME_SECONDS: Final = 0.02
_RATE: Final = 8000
_LOUD: Final = 300.0
"""RMS below which a frame is no beep."""
_PURE: Final = 0.85
"""The part of a beep's energy that one frequency has."""
BEEP_FRAMES: Final = 8
"""A tone of 160 ms or more is a beep; speech has no tone so pure for so long."""
_FAX_HERTZ: Final = (1100.0, 2100.0)
"""CNG and CED of ITU-T T.30."""
_FAX_FRAMES: Final = 20


class ToneSpotter:
    """Finds pure tones in 20 ms frames: beeps, and the tones of fax machines."""

    def __init__(self) -> None:
        self._window = np.hanning(160)
        self._hertz = 0.0
        self._frames = 0
        self.fax = False

    def frame(self, samples: NDArray[np.int16]) -> bool:
        """Take 160 samples at 8 kHz; true when a beep has just ended."""
        ended = False
        hertz = self._tone(samples.astype(np.float64))
        if hertz and (not self._frames or abs(hertz - self._hertz) <= 50):
            self._hertz, self._frames = hertz, self._frames + 1
            if self._frames >= _FAX_FRAMES and any(abs(hertz - each) < 30 for each in _FAX_HERTZ):
                self.fax = True
        else:
            ended = self._frames >= BEEP_FRAMES
            self._frames = 1 if hertz else 0
            self._hertz = hertz
        return ended

    def _tone(self, samples: NDArray[np.float64]) -> float:
        """The frequency of a frame that is one tone, or 0."""
        if len(samples) != len(self._window) or np.sqrt(np.mean(samples**2)) < _LOUD:
            return 0.0
        energy = np.abs(np.fft.rfft(samples * self._window, 512)) ** 2
        peak = int(np.argmax(energy))
        # The main lobe of a Hann window of 160 samples is some 13 bins of 512 wide.
        lobe = energy[max(0, peak - 7) : peak + 8].sum()
        total = energy.sum()
        hertz = peak * _RATE / 512
        return hertz if 300 < hertz < 3000 and lobe > _PURE * total else 0.0


class Listener(LegObserver):
    """What was heard so far, in seconds since the answer."""

    def __init__(self, now: float) -> None:
        self.changed = asyncio.Event()
        self.speaking = False
        self.since = now
        """When the voice last began or ended."""
        self.spoken = 0.0
        """Seconds of voice before the present."""
        self.beeped = False
        self.tones = ToneSpotter()
        self._time = asyncio.get_running_loop().time

    def on_voice(self, speaking: bool) -> None:
        """The voice began or ended."""
        now = self._time()
        if self.speaking and not speaking:
            self.spoken += now - self.since
        self.speaking, self.since = speaking, now
        self.changed.set()

    def on_audio(self, heard: bool, samples: NDArray[np.int16]) -> None:
        """20 ms of what the other side says."""
        if heard and (self.tones.frame(samples) or self.tones.fax):
            self.beeped = True
            self.changed.set()


async def detect_machine(leg: "Leg", detection: MachineDetection) -> str:
    """Listen to whoever answered, and return the verdict in the words of AnsweredBy: `human`, `machine_start`, `fax`,
    `unknown`, or with DetectMessageEnd `machine_end_beep`, `machine_end_silence` and `machine_end_other`.
    """
    audio = leg.audio.leg
    if audio is None:
        return "unknown"
    began = leg.now()
    listener = Listener(began)
    audio.observer = listener
    try:
        await audio.detect_voice(True)
        await audio.tap(heard=True, said=False)
        verdict = await _first_verdict(leg, listener, detection, began)
        if verdict == "machine_start" and detection.mode == "DetectMessageEnd":
            verdict = await _message_end(leg, listener, detection, began)
        return verdict
    except MediaError:
        return "unknown"
    finally:
        audio.observer = LegObserver()
        await audio.tap(heard=False, said=False)
        await audio.detect_voice(False)


async def _first_verdict(leg: "Leg", listener: Listener, detection: MachineDetection, began: float) -> str:
    threshold = detection.speech_threshold / 1000
    pause = detection.speech_end_threshold / 1000
    silence = detection.silence_timeout / 1000
    deadline = began + detection.timeout
    while (now := leg.now()) < deadline:
        if listener.tones.fax:
            return "fax"
        if listener.beeped:
            return "machine_start"
        current = now - listener.since
        if listener.speaking:
            if listener.spoken + current >= threshold:
                return "machine_start"
            until = now + threshold - listener.spoken - current
        elif listener.spoken:
            if current >= pause:
                return "human"
            until = listener.since + pause
        else:
            if now - began >= silence:
                return "unknown"
            until = began + silence
        await _news(listener, min(until, deadline))
    return "unknown"


async def _message_end(leg: "Leg", listener: Listener, detection: MachineDetection, began: float) -> str:
    """Wait for the end of a machine's greeting."""
    quiet = max(detection.speech_end_threshold / 1000, 1.2)
    deadline = began + detection.timeout
    while (now := leg.now()) < deadline:
        if listener.beeped:
            return "machine_end_beep"
        until = deadline
        if not listener.speaking:
            # A beep mostly follows the greeting within a moment.
            until = listener.since + quiet + 0.8
            if now >= until:
                return "machine_end_silence"
        await _news(listener, min(until, deadline))
    return "machine_end_other"


async def _news(listener: Listener, until: float) -> None:
    """Wait until something has been heard, or that time has come."""
    listener.changed.clear()
    timer = asyncio.get_running_loop().call_at(until + 0.001, listener.changed.set)
    try:
        await listener.changed.wait()
    finally:
        timer.cancel()
