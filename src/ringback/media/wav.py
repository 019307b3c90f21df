"""WAV files that are whole at every moment while they grow: what a recording is kept in.

RIFF WAVE as in the "Multimedia Programming Interface and Data Specifications 1.0" of IBM and Microsoft: `RIFF`, `fmt `
of 16 bytes, `data`, nothing else; 44 bytes before the first sample. Each append writes the samples first and the sizes
after them: whoever reads the file in between, or after the writer was killed, finds a shorter recording, never a
broken one.
"""

import os
import struct
from pathlib import Path
from typing import Final

RATE: Final = 8000
SAMPLE_BYTES: Final = 2
HEADER_BYTES: Final = 44
MAX_DATA_BYTES: Final = 0xFFFFFFFF - HEADER_BYTES - 3
"""The sizes in the header are 32 bits wide. Two channels of 8 kHz fill that in 37 hours."""
_HEADER: Final = struct.Struct("<4sI4s4sIHHIIHH4sI")
_PCM: Final = 1


class WavError(Exception):
    """A file is not one of ours, or has no room for more; the text says which."""


def header(channels: int, data_bytes: int) -> bytes:
    """The 44 bytes before `data_bytes` of s16le samples, 8000 a second for each channel."""
    frame = channels * SAMPLE_BYTES
    return _HEADER.pack(
        b"RIFF", HEADER_BYTES - 8 + data_bytes, b"WAVE",
        b"fmt ", 16, _PCM, channels, RATE, RATE * frame, frame, 8 * SAMPLE_BYTES,
        b"data", data_bytes,
    )  # fmt: skip


class WavWriter:
    """A WAV file that is being written. Every method may raise OSError: disks fill up and go away."""

    def __init__(self, path: Path, channels: int) -> None:
        """Create the file, readable by its owner and group. An existing one is an error: a recording is never lost.

        `channels` is 1 or 2, else ValueError.
        """
        if channels not in (1, 2):
            raise ValueError(f"a recording has one or two channels, not {channels}")
        self.path = path
        self.channels = channels
        self.data_bytes = 0
        """Bytes of whole samples in the file."""
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
        try:
            self._patch()
        except OSError:
            self.close()
            raise

    @property
    def seconds(self) -> float:
        """The length of the recording."""
        return self.data_bytes / (RATE * SAMPLE_BYTES * self.channels)

    def append(self, samples: bytes | memoryview) -> None:
        """Add s16le samples, the channels interleaved. Raises WavError where the file would grow past 4 GiB."""
        if self.data_bytes + len(samples) > MAX_DATA_BYTES:
            raise WavError(f"{self.path} is full: a WAV file holds 4 GiB")
        rest, at = memoryview(samples), HEADER_BYTES + self.data_bytes
        while rest:
            written = os.pwrite(self._file, rest, at)
            rest, at = rest[written:], at + written
        self.data_bytes += len(samples)
        self._patch()

    def cut(self, data_bytes: int) -> None:
        """Keep only the first `data_bytes` of the samples; what is longer than the file leaves it as it is."""
        if data_bytes < self.data_bytes:
            self.data_bytes = max(0, data_bytes)
            self._patch()
            os.ftruncate(self._file, HEADER_BYTES + self.data_bytes)

    def read(self, first: int, end: int) -> bytes:
        """The bytes of samples from `first` to `end`, as far as there are any."""
        return os.pread(self._file, max(0, min(end, self.data_bytes) - first), HEADER_BYTES + first)

    def close(self) -> None:
        """Let go of the file, which is whole already. A second time does nothing."""
        file, self._file = self._file, -1
        if file >= 0:
            os.close(file)

    def _patch(self) -> None:
        os.pwrite(self._file, header(self.channels, self.data_bytes), 0)


def repair(path: Path) -> float:
    """Make the sizes of a file agree with its length after its writer was killed; return its length in seconds.

    Samples that were written but not yet counted come back; half a sample at the end is cut off. A file that is in
    order is not touched. Raises WavError for what `WavWriter` has not written, OSError where the disk does.
    """
    with path.open("r+b") as file:
        head = file.read(HEADER_BYTES)
        if len(head) < HEADER_BYTES:
            raise WavError(f"{path} ends in its header: there is nothing to repair")
        riff, _, wave, fmt, fmt_bytes, coding, channels, rate, _, _, bits, data, _ = _HEADER.unpack(head)
        if (riff, wave, fmt, data) != (b"RIFF", b"WAVE", b"fmt ", b"data") or channels not in (1, 2):
            raise WavError(f"{path} is no recording of one or two channels")
        if (fmt_bytes, coding, rate, bits) != (16, _PCM, RATE, 8 * SAMPLE_BYTES):
            raise WavError(f"{path} is not linear PCM with 16 bits at {RATE} Hz")
        frame = SAMPLE_BYTES * channels
        size = os.fstat(file.fileno()).st_size
        length = min(size - HEADER_BYTES, MAX_DATA_BYTES) // frame * frame
        if head != (right := header(channels, length)):
            file.seek(0)
            file.write(right)
        if size != HEADER_BYTES + length:
            file.truncate(HEADER_BYTES + length)
        return float(length / (RATE * frame))
