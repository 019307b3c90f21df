"""What the media is asked to do."""

import asyncio
from pathlib import Path

import pytest

from ringback.app.bench.media.cases import CASES, Case, begin
from ringback.app.bench.media.errors import NotAvailable
from ringback.media.recording import RecordingOptions
from ringback.model.audio import Clip
from ringback.testing.media import FakeMedia, FakeMediaLeg
from ringback.testing.media_recording import FakeRecording

PROMPT = Clip(Path("prompt.s16"), 16000)


class Listener:
    """Is told nothing."""

    def on_key(self, key: str) -> None: ...
    def on_quiet(self, times: int) -> None: ...
    def on_lost(self) -> None: ...


class Leg(FakeMediaLeg):
    """A leg that can be in a room and be recorded."""

    room: int | None = None
    path: Path | None = None

    async def join(self, room: int) -> None:
        self.room = room

    async def record(self, path: Path, options: RecordingOptions) -> FakeRecording:  # type: ignore[override]
        self.path = path
        return await super().record(path, options)


async def legs_of(media: FakeMedia, count: int) -> list[Leg]:
    return [Leg(media, number, Listener()) for number in range(count)]


async def begun(case: Case, count: int = 5, directory: Path = Path("recordings")) -> list[Leg]:
    media = FakeMedia()
    legs = await legs_of(media, count)
    media.legs += legs
    async with asyncio.TaskGroup() as lasting:
        await begin(case, legs, PROMPT, directory, lasting)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert [leg.playing for leg in legs] == [PROMPT if case.plays else None] * count
        for leg in legs:
            await leg.close()
    return legs


async def test_a_prompt_is_played_until_the_legs_are_closed() -> None:
    (leg, *_) = await begun(CASES["prompt"])
    assert [(played.loop, played.complete) for played in leg.media.played] == [(0, False)] * 5


async def test_rooms_are_filled_one_after_another() -> None:
    assert [leg.room for leg in await begun(CASES["bridge"])] == [0, 0, 1, 1, 2]
    assert [leg.room for leg in await begun(CASES["conference10"], 12)] == [0] * 10 + [1] * 2


async def test_each_leg_is_recorded_into_a_file_of_its_own(tmp_path: Path) -> None:
    legs = await begun(CASES["record"], 2, tmp_path)
    assert [leg.path for leg in legs] == [tmp_path / "0.wav", tmp_path / "1.wav"]


class PlainLeg(FakeMediaLeg):
    """A leg that can do neither."""

    join = record = None


@pytest.mark.parametrize(("name", "ability"), [("conference100", "join"), ("record", "record")])
async def test_what_legs_cannot_do_is_not_available(name: str, ability: str) -> None:
    leg = PlainLeg(FakeMedia(), 0, Listener())
    with pytest.raises(ExceptionGroup) as raised:
        async with asyncio.TaskGroup() as lasting:
            await begin(CASES[name], [leg], PROMPT, Path("recordings"), lasting)
    (error,) = raised.value.exceptions
    assert isinstance(error, NotAvailable)
    assert str(error) == f"the media worker has no command “{ability}”"


def test_all_but_recordings_can_be_heard() -> None:
    assert [case.name for case in CASES.values() if not case.heard] == ["record"]
