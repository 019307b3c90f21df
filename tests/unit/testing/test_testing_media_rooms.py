"""The fake media's rooms, tones, feeds and voices: what was done is written down, and the test says who speaks."""

import asyncio
from pathlib import Path

import numpy as np
import pytest

from ringback.media.client import MediaError, RecordingOptions
from ringback.media.leg import LegObserver
from ringback.model.audio import Clip
from ringback.testing import media as media_module
from ringback.testing.clock import run
from ringback.testing.media import Announced, FakeMedia, FakeMediaLeg

HELLO = Clip(Path("hello"), 16000)


class Told(LegObserver):
    """Writes down what it is told, with the time."""

    def __init__(self) -> None:
        self.all: list[tuple[float, object]] = []

    def _tell(self, what: object) -> None:
        self.all.append((asyncio.get_running_loop().time(), what))

    def on_key(self, key: str) -> None:
        self._tell(key)

    def on_quiet(self, times: int) -> None: ...

    def on_lost(self) -> None: ...

    def on_talking(self, talking: bool) -> None:
        self._tell(("talking", talking))

    def on_voice(self, speaking: bool) -> None:
        self._tell(("voice", speaking))

    def on_mark(self, name: str) -> None:
        self._tell(name)


async def opened(media: FakeMedia) -> tuple[FakeMediaLeg, Told]:
    told = Told()
    leg = await media.open(told)
    leg.observer = told
    return leg, told


def test_who_is_in_a_room_and_what_it_is_there() -> None:
    async def main() -> None:
        media = FakeMedia()
        (alice, _), (bob, _) = await opened(media), await opened(media)
        room = media.room()
        await alice.join(room, watched=True)
        await bob.mute(True)
        await bob.hold(True)
        await bob.coach(alice)
        await bob.join(room)
        assert media.members(room) == [alice, bob]
        assert (bob.room, bob.muted, bob.held, bob.coaching, bob.watched) == (room, True, True, alice, False)
        await bob.leave()
        assert (bob.room, bob.muted, bob.held, bob.coaching, bob.watched) == (None, False, False, None, False)
        await alice.close()
        assert media.members(room) == []
        await alice.join(room)
        assert alice.room == room == 1 and media.room() == 2

    run(main())


def test_a_room_can_be_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media_module, "MOST_MEMBERS", 1)

    async def main() -> None:
        media = FakeMedia()
        (alice, _), (bob, _) = await opened(media), await opened(media)
        await alice.join(1)
        await alice.join(1)
        with pytest.raises(MediaError, match="room 1 has 1 members"):
            await bob.join(1)
        with pytest.raises(MediaError, match="the leg is in room 1 already"):
            await alice.join(2)

    run(main())


def test_announcements_and_beeps_are_written_down() -> None:
    async def main() -> list[Announced]:
        media = FakeMedia()
        await media.announce(1, HELLO, 2)
        await media.beep(1, "leave")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await media.announce(1, HELLO, 0)
        waiting = asyncio.gather(media.announce(1, HELLO))
        await asyncio.sleep(1)
        media.lose()
        await waiting
        return media.announced

    beep = Clip(Path("leave"), 1920)
    assert [(each.clip, round(each.end - each.start, 2), each.complete) for each in run(main())] == [
        (HELLO, 4.0, True),
        (beep, 0.24, True),
        (HELLO, 1.0, False),
        (HELLO, 1.0, False),
    ]


def test_a_missing_clip_is_announced_to_nobody() -> None:
    async def main() -> None:
        with pytest.raises(MediaError, match="cannot be read"):
            await FakeMedia(check_files=True).announce(1, HELLO)

    run(main())


