"""The library of clips, and the processes that decode for it."""

import asyncio
import io
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from ringback.media.audio import AudioError, Samples
from ringback.media.library import ClipLibrary, IsolatedPool, render
from ringback.model.audio import Clip

HOUR = 3600.0


class Patient(Executor):
    """An executor that keeps its jobs until told to run them."""

    def __init__(self) -> None:
        self.jobs: list[tuple[Future[Any], Callable[[], Any]]] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self.jobs.append((future, lambda: fn(*args, **kwargs)))
        return future

    def run(self) -> None:
        """Run the first job."""
        future, job = self.jobs.pop(0)
        try:
            future.set_result(job())
        except Exception as error:  # noqa: BLE001 - as an executor does
            future.set_exception(error)


@pytest.fixture
def executor() -> Patient:
    return Patient()


@pytest.fixture
def library(tmp_path: Path, executor: Patient) -> ClipLibrary:
    return ClipLibrary(tmp_path / "clips", executor)


@pytest.fixture
def eager(tmp_path: Path) -> Iterator[ClipLibrary]:
    """A library whose jobs run at once, in a thread."""
    with ThreadPoolExecutor(2) as threads:
        yield ClipLibrary(tmp_path / "clips", threads)


def tone(samples: int = 800, seed: int = 1) -> Samples:
    return np.random.default_rng(seed).integers(-3000, 3000, samples, dtype=np.int16)


def wav(samples: Samples) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, 8000, format="WAV", subtype="PCM_16")
    return file.getvalue()


def held(clip: Clip) -> Samples:
    return np.fromfile(clip.path, dtype="<i2")


def names(library: ClipLibrary) -> list[str]:
    return sorted(path.name for path in library.directory.iterdir())


def unused_for(clip: Clip, seconds: float) -> None:
    stat = clip.path.stat()
    os.utime(clip.path, (stat.st_mtime - seconds, stat.st_mtime - seconds))


def test_what_is_put_is_got(library: ClipLibrary) -> None:
    clip = library.put("hello|en|alice", tone(8000))
    assert library.get("hello|en|alice") == clip
    assert (clip.samples, clip.seconds) == (8000, 1.0)
    assert np.array_equal(held(clip), tone(8000))
    assert library.get("hello|en|bob") is None


def test_a_file_is_named_by_the_hash_of_its_key(library: ClipLibrary) -> None:
    name = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
    assert library.put("hello", tone()).path.name == name + ".s16"
    assert library.put(name, tone()).path.name == name + ".s16"
    assert names(library) == [name + ".s16"]


def test_putting_again_replaces_the_whole(library: ClipLibrary) -> None:
    first = library.put("a", tone(100))
    mapped = np.memmap(first.path, dtype="<i2", mode="r")
    second = library.put("a", tone(200, seed=2))
    assert second.path == first.path
    assert np.array_equal(held(second), tone(200, seed=2))
    assert np.array_equal(mapped, tone(100)), "who has mapped the old one keeps it"


def test_samples_of_another_layout_are_stored_as_samples(library: ClipLibrary) -> None:
    strided = tone(200)[::2].astype(">i2")
    assert np.array_equal(held(library.put("a", strided)), tone(200)[::2])


def test_a_file_that_a_crash_left_empty_is_no_clip(library: ClipLibrary) -> None:
    library.put("a", tone()).path.write_bytes(b"")
    assert library.get("a") is None


