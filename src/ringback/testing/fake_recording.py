"""A recording of a fake call: somebody speaks for a while, then is silent; keys, silence, length or the end of the call
end it, in virtual time.
"""

import asyncio

from ringback.calls.recording import Recorded, RecordingEvent, RecordOptions


class FakeCallRecording:
    """Implements `ringback.calls.recording.Recording`."""

    def __init__(self, sid: str, options: RecordOptions, speaks: float) -> None:
        """The caller speaks for so many seconds from the beginning of the recording; 0: not at all."""
        self.options = options
        self.paused = False
        self._sid = sid
        self._speaks = speaks
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self._done: asyncio.Future[Recorded] = self._loop.create_future()
        self._timers = [self._loop.call_later(options.max_seconds, self.end, "length")]
        if options.silence_seconds:
            self._timers.append(self._loop.call_later(speaks + options.silence_seconds, self.end, "silence"))
        self._tell("in-progress", Recorded(sid, 0, "stopped", channels=options.channels, source=options.source))

    @property
    def sid(self) -> str:
        """Its sid."""
        return self._sid

    @property
    def ended(self) -> bool:
        """Whether it has ended."""
        return self._done.done()

    async def done(self) -> Recorded:
        """Wait until it has ended."""
        return await asyncio.shield(self._done)

    async def pause(self, *, silence: bool = True) -> None:
        """Set `paused`."""
        self.paused = True

    async def resume(self) -> None:
        """Reset `paused`."""
        self.paused = False

    async def stop(self) -> None:
        """End it."""
        self.end("stopped")

    def key(self, key: str) -> None:
        """The caller presses a key."""
        if key in self.options.finish_keys:
            self.end("key", key)

    def end(self, reason: str, key: str = "") -> None:
        """End it for a reason of `Recorded`, once."""
        if self.ended:
            return
        for timer in self._timers:
            timer.cancel()
        passed = self._loop.time() - self._began
        spoken = min(self._speaks, passed)
        seconds = round(spoken if self.options.trim else passed)
        recorded = Recorded(
            self._sid, seconds, reason, key, spoken > 0 or reason == "failed",  # type: ignore[arg-type]
            self.options.channels, self.options.source,
        )  # fmt: skip
        self._done.set_result(recorded)
        self._tell("failed" if reason == "failed" else "completed" if spoken else "absent", recorded)

    def _tell(self, event: RecordingEvent, recorded: Recorded) -> None:
        if self.options.watch is not None:
            self.options.watch(event, recorded)