def test_tones_are_clips_with_their_names() -> None:
    async def main() -> list[tuple[str, float]]:
        media = FakeMedia(check_files=True)
        leg, _ = await opened(media)
        await leg.tone("ringback", country="DE")
        await leg.tone("hold-music")
        with pytest.raises(MediaError, match="no tones for country 'xx'"):
            await leg.tone("busy", country="xx")
        await leg.close()
        await leg.tone("busy")
        return [(str(played.clip.path), played.end - played.start) for played in media.played]

    assert run(main()) == [("de-ringback", 5.0), ("hold-music", pytest.approx(51.2))]


def test_what_is_fed_reaches_its_marks_in_time() -> None:
    async def main() -> list[tuple[float, object]]:
        leg, told = await opened(FakeMedia())
        second = np.zeros(8000, np.int16)
        await leg.feed(second, "one")
        await leg.feed(second, "two")
        await asyncio.sleep(1.5)
        await leg.clear_feed()
        assert leg.fed == []
        await leg.feed(second, "three")
        with pytest.raises(MediaError, match="more than 120 s"):
            await leg.feed(np.zeros(120 * 8000, np.int16))
        await leg.tap(heard=True, said=False)
        assert leg.tapped == (True, False)
        await leg.close()
        await leg.feed(second)
        await asyncio.sleep(5)
        return told.all

    assert run(main()) == [(1.0, "one"), (1.5, "two")]


def test_a_voice_is_told_to_whom_it_concerns() -> None:
    async def main() -> tuple[list[tuple[float, object]], float]:
        media = FakeMedia()
        (leg, told), (other, _) = await opened(media), await opened(media)
        leg.voice(True)
        leg.voice(False)
        await leg.detect_voice(True)
        await leg.join(1, watched=True)
        recording = await media.record(1, Path("missing") / "room.wav", RecordingOptions())
        leg.voice(True, after=1)
        leg.voice(True, after=2)
        await asyncio.sleep(3)
        await leg.hold(True)
        await leg.detect_voice(False)
        leg.voice(False)
        await other.join(1)
        other.voice(True)
        return told.all, (await recording.done()).seconds

    assert run(main()) == ([(1.0, ("voice", True)), (1.0, ("talking", True))], 0.0)


def test_a_room_is_recorded_unless_the_workers_are_down(tmp_path: Path) -> None:
    async def main() -> list[tuple[str, float, bool]]:
        media = FakeMedia()
        leg, _ = await opened(media)
        room = media.room()
        with pytest.raises(MediaError, match="in no room"):
            await leg.record(tmp_path / "0.wav", RecordingOptions("room"))
        await leg.join(room)
        taken = [await media.record(room, tmp_path / "1.wav", RecordingOptions())]
        taken.append(await media.record(room + 1, tmp_path / "2.wav", RecordingOptions()))
        leg.voice(True, after=1)
        taken.append(await leg.record(tmp_path / "3.wav", RecordingOptions("room", finish_keys="1")))
        taken.append(await leg.record(tmp_path / "4.wav", RecordingOptions(beep=True)))
        leg.key("1", after=2)
        await asyncio.sleep(3)
        assert media.recordings == taken
        media.down = True
        media.lose()
        with pytest.raises(MediaError, match="being restarted"):
            await media.record(room, tmp_path / "5.wav", RecordingOptions())
        late = await (await leg.record(tmp_path / "6.wav", RecordingOptions())).done()
        assert (late.reason, (tmp_path / "6.wav").exists()) == ("closed", False)
        ends = [await recording.done() for recording in taken]
        return [(end.reason, end.seconds, end.spoken) for end in ends]

    assert run(main()) == [
        ("failed", pytest.approx(3.24), True),
        ("failed", pytest.approx(3.24), False),
        ("key", pytest.approx(2.24), True),
        ("failed", pytest.approx(3.0), True),
    ]


def test_a_leg_that_is_lost_fails_its_recordings(tmp_path: Path) -> None:
    async def main() -> str:
        leg, _ = await opened(FakeMedia())
        recording = await leg.record(tmp_path / "a.wav", RecordingOptions())
        leg.lose()
        return (await recording.done()).reason

    assert run(main()) == "failed"