def test_a_full_disk_leaves_nothing(library: ClipLibrary, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space"):
        library.put("a", tone())
    assert names(library) == []


def test_a_library_that_is_there_is_used(library: ClipLibrary, executor: Patient) -> None:
    clip = library.put("a", tone())
    assert ClipLibrary(library.directory, executor).get("a") == clip


def test_the_ones_unused_for_longest_go(tmp_path: Path, executor: Patient) -> None:
    library = ClipLibrary(tmp_path, executor, limit=10_000, keep=60)
    clips = [library.put(str(number), tone(1000, number)) for number in range(5)]
    for clip, age in zip(clips, (5, 4, 3, 2, 1), strict=True):
        unused_for(clip, age * HOUR)
    assert library.get("0") is not None, "asked for: it is used again"
    library.put("5", tone(1000))
    assert [number for number in range(6) if library.get(str(number))] == [0, 3, 4, 5]


def test_what_is_in_use_stays_whatever_the_size(tmp_path: Path, executor: Patient) -> None:
    library = ClipLibrary(tmp_path, executor, limit=10_000, keep=60)
    for number in range(20):
        library.put(str(number), tone(1000))
    assert len(names(library)) == 20


def test_what_a_crash_left_half_written_goes_too(tmp_path: Path, executor: Patient) -> None:
    (tmp_path / "tmp-crashed").write_bytes(b"x" * 9000)
    os.utime(tmp_path / "tmp-crashed", (0, 0))
    (tmp_path / "README").write_text("mine")
    library = ClipLibrary(tmp_path, executor, limit=10_000, keep=60)
    library.put("a", tone(1000))
    assert len(names(library)) == 2
    assert "README" in names(library)


def test_a_file_that_vanishes_does_no_harm(library: ClipLibrary, monkeypatch: pytest.MonkeyPatch) -> None:
    def vanish(path: Path, target: Path) -> Path:
        path.unlink()
        return target

    monkeypatch.setattr(Path, "replace", vanish)
    assert library.put("a", tone()).samples == 800
    assert library.get("a") is None


async def test_audio_becomes_a_clip(eager: ClipLibrary, tmp_path: Path) -> None:
    path = tmp_path / "prompt"
    path.write_bytes(wav(tone()))
    clip = await eager.from_audio(path, "audio/wav")
    assert np.array_equal(held(clip), tone())
    assert await eager.from_audio(wav(tone()), "audio/wav") == clip
    assert names(eager) == [clip.path.name]


async def test_the_same_bytes_of_another_type_are_other_audio(eager: ClipLibrary) -> None:
    data = bytes(range(256))
    ulaw = await eager.from_audio(data, "audio/ulaw")
    with pytest.raises(AudioError):
        await eager.from_audio(data, "audio/mpeg")
    assert ulaw.samples == 256


async def test_audio_is_cut(eager: ClipLibrary, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("audio", "library"):
        monkeypatch.setattr(f"ringback.media.{module}.MAX_SAMPLES", 500)
    clip = await eager.from_audio(wav(tone()), "audio/wav")
    assert np.array_equal(held(clip), tone()[:500])


async def test_garbage_is_an_error_with_its_url(eager: ClipLibrary) -> None:
    with pytest.raises(AudioError) as raised:
        await eager.from_audio(b"garbage", "audio/wav", "http://a/prompt.wav")
    assert (raised.value.code, raised.value.url) == (13420, "http://a/prompt.wav")
    assert names(eager) == []


async def asked(library: ClipLibrary, count: int, data: bytes, url: str | None = None) -> list[asyncio.Task[Clip]]:
    """Have so many callers ask for audio, and come back when each waits for its decoding."""
    tasks = [asyncio.create_task(library.from_audio(data, "audio/wav", url)) for _ in range(count)]  # noqa: TID251
    await settled()
    return tasks


async def settled() -> None:
    """Let everybody go on who can."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_hundred_callers_cause_one_decoding(library: ClipLibrary, executor: Patient) -> None:
    tasks = await asked(library, 100, wav(tone()))
    executor.run()
    clips = await asyncio.gather(*tasks)
    assert len(set(clips)) == 1
    assert executor.jobs == []
    assert await library.from_audio(wav(tone()), "audio/wav") == clips[0]


async def test_a_hundred_callers_share_one_failure(library: ClipLibrary, executor: Patient) -> None:
    tasks = await asked(library, 100, b"garbage")
    executor.run()
    for outcome in await asyncio.gather(*tasks, return_exceptions=True):
        assert isinstance(outcome, AudioError)
    assert executor.jobs == []


async def test_a_caller_who_hangs_up_does_not_take_the_audio_along(library: ClipLibrary, executor: Patient) -> None:
    first, second = await asked(library, 2, wav(tone()))
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    executor.run()
    assert (await second).samples == 800


async def test_when_all_have_hung_up_a_failure_is_nobodys(library: ClipLibrary, executor: Patient) -> None:
    (only,) = await asked(library, 1, wav(tone()))
    only.cancel()
    with pytest.raises(asyncio.CancelledError):
        await only
    executor.jobs[0][0].set_exception(BrokenExecutor())
    await settled()
    (again,) = await asked(library, 1, wav(tone()))
    executor.jobs.pop(0)
    executor.run()
    assert (await again).samples == 800


async def test_a_file_that_goes_with_its_caller_is_read_from_another(
    library: ClipLibrary, executor: Patient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def here(fn: Callable[..., Any], *args: Any) -> Any:
        return fn(*args)

    monkeypatch.setattr(asyncio, "to_thread", here)
    mine, yours = tmp_path / "mine", tmp_path / "yours"
    for path in (mine, yours):
        path.write_bytes(wav(tone()))
    async with asyncio.TaskGroup() as group:
        first = group.create_task(library.from_audio(mine, "audio/wav"))
        second = group.create_task(library.from_audio(yours, "audio/wav"))
        await settled()
        first.cancel()
        mine.unlink()
        executor.run()
        await settled()
        executor.run()
        assert (await second).samples == 800


async def test_a_file_that_is_not_there(eager: ClipLibrary, tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="can't be read"):
        await eager.from_audio(tmp_path / "none", "audio/wav")
    assert render(tmp_path / "none", "audio/wav", tmp_path / "clip").missing


@pytest.mark.parametrize(
    ("error", "code", "why"),
    [
        (BrokenExecutor("died"), 13420, "crashed"),
        (RuntimeError("cannot schedule new futures"), 12400, "cannot schedule"),
        (OSError(28, "No space left on device"), 12400, "No space"),
    ],
)
async def test_what_goes_wrong_around_a_decoder(
    library: ClipLibrary, executor: Patient, error: Exception, code: int, why: str
) -> None:
    (task,) = await asked(library, 1, wav(tone()), "http://a/")
    executor.jobs[0][0].set_exception(error)
    with pytest.raises(AudioError, match=why) as raised:
        await task
    assert (raised.value.code, raised.value.url) == (code, "http://a/")


async def test_a_pool_that_is_closed(tmp_path: Path) -> None:
    pool = IsolatedPool(1)
    pool.shutdown()
    with pytest.raises(AudioError, match="12400"):
        await ClipLibrary(tmp_path, pool).from_audio(wav(tone()), "audio/wav")


@pytest.mark.long
async def test_a_process_that_dies_is_replaced() -> None:
    pool = IsolatedPool(1)
    try:
        loop = asyncio.get_running_loop()
        with pytest.raises(BrokenExecutor):
            await loop.run_in_executor(pool, signal.raise_signal, signal.SIGKILL)
        assert await loop.run_in_executor(pool, os.getpid) not in (0, os.getpid())
    finally:
        pool.shutdown(cancel_futures=True)


@pytest.mark.slow
async def test_a_process_that_dies_takes_nothing_along(tmp_path: Path) -> None:
    """Real processes: one dies of a signal, one runs into its time, and all other audio is decoded all the same."""
    pool = IsolatedPool(2, seconds=1)
    try:
        loop = asyncio.get_running_loop()
        library = ClipLibrary(tmp_path, pool)
        crashed = loop.run_in_executor(pool, signal.raise_signal, signal.SIGKILL)
        stuck = loop.run_in_executor(pool, signal.pause)
        sounds = [wav(tone(800, seed)) for seed in range(6)]
        clips = await asyncio.gather(*(library.from_audio(sound, "audio/wav") for sound in sounds))
        assert [clip.samples for clip in clips] == [800] * 6
        for job in (crashed, stuck):
            with pytest.raises(BrokenExecutor):
                await job
        with pytest.raises(AudioError, match="13420"):
            await library.from_audio(b"garbage", "audio/wav")
    finally:
        pool.shutdown(cancel_futures=True)
