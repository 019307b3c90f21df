"""The fake media: what calls do with it takes its time and is written down; what the peer does is up to the test."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ringback.media.client import LegFormat, MediaError
from ringback.model.audio import Clip
from ringback.testing.clock import run
from ringback.testing.media import FakeMedia, FakeMediaLeg, Played, Pressed

HELLO = Clip(Path("hello"), 16000)
MUSIC = Clip(Path("music"), 8000 * 3600)
FORMAT = LegFormat(("192.0.2.1", 4000), 0, {0: "PCMU"}, 101)


@dataclass
class Listener:
    told: list[object] = field(default_factory=list)

    def on_key(self, key: str) -> None:
        self.told.append((key, asyncio.get_running_loop().time()))

    def on_quiet(self, times: int) -> None:
        self.told.append(times)

    def on_lost(self) -> None:
        self.told.append("lost")


async def opened(media: FakeMedia | None = None) -> tuple[FakeMedia, FakeMediaLeg, Listener]:
    listener = Listener()
    media = media or FakeMedia()
    return media, await media.open(listener), listener


def test_what_was_played_is_written_down_with_its_times() -> None:
    async def main() -> list[Played]:
        media, leg, _ = await opened()
        assert leg.playing is None
        playing = asyncio.gather(leg.play(HELLO, 2))
        await asyncio.sleep(1)
        assert leg.playing is HELLO
        await playing
        assert leg.playing is None
        await leg.play(MUSIC, 1)
        return media.played

    assert run(main()) == [Played(0, HELLO, 2, 0.0, 4.0, True), Played(0, MUSIC, 1, 4.0, 3604.0, True)]


def test_what_was_cut_off_is_written_down_as_such() -> None:
    """By being cancelled, by another clip, by the end of the leg."""

    async def main() -> list[tuple[float, bool]]:
        media, leg, _ = await opened()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await leg.play(MUSIC, 0)
        replaced = asyncio.gather(leg.play(MUSIC, 0))
        await asyncio.sleep(1)
        playing = asyncio.gather(leg.play(HELLO, 0))
        await replaced
        await asyncio.sleep(1)
        assert leg.playing is HELLO
        await leg.close()
        await playing
        return [(played.end, played.complete) for played in media.played]

    assert run(main()) == [(1.0, False), (2.0, False), (3.0, False)]


def test_clips_may_be_made_up_unless_files_are_checked(tmp_path: Path) -> None:
    async def main() -> None:
        _, leg, _ = await opened(FakeMedia(check_files=True))
        with pytest.raises(MediaError, match="clip hello cannot be read: No such file"):
            await leg.play(HELLO, 1)
        (tmp_path / "a").write_bytes(bytes(320))
        await leg.play(Clip(tmp_path / "a", 160), 1)

    run(main())


def test_keys_towards_the_peer_are_written_down_with_their_beginning() -> None:
    async def main() -> list[Pressed]:
        media, leg, _ = await opened()
        await leg.setup(FORMAT)
        await asyncio.gather(leg.press("1w"), leg.press("#"))
        assert asyncio.get_running_loop().time() == pytest.approx(0.3 + 0.5 + 0.3)
        with pytest.raises(MediaError, match="not a key: 'x'"):
            await leg.press("x")
        return media.pressed

    assert run(main()) == [Pressed(0, "1w", 0.0), Pressed(0, "#", pytest.approx(0.8))]


def test_the_peer_presses_keys_now_or_later() -> None:
    async def main() -> list[object]:
        _, leg, listener = await opened()
        leg.key("12")
        leg.key("3", after=1.0)
        assert listener.told == [("1", 0.0)]
        await asyncio.sleep(5)
        leg.key("4", after=1.0)
        await leg.close()
        leg.key("5")
        await asyncio.sleep(5)
        return listener.told

    assert run(main()) == [("1", 0.0), ("2", 0.25), ("3", 1.0)]


def test_silence_is_told() -> None:
    async def main() -> list[object]:
        _, leg, listener = await opened()
        leg.quiet()
        leg.quiet(2)
        return listener.told

    assert run(main()) == [1, 2]


def test_what_was_set_up_is_kept_until_the_end() -> None:
    async def main() -> FakeMediaLeg:
        _, leg, _ = await opened()
        await leg.setup(FORMAT)
        await leg.close()
        await leg.setup(FORMAT)
        return leg

    leg = run(main())
    assert leg.formats == [FORMAT]
    assert leg.address == ("127.0.0.1", 20000)


def test_figures_are_those_of_the_test() -> None:
    async def main() -> dict[str, int]:
        _, leg, _ = await opened()
        leg.stats = type(leg.stats)(**(leg.stats.as_dict() | {"received": 50, "lost": 3}))
        return await leg.close()

    figures = run(main())
    assert (figures["received"], figures["lost"], figures["sent"]) == (50, 3, 0)


def test_legs_are_lost_one_or_all() -> None:
    async def main() -> None:
        media = FakeMedia()
        legs = [await opened(media) for _ in range(3)]
        legs[1][1].lose()
        legs[1][1].lose()
        assert [listener.told for _, _, listener in legs] == [[], ["lost"], []]
        assert media.legs == [legs[0][1], legs[2][1]]
        media.lose()
        assert [listener.told for _, _, listener in legs] == [["lost"]] * 3
        assert media.legs == []
        assert all(leg.ended for _, leg, _ in legs)

    run(main())


def test_there_is_no_leg_without_room_or_while_workers_are_down() -> None:
    async def main() -> None:
        media, leg, _ = await opened(FakeMedia(capacity=1))
        with pytest.raises(MediaError, match="all 1 legs of this worker are taken"):
            await media.open(Listener())
        await leg.close()
        media.down = True
        with pytest.raises(MediaError, match="being restarted"):
            await media.open(Listener())
        media.down = False
        assert (await media.open(Listener())).number == 1

    run(main())
