"""Who speaks: the worker's side of the process that tells voice from noise (`ringback.media.vad_child`).

A tick copies the frames of the legs that are listened to into a ring in shared memory, and goes on; what that process
finds out is picked up by a later tick, some 100 ms after a voice has begun. It is started with the first leg that
somebody wants to listen to. While it starts, is behind, or has died, loudness decides instead: same answers, but music
and tones pass for voice.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ringback.media.arena import FRAME
from ringback.media.gate import EnergyGate, Mask, Rows, VoiceChange
from ringback.media.sidecar import Sidecar, python

RING_TICKS: Final = 64
"""Ticks that may wait for the process: 1.3 s."""
BEHIND_TICKS: Final = 50
"""After so many ticks without room in the ring, the process is taken for dead."""
PAUSES: Final = (50, 250, 1500)
"""Ticks before it is started again, the first time, the second and so on; the last repeats."""
STEADY_TICKS: Final = 3000
"""A process that was of use for so long did not die of how it was started."""
_MODULE: Final = "ringback.media.vad_child"
_CHANGE: Final = np.dtype([("row", "<i4"), ("speaking", "<i4"), ("stream", "<i8"), ("tick", "<i8")])
_READY_ROW: Final = -1
_UNFIT_ROW: Final = -2


def encode(changes: Sequence[VoiceChange], streams: Rows) -> bytes:
    """Write changes, with the numbers of the legs' streams, which `streams` holds by row."""
    return np.array(
        [(change.row, change.speaking, streams[change.row], change.at_tick) for change in changes], _CHANGE
    ).tobytes()


READY: Final = encode([VoiceChange(_READY_ROW, False, 0)], np.zeros(1, np.int64))
"""The process listens."""
UNFIT: Final = encode([VoiceChange(_UNFIT_ROW, False, 0)], np.zeros(2, np.int64))
"""The process cannot do its work here, today or tomorrow."""


class FrameRing:
    """The frames of some ticks in shared memory. One side writes, the other reads and counts what it has `done`."""

    def __init__(self, memory: Any, capacity: int) -> None:
        self._ticks = np.frombuffer(memory, np.int64, 2 * RING_TICKS + 1)
        self.done = self._ticks[-1:]
        """Ticks that were read so far."""
        at = self._ticks.nbytes
        self._legs = np.frombuffer(memory, np.int64, 2 * RING_TICKS * capacity, at).reshape(RING_TICKS, 2, capacity)
        at += self._legs.nbytes
        self._frames = np.frombuffer(memory, np.int16, RING_TICKS * capacity * FRAME, at)
        self._frames = self._frames.reshape(RING_TICKS, capacity, FRAME)

    @staticmethod
    def size(capacity: int) -> int:
        """Bytes that it takes."""
        return 8 * (2 * RING_TICKS + 1) + RING_TICKS * capacity * (16 + 2 * FRAME)

    def write(
        self, number: int, rows: Rows, streams: Rows, speaking: Mask, heard: NDArray[np.int16], tick: int
    ) -> None:
        """Put the frames of these rows of `heard` into tick number `number` of the ring."""
        place, count = number % RING_TICKS, len(rows)
        self._ticks[2 * place : 2 * place + 2] = tick, count
        self._legs[place, 0, :count] = rows
        self._legs[place, 1, :count] = 2 * streams + speaking
        np.take(heard, rows, axis=0, out=self._frames[place, :count])

    def read(self, number: int) -> tuple[Rows, Rows, Mask, NDArray[np.int16], int]:
        """What `write` was given, the frames of the rows for `heard`. Good until it counts as done."""
        place = number % RING_TICKS
        tick, count = self._ticks[2 * place : 2 * place + 2].tolist()
        rows, streams = self._legs[place, :, :count]
        return rows, streams >> 1, (streams & 1).astype(np.bool_), self._frames[place, :count], tick


