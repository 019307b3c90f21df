"""The kernel's account of a process, on this kernel."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ringback.app.bench.media import machine
from ringback.app.bench.media.errors import BenchError

GONE = 2**22 + 1
"""A process that there never is: numbers end at 2**22."""


@pytest.fixture
def child() -> Iterator[int]:
    """A process that waits."""
    process = subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE)
    yield process.pid
    process.communicate(b"\n")


def test_the_first_core_is_measured_and_the_second_makes_the_load() -> None:
    assert machine.two_cores({5, 3, 4}) == (3, 4)


def test_one_core_is_not_enough() -> None:
    with pytest.raises(BenchError, match="needs two cores"):
        machine.two_cores({0})


def test_other_systems_are_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(BenchError, match="needs Linux"):
        machine.two_cores()


def test_a_process_is_pinned_with_all_its_threads(child: int) -> None:
    core = min(os.sched_getaffinity(0))
    machine.pin(child, core, niceness=1)
    assert os.sched_getaffinity(child) == {core}
    assert os.getpriority(os.PRIO_PROCESS, child) == 1


def test_who_may_not_go_first_goes_on(child: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "setpriority", refuse)
    machine.pin(child, min(os.sched_getaffinity(0)), niceness=-5)


def test_processor_time_is_that_of_the_process() -> None:
    before, clock = machine.cpu_seconds(os.getpid()), time.process_time()
    sum(range(100_000))
    used, expected = machine.cpu_seconds(os.getpid()) - before, time.process_time() - clock
    assert 0 < expected <= used + 1e-3
    assert used == pytest.approx(expected, abs=0.005)


def test_waiting_for_the_core_is_told_by_the_kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "PROC", tmp_path)
    assert machine.waited_seconds(7) == 0.0
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "schedstat").write_text("12000000000 2500000000 400\n")
    assert machine.waited_seconds(7) == 2.5


def test_what_the_host_took_of_a_core_is_told_by_the_kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert machine.stolen_seconds(0) >= 0.0
    monkeypatch.setattr(machine, "PROC", tmp_path)
    assert machine.stolen_seconds(1) == 0.0
    (tmp_path / "stat").write_text("cpu  9 9 9 9 9 9 9 900\ncpu1 9 9 9 9 9 9 9 150 0 0\ncpu10 9 9 9 9 9 9 9 7 0 0\n")
    assert machine.stolen_seconds(1) == 150 / os.sysconf("SC_CLK_TCK")
    assert machine.stolen_seconds(3) == 0.0


def test_memory_is_that_of_the_process(child: int) -> None:
    assert 0 < machine.resident_bytes(child) < machine.resident_bytes(os.getpid())


def test_a_process_that_is_gone() -> None:
    with pytest.raises(BenchError, match="ended while it was measured"):
        machine.cpu_seconds(GONE)
    with pytest.raises(BenchError, match="ended while it was measured"):
        machine.resident_bytes(GONE)


def test_the_session_goes_first_and_then_no_longer(tmp_path: Path) -> None:
    group = tmp_path / "autogroup"
    with machine.preferred(group):
        assert group.read_text() == "-10"
    assert group.read_text() == "0"
    with machine.preferred(tmp_path / "none" / "autogroup"):
        pass


def test_the_machine_is_described(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    described = machine.describe()
    assert set(described) == {"processor", "cores", "system", "python", "load_average"}
    monkeypatch.setattr(machine, "PROC", tmp_path)
    assert machine.processor()
    (tmp_path / "cpuinfo").write_text("processor\t: 0\nmodel name\t: Abacus 9\n")
    assert machine.processor() == "Abacus 9"
