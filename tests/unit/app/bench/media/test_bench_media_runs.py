"""One run, with programs and media that are fakes."""

import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from bench_media_samples import told

from ringback.app.bench.media import machine, programs, runs
from ringback.app.bench.media.cases import CASES, Case
from ringback.app.bench.media.errors import BenchError, NotAvailable
from ringback.media.client import LegListener, MediaError, MediaSettings
from ringback.testing.media import FakeMedia, FakeMediaLeg

PORTS = [5001, 5002]


class Program:
    """Two telephones, or two legs of the limit."""

    def __init__(self, path: Path, arguments: tuple[str, ...], core: int, pid: int) -> None:
        self.path, self.arguments, self.core, self.pid = path, arguments, core, pid
        self.ports = PORTS
        self.aimed: list[int] = []
        self.figures = told()
        self.while_measuring: Any = lambda: None

    def aim(self, ports: list[int]) -> None:
        self.aimed = list(ports)

    async def measure(self, seconds: float) -> dict[str, Any]:
        self.while_measuring()
        return self.figures


class Workers(FakeMedia):
    """Media workers, of which one process is shown."""

    pids: list[int]
    refuses: str = ""

    async def __aenter__(self) -> "Workers":
        return self

    async def __aexit__(self, *_: object) -> None:
        self.lose()

    async def open(self, listener: LegListener) -> FakeMediaLeg:
        if self.refuses:
            raise MediaError(self.refuses)
        return await super().open(listener)


class World(NamedTuple):
    """All that a run touches."""

    bench: runs.Bench
    workers: Workers
    programs: list[Program]
    settings: list[MediaSettings]
    upcoming: dict[str, Any]


@pytest.fixture
def child() -> Iterator[int]:
    """A process to be pinned and measured."""
    process = subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE)
    yield process.pid
    process.communicate(b"\n")


@pytest.fixture
def world(tmp_path: Path, child: int, monkeypatch: pytest.MonkeyPatch) -> World:
    workers = Workers(check_files=True)
    workers.pids = [child]
    begun: list[Program] = []
    settings: list[MediaSettings] = []
    upcoming: dict[str, Any] = {}

    @asynccontextmanager
    async def started(path: Path, legs: int, *arguments: str, core: int, niceness: int) -> AsyncIterator[Program]:
        program = Program(path, arguments, core, child)
        vars(program).update(upcoming)
        begun.append(program)
        yield program

    def media(wanted: MediaSettings) -> Workers:
        settings.append(wanted)
        return workers

    monkeypatch.setattr(runs, "started", started)
    monkeypatch.setattr(runs, "MediaWorkers", media)
    monkeypatch.setattr(runs, "build", lambda directory: {name: Path(name) for name in ("rtp_load", "limit")})
    core = min(os.sched_getaffinity(0))
    options = runs.Options((2,), (CASES["prompt"],), seconds=10.0, warm_up=0.001)
    return World(runs.Bench(options, tmp_path, core, core), workers, begun, settings, upcoming)


async def test_the_limit_is_measured_with_the_telephones_at_its_ports(world: World) -> None:
    run = await world.bench.limit(2)
    load, limit = world.programs
    assert (str(load.path), str(limit.path)) == ("rtp_load", "limit")
    assert load.aimed == limit.aimed == PORTS
    assert (run.name, run.legs, run.window.received) == ("limit", 2, 100)
    assert run.cpu >= 0


async def test_a_worker_is_measured_with_a_leg_for_each_telephone(world: World) -> None:
    """Everything is set up when the window begins, and given back after it."""
    seen: list[Any] = []

    def look() -> None:
        for leg in world.workers.legs:
            (leg_format,) = leg.formats
            seen.append((leg_format.remote, leg_format.telephone_event, leg.playing is not None))
            leg.listener.on_quiet(1)
            leg.listener.on_key("5")

    world.upcoming["while_measuring"] = look
    run = await world.bench.case(CASES["prompt"], 2)
    assert seen == [(("127.0.0.1", port), 101, True) for port in PORTS]
    (load,) = world.programs
    assert load.aimed == [20000, 20002]
    assert load.arguments[1] == "5.0"
    assert world.settings[0].legs_per_worker == 2
    assert (run.name, run.legs) == ("prompt", 2)
    assert run.bytes_per_leg >= 0
    assert world.workers.legs == []


async def test_a_worker_that_plays_nothing_is_not_fast(world: World) -> None:
    world.upcoming["figures"] = told(loud=0)
    with pytest.raises(BenchError, match="nothing was heard but silence"):
        await world.bench.case(CASES["prompt"], 2)


async def test_nor_is_one_that_detects_no_keys(world: World) -> None:
    with pytest.raises(BenchError, match="keys were pressed, and none was reported"):
        await world.bench.case(CASES["prompt"], 2)


async def test_a_worker_that_dies(world: World) -> None:
    world.upcoming["while_measuring"] = world.workers.lose
    with pytest.raises(BenchError, match="the media worker died"):
        await world.bench.case(CASES["prompt"], 2)


async def test_what_the_worker_refuses_is_quoted(world: World) -> None:
    world.workers.refuses = "no socket for another leg"
    with pytest.raises(BenchError, match="prompt: the media worker refuses: no socket for another leg"):
        await world.bench.case(CASES["prompt"], 2)


async def test_errors_come_out_of_their_groups(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(case: Case, *_: object) -> None:
        raise {"record": NotAvailable("no tape"), "bridge": BenchError("no power")}.get(case.name, TimeoutError())

    monkeypatch.setattr(runs, "begin", refuse)
    with pytest.raises(BenchError, match="prompt: 2 legs took more than 60 s"):
        await world.bench.case(CASES["prompt"], 2)
    with pytest.raises(NotAvailable, match="no tape"):
        await world.bench.case(CASES["record"], 2)
    with pytest.raises(BenchError, match="no power"):
        await world.bench.case(CASES["bridge"], 2)


async def test_recordings_need_room(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(1, 1, 1 << 20))
    with pytest.raises(BenchError, match=r"2 recordings may take 2 MB, and there are 1 in"):
        await world.bench.case(CASES["record"], 2)


class Usage(NamedTuple):
    """What shutil.disk_usage tells."""

    total: int
    used: int
    free: int


async def test_all_of_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the options to what is printed."""
    monkeypatch.setattr(machine, "two_cores", lambda: (0, 0))
    monkeypatch.setattr(machine, "pin", lambda *_: None)

    def press() -> None:
        for leg in world.workers.legs:
            leg.key("1")

    world.upcoming["while_measuring"] = press
    said: list[str] = []
    options = runs.Options((2,), (CASES["prompt"],), rounds=2, warm_up=0.0)
    printed, results = await runs.bench_media(options, said.append)
    assert set(printed) == {"limit", "cases", "machine"}
    assert printed["cases"]["prompt"]["legs"] == 2
    assert (printed["machine"]["rounds"], printed["machine"]["seconds"]) == (2, 10.0)
    assert set(printed["machine"]["load_average"]) == {"before", "after"}
    assert len(results.pairs) == 2
    assert said
    assert programs.LIMIT in {str(program.path) for program in world.programs}
