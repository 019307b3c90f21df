"""A recording without sound: it takes its time on the event loop's clock, and leaves a WAV file of silence behind."""

import asyncio
import os
from pathlib import Path

from ringback.media.recording import RecordingOptions, RecordingOutcome, RecordingReason
from ringback.media.takes import LEAD_FRAMES, TAIL_FRAMES
from ringback.media.wav import RATE, SAMPLE_BYTES, header

FRAME_SECONDS = 0.02


class FakeRecording:
    """A `ringback.media.recording.MediaRecording`. It hears what its leg or room lets it know: `voice`, `key`."""

    def __init__(self, path: Path, options: RecordingOptions, *, speaking: bool = False) -> None:
        """Begin now, while somebody speaks or not."""
        self.path = path
        self.options = options
        self._loop = asyncio.get_running_loop()
        self._outcome: asyncio.Future[RecordingOutcome] = self._loop.create_future()
        self._recorded = 0.0
        self._running_since: float | None = self._loop.time()
        self._speaking = speaking
        self._silent = False
        self._quiet_since = self._loop.time()
        self._first_voice: float | None = 0.0 if speaking else None
        self._last_voice = 0.0
        self._timers: list[asyncio.TimerHandle] = []
        try:
            with path.open("xb") as file:
                file.write(header(options.channels, 0))
        except OSError:
            self.end("failed")
        else:
            self._arm()

    @property
    def ended(self) -> bool:
        """True when `done` knows the outcome."""
        return self._outcome.done()

    @property
    def paused(self) -> bool:
        """True while nothing, or silence in place of what there is, is recorded."""
        return self._running_since is None or self._silent

    @property
    def seconds(self) -> float:
        """What has been recorded, in whole frames."""
        running = 0.0 if self._running_since is None else self._loop.time() - self._running_since
        return FRAME_SECONDS * int((self._recorded + running) / FRAME_SECONDS + 1e-6)

    async def done(self) -> RecordingOutcome:
        """Wait for its end."""
        return await asyncio.shield(self._outcome)

    async def pause(self, *, silence: bool) -> None:
        """Record silence, or nothing, from now on."""
        await asyncio.sleep(0)
        if self.ended:
            return
        if silence:
            self._run()
        elif self._running_since is not None:
            self._recorded = self.seconds
            self._running_since = None
        self._silent = silence
        self._arm()

    async def resume(self) -> None:
        """Go on after a pause."""
        await asyncio.sleep(0)
        if self.ended:
            return
        self._run()
        self._silent = False
        self._quiet_since = self._loop.time()
        self._arm()

    async def stop(self) -> None:
        """End it."""
        await asyncio.sleep(0)
        self.end("stopped")

    # -- what the leg lets it know ------------------------------------------------------------------------------

    def voice(self, speaking: bool) -> None:
        """The peer begins or ceases to speak."""
        if self.ended:
            return
        if speaking and self._first_voice is None and not self.paused:
            self._first_voice = self.seconds
        if self._speaking and not speaking:
            self._quiet_since = self._loop.time()
            self._last_voice = self.seconds
        self._speaking = speaking
        self._arm()

    def key(self, key: str) -> None:
        """The peer presses a key."""
        if key in self.options.finish_keys:
            self.end("key", key)

    def end(self, reason: RecordingReason, key: str = "") -> None:
        """Come to an end, if it has not yet."""
        if self.ended:
            return
        for timer in self._timers:
            timer.cancel()
        seconds = self._kept()
        if reason != "failed":
            data = round(seconds * RATE) * SAMPLE_BYTES * self.options.channels
            with self.path.open("r+b") as file:
                file.write(header(self.options.channels, data))
                os.truncate(file.fileno(), file.tell() + data)
        outcome = RecordingOutcome(self.path, seconds, reason, key, self._first_voice is not None)
        self._outcome.set_result(outcome)

    def _kept(self) -> float:
        """The length of the file: what is trimmed is missing."""
        if not self.options.trim:
            return self.seconds
        if self._first_voice is None:
            return 0.0
        begin = max(0.0, self._first_voice - LEAD_FRAMES * FRAME_SECONDS)
        end = self.seconds if self._speaking else self._last_voice + TAIL_FRAMES * FRAME_SECONDS
        return round(min(self.seconds, end) - begin, 2)

    def _run(self) -> None:
        if self._running_since is None:
            self._running_since = self._loop.time()

    def _arm(self) -> None:
        """Look ahead to what will end it if nothing happens."""
        for timer in self._timers:
            timer.cancel()
        self._timers = []
        if self._running_since is None:
            return
        left = self.options.max_seconds - self.seconds
        self._timers.append(self._loop.call_later(left, self.end, "length"))
        if self.options.silence_seconds and not self._speaking:
            at = self._quiet_since + self.options.silence_seconds
            self._timers.append(self._loop.call_at(at, self.end, "silence"))
