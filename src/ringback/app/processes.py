"""A server and an application as processes of their own, for the demo and the benchmarks."""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from ringback.app.errors import UserError

PATIENCE: Final = 10.0
"""Seconds that a process may take to end when it is asked to; then it is killed."""


class ChildError(UserError):
    """A process did not do what it was started for."""


@contextmanager
def running(name: str, command: Sequence[str], environment: Mapping[str, str], directory: Path) -> Iterator[Path]:
    """Run a process for the length of a block; yields the path of what it prints."""
    path = directory / f"{name}.log"
    with path.open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=dict(environment))
    try:
        yield path
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def server_pid(directory: Path) -> int:
    """Find the server among our children: the one whose store is that directory. Linux only; raises ChildError."""
    for child in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split():
        variables = Path(f"/proc/{child}/environ").read_bytes().split(b"\0")
        if f"RINGBACK_STORAGE__DIRECTORY={directory}".encode() in variables:
            return int(child)
    raise ChildError("the server has ended")


def server_environment(directory: Path, sip_port: int) -> dict[str, str]:
    """The environment of a server of its own: its store, its port, and otherwise defaults.

    An empty settings file in `directory`, which is there, keeps a `ringback.toml` of the working directory out of it.
    """
    settings = directory / "ringback.toml"
    settings.touch()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RINGBACK_")}
    return kept | {
        "RINGBACK_CONFIG": str(settings),
        "RINGBACK_STORAGE__DIRECTORY": str(directory),
        "RINGBACK_SIP__PORT": str(sip_port),
        "RINGBACK_HTTP__PORT": "0",
        "PYTHONUNBUFFERED": "1",
    }


def run_ringback(arguments: Sequence[str], environment: Mapping[str, str]) -> None:
    """Run a `ringback` command to its end. Raises ChildError with what it said."""
    command = [sys.executable, "-m", "ringback", *arguments]
    done = subprocess.run(command, env=dict(environment), capture_output=True, text=True)
    if done.returncode:
        said = done.stderr.strip() or done.stdout.strip()
        raise ChildError(f"`ringback {' '.join(arguments)}` exited with {done.returncode}: {said}")


async def until_ready(log: Path, seconds: float = 30.0) -> None:
    """Wait until `ringback serve` says that it is ready. Raises ChildError with what it said instead."""
    deadline = asyncio.get_running_loop().time() + seconds
    while asyncio.get_running_loop().time() < deadline:
        said = _tail(log)
        if said.endswith("ready\n"):
            return
        if "error:" in said:
            break
        await asyncio.sleep(0.1)
    raise ChildError(f"the server did not start:\n{_tail(log)}")


def _tail(log: Path) -> str:
    return log.read_text(errors="replace")[-2000:]


def free_port(kind: socket.SocketKind) -> int:
    """A port of 127.0.0.1 that nobody has now."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
