"""The library of clips: audio that was decoded or spoken once, kept on disk under a name of what it was made from."""

import asyncio
import hashlib
import os
import re
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import IO, Any, Final, ParamSpec, TypeVar

import numpy as np

from ringback.media.audio import MAX_SAMPLES, AudioError, Samples, Source, decode_blocks
from ringback.model.audio import Clip

P = ParamSpec("P")
T = TypeVar("T")

INTERNAL: Final = 12400
_SUFFIX = ".s16"
_TEMPORARY = "tmp-"
_NAME = re.compile(r"[0-9a-f]{64}")
_BYTES_PER_SAMPLE = 2
_PIECE = 1 << 20
_INLINE = 1 << 18  # bytes whose hash takes less time than asking a thread for it
_JOBS_PER_PROCESS = 1000  # what a library leaks is given back now and then


@dataclass(frozen=True, slots=True)
class _Rendered:
    """What became of an audio file, as the process that decoded it tells."""

    samples: int = 0
    error: str | None = None
    missing: bool = False


class ClipLibrary:
    """Clips on disk, within a bound: those not used for longest go first, and those in use not at all.

    In use is what was asked for within `keep` seconds. A worker that has mapped a clip keeps it however long it plays,
    since a file lives on until it is unmapped.
    """

    def __init__(self, directory: Path, executor: Executor, *, limit: int = 2 << 30, keep: float = 1800.0) -> None:
        """Open a library, made if it doesn't exist. `executor` decodes (an `IsolatedPool`); `limit` is in bytes.

        Raises OSError when the directory can't be made or read.
        """
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self._executor = executor
        self._limit = limit
        self._keep = keep
        self._jobs: dict[str, asyncio.Future[_Rendered]] = {}
        self._size = sum(stat.st_size for _, stat in self._files())
        self._evict_at = limit

    def put(self, key: str, pcm: Samples) -> Clip:
        """Keep samples (mono, 8000 per second) under a key that says what they were made from; return the clip.

        The file appears at once and as a whole: no reader ever sees half of it. Raises OSError when the disk doesn't
        take it.
        """
        path = self._path(_name(key))
        samples = np.ascontiguousarray(pcm, dtype="<i2")
        with _replacing(path) as file:
            file.write(samples.tobytes())
        self._added(path)
        return Clip(path, samples.size)

    def get(self, key: str) -> Clip | None:
        """Return the clip of a key, if the library has it."""
        return self._find(_name(key))

    async def from_audio(self, source: Source, content_type: str, url: str | None = None) -> Clip:
        """Return the clip of an audio file, or of what would be in one; decoded once, however many ask for it.

        Audio that is longer than `ringback.media.audio.MAX_SECONDS` is cut to that. The file must stay until this
        returns. Raises AudioError, and nothing else; `url` is then the one to blame.
        """
        try:
            if isinstance(source, bytes) and len(source) <= _INLINE:
                name = _source_name(source, content_type)
            else:
                name = await asyncio.to_thread(_source_name, source, content_type)
            while True:
                if clip := self._find(name):
                    return clip
                job = self._jobs.get(name)
                mine = job is None
                # Shielded: a caller who hangs up doesn't take the audio from the others.
                rendered = await asyncio.shield(job or self._begin(name, source, content_type))
                if rendered.error is None:
                    return Clip(self._path(name), rendered.samples)
                # The file of another caller may have gone with that caller: go on with the own one.
                if mine or not rendered.missing:
                    raise AudioError(rendered.error, url)
        except OSError as error:
            raise AudioError(f"the audio can't be kept: {error.strerror or error}", url, INTERNAL) from error
        except RuntimeError as error:
            raise _decoder_failed(error, url) from error

    def _begin(self, name: str, source: Source, content_type: str) -> "asyncio.Future[_Rendered]":
        loop = asyncio.get_running_loop()
        job = loop.run_in_executor(self._executor, render, source, content_type, self._path(name))
        self._jobs[name] = job
        job.add_done_callback(partial(self._finished, name))
        return job

    def _finished(self, name: str, job: "asyncio.Future[_Rendered]") -> None:
        del self._jobs[name]
        # Looking at the exception marks it as seen, in case that nobody waits any more.
        if not job.cancelled() and job.exception() is None and job.result().error is None:
            self._added(self._path(name))

    def _path(self, name: str) -> Path:
        return self.directory / (name + _SUFFIX)

    def _find(self, name: str) -> Clip | None:
        path = self._path(name)
        try:
            size = path.stat().st_size
            os.utime(path)  # file systems don't note each read
        except OSError:
            return None
        # A crash of the machine leaves empty files behind.
        return Clip(path, size // _BYTES_PER_SAMPLE) if size else None

    def _files(self) -> Iterator[tuple[Path, os.stat_result]]:
        with os.scandir(self.directory) as entries:
            for entry in entries:
                if entry.name.endswith(_SUFFIX) or entry.name.startswith(_TEMPORARY):
                    with suppress(OSError):
                        yield Path(entry.path), entry.stat()

    def _added(self, path: Path) -> None:
        try:
            stat = path.stat()
        except OSError:
            return
        self._size += stat.st_size
        if self._size > self._evict_at:
            self._evict(stat.st_mtime)

    def _evict(self, now: float) -> None:
        """Remove the clips unused for longest, down to nine tenths of the limit."""
        files = sorted(self._files(), key=lambda file: file[1].st_mtime)
        self._size = sum(stat.st_size for _, stat in files)
        for path, stat in files:
            if self._size <= self._limit * 9 // 10 or stat.st_mtime > now - self._keep:
                break
            with suppress(OSError):
                path.unlink()
                self._size -= stat.st_size
        # When all that is left is in use, look again only after it has grown by a tenth.
        self._evict_at = max(self._limit, self._size + self._limit // 10)


def render(source: Source, content_type: str, path: Path) -> _Rendered:
    """Decode audio to the file of a clip. The job of `ClipLibrary.from_audio`, for another process.

    Raises OSError when the disk doesn't take it; what is wrong with the audio is in the result.
    """
    if isinstance(source, Path) and not source.exists():
        return _Rendered(error="the audio can't be read: its file is gone", missing=True)
    samples = 0
    try:
        with _replacing(path) as file:
            for block in decode_blocks(source, content_type):
                piece = block[: MAX_SAMPLES - samples]
                samples += len(piece)
                file.write(piece.astype("<i2", copy=False).tobytes())
    except AudioError as error:
        return _Rendered(error=error.message)
    return _Rendered(samples)


def _decoder_failed(error: RuntimeError, url: str | None) -> AudioError:
    if isinstance(error, BrokenExecutor):
        return AudioError("the decoder crashed on the audio, or it took too long", url)
    return AudioError(f"audio can't be decoded now: {error}", url, INTERNAL)  # the executor is shut down


@contextmanager
def _replacing(path: Path) -> Iterator[IO[bytes]]:
    """Write a file that gets its name only when it is complete."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=_TEMPORARY, delete=False) as file:
        try:
            yield file
            file.close()
            Path(file.name).replace(path)
        except BaseException:
            with suppress(OSError):
                Path(file.name).unlink()
            raise


def _name(key: str) -> str:
    return key if _NAME.fullmatch(key) else hashlib.sha256(key.encode()).hexdigest()


def _source_name(source: Source, content_type: str) -> str:
    digest = hashlib.sha256(f"audio:{content_type}\0".encode("utf-8", "replace"))
    if isinstance(source, bytes):
        digest.update(source)
    else:
        try:
            with source.open("rb") as file:
                while piece := file.read(_PIECE):
                    digest.update(piece)
        except OSError as error:
            raise AudioError(f"the audio can't be read: {error.strerror}") from error
    return digest.hexdigest()


class IsolatedPool(Executor):
    """Runs jobs that may crash or never end in spawned processes: so many at a time, each for so many seconds at most.

    A decoder of audio is native code that is fed what strangers send. A pool in the usual sense is broken as a whole
    when one of its processes dies, with all jobs in it; here a job takes down nothing but itself.

    The future of a job whose process died, or was ended because its time was up, raises BrokenExecutor; a new process
    takes its place. Processes are started as they are needed and kept.
    """

    def __init__(self, processes: int = 2, seconds: int = 60) -> None:
        """Take the number of processes and the seconds a job may take."""
        # Each thread waits for a process of its own, so that no two jobs ever share one.
        self._threads = ThreadPoolExecutor(processes, thread_name_prefix="isolated")
        self._own = threading.local()
        self._lock = threading.Lock()
        self._pools: set[ProcessPoolExecutor] = set()
        self._seconds = seconds

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Queue a job. Its function, arguments and result must be picklable."""
        return self._threads.submit(self._run, fn, args, kwargs)

    def _run(self, fn: Callable[..., T], args: tuple[Any, ...], kwargs: dict[str, Any]) -> T:
        pool = self._pool()
        try:
            return pool.submit(_limited, self._seconds, fn, args, kwargs).result()
        except BrokenExecutor:
            self._own.pool = None
            with self._lock:
                self._pools.discard(pool)
            pool.shutdown()
            raise

    def _pool(self) -> ProcessPoolExecutor:
        pool: ProcessPoolExecutor | None = getattr(self._own, "pool", None)
        if pool is None:
            pool = ProcessPoolExecutor(
                1, mp_context=get_context("spawn"), initializer=_initialise, max_tasks_per_child=_JOBS_PER_PROCESS
            )
            self._own.pool = pool
            with self._lock:
                self._pools.add(pool)
        return pool

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more jobs, finish those that run, and end the processes."""
        self._threads.shutdown(wait, cancel_futures=cancel_futures)
        with self._lock:
            pools = list(self._pools)
            self._pools.clear()
        for pool in pools:
            pool.shutdown(wait, cancel_futures=cancel_futures)


def _initialise() -> None:  # pragma: no cover - in another process
    # Ctrl-C is for the process that owns this one; it ends the pool.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _limited(
    seconds: int, fn: Callable[..., T], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> T:  # pragma: no cover - in another process
    # SIGALRM ends the process even when native code never gives control back.
    signal.alarm(seconds)
    try:
        return fn(*args, **kwargs)
    finally:
        signal.alarm(0)
