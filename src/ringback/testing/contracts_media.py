"""What every implementation of `ringback.media.client.Media` must do, as checks that run against any of them.

The fake passes them in virtual time; the real workers pass the same ones with processes and sockets.
"""

import asyncio
import contextlib
import itertools
import wave
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final

import numpy as np

from ringback.media.client import LegFormat, LegObserver, Media, MediaError, MediaLeg, MediaRecording, RecordingOptions
from ringback.media.feeds import LONGEST
from ringback.media.stats import LegStats
from ringback.model.audio import SAMPLE_RATE, Clip

ROOM: Final = 2
"""Legs that the media to be checked must have room for, and no more."""
PATIENCE: Final = 10.0
"""Seconds after which something that should have come has not."""
_SET_UP: Final = LegFormat(("127.0.0.1", 9), 0, {0: "PCMU"}, 101)
"""A peer that takes keys as events. What is sent to it is discarded (port 9)."""

_FILES: Final = itertools.count()

MakeMedia = Callable[[], AbstractAsyncContextManager[Media]]
Lose = Callable[[Any], None]


@dataclass(slots=True)
class _Listener:
    """Counts what it is told."""

    lost: int = 0
    told: asyncio.Event = field(default_factory=asyncio.Event)

    def on_key(self, key: str) -> None:
        raise AssertionError(f"nobody pressed {key}")

    def on_quiet(self, times: int) -> None:
        raise AssertionError(f"nobody asked whether it is quiet ({times})")

    def on_lost(self) -> None:
        self.lost += 1
        self.told.set()