class VoiceActivity:
    """Listens to some of a worker's legs. Nothing here waits, and nothing fails."""

    def __init__(self, capacity: int, command: Sequence[str] | None = None) -> None:
        """Make room for `capacity` legs. `command` replaces the process; it gets the capacity as an argument."""
        self.speaking = np.zeros(capacity, np.bool_)
        """bool[capacity]: who speaks now, as of the last `poll`. Nobody does who is not listened to."""
        self.dropped = 0
        """Frames that were not listened to closely, because there was no process or it was behind."""
        self.starts = 0
        """Times that the process was started."""
        self._capacity = capacity
        self._command = [*(command or python(_MODULE)), str(capacity)]
        self._rows: Rows = np.zeros(0, np.int64)
        self._streams = np.zeros(capacity, np.int64)
        self._last_stream = 0
        self._gate = EnergyGate(capacity)
        self._gating = False
        self._changes: list[VoiceChange] = []
        self._sidecar: Sidecar | None = None
        self._ring: FrameRing | None = None
        self._ready = False
        self._unfit = False
        self._heard = b""
        self._written = 0
        self._behind = 0
        self._deaths = 0
        self._tick = 0
        self._start_at = 0
        self._ready_at = 0

    @property
    def engine(self) -> str:
        """What decides now: "silero" or "energy"."""
        return "silero" if self._ready and not self._behind else "energy"

    @property
    def pid(self) -> int | None:
        """The process, if it runs."""
        return self._sidecar.pid if self._sidecar is not None else None

    def watch(self, row: int) -> None:
        """Listen to a leg from the next frame on, as to one that is silent now."""
        if self._streams[row]:
            return
        self._last_stream += 1
        self._streams[row] = self._last_stream
        self._gate.reset(np.array([row]), np.zeros(1, np.bool_))
        self._rows = np.flatnonzero(self._streams)

    def unwatch(self, row: int) -> None:
        """Listen no more; what was found out and not yet told is forgotten."""
        self._streams[row] = 0
        self.speaking[row] = False
        self._rows = np.flatnonzero(self._streams)
        self._changes = [change for change in self._changes if change.row != row]

    def feed(self, heard: NDArray[np.int16], tick: int) -> None:
        """Hand over the frames of a tick, int16[n, 160], in which every leg that is listened to has its row."""
        self._tick = tick
        if not len(self._rows):
            return
        if self._sidecar is None and not self._unfit and tick >= self._start_at:
            self._start()
        if self._ready and self._ring is not None and self._sidecar is not None:
            if self._written - int(self._ring.done[0]) < RING_TICKS:
                if self._gating:
                    self._renumber()
                streams, speaking = self._streams[self._rows], self.speaking[self._rows]
                self._ring.write(self._written, self._rows, streams, speaking, heard, tick)
                self._written += 1
                self._behind = 0
                self._sidecar.send(b".")
                return
            self._behind += 1
            if self._behind > BEHIND_TICKS:
                self._sidecar.kill()
        self.dropped += len(self._rows)
        if not self._gating:
            self._gating = True
            self._gate.reset(self._rows, self.speaking[self._rows])
        self._changes += self._gate.feed(self._rows, heard[self._rows], tick)

    def poll(self) -> list[VoiceChange]:
        """What has changed since the last call, in the order in which it was found out."""
        if self._sidecar is not None:
            self._listen(self._sidecar.receive())
            if not self._sidecar.alive:
                self._lose()
        changes, self._changes = self._changes, []
        told = []
        for change in changes:
            if self.speaking[change.row] != change.speaking:
                self.speaking[change.row] = change.speaking
                told.append(change)
        return told

    def close(self) -> None:
        """End the process."""
        if self._sidecar is not None:
            self._sidecar.finish(1.0)
        self._sidecar = self._ring = None
        self._ready = False

    def _start(self) -> None:
        try:
            self._sidecar = Sidecar(self._command, FrameRing.size(self._capacity))
        except OSError:
            self._lose()
            return
        self._ring = FrameRing(self._sidecar.memory, self._capacity)
        self._heard, self._written, self._behind = b"", 0, 0
        self.starts += 1

    def _lose(self) -> None:
        """There is no process any more; another will be started."""
        if self._ready and self._tick - self._ready_at > STEADY_TICKS:
            self._deaths = 0
        self._start_at = self._tick + PAUSES[min(self._deaths, len(PAUSES) - 1)]
        self._deaths += 1
        self._sidecar = self._ring = None
        self._ready = False
        self._behind = 0

    def _renumber(self) -> None:
        """The process decides again: it begins every stream anew, in the state in which the gate left it."""
        self._gating = False
        self._streams[self._rows] = self._last_stream + 1 + np.arange(len(self._rows))
        self._last_stream += len(self._rows)

    def _listen(self, data: bytes) -> None:
        data = self._heard + data
        whole = len(data) // _CHANGE.itemsize * _CHANGE.itemsize
        self._heard = data[whole:]
        for row, speaking, stream, tick in np.frombuffer(data[:whole], _CHANGE).tolist():
            if row == _READY_ROW:
                self._ready, self._ready_at = True, self._tick
            elif row == _UNFIT_ROW:
                self._unfit = True
            elif self._streams[row] == stream:
                self._changes.append(VoiceChange(row, bool(speaking), tick))
