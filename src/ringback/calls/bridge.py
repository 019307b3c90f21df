"""Two legs that hear each other."""

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Literal

from ringback.calls.race import first_of
from ringback.media.leg import MediaError

if TYPE_CHECKING:
    from ringback.calls.leg import Leg

BridgeEnd = Literal["caller", "callee", "star", "time-limit", "failed"]


async def bridge(caller: "Leg", callee: "Leg", *, hangup_on_star: bool = False, time_limit: float) -> BridgeEnd:
    """Let two answered legs talk until one is gone, the caller presses `*`, or so many seconds have passed.

    Keys that one presses are pressed towards the other, since events do not pass with the audio. Neither call is ended.
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


async def _leave(*legs: "Leg") -> None:
    for leg in legs:
        if leg.audio.leg is not None:
            with suppress(MediaError):
                await leg.audio.leg.leave()
