"""Two legs that hear each other."""

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Literal

from ringback.calls.race import first_of
from ringback.media.leg import MediaError, MediaLeg

if TYPE_CHECKING:
    from ringback.calls.leg import Leg

BridgeEnd = Literal["caller", "callee", "star", "time-limit", "failed"]


async def bridge(caller: "Leg", callee: "Leg", *, hangup_on_star: bool = False, time_limit: float) -> BridgeEnd:
    """Let two answered legs talk until one is gone, the caller presses `*`, or so many seconds have passed.

    Keys that one presses are pressed towards the other, since events do not pass with the audio. While the phone of one
    holds the call, the other hears music. Neither call is ended.
    """
    ours, theirs = caller.audio.leg, callee.audio.leg
    if ours is None or theirs is None:
        return "failed"
    room = caller.media.room()
    try:
        await ours.join(room)
        await theirs.join(room)
    except MediaError:
        await _leave(caller, callee)
        return "failed"
    caller.clear_keys()
    callee.clear_keys()
    endings: tuple[BridgeEnd, ...] = ("caller", "callee", "star", "failed", "time-limit")
    try:
        return endings[
            await first_of(
                caller.ended.wait(),
                callee.ended.wait(),
                _pass_keys(caller, callee, hangup_on_star),
                _pass_keys(callee, caller, False),
                asyncio.sleep(time_limit),
                _entertain(caller, callee),
                _entertain(callee, caller),
            )
        ]
    finally:
        await _leave(caller, callee)


async def _pass_keys(source: "Leg", sink: "Leg", star_ends: bool) -> None:
    while True:
        key = await source.next_key()
        if key == "*" and star_ends:
            return
        if key is not None:
            await sink.send_keys(key)


async def _entertain(holder: "Leg", held: "Leg") -> None:
    """Let one hear music while the phone of the other holds the call (RFC 3264 §8.4); does not return."""
    while True:
        holder.audio.hold_changed.clear()
        audio = held.audio.leg
        if holder.audio.on_hold and audio is not None:
            with suppress(MediaError):
                await audio.hold(True)
            await first_of(_music(audio), holder.audio.hold_changed.wait())
            with suppress(MediaError):
                await audio.hold(False)
        else:
            await holder.audio.hold_changed.wait()


async def _music(audio: MediaLeg) -> None:
    with suppress(MediaError):
        await audio.tone("hold-music", loop=0)
    await asyncio.get_running_loop().create_future()


async def _leave(*legs: "Leg") -> None:
    for leg in legs:
        if leg.audio.leg is not None:
            with suppress(MediaError):
                await leg.audio.leg.leave()
