"""The arena: clips are kept while there is room, read in pieces, and never heard before they are read."""

import itertools
import os
import random
from pathlib import Path

import numpy as np
import pytest

from ringback.media.arena import FRAME, ArenaError, ClipArena, Loaded


def clip(folder: Path, name: str, frames: float, value: int = 1) -> Path:
    """A file of that many frames, all of whose samples are `value`."""
    path = folder / name
    path.write_bytes(np.full(round(frames * FRAME), value, "<i2").tobytes())
    return path


def whole(arena: ClipArena, loaded: Loaded) -> np.ndarray:
    """The samples of a clip, once it has been read."""
    while arena.loading:
        arena.pump()
    return arena.samples[loaded.first : loaded.end].reshape(-1)


def test_a_clip_is_what_its_file_holds(tmp_path: Path) -> None:
    samples = np.random.default_rng(1).integers(-32768, 32768, 50 * FRAME).astype("<i2")
    (tmp_path / "a").write_bytes(samples.tobytes())
    arena = ClipArena(100)

    assert np.array_equal(whole(arena, arena.acquire(tmp_path / "a")), samples)


def test_the_first_frame_is_silence_and_stays_it(tmp_path: Path) -> None:
    arena = ClipArena(4)
    arena.acquire(clip(tmp_path, "a", 3))

    assert not arena.samples[0].any()


@pytest.mark.parametrize("count", [1, FRAME - 1, FRAME + 1, 3 * FRAME - 7])
def test_a_broken_last_frame_ends_in_silence(tmp_path: Path, count: int) -> None:
    """Whatever an earlier clip has left in that place."""
    arena = ClipArena(4)
    arena.release(arena.acquire(clip(tmp_path, "old", 3, 99)))
    (tmp_path / "a").write_bytes(np.full(count, 5, "<i2").tobytes())
    heard = whole(arena, arena.acquire(tmp_path / "a"))

    assert heard.tolist() == [5] * count + [0] * (-count % FRAME)


def test_an_odd_byte_at_the_end_is_half_a_sample(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"\x01\x00\x02")
    arena = ClipArena(4)

    assert whole(arena, arena.acquire(tmp_path / "a"))[:3].tolist() == [1, 2, 0]


def test_an_empty_file_is_a_clip_without_frames(tmp_path: Path) -> None:
    arena = ClipArena(4)
    loaded = arena.acquire(clip(tmp_path, "a", 0))
    arena.pump()

    assert loaded.first == loaded.end
    assert not arena.loading


def test_a_clip_is_read_once_however_many_play_it(tmp_path: Path) -> None:
    path = clip(tmp_path, "a", 3)
    arena = ClipArena(4)
    first = arena.acquire(path)
    path.unlink()

    assert arena.acquire(path) is first
    assert first.users == 2


# -- in pieces --------------------------------------------------------------------------------------------------


def test_a_long_clip_is_read_in_pieces_that_never_exceed_their_share(tmp_path: Path) -> None:
    arena = ClipArena(20000)
    loaded = arena.acquire(clip(tmp_path, "a", 10000), budget=64000)
    pieces = [loaded.ready - loaded.first]
    while arena.loading:
        before = loaded.ready
        arena.pump(budget=320000)
        pieces.append(loaded.ready - before)

    assert pieces[:3] == [200, 1000, 1000]
    assert max(pieces[1:]) == 1000
    assert sum(pieces) == 10000


@pytest.mark.parametrize("clips", [1, 7, 60])
def test_no_clip_is_played_faster_than_it_is_read(tmp_path: Path, clips: int) -> None:
    """However little may be read in a tick, and however many long clips begin at once."""
    arena = ClipArena(clips * 300 + 1)
    loaded = [arena.acquire(clip(tmp_path, str(n), 300, n + 1), budget=640) for n in range(clips)]
    for tick in range(300):
        for number, each in enumerate(loaded):
            assert each.first + tick < each.ready
            assert arena.samples[each.first + tick, 0] == number + 1
        arena.pump(budget=320)


def test_a_file_that_shrinks_while_it_plays_ends_in_silence(tmp_path: Path) -> None:
    path = clip(tmp_path, "a", 100, 7)
    arena = ClipArena(200)
    old = arena.acquire(clip(tmp_path, "old", 150, 99))
    whole(arena, old)
    arena.release(old)
    loaded = arena.acquire(path, budget=20 * 320)
    os.truncate(path, 50 * 320)
    heard = whole(arena, loaded).reshape(-1, FRAME)[:, 0]

    assert heard.tolist() == [7] * 50 + [0] * 50
    assert loaded.ready == loaded.end


