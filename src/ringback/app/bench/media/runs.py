"""One run: the limit or a media worker on one core, the telephones on another, and a window of time."""

import asyncio
import shutil
import tempfile
import time
from collections.abc import Coroutine, Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, TypeVar

from ringback.app.bench.media import machine
from ringback.app.bench.media.cases import Case, begin
from ringback.app.bench.media.errors import BenchError, NotAvailable
from ringback.app.bench.media.figures import Run, Window, report
from ringback.app.bench.media.programs import LIMIT, LOAD, Program, build, started
from ringback.app.bench.media.rounds import Results, Say, interleave
from ringback.app.bench.media.speech import talk
from ringback.media import g711
from ringback.media.client import LegFormat, MediaError, MediaLeg, MediaSettings, MediaWorkers
from ringback.model.audio import Clip

T = TypeVar("T")

HOST: Final = "127.0.0.1"
PORTS: Final = (10000, 29998)
"""Where the worker's legs listen: room for 9,999 of them, below the ports that the kernel gives to the telephones."""
TELEPHONE_EVENT: Final = 101
_BEGIN_SECONDS: Final = 60.0
"""How long the legs of a run may take to be set up."""
_RECORDED_BYTES_PER_SECOND: Final = 16000
_WORKER_NICENESS: Final = -5
_LOAD_NICENESS: Final = -10
"""Telephones are never late."""


@dataclass(frozen=True, slots=True)
class Options:
    """What is to be measured: the window of each run is `seconds` long, after `warm_up` seconds."""

    legs: tuple[int, ...]
    cases: tuple[Case, ...]
    seconds: float = 10.0
    rounds: int = 1
    warm_up: float = 2.0

    @property
    def lifetime(self) -> int:
        """Seconds after which a program of one run ends, whatever happens."""
        return int(_BEGIN_SECONDS + self.warm_up + self.seconds) + 10


async def bench_media(options: Options, say: Say) -> tuple[dict[str, Any], Results]:
    """Measure; `say` is told of progress. Returns what is printed, and what it was made from. Raises BenchError."""
    cores = machine.two_cores()
    before = machine.describe()
    with tempfile.TemporaryDirectory(prefix="ringback-bench-") as name, machine.preferred():
        bench = Bench(options, Path(name), *cores)
        results = await interleave(options.legs, options.rounds, options.cases, bench.limit, bench.case, say)
    told = report(results.limits, results.pairs, results.unavailable, [case.name for case in options.cases])
    after = machine.describe()["load_average"]
    told["machine"] = before | {"load_average": {"before": before["load_average"], "after": after}}
    told["machine"] |= {"seconds": options.seconds, "rounds": options.rounds}
    return told, results


class _Listener:
    """Hears what happens on all legs of a run."""

    def __init__(self) -> None:
        self.keys = 0
        self.lost = False

    def on_key(self, key: str) -> None:
        """The peer pressed a key."""
        self.keys += 1

    def on_quiet(self, times: int) -> None:
        """Nobody waits for it here."""

    def on_lost(self) -> None:
        """The worker died."""
        self.lost = True


