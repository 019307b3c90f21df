"""The kinds of work: what a media worker is asked to do for all legs of a run."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ringback.app.bench.media.errors import NotAvailable
from ringback.media.client import MediaError, MediaLeg, WorkerLeg
from ringback.model.audio import Clip

JOIN: Final = "join"
RECORD: Final = "record"
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
    case: Case, legs: Sequence[MediaLeg], prompt: Clip, directory: Path, players: asyncio.TaskGroup
) -> None:
    """Set the work going. What plays does so in `players`, until the legs are closed; recordings go to `directory`.

    Raises NotAvailable where the worker has no such command, and MediaError where it refuses.
    """
    for number, leg in enumerate(legs):
        if case.plays:
            players.create_task(leg.play(prompt, _FOR_EVER))
        if case.room:
            await command(leg, JOIN, room=number // case.room)
        if case.records:
            await command(leg, RECORD, path=str(directory / f"{number}.wav"))


async def command(leg: MediaLeg, name: str, **arguments: Any) -> None:
    """Send a worker a command for a leg. Raises NotAvailable where it knows none of that name, MediaError otherwise."""
    if not isinstance(leg, WorkerLeg):
        raise NotAvailable(f"only legs of media workers can be told to {name}")
    try:
        await leg._call(name, **arguments)
    except MediaError as error:
        if str(error).endswith(repr(KeyError(name))):
            raise NotAvailable(f"the media worker has no command “{name}”") from error
        raise
