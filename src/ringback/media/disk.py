"""The process that writes recordings: a disk that takes its time holds up recordings, and never a tick.

    python -m ringback.media.disk SOCKET MEMORY

The worker copies blocks into a ring of cells, and says in a line of JSON what to do with them. It ends with the worker,
when all that was said to it is done and every file is complete: also when the worker was killed.
"""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import numpy as np

from ringback.media.arena import FRAME
from ringback.media.routes import MOST_CHANNELS
from ringback.media.sidecar import Host, Sidecar, python, stay_behind
from ringback.media.takes import (
    BLOCK_FRAMES,
    Append,
    Broken,
    Close,
    Closed,
    Drop,
    Frames,
    Job,
    Open,
    Outcome,
    RecordingResult,
    Takes,
)

CELLS: Final = 2048
"""Seconds of audio that may wait for the disk: four of 500 recordings."""
_CELL: Final = (MOST_CHANNELS, BLOCK_FRAMES, FRAME)
_CELL_BYTES: Final = 2 * MOST_CHANNELS * BLOCK_FRAMES * FRAME
_MODULE: Final = "ringback.media.disk"


class _Ring:
    """Cells in shared memory, and the number of them that were ever written to disk, which the child counts."""

    def __init__(self, memory: Any) -> None:
        self.done = np.frombuffer(memory, np.int64, 1)
        self.cells: Frames = np.frombuffer(memory, np.int16, offset=_CELL_BYTES).reshape(-1, *_CELL)


class DiskWriter:
    """Has jobs carried out in their order, elsewhere: `ringback.media.recorder.Disk`. Nothing here waits."""

    def __init__(self, cells: int = CELLS, command: list[str] | None = None) -> None:
        """Take room for `cells` seconds of audio; it is touched only when used. The process starts with `start`, or
        the first recording. `command` replaces the process."""
        self._cells = cells
        self._command = command or python(_MODULE)
        self._sidecar: Sidecar | None = None
        self._ring: _Ring | None = None
        self._posted = self._first = 0
        self._open: set[int] = set()
        self._heard = b""
        self._stillborn: list[Outcome] = []

    @property
    def backlog(self) -> int:
        """Cells that wait."""
        return 0 if self._ring is None else self._posted - int(self._ring.done[0])

    @property
    def pid(self) -> int | None:
        """The process, if it runs."""
        return self._sidecar.pid if self._sidecar is not None else None

    def start(self) -> None:
        """Start the process, if it does not run. Raises OSError."""
        if self._sidecar is None:
            self._sidecar = Sidecar(self._command, (1 + self._cells) * _CELL_BYTES)
            self._ring = _Ring(self._sidecar.memory)
            self._posted = self._first = 0
            self._heard = b""

    def post(self, job: Job) -> bool:
        """Have a job done. False if it brings audio and there is no room for it, and where no process can be had."""
        if isinstance(job, Open):
            try:
                self.start()
            except OSError as error:
                self._stillborn.append(Broken(job.slot, f"no process that writes recordings: {error}"))
                return False
            self._open.add(job.slot)
        if self._sidecar is None or self._ring is None:
            return False
        match job:
            case Append(frames=frames):
                count = len(frames)
                if self.backlog + count > self._cells:
                    return False
                if self.backlog == 0:  # always the same few cells, if the disk keeps up: those are in the cache
                    self._first = self._posted
                places = (self._posted - self._first + np.arange(count)) % self._cells
                self._ring.cells[places, : frames.shape[1]] = frames
                self._posted += count
                what: dict[str, Any] = {"do": "append", "slots": job.slots, "begin": job.begin, "end": job.end}
                what |= {"channels": frames.shape[1], "cell": int(places[0])}
            case Open():
                what = {"do": "open", **asdict(job), "path": str(job.path)}
            case Drop():
                what = {"do": "drop", **asdict(job)}
            case Close():
                what = {"do": "close", **asdict(job)}
        self._sidecar.send(json.dumps(what).encode() + b"\n")
        return True

    def outcomes(self) -> list[Outcome]:
        """What has come to an end since the last call. When the process died, that is every recording."""
        outcomes, self._stillborn = self._stillborn, []
        if self._sidecar is None:
            return outcomes
        self._sidecar.send(b"")
        outcomes += self._read(self._sidecar.receive())
        if not self._sidecar.alive:
            self._sidecar = self._ring = None
            outcomes += [Broken(slot, "the process that writes recordings died") for slot in sorted(self._open)]
            self._open.clear()
        return outcomes

    def close(self, timeout: float = 5.0) -> list[Outcome]:
        """Complete all recordings, and end the process. One that takes more than `timeout` seconds is killed."""
        outcomes: list[Outcome] = []
        if self._sidecar is not None:
            outcomes = self._read(self._sidecar.finish(timeout))
            self._sidecar = self._ring = None
            self._open.clear()
        return outcomes

    def _read(self, data: bytes) -> list[Outcome]:
        *lines, self._heard = (self._heard + data).split(b"\n")
        outcomes = [_outcome(json.loads(line)) for line in lines]
        self._open.difference_update(outcome.slot for outcome in outcomes)
        return outcomes


def _outcome(said: dict[str, Any]) -> Outcome:
    slot = said.pop("slot")
    if "reason" in said:
        return Broken(slot, said["reason"])
    return Closed(slot, RecordingResult(**said | {"path": Path(said["path"])}))


def _line(outcome: Outcome) -> bytes:
    what: dict[str, Any] = {"slot": outcome.slot}
    match outcome:
        case Closed():
            what |= asdict(outcome.result) | {"path": str(outcome.result.path)}
        case Broken():
            what |= {"reason": outcome.reason}
    return json.dumps(what).encode() + b"\n"


def _job(said: dict[str, Any], ring: _Ring) -> Job:
    match said.pop("do"):
        case "append":
            cells = (said.pop("cell") + np.arange(len(said["slots"]))) % len(ring.cells)
            # No copy: the worker writes a cell anew only after it was counted as done.
            return Append(frames=ring.cells[cells, : said.pop("channels")], **said)
        case "open":
            return Open(**said | {"path": Path(said["path"])})
        case "drop":
            return Drop(**said)
        case _:
            return Close(**said)


def serve(host: Host) -> None:
    """Do what the worker says until it has nothing more to say, and complete what is left."""
    ring, takes, heard = _Ring(host.memory), Takes(), b""
    while data := host.receive():
        *lines, heard = (heard + data).split(b"\n")
        for line in lines:
            job = _job(json.loads(line), ring)
            for outcome in takes.do(job):
                host.send(_line(outcome))
            if isinstance(job, Append):
                ring.done[0] += len(job.slots)
    for outcome in takes.close():
        host.send(_line(outcome))


if __name__ == "__main__":  # pragma: no cover
    stay_behind()
    serve(Host(sys.argv))
