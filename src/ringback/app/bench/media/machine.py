"""The kernel's side of a measurement: cores, the time and memory of a process."""

import os
import platform
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ringback.app.bench.media.errors import BenchError

PROC = Path("/proc")
_SCHEDULED = 2
"""CPUCLOCK_SCHED: of the clocks that Linux keeps for each process, the one of all the time it was scheduled."""


def two_cores(allowed: Iterable[int] | None = None) -> tuple[int, int]:
    """The core of what is measured and that of the load. Raises BenchError where there are not two of them."""
    if sys.platform != "linux":
        raise BenchError("this benchmark needs Linux: it reads the kernel's account of a process and pins it to a core")
    cores = sorted(os.sched_getaffinity(0) if allowed is None else allowed)
    if len(cores) < 2:
        raise BenchError("this benchmark needs two cores: the load must not take time from what is measured")
    return cores[0], cores[1]


def pin(pid: int, core: int, niceness: int = 0) -> None:
    """Keep all threads of a process on one core, before others where we may; one that is gone is let go."""
    with suppress(FileNotFoundError):
        for task in (PROC / str(pid) / "task").iterdir():
            with suppress(ProcessLookupError):
                os.sched_setaffinity(int(task.name), {core})
    if niceness:
        with suppress(PermissionError, ProcessLookupError):
            os.setpriority(os.PRIO_PROCESS, pid, niceness)


@contextmanager
def preferred(group: Path = PROC / "self" / "autogroup") -> Iterator[None]:
    """Put this session before others, where we may: the kernel shares time among sessions, and only then by niceness.

    See sched(7), "the autogroup feature".
    """
    with suppress(OSError):
        group.write_text("-10")
    try:
        yield
    finally:
        with suppress(OSError):
            group.write_text("0")


def cpu_seconds(pid: int) -> float:
    """The processor time that a process has used, all its threads together, to the nanosecond.

    It is the sum that /proc/PID/stat shows in hundredths of a second. Raises BenchError when the process is gone.
    """
    try:
        # clock_getcpuclockid(3): the number of a process's clock is made from its own.
        return time.clock_gettime((~pid << 3) | _SCHEDULED)
    except OSError as error:
        raise BenchError(f"process {pid} ended while it was measured") from error


def waited_seconds(pid: int) -> float:
    """How long the main thread of a process could have run, and its core was taken; 0 where the kernel does not tell.

    See Documentation/scheduler/sched-stats.rst of the kernel, "/proc/<pid>/schedstat".
    """
    try:
        return int((PROC / str(pid) / "schedstat").read_text().split()[1]) / 1e9
    except OSError:
        return 0.0


def stolen_seconds(core: int) -> float:
    """How long the host of a virtual machine had a core for others since it began; 0 where the kernel does not tell.

    See proc_stat(5), "steal".
    """
    with suppress(OSError, IndexError):
        for line in (PROC / "stat").read_text().splitlines():
            if line.startswith(f"cpu{core} "):
                return int(line.split()[8]) / os.sysconf("SC_CLK_TCK")
    return 0.0


def resident_bytes(pid: int) -> int:
    """The memory of a process. Raises BenchError when it is gone."""
    try:
        pages = (PROC / str(pid) / "statm").read_text().split()[1]
    except OSError as error:
        raise BenchError(f"process {pid} ended while it was measured") from error
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def processor() -> str:
    """The name of the processor, if the kernel tells."""
    with suppress(OSError):
        for line in (PROC / "cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()


def describe() -> dict[str, Any]:
    """The machine that the figures are of."""
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "load_average": [round(load, 2) for load in os.getloadavg()],
    }
