"""The kinds of work: what a media worker is asked to do for all legs of a run."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ringback.app.bench.media.errors import NotAvailable
from ringback.media.client import MediaLeg, RecordingOptions
from ringback.model.audio import Clip

_FOR_EVER: Final = 0


@dataclass(frozen=True, slots=True)
class Case:
    """One kind of work. Telephone events are detected on every leg of every case."""

    name: str
    plays: bool = False
    """A prompt to each leg."""
    room: int = 0
    """How many legs hear each other; 0: none."""
    records: bool = False
    """What each leg says is recorded."""
    key_seconds: float = 0.0
    """How often each leg presses a key; 0: never."""

    @property
    def heard(self) -> bool:
        """Is there anything for the legs to hear?"""
        return self.plays or self.room > 0


CASES: Final = {
    case.name: case
    for case in (
        Case("prompt", plays=True, key_seconds=5.0),
        Case("bridge", room=2),
        Case("conference10", room=10),
        Case("conference100", room=100),
        Case("record", records=True),
    )
}


async def begin(
    case: Case, legs: Sequence[MediaLeg], prompt: Clip, directory: Path, lasting: asyncio.TaskGroup
) -> None:
    """Set the work going. What lasts does so in `lasting`, until the legs are closed; recordings go to `directory`.

    Raises NotAvailable where legs cannot do it, and MediaError where the worker refuses.
    """
    for number, leg in enumerate(legs):
        if case.plays:
            lasting.create_task(leg.play(prompt, _FOR_EVER))
        if case.room:
            await _ability(leg, "join")(number // case.room)
        if case.records:
            recording = await _ability(leg, "record")(directory / f"{number}.wav", RecordingOptions())
            lasting.create_task(recording.done())


def _ability(leg: MediaLeg, name: str) -> Callable[..., Coroutine[Any, Any, Any]]:
    """A method that not every kind of leg has. Raises NotAvailable."""
    found: Callable[..., Coroutine[Any, Any, Any]] | None = getattr(leg, name, None)
    if found is None:
        raise NotAvailable(f"the media worker has no command “{name}”")
    return found
