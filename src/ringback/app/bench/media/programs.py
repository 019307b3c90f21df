"""The programs in C: compiled on the spot, pinned to a core, talked to in lines."""

import asyncio
import json
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO, Any, Final

from ringback.app.bench.media.errors import BenchError
from ringback.app.bench.media.machine import pin

LOAD: Final = "rtp_load"
LIMIT: Final = "limit"
_HERE: Final = Path(__file__).resolve()
SOURCES: Final = (_HERE.parent, _HERE.parents[5] / "bench")
"""Where the sources are: beside this file when installed, in `bench` of a checkout."""
_COMPILERS: Final = ("cc", "gcc", "clang")
_LONGEST_LINE: Final = 1 << 20
_ANSWER_SECONDS: Final = 15.0
PATIENCE_SECONDS = 2.0
"""How long a program may take to end."""

NO_COMPILER = "this benchmark needs a C compiler (cc) for its load generator, and found none"
HOW_TO_COMPILE = "install gcc: apt install gcc libc6-dev (Debian, Ubuntu), dnf install gcc, or apk add build-base"


def source(name: str, places: Sequence[Path] = SOURCES) -> Path:
    """Find the source of a program. Raises BenchError."""
    for place in places:
        if (path := place / f"{name}.c").is_file():
            return path
    raise BenchError(f"{name}.c is missing from this installation: run the benchmark from a checkout")


def build(directory: Path, which: Callable[[str], str | None] = shutil.which) -> dict[str, Path]:
    """Compile all programs into `directory`. Raises BenchError where there is no compiler, or it cannot."""
    compiler = next(filter(None, map(which, _COMPILERS)), None)
    if compiler is None:
        raise BenchError(NO_COMPILER, hint=HOW_TO_COMPILE)
    programs = {}
    for name in (LOAD, LIMIT):
        programs[name] = directory / name
        command = [compiler, "-O2", "-o", str(programs[name]), str(source(name)), "-lm"]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise BenchError(f"{compiler} cannot compile {name}.c: {done.stderr.strip()}", hint=HOW_TO_COMPILE)
    return programs


class Program:
    """A program that runs. What it holds against its arguments it says on standard error."""

    def __init__(self, process: asyncio.subprocess.Process, complaints: IO[bytes]) -> None:
        self._process = process
        self._complaints = complaints
        self.pid = process.pid
        self.ports: list[int] = []
        """Where its legs receive."""

    def aim(self, ports: Sequence[int]) -> None:
        """Tell it where its legs send to; they begin at once."""
        self._say(" ".join(map(str, ports)))

    async def measure(self, seconds: float) -> dict[str, Any]:
        """Ask for the figures of the next `seconds`. Raises BenchError."""
        self._say(f"measure {round(seconds * 1000)}")
        return dict(json.loads(await self.read(seconds + _ANSWER_SECONDS)))

    async def read(self, timeout: float = _ANSWER_SECONDS) -> str:
        """A line of what it says. Raises BenchError when it says none."""
        assert self._process.stdout is not None
        try:
            line = await asyncio.wait_for(self._process.stdout.readline(), timeout)
        except TimeoutError:
            raise BenchError("the load generator does not answer") from None
        if not line:
            self._complaints.seek(0)
            said = self._complaints.read(2000).decode(errors="replace").strip()
            raise BenchError(f"the load generator ended: {said or 'its time was up'}", hint=_hint(said))
        return line.decode()

    def _say(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n".encode())


@asynccontextmanager
async def started(path: Path, legs: int, *arguments: str, core: int, niceness: int) -> AsyncIterator[Program]:
    """Run a program for the length of a block, as far as its ports. Raises BenchError."""
    with tempfile.TemporaryFile() as complaints:
        process = await asyncio.create_subprocess_exec(
            path,
            str(legs),
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=complaints,
            limit=_LONGEST_LINE,
        )
        try:
            pin(process.pid, core, niceness)
            program = Program(process, complaints)
            program.ports = [int(port) for port in (await program.read()).split()]
            yield program
        finally:
            if process.stdin is not None:
                process.stdin.close()
            await _end(process)


async def _end(process: asyncio.subprocess.Process) -> None:
    """It ends with its input; one that does not is killed."""
    try:
        await asyncio.wait_for(process.wait(), PATIENCE_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()


def _hint(said: str) -> str | None:
    return "raise the limit on open files (ulimit -n), or take fewer --legs" if "Too many open files" in said else None
