"""Programs: found, compiled, and talked to."""

import os
import stat
from pathlib import Path

import pytest

from ringback.app.bench.media import programs
from ringback.app.bench.media.errors import BenchError

CORE = min(os.sched_getaffinity(0))


def script(path: Path, text: str) -> Path:
    """A program of the shell."""
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def test_both_sources_are_there() -> None:
    assert all(programs.source(name).is_file() for name in (programs.LOAD, programs.LIMIT))


def test_a_source_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=r"limit\.c is missing"):
        programs.source("limit", [tmp_path])


def test_no_compiler_says_which_package(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="needs a C compiler") as raised:
        programs.build(tmp_path, which=lambda name: None)
    assert "apt install gcc" in str(raised.value.hint)


def test_the_first_compiler_that_there_is_compiles_both(tmp_path: Path) -> None:
    compiler = script(tmp_path / "gcc", 'echo "$@" > "$3"')
    built = programs.build(tmp_path, which={"gcc": str(compiler)}.get)
    assert set(built) == {"rtp_load", "limit"}
    assert str(programs.source("limit")) in built["limit"].read_text()


def test_a_compiler_that_fails_is_quoted(tmp_path: Path) -> None:
    compiler = script(tmp_path / "cc", "echo no stdio.h >&2; exit 1")
    with pytest.raises(BenchError, match=r"cannot compile rtp_load\.c: no stdio\.h"):
        programs.build(tmp_path, which=lambda name: str(compiler))


async def test_a_conversation(tmp_path: Path) -> None:
    program = script(tmp_path / "program", 'echo 7 $1 $2; read aim; read order; echo "[[\\"$aim\\",\\"$order\\"]]"')
    async with programs.started(program, 2, "9", core=CORE, niceness=0) as running:
        assert running.ports == [7, 2, 9]
        running.aim([1, 2])
        assert await running.measure(0.5) == {"1 2": "measure 500"}


async def test_one_that_ends_is_quoted(tmp_path: Path) -> None:
    program = script(tmp_path / "program", "echo no socket: Too many open files >&2; exit 1")
    with pytest.raises(BenchError, match="ended: no socket") as raised:
        async with programs.started(program, 2, core=CORE, niceness=0):
            pass
    assert "ulimit -n" in str(raised.value.hint)


async def test_one_that_says_nothing(tmp_path: Path) -> None:
    program = script(tmp_path / "program", "echo 7; cat > /dev/null")
    async with programs.started(program, 1, core=CORE, niceness=0) as running:
        with pytest.raises(BenchError, match="does not answer"):
            await running.read(timeout=0.001)


async def test_one_whose_time_is_up(tmp_path: Path) -> None:
    program = script(tmp_path / "program", "echo 7")
    async with programs.started(program, 1, core=CORE, niceness=0) as running:
        with pytest.raises(BenchError, match="its time was up") as raised:
            await running.read()
    assert raised.value.hint is None


async def test_one_that_does_not_end_with_its_input_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "PATIENCE_SECONDS", 0.01)
    program = script(tmp_path / "program", "echo 7; exec sleep 100")
    async with programs.started(program, 1, core=CORE, niceness=0) as running:
        pid = running.pid
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
