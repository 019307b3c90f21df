"""Audio as the layers hand it on: a clip is a file of raw samples."""

from dataclasses import dataclass
from pathlib import Path

SAMPLE_RATE = 8000
"""Samples per second of all audio inside Ringback."""


@dataclass(frozen=True, slots=True)
class Clip:
    """A piece of audio on disk: headerless signed 16-bit little-endian samples, mono, 8000 per second.

    The file's name is a hash of its content or of what it was made from, and it is never changed once it has its
    name, so that every media worker may map it into memory.
    """

    path: Path
    samples: int

    @property
    def seconds(self) -> float:
        """How long it plays."""
        return self.samples / SAMPLE_RATE
