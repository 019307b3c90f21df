"""A recording that a worker makes, as the control process sees it."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

from ringback.media import protocol
from ringback.media.recording import RecordingOptions, RecordingOutcome
from ringback.media.wav import HEADER_BYTES, RATE, SAMPLE_BYTES

_LOOK_SECONDS: Final = 0.1
_LOOKS: Final = 20
"""How often a file is looked at until it grows no more."""


class Recorder(Protocol):
    """The worker that records."""

    async def call(self, command: str, **arguments: Any) -> dict[str, Any]:
        """Send a command and wait for its answer. Raises MediaError."""
        ...


class EndedRecording:
    """A recording that was asked for on a leg that has gone."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def done(self) -> RecordingOutcome:
        """Nothing was recorded."""
        return RecordingOutcome(self._path, 0.0, "closed", "", False)

    async def pause(self, *, silence: bool) -> None:
        """Do nothing."""

    async def resume(self) -> None:
        """Do nothing."""

    async def stop(self) -> None:
        """Do nothing."""


class WorkerRecording:
    """A `ringback.media.recording.MediaRecording`."""

    def __init__(self, worker: Recorder, token: int, path: Path, options: RecordingOptions) -> None:
        self._worker = worker
        self._token = token
        self.path = path
        self.channels = options.channels
        self._outcome: asyncio.Future[RecordingOutcome] = asyncio.get_running_loop().create_future()

    @property
    def settled(self) -> bool:
        """True when `done` knows the outcome."""
        return self._outcome.done()

    def when_settled(self, act: Callable[[], None]) -> None:
        """Do something at its end."""
        self._outcome.add_done_callback(lambda _: act())

    async def done(self) -> RecordingOutcome:
        """Wait until the file is whole."""
        return await asyncio.shield(self._outcome)

    async def pause(self, *, silence: bool) -> None:
        """Record silence until `resume`, or nothing at all."""
        await self._steer("silence" if silence else "pause")

    async def resume(self) -> None:
        """Go on after a pause."""
        await self._steer("resume")

    async def stop(self) -> None:
        """End it."""
        await self._steer("stop")

    def settle(self, outcome: RecordingOutcome) -> None:
        """It has come to this end."""
        if not self.settled:
            self._outcome.set_result(outcome)

    async def _steer(self, how: str) -> None:
        if not self.settled:
            await self._worker.call(protocol.STEER, token=self._token, how=how)


async def salvage(recordings: Sequence[WorkerRecording]) -> None:
    """Settle recordings whose worker died, once all has been written, or after two seconds.

    The process that writes outlives the worker until it has written what it got: only the last second is missing.
    """
    sizes: list[int] = []
    try:
        for _ in range(_LOOKS):
            before, sizes = sizes, await asyncio.to_thread(_sizes, recordings)
            if sizes == before:
                break
            await asyncio.sleep(_LOOK_SECONDS)
    finally:
        for recording, size in zip(recordings, sizes or _sizes(recordings), strict=True):
            seconds = max(0, size - HEADER_BYTES) / (RATE * SAMPLE_BYTES * recording.channels)
            recording.settle(RecordingOutcome(recording.path, seconds, "failed", "", seconds > 0))


def _sizes(recordings: Sequence[WorkerRecording]) -> list[int]:
    sizes = []
    for recording in recordings:
        try:
            sizes.append(recording.path.stat().st_size)
        except OSError:
            sizes.append(0)
    return sizes