def test_a_file_that_cannot_be_read_any_more_ends_in_silence(tmp_path: Path) -> None:
    arena = ClipArena(200)
    loaded = arena.acquire(clip(tmp_path, "a", 100, 7), budget=20 * 320)
    assert loaded.file is not None
    folder = os.open(tmp_path, os.O_RDONLY)
    os.dup2(folder, loaded.file.fileno())  # reading a directory fails
    os.close(folder)
    heard = whole(arena, loaded).reshape(-1, FRAME)[:, 0]

    assert heard.tolist() == [7] * 20 + [0] * 80


# -- room -------------------------------------------------------------------------------------------------------


def test_the_clip_that_was_not_wanted_for_longest_gives_way(tmp_path: Path) -> None:
    arena = ClipArena(31)
    for name in "abc":
        arena.release(arena.acquire(clip(tmp_path, name, 10, ord(name))))
    arena.release(arena.acquire(tmp_path / "a"))
    whole(arena, arena.acquire(clip(tmp_path, "d", 10, ord("d"))))
    (tmp_path / "a").unlink()
    (tmp_path / "c").unlink()

    assert arena.acquire(tmp_path / "a")
    assert arena.acquire(tmp_path / "c")
    (tmp_path / "b").unlink()
    with pytest.raises(ArenaError, match="cannot be read: No such file or directory"):
        arena.acquire(tmp_path / "b")


def test_a_clip_that_plays_never_gives_way(tmp_path: Path) -> None:
    arena = ClipArena(11)
    playing = arena.acquire(clip(tmp_path, "a", 10, 5))

    with pytest.raises(ArenaError, match=r"no room for a clip of 0 s: raise media\.clip_memory_mb"):
        arena.acquire(clip(tmp_path, "b", 1))
    assert whole(arena, playing).tolist() == [5] * 10 * FRAME
    arena.release(playing)
    assert arena.acquire(tmp_path / "b").first == playing.first


def test_a_clip_larger_than_the_arena_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArenaError, match="no room for a clip of 2 s"):
        ClipArena(100).acquire(clip(tmp_path, "a", 100))


def test_room_in_pieces_is_joined_when_its_neighbours_go(tmp_path: Path) -> None:
    """Five clips fill the arena; only when two next to each other have gone is there room for one of twice the size."""
    arena = ClipArena(51)
    held = [arena.acquire(clip(tmp_path, str(n), 10)) for n in range(5)]
    long = clip(tmp_path, "long", 20)
    for number in (0, 2, 4):
        arena.release(held[number])
        with pytest.raises(ArenaError):
            arena.acquire(long)
    arena.release(held[3])

    assert arena.acquire(long).first == held[2].first


def test_a_clip_that_gives_way_while_it_is_read_is_not_read_on(tmp_path: Path) -> None:
    arena = ClipArena(101)
    arena.release(arena.acquire(clip(tmp_path, "a", 100, 7), budget=3200))
    other = arena.acquire(clip(tmp_path, "b", 100, 8))

    assert whole(arena, other).tolist() == [8] * 100 * FRAME


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArenaError, match="clip .*/none cannot be read: No such file or directory"):
        ClipArena(10).acquire(tmp_path / "none")


@pytest.mark.parametrize("seed", range(5))
def test_clips_never_mix(tmp_path: Path, seed: int) -> None:
    """Hundreds of plays at random in too small an arena: each clip holds its own samples, and no room is lost."""
    rng = random.Random(seed)
    arena = ClipArena(121)
    sizes = {name: rng.randrange(1, 40) for name in "abcdefghijkl"}
    for name, size in sizes.items():
        clip(tmp_path, name, size, ord(name))
    held: list[tuple[str, Loaded]] = []
    for _ in range(400):
        if held and rng.random() < 0.5:
            arena.release(held.pop(rng.randrange(len(held)))[1])
        else:
            name = rng.choice("abcdefghijkl")
            try:
                held.append((name, arena.acquire(tmp_path / name, budget=rng.choice((320, 65536)))))
            except ArenaError:
                continue
        if rng.random() < 0.7:
            arena.pump(budget=rng.choice((640, 65536)))
        spans = sorted({(each.first, each.end) for _, each in held})
        assert all(a[1] <= b[0] for a, b in itertools.pairwise(spans))
        for name, each in held:
            assert each.end - each.first == sizes[name]
            assert np.all(arena.samples[each.first : each.ready] == ord(name))
    for _, each in held:
        arena.release(each)

    assert arena.acquire(clip(tmp_path, "all", 120)).first == 1
