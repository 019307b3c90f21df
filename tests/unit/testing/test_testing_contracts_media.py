"""The fake keeps the promises of media, and the checks notice media that do not."""

import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ringback.media.client import LegFormat, MediaError, MediaRecording, RecordingOptions
from ringback.model.audio import Clip
from ringback.testing.clock import run
from ringback.testing.contracts_media import CHECKS, ROOM, check_media
from ringback.testing.media import FakeMedia, FakeMediaLeg
from ringback.testing.media_recording import FakeRecording


def check(directory: Path, make: Callable[[], FakeMedia] | None = None) -> None:
    @contextlib.asynccontextmanager
    async def made() -> AsyncIterator[FakeMedia]:
        yield make() if make else FakeMedia(ROOM, check_files=True)

    run(check_media(made, FakeMedia.lose, directory))


def test_the_fake_keeps_every_promise(tmp_path: Path) -> None:
    check(tmp_path)


def broken(**methods: Any) -> type[FakeMediaLeg]:
    return type("Broken", (FakeMediaLeg,), {"__slots__": (), **methods})


async def plays_too_short(self: FakeMediaLeg, clip: Clip, loop: int) -> None:
    await FakeMediaLeg.play(self, Clip(clip.path, clip.samples // 2), loop)


async def plays_for_ever(self: FakeMediaLeg, clip: Clip, loop: int) -> None:
    await FakeMediaLeg.play(self, clip, 0 if clip.samples == 1600 else loop)


async def plays_after_its_end(self: FakeMediaLeg, clip: Clip, loop: int) -> None:
    if self.ended:
        raise MediaError("the leg has ended")
    await FakeMediaLeg.play(self, clip, loop)


async def presses_anything(self: FakeMediaLeg, keys: str) -> None:
    await FakeMediaLeg.press(self, keys.replace("x", ""))


async def presses_at_once(self: FakeMediaLeg, keys: str) -> None:
    self._keys_done = 0.0
    await FakeMediaLeg.press(self, keys)


async def closes_twice(self: FakeMediaLeg) -> dict[str, int]:
    figures = await FakeMediaLeg.close(self)
    return figures or self.stats.as_dict()


async def closes_without_figures(self: FakeMediaLeg) -> dict[str, int]:
    await FakeMediaLeg.close(self)
    return {}


async def insists_on_events(self: FakeMediaLeg, leg_format: LegFormat) -> None:
    if leg_format.telephone_event is None:
        raise MediaError("the peer must take events")
    await FakeMediaLeg.setup(self, leg_format)


async def plays_any_tone(self: FakeMediaLeg, kind: Any, *, country: str = "us", loop: int = 1) -> None:
    await FakeMediaLeg.tone(self, kind, country="us" if country == "atlantis" else country, loop=loop)


async def forgets_marks(self: FakeMediaLeg, samples: Any, mark: str | None = None) -> None:
    await FakeMediaLeg.feed(self, samples)


async def is_everywhere(self: FakeMediaLeg, room: int, *, watched: bool = False) -> None:
    await FakeMediaLeg.leave(self)
    await FakeMediaLeg.join(self, room, watched=watched)


async def never_stops(self: FakeMediaLeg, path: Path, options: RecordingOptions) -> MediaRecording:
    return await FakeMediaLeg.record(self, path, replace(options, silence_seconds=None))


async def ignores_pauses(self: FakeMediaLeg, path: Path, options: RecordingOptions) -> MediaRecording:
    recording = await FakeMediaLeg.record(self, path, options)
    if isinstance(recording, FakeRecording):
        recording.pause = lambda silence: recording.resume()  # type: ignore[method-assign]
    return recording


async def has_one_channel(self: FakeMediaLeg, path: Path, options: RecordingOptions) -> MediaRecording:
    return await FakeMediaLeg.record(self, path, replace(options, channels=1))


async def overwrites(self: FakeMediaLeg, path: Path, options: RecordingOptions) -> MediaRecording:
    path.unlink(missing_ok=True) if path.parent.is_dir() else None
    return await FakeMediaLeg.record(self, path, options)


@pytest.mark.parametrize(
    ("methods", "promise"),
    [
        ({"tone": plays_any_tone}, "tones take their time"),
        ({"feed": forgets_marks}, "what is fed is played and its marks are told"),
        ({"join": is_everywhere}, "a leg is in one room at a time"),
        ({"record": never_stops}, "recordings end as they should"),
        ({"record": has_one_channel}, "recordings end as they should"),
        ({"record": ignores_pauses}, "pauses are silent or left out"),
        ({"record": overwrites}, "a recording that has no place fails"),
        ({"address": ("127.0.0.1", 20001)}, "legs have addresses of their own"),
        ({"address": ("127.0.0.1", 20000)}, "legs have addresses of their own"),
        ({"play": plays_too_short}, "a clip takes its time"),
        ({"play": plays_for_ever}, "a clip takes its time"),
        ({"play": plays_after_its_end}, "closing returns the figures and ends all"),
        ({"press": presses_anything}, "what is no key is refused"),
        ({"press": presses_at_once}, "keys take their time one after another"),
        ({"setup": insists_on_events}, "keys as tones are shorter"),
        ({"close": closes_twice}, "closing returns the figures and ends all"),
        ({"close": closes_without_figures}, "closing returns the figures and ends all"),
    ],
)
def test_legs_that_break_a_promise_are_named_with_it(tmp_path: Path, methods: dict[str, Any], promise: str) -> None:
    class BrokenMedia(FakeMedia):
        async def open(self, listener: Any, *, near: Any = None) -> FakeMediaLeg:
            leg = await super().open(listener)
            other = broken(**methods)(self, leg.number, listener)
            self.legs[self.legs.index(leg)] = other
            return other

    with pytest.raises(AssertionError, match=f"^{promise}: "):
        check(tmp_path, lambda: BrokenMedia(ROOM, check_files=True))


def test_media_without_a_limit_are_named(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"^without room a leg is refused: AssertionError\('it was not refused'\)"):
        check(tmp_path, lambda: FakeMedia(check_files=True))


def test_media_that_play_what_is_missing_are_named(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="^a clip that cannot be had is refused and what plays goes on: "):
        check(tmp_path, lambda: FakeMedia(ROOM))


@pytest.mark.parametrize(("tell", "what"), [("key", "nobody pressed 5"), ("quiet", "nobody asked whether it is quiet")])
def test_what_did_not_happen_must_not_be_told(tmp_path: Path, tell: str, what: str) -> None:
    class Talkative(FakeMedia):
        async def open(self, listener: Any, *, near: Any = None) -> FakeMediaLeg:
            leg = await super().open(listener)
            leg.key("5") if tell == "key" else leg.quiet()
            return leg

    with pytest.raises(AssertionError, match=what):
        check(tmp_path, lambda: Talkative(ROOM, check_files=True))


def test_media_that_lose_a_leg_twice_or_never_come_back_are_named(tmp_path: Path) -> None:
    class Gone(FakeMedia):
        def lose(self) -> None:
            super().lose()
            self.down = True

    def twice(media: FakeMedia) -> None:
        legs = list(media.legs)
        media.lose()
        for leg in legs:
            leg.listener.on_lost()

    @contextlib.asynccontextmanager
    async def made(kind: type[FakeMedia]) -> AsyncIterator[FakeMedia]:
        yield kind(ROOM, check_files=True)

    promise = "a leg that is lost is told once and another can be had"
    with pytest.raises(AssertionError, match=f"^{promise}: TimeoutError"):
        run(check_media(lambda: made(Gone), Gone.lose, tmp_path))
    with pytest.raises(AssertionError, match=f"^{promise}: AssertionError"):
        run(check_media(lambda: made(FakeMedia), twice, tmp_path))


def test_every_promise_has_a_name_of_its_own() -> None:
    assert len({check.__name__ for check in CHECKS}) == len(CHECKS)