@dataclass(frozen=True, slots=True)
class _Checked:
    """The media that are checked, and the means to do it."""

    media: Media
    lose: Lose
    directory: Path
    tolerance: float

    def clip(self, seconds: float) -> Clip:
        """A clip of silence."""
        samples = round(seconds * SAMPLE_RATE)
        path = self.directory / f"silence-{samples}.s16"
        path.write_bytes(bytes(2 * samples))
        return Clip(path, samples)

    @contextlib.asynccontextmanager
    async def leg(self) -> AsyncIterator[MediaLeg]:
        """A leg that is set up, and closed after the check."""
        leg = await self.media.open(_Listener())
        try:
            await leg.setup(_SET_UP)
            yield leg
        finally:
            await leg.close()

    async def takes(self, seconds: float, work: Awaitable[Any]) -> None:
        """Assert how long something takes, by the clock of the loop."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        await asyncio.wait_for(work, PATIENCE)
        took = loop.time() - began
        # Floats of a virtual clock differ in their last digits.
        assert abs(took - seconds) <= self.tolerance + 1e-6, f"it took {took:.3f} s and not {seconds:.3f} s"

    def file(self) -> Path:
        """Where to record to: a new place each time."""
        return self.directory / f"{next(_FILES)}.wav"

    async def recorded(self, recording: MediaRecording, reason: str, seconds: float, *, channels: int) -> None:
        """Assert what became of a recording in which there is only silence, and that its file is whole."""
        async with asyncio.timeout(PATIENCE):
            outcome, again = await asyncio.gather(recording.done(), recording.done())
        assert outcome == again == await recording.done(), "different things were told"
        assert (outcome.reason, outcome.key, outcome.spoken) == (reason, "", False), outcome
        # It begins and ends by a command each.
        assert abs(outcome.seconds - seconds) <= 2 * self.tolerance + 1e-6, outcome
        with wave.open(str(outcome.path), "rb") as file:
            assert (file.getnchannels(), file.getframerate(), file.getsampwidth()) == (channels, SAMPLE_RATE, 2)
            assert abs(file.getnframes() / SAMPLE_RATE - outcome.seconds) < 0.001, "the file has another length"

    async def refused(self, work: Awaitable[Any]) -> None:
        """Assert that something raises MediaError."""
        try:
            await work
        except MediaError as error:
            assert str(error), "an error without a reason"
        else:
            raise AssertionError("it was not refused")


async def check_media(make: MakeMedia, lose: Lose, directory: Path, tolerance: float = 0.0) -> None:
    """Assert that media keep the promises of `Media` and `MediaLeg`.

    `make` returns media with room for two legs, as a context manager; `lose` lets all workers of such media die.
    `directory` takes the audio that is played. `tolerance` is by how many seconds real time may differ: nothing in
    virtual time, a few packets (0.1) else. Raises AssertionError with the promise that was broken.
    """
    async with make() as media:
        for check in CHECKS:
            try:
                await check(_Checked(media, lose, directory, tolerance))
            except (AssertionError, TimeoutError, MediaError) as error:
                name = getattr(check, "__name__", "check").strip("_").replace("_", " ")
                raise AssertionError(f"{name}: {error!r}") from error


async def _legs_have_addresses_of_their_own(the: _Checked) -> None:
    async with the.leg() as one, the.leg() as two:
        assert one.address[0] and 0 < one.address[1] < 65536, one.address
        assert one.address[1] % 2 == 0, f"{one.address}: RTP has the even ports (RFC 3550 section 11)"
        assert one.address != two.address, one.address


async def _without_room_a_leg_is_refused(the: _Checked) -> None:
    async with the.leg():
        async with the.leg():
            await the.refused(the.media.open(_Listener()))
        async with the.leg():
            pass


async def _a_clip_takes_its_time(the: _Checked) -> None:
    async with the.leg() as leg:
        await the.takes(0.2, leg.play(the.clip(0.2), 1))
        await the.takes(0.3, leg.play(the.clip(0.1), 3))
        await the.takes(0.0, leg.play(the.clip(0.0), 0))


async def _two_legs_play_at_once(the: _Checked) -> None:
    async with the.leg() as one, the.leg() as two:
        await the.takes(0.2, asyncio.gather(one.play(the.clip(0.2), 1), two.play(the.clip(0.1), 2)))


async def _a_clip_plays_until_it_is_cancelled(the: _Checked) -> None:
    async with the.leg() as leg:
        await the.takes(0.4, _cancelled_after(0.4, leg.play(the.clip(0.1), 0)))
        await the.takes(0.1, leg.play(the.clip(0.1), 1))


async def _a_clip_takes_the_place_of_another(the: _Checked) -> None:
    async with the.leg() as leg:
        first = asyncio.gather(leg.play(the.clip(0.2), 0))
        await asyncio.sleep(0.05)
        await the.takes(0.1, leg.play(the.clip(0.1), 1))
        await the.takes(0.0, first)


async def _a_clip_that_cannot_be_had_is_refused_and_what_plays_goes_on(the: _Checked) -> None:
    async with the.leg() as leg:
        playing = asyncio.gather(leg.play(the.clip(0.2), 1))
        await asyncio.sleep(0.1)
        await the.refused(leg.play(Clip(the.directory / "missing", 800), 1))
        await the.takes(0.1, playing)


async def _keys_take_their_time_one_after_another(the: _Checked) -> None:
    async with the.leg() as leg:
        await the.takes(0.3, leg.press("1"))
        await the.takes(0.0, leg.press(""))
        await the.takes(0.5, leg.press("w"))
        await the.takes(0.6, asyncio.gather(leg.press("*"), leg.press("D")))
        await the.takes(0.1, _cancelled_after(0.1, leg.press("12")))
        await the.takes(0.8, leg.press("3"))


async def _keys_as_tones_are_shorter(the: _Checked) -> None:
    async with the.leg() as leg:
        await leg.setup(LegFormat(("127.0.0.1", 9), 8, {8: "PCMA"}, None))
        await the.takes(0.26, leg.press("1"))


async def _what_is_no_key_is_refused(the: _Checked) -> None:
    async with the.leg() as leg:
        await the.refused(leg.press("1x"))
        await the.takes(0.3, leg.press("2"))


async def _tones_take_their_time(the: _Checked) -> None:
    async with the.leg() as leg:
        await the.takes(0.24, leg.tone("beep"))
        await the.takes(1.0, leg.tone("reorder", loop=2))
        await the.takes(0.96, leg.tone("busy", country="DE"))
        await the.takes(0.3, _cancelled_after(0.3, leg.tone("hold-music", loop=0)))
        await the.refused(leg.tone("ringback", country="atlantis"))


async def _what_is_fed_is_played_and_its_marks_are_told(the: _Checked) -> None:
    class Observer(LegObserver):
        def on_mark(self, name: str) -> None:
            marks.put_nowait(name)

    marks: asyncio.Queue[str] = asyncio.Queue()
    async with the.leg() as leg:
        leg.observer = Observer()
        await leg.feed(np.zeros(1600, np.int16), "first")
        await leg.feed(np.zeros(1600, np.int16))
        await leg.feed(np.zeros(0, np.int16), "second")
        await the.takes(0.2, marks.get())
        await the.takes(0.2, marks.get())
        await leg.feed(np.zeros(8000, np.int16), "third")
        await leg.clear_feed()
        await the.takes(0.0, marks.get())
        for _ in range(4):
            await leg.feed(np.zeros(LONGEST // 4, np.int16))
        await the.refused(leg.feed(np.zeros(LONGEST // 2, np.int16)))


async def _a_leg_is_in_one_room_at_a_time(the: _Checked) -> None:
    one, other = the.media.room(), the.media.room()
    assert one != other, one
    async with the.leg() as leg, the.leg() as peer:
        await leg.join(one)
        await leg.join(one, watched=True)
        await peer.join(one)
        await the.refused(leg.join(other))
        await leg.leave()
        await leg.leave()
        await leg.join(other)


async def _roles_are_taken_and_left_in_a_room_and_outside(the: _Checked) -> None:
    room = the.media.room()
    async with the.leg() as leg, the.leg() as peer:
        for _ in range(2):
            for on in (True, False):
                await leg.mute(on)
                await leg.hold(on)
                await leg.detect_voice(on)
                await leg.tap(heard=on, said=on)
            await leg.coach(peer)
            await leg.coach(None)
            await leg.join(room)
            await peer.join(room)


async def _announcements_take_their_time(the: _Checked) -> None:
    room = the.media.room()
    async with the.leg() as leg:
        await leg.join(room)
        await the.takes(0.24, the.media.beep(room, "join"))
        both = asyncio.gather(the.media.announce(room, the.clip(0.2), 2), the.media.announce(room, the.clip(0.1)))
        await the.takes(0.4, both)
        await the.takes(0.0, the.media.announce(room, the.clip(0.0), 0))
        await the.takes(0.3, _cancelled_after(0.3, the.media.announce(room, the.clip(0.1), 0)))
        await the.refused(the.media.announce(room, Clip(the.directory / "missing", 800)))


async def _recordings_end_as_they_should(the: _Checked) -> None:
    async with the.leg() as leg:
        length = await leg.record(the.file(), RecordingOptions(max_seconds=0.3))
        silence = await leg.record(the.file(), RecordingOptions(channels=2, silence_seconds=0.2))
        stopped = await leg.record(the.file(), RecordingOptions("said", beep=True))
        closed = await leg.record(the.file(), RecordingOptions(trim=True))
        await asyncio.sleep(0.2)
        await stopped.stop()
    await the.recorded(length, "length", 0.3, channels=1)
    await the.recorded(silence, "silence", 0.2, channels=2)
    await the.recorded(stopped, "stopped", 0.2, channels=1)
    await the.recorded(closed, "closed", 0.0, channels=1)
    for steer in (stopped.pause(silence=True), stopped.resume(), stopped.stop()):
        await the.takes(0.0, steer)


async def _pauses_are_silent_or_left_out(the: _Checked) -> None:
    async with the.leg() as leg:
        silent = await leg.record(the.file(), RecordingOptions())
        skipped = await leg.record(the.file(), RecordingOptions())
        await asyncio.sleep(0.2)
        await silent.pause(silence=True)
        await skipped.pause(silence=False)
        await asyncio.sleep(0.3)
        await silent.resume()
        await skipped.resume()
        await asyncio.sleep(0.1)
        await silent.stop()
        await skipped.stop()
    await the.recorded(silent, "stopped", 0.6, channels=1)
    await the.recorded(skipped, "stopped", 0.3, channels=1)


async def _a_room_is_recorded_without_its_legs(the: _Checked) -> None:
    room = the.media.room()
    async with the.leg() as leg:
        await the.refused(leg.record(the.file(), RecordingOptions("room")))
        await leg.join(room)
        with_leg = await leg.record(the.file(), RecordingOptions("room"))
        without = await the.media.record(room, the.file(), RecordingOptions(max_seconds=0.3))
        await asyncio.sleep(0.1)
    await the.recorded(with_leg, "closed", 0.1, channels=1)
    await the.recorded(without, "length", 0.3, channels=1)


async def _a_recording_that_has_no_place_fails(the: _Checked) -> None:
    path = the.file()
    path.write_text("what was there before")
    async with the.leg() as leg:
        for where in (path, path / "below"):
            recording = await leg.record(where, RecordingOptions())
            async with asyncio.timeout(PATIENCE):
                assert (await recording.done()).reason == "failed"
    assert path.read_text() == "what was there before", "a file was overwritten"


async def _closing_returns_the_figures_and_ends_all(the: _Checked) -> None:
    leg = await the.media.open(_Listener())
    await leg.setup(_SET_UP)
    busy = asyncio.gather(leg.play(the.clip(0.2), 0), leg.press("WWW"))
    await asyncio.sleep(0.05)
    figures = await leg.close()
    assert set(figures) == {each.name for each in fields(LegStats)}, figures
    await the.takes(0.0, busy)
    assert await leg.close() == {}, "figures were given out twice"
    await _does_nothing(the, leg)


async def _a_leg_that_is_lost_is_told_once_and_another_can_be_had(the: _Checked) -> None:
    listener = _Listener()
    leg = await the.media.open(listener)
    await leg.join(the.media.room())
    busy = asyncio.gather(leg.play(the.clip(0.2), 0), leg.press("WWW"), the.media.announce(1, the.clip(0.2), 0))
    recording = await leg.record(the.file(), RecordingOptions())
    await asyncio.sleep(0.05)
    the.lose(the.media)
    async with asyncio.timeout(PATIENCE):
        await listener.told.wait()
        await busy
        assert (await recording.done()).reason == "failed"
    assert await leg.close() == {}, "there are no figures of a leg that was lost"
    await _does_nothing(the, leg)
    assert listener.lost == 1, listener
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                again = await the.media.open(_Listener())
            except MediaError:
                await asyncio.sleep(0.05)
            else:
                break
    await the.takes(0.1, again.play(the.clip(0.1), 1))
    await again.close()


async def _does_nothing(the: _Checked, leg: MediaLeg) -> None:
    await the.takes(0.0, leg.setup(_SET_UP))
    await the.takes(0.0, leg.play(the.clip(0.2), 0))
    await the.takes(0.0, leg.press("123"))
    await the.takes(0.0, leg.tone("hold-music", loop=0))
    for _ in range(2):
        await the.takes(0.0, leg.join(the.media.room()))
    for work in (leg.leave(), leg.mute(True), leg.hold(True), leg.coach(leg), leg.coach(None), leg.detect_voice(True)):
        await the.takes(0.0, work)
    for work in (leg.feed(np.zeros(LONGEST, np.int16), "x"), leg.clear_feed(), leg.tap(heard=True, said=True)):
        await the.takes(0.0, work)
    recording = await leg.record(the.file(), RecordingOptions("room", beep=True))
    outcome = await recording.done()
    assert (outcome.reason, outcome.seconds, outcome.spoken) == ("closed", 0.0, False), outcome
    for steer in (recording.pause(silence=False), recording.resume(), recording.stop()):
        await the.takes(0.0, steer)


async def _cancelled_after(seconds: float, work: Awaitable[Any]) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await work


CHECKS: Final[tuple[Callable[[_Checked], Awaitable[None]], ...]] = (
    _legs_have_addresses_of_their_own,
    _without_room_a_leg_is_refused,
    _a_clip_takes_its_time,
    _two_legs_play_at_once,
    _a_clip_plays_until_it_is_cancelled,
    _a_clip_takes_the_place_of_another,
    _a_clip_that_cannot_be_had_is_refused_and_what_plays_goes_on,
    _keys_take_their_time_one_after_another,
    _keys_as_tones_are_shorter,
    _what_is_no_key_is_refused,
    _tones_take_their_time,
    _what_is_fed_is_played_and_its_marks_are_told,
    _a_leg_is_in_one_room_at_a_time,
    _roles_are_taken_and_left_in_a_room_and_outside,
    _announcements_take_their_time,
    _recordings_end_as_they_should,
    _pauses_are_silent_or_left_out,
    _a_room_is_recorded_without_its_legs,
    _a_recording_that_has_no_place_fails,
    _closing_returns_the_figures_and_ends_all,
    _a_leg_that_is_lost_is_told_once_and_another_can_be_had,
)
