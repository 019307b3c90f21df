"""Echo: the other side of a call hears what it says."""

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from ringback.media.leg import LegObserver, MediaError
from ringback.model import events

if TYPE_CHECKING:
    from ringback.calls.leg import Leg

_MOST_WAITING: Final = 50
"""Frames of 20 ms on their way back; when a busy worker lets more come together, the oldest are left out."""


class _Ear(LegObserver):
    """Keeps the newest of what was heard."""

    def __init__(self) -> None:
        self.frames: asyncio.Queue[NDArray[np.int16]] = asyncio.Queue(_MOST_WAITING)

    def on_audio(self, heard: bool, samples: NDArray[np.int16]) -> None:
        if self.frames.full():
            self.frames.get_nowait()
        self.frames.put_nowait(samples)


async def echo(leg: "Leg") -> None:
    """Send an answered leg what comes from it, until this is cancelled. Returns where there is no audio any more."""
    audio = leg.audio.leg
    if audio is None:
        return
    ear = _Ear()
    audio.observer = ear
    try:
        await audio.tap(heard=True, said=False)
        while True:
            await audio.feed(await ear.frames.get())
    except MediaError as error:
        leg.note(events.WARNING, code=0, message=str(error))
    finally:
        audio.observer = LegObserver()
        with suppress(MediaError):
            await audio.tap(heard=False, said=False)
            await audio.clear_feed()
