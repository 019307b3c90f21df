"""One call of the phone, as whoever made it sees it: press, listen, wait, hang up."""

import asyncio
import contextlib
import wave
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from ringback.app.phone import script
from ringback.app.phone.errors import CallOver, NotHeard, PhoneError
from ringback.app.phone.hearing import Hearing
from ringback.app.phone.media import Media
from ringback.app.phone.notes import End, Note
from ringback.app.phone.speaking import KEY_GAP, KEY_HELD, Speaking
from ringback.model.audio import SAMPLE_RATE
from ringback.rtp.telephone_event import KEYS

DTMF_RELAY: Final = "application/dtmf-relay"
INFO_TIMEOUT: Final = 5.0
_QUIET: Final = 0.1
"""Seconds without sound after which a key interrupts nothing: what is heard from then on answers it."""
_T = TypeVar("_T")


class Signalling(Protocol):
    """What a call asks of its phone."""

    def bye(self) -> None:
        """Hang up."""

    def info(self, content_type: str, body: bytes) -> None:
        """Send an INFO request."""


class PhoneCall:
    """An answered call. All moments are in seconds of the running loop's clock.

    What waits raises CallOver when the call ends first, and NotHeard when what it waits for does not come in time.
    """

    def __init__(
        self,
        number: str,
        media: Media,
        clock: Callable[[], float],
        signalling: Signalling,
        on_note: Callable[[Note], None],
    ) -> None:
        """Made by `Phone.call`."""
        self.number = number
        self.codec = ""
        self.invited_at = clock()
        self.answered_at = 0.0
        self.ended_at: float | None = None
        self.end: End | None = None
        self._media = media
        self._clock = clock
        self._signalling = signalling
        self._on_note = on_note
        self._counts_from = 0.0
        self._over: asyncio.Future[End] = asyncio.get_running_loop().create_future()
        self._info: asyncio.Future[str] | None = None
        media.hearing.on_key = lambda key: self.note("key-heard", key=key)

    # -- what is heard --------------------------------------------------------------------------------------------

    @property
    def hearing(self) -> Hearing:
        """All that is known of what was heard: arrivals of packets, moments of sound, level."""
        return self._media.hearing

    async def wait_sound(self, after: float | None = None, timeout: float = 10.0) -> float:
        """Wait for sound; return the moment at which its first packet arrived.

        Sound counts from the moment `after`: by default from the answer, or from when the last key went down. A key
        that went down into a prompt counts from its release: by then the rest of that prompt has been heard.
        """
        since = self._counts_from if after is None else after
        await self._until(lambda now: self.hearing.sound_after(since) is not None, timeout, "heard no sound")
        return self.hearing.sound_after(since) or since

    async def wait_silence(
        self, silence: float = script.SILENCE, after: float | None = None, timeout: float = 60.0
    ) -> float:
        """Wait until the other side has spoken (see `wait_sound`) and then been silent for `silence` seconds.

        Returns the moment of its last sound.
        """
        since = self._counts_from if after is None else after
        await self._until(
            lambda now: self.hearing.spoke_and_stopped(since, silence, now),
            timeout,
            "the other side did not speak and then stop",
        )
        return self.hearing.last_sound or since

    def recording(self) -> NDArray[np.int16]:
        """Return what was heard since the answer: int16[samples], 8000 a second, silence where nothing came."""
        return self.hearing.recording(self.answered_at)

    def save(self, path: Path | str) -> None:
        """Write `recording` as a WAV file. Raises OSError."""
        with Path(path).open("wb") as raw, wave.open(raw, "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(SAMPLE_RATE)
            file.writeframes(self.recording().astype("<i2").tobytes())

    # -- what is said ---------------------------------------------------------------------------------------------

    def say(self, samples: NDArray[np.int16]) -> None:
        """Send audio (int16, 8000 a second) after that which is still being sent; else the phone sends silence."""
        if self._media.speaking is not None:
            self._media.speaking.say(samples)

    async def press(self, keys: str) -> float:
        """Press keys, as telephone events (RFC 4733), or as tones where the server takes no events.

        Returns the moment at which the last one went down. Raises PhoneError for what is no key.
        """
        down = self._clock()
        for key in _keys(keys):
            down = await self._press_one(key)
        return down

    async def _press_one(self, key: str) -> float:
        speaking = self._speaking()
        number = speaking.press(key)
        how = "telephone event" if speaking.sends_events else "tone"
        goes_down = self._media.when(lambda now: speaking.down >= number, lambda now: self._pressed(key, now, how))
        down = await self._wait_for(goes_down, 60.0, f"could not press {key}")
        # The other side may act upon a key, and even hang up, while it is still held.
        with contextlib.suppress(CallOver):
            await self._until(lambda now: speaking.pressed >= number, 60.0, f"could not press {key}")
        return down

    async def press_info(self, keys: str) -> float:
        """Press keys as SIP INFO requests (application/dtmf-relay); return when the last one was sent.

        Raises PhoneError when the server refuses them.
        """
        down = self._clock()
        for key in _keys(keys):
            self._speaking()
            self._info = asyncio.get_running_loop().create_future()
            down = self._clock()
            self._signalling.info(DTMF_RELAY, f"Signal={key}\r\nDuration={KEY_HELD * 1000:.0f}\r\n".encode())
            self._pressed(key, down, "INFO")
            line = await self._wait_for(self._info, INFO_TIMEOUT, f"no answer to the INFO that pressed {key}")
            if " 200 " not in line:
                raise PhoneError(f"the server does not take keys by INFO: {line}")
            await self.sleep(max(0.0, down + KEY_HELD + KEY_GAP - self._clock()))
        return down

    async def run(self, steps: str | Iterable[script.Step], *, info: bool = False) -> None:
        """Do what a press script says (`ringback.app.phone.script`). Raises ScriptError for a text that is none.

        When the other side hangs up with keys still to be pressed, the CallOver tells which.
        """
        left = list(script.parse(steps) if isinstance(steps, str) else steps)
        while left:
            try:
                await self._step(left[0], info)
            except CallOver as over:
                keys = "".join(step.key for step in left if isinstance(step, script.Press))
                if not keys:
                    return
                raise CallOver(f"{over} before {keys} was pressed") from None
            left.pop(0)

    async def _step(self, step: script.Step, info: bool) -> None:
        match step:
            case script.Press(key):
                await (self.press_info(key) if info else self.press(key))
            case script.Wait(seconds):
                await self.sleep(seconds)
            case script.Listen(silence):
                await self.wait_silence(silence, timeout=3600.0)

    async def sleep(self, seconds: float) -> None:
        """Let time pass in the call."""
        until = self._clock() + seconds
        await self._until(lambda now: now >= until, seconds + 60.0, "the clock stands still")

    # -- how it ends ----------------------------------------------------------------------------------------------

    async def hangup(self) -> None:
        """Hang up. Does nothing when the call has ended already."""
        if self.end is None:
            self._signalling.bye()
            await self.ended()

    async def ended(self, timeout: float | None = None) -> End:
        """Wait for the end of the call, whoever brings it about. Raises NotHeard after `timeout` seconds."""
        await asyncio.wait([self._over], timeout=timeout)
        if self.end is None:
            raise NotHeard(f"the call had not ended after {timeout:g} s")
        return self.end

    # -- told by the phone ----------------------------------------------------------------------------------------

    def answered(self, codec: str, keys_as: str) -> None:
        """The other side has picked up."""
        self.answered_at = self._counts_from = self._clock()
        self.codec = codec
        self.note("answered", codec=codec, keys_as=keys_as)
        self._announce_sound(self.answered_at, "answer")

    def over(self, end: End) -> None:
        """The call has ended."""
        if self.end is not None:
            return
        self.end, self.ended_at = end, self._clock()
        if self.answered_at:
            self.note("ended", by=end.by, reason=end.reason, text=str(end))
        self._media.close()
        self._over.set_result(end)
        if self._info is not None and not self._info.done():
            self._info.cancel()

    def info_answered(self, line: str) -> None:
        """The server answered an INFO; `line` is the first line of its answer."""
        if self._info is not None and not self._info.done():
            self._info.set_result(line)

    def note(self, kind: str, **data: Any) -> None:
        """Tell whoever made the call."""
        self._on_note(Note(self._clock() - self.invited_at, kind, data))

    # -- within ---------------------------------------------------------------------------------------------------

    def _speaking(self) -> Speaking:
        if self.end is not None or self._media.speaking is None:
            raise CallOver(str(self.end or "the call is not answered"))
        return self._media.speaking

    def _pressed(self, key: str, down: float, how: str) -> None:
        last = self.hearing.last_sound
        self._counts_from = down if last is None or down - last > _QUIET else down + KEY_HELD
        self._on_note(Note(down - self.invited_at, "key", {"key": key, "how": how}))
        self._announce_sound(down, key)

    def _announce_sound(self, cause: float, what: str) -> None:
        """Tell of the first sound after an answer or a key, unless another key comes first."""
        since = self._counts_from

        def heard(now: float) -> None:
            moment = self.hearing.sound_after(since)
            if moment is not None and self._counts_from == since:
                self._on_note(Note(moment - self.invited_at, "sound", {"after": what, "seconds": moment - cause}))

        self._media.when(lambda now: self._counts_from != since or self.hearing.sound_after(since) is not None, heard)

    async def _until(self, condition: Callable[[float], bool], timeout: float, failure: str) -> float:
        return await self._wait_for(self._media.when(condition), timeout, failure)

    async def _wait_for(self, future: "asyncio.Future[_T]", timeout: float, failure: str) -> _T:
        try:
            await asyncio.wait([future], timeout=timeout)
            if future.cancelled():
                raise CallOver(str(self.end or "the call is over"))
            if not future.done():
                raise NotHeard(f"{failure} within {timeout:g} s")
            return future.result()
        finally:
            future.cancel()


def _keys(text: str) -> str:
    if unknown := "".join(sorted(set(text) - set(KEYS))):
        raise PhoneError(f"{unknown!r} cannot be pressed: keys are 0-9 * # A-D")
    return text