class Bench:
    """The programs, the audio and the cores of all runs."""

    def __init__(self, options: Options, directory: Path, core: int, load_core: int) -> None:
        """Compile and write what is needed into `directory`. Raises BenchError."""
        self._options = options
        self._directory = directory
        self._core, self._load_core = core, load_core
        self._programs = build(directory)
        said, prompt = talk(1), talk(2)
        self._audio = directory / "said.ulaw"
        self._audio.write_bytes(g711.encode(said))
        self._prompt = Clip(directory / "prompt.s16", prompt.size)
        self._prompt.path.write_bytes(prompt.astype("<i2").tobytes())

    async def limit(self, legs: int) -> Run:
        """Measure the bare loop."""
        lifetime = str(self._options.lifetime)
        bare = started(self._programs[LIMIT], legs, lifetime, core=self._core, niceness=_WORKER_NICENESS)
        async with self._load(legs) as load, bare as program:
            load.aim(program.ports)
            program.aim(load.ports)
            await asyncio.sleep(self._options.warm_up)
            return await self._window("limit", legs, load, program.pid)

    async def case(self, case: Case, legs: int) -> Run:
        """Measure a media worker. Raises NotAvailable, and BenchError."""
        try:
            return await self._case(case, legs)
        except* NotAvailable as group:
            raise _first(group) from None
        except* BenchError as group:
            raise _first(group) from None
        except* TimeoutError:
            raise BenchError(f"{case.name}: {legs} legs took more than {_BEGIN_SECONDS:.0f} s to be set up") from None
        except* MediaError as group:
            raise BenchError(f"{case.name}: the media worker refuses: {_first(group)}") from None

    async def _case(self, case: Case, legs: int) -> Run:
        settings = MediaSettings(host=HOST, ports=PORTS, workers=1, legs_per_worker=legs, clip_memory_mb=64)
        listener = _Listener()
        with tempfile.TemporaryDirectory(prefix="recordings-", dir=self._directory) as recordings:
            if case.records:
                self._check_room(legs, Path(recordings))
            async with self._load(legs, case.key_seconds) as load, MediaWorkers(settings) as media:
                pid = media.pids[0]
                machine.pin(pid, self._core)
                idle = machine.resident_bytes(pid)
                taken = await _together(_leg(media, listener, port) for port in load.ports)
                load.aim([leg.address[1] for leg in taken])
                async with asyncio.TaskGroup() as lasting:
                    async with asyncio.timeout(_BEGIN_SECONDS):
                        await begin(case, taken, self._prompt, Path(recordings), lasting)
                    # Commands may have started threads, whose place is with the others.
                    machine.pin(pid, self._core)
                    await asyncio.sleep(self._options.warm_up)
                    run = await self._window(case.name, legs, load, pid)
                    grown = max(0, machine.resident_bytes(pid) - idle)
                    await _together(leg.close() for leg in taken)
        self._check_work(case, run, listener)
        return replace(run, bytes_per_leg=grown // legs)

    def _load(self, legs: int, key_seconds: float = 0.0) -> AbstractAsyncContextManager[Program]:
        arguments = (str(self._audio), str(key_seconds), str(self._options.lifetime))
        return started(self._programs[LOAD], legs, *arguments, core=self._load_core, niceness=_LOAD_NICENESS)

    async def _window(self, name: str, legs: int, load: Program, pid: int) -> Run:
        began, cpu, waited = time.monotonic(), machine.cpu_seconds(pid), machine.waited_seconds(pid)
        stolen = machine.stolen_seconds(self._core)
        told = await load.measure(self._options.seconds)
        cpu, waited = machine.cpu_seconds(pid) - cpu, machine.waited_seconds(pid) - waited
        stolen, length = machine.stolen_seconds(self._core) - stolen, time.monotonic() - began
        return Run(name, legs, cpu / length, Window.read(told), waited / length, stolen=stolen / length)

    def _check_room(self, legs: int, directory: Path) -> None:
        needed = legs * self._options.lifetime * _RECORDED_BYTES_PER_SECOND
        if (free := shutil.disk_usage(directory).free) < needed:
            raise BenchError(
                f"{legs} recordings may take {needed >> 20} MB, and there are {free >> 20} in {directory.parent}",
                hint="take fewer --legs or --seconds, or set TMPDIR to a place with more room",
            )

    def _check_work(self, case: Case, run: Run, listener: _Listener) -> None:
        """A worker that does nothing is fast."""
        if listener.lost:
            raise BenchError(f"{case.name}: the media worker died; see above")
        if case.heard and not run.window.loud:
            raise BenchError(f"{case.name}: nothing was heard but silence")
        if case.key_seconds and self._options.seconds * run.legs >= 2 * case.key_seconds and not listener.keys:
            raise BenchError(f"{case.name}: keys were pressed, and none was reported")


async def _leg(media: MediaWorkers, listener: _Listener, port: int) -> MediaLeg:
    """Take a leg for the telephone at `port`."""
    leg = await media.open(listener)
    await leg.setup(LegFormat((HOST, port), g711.PCMU, {g711.PCMU: "PCMU"}, TELEPHONE_EVENT, rtcp="mux"))
    return leg


async def _together(work: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Do it all at once; return the results in order."""
    async with asyncio.timeout(_BEGIN_SECONDS), asyncio.TaskGroup() as group:
        tasks = [group.create_task(each) for each in work]
    return [task.result() for task in tasks]


def _first(group: BaseExceptionGroup[Any]) -> BaseException:
    """The first error in a group of groups."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
