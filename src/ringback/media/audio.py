"""Audio files of applications, in every type that <Play> takes, as telephone audio.

Types: clause 2.3 of the 2008-08-01 specification, clause 2.2 of the 2010-04-01 one. A file is read by what it is:
its content type decides only whether it is taken at all, and how to read what has no header (GSM, µ-law).
"""

import io
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from ringback.model.audio import SAMPLE_RATE
from ringback.model.errors import ApplicationError

Samples = npt.NDArray[np.int16]
Source = Path | bytes

WRONG_CONTENT_TYPE: Final = 13420
MAX_SECONDS: Final = 40 * 60
"""Longer audio is cut (clause 2.2 of the 2010-04-01 specification)."""
MAX_SAMPLES: Final = MAX_SECONDS * SAMPLE_RATE

CONTENT_TYPES: Final = {
    "audio/mpeg": "",
    "audio/mp3": "",
    "audio/wav": "",
    "audio/wave": "",
    "audio/x-wav": "",
    "audio/vnd.wave": "",
    "audio/aiff": "",
    "audio/x-aiff": "",
    "audio/x-aifc": "",
    "audio/gsm": "GSM610",
    "audio/x-gsm": "GSM610",
    "audio/ulaw": "ULAW",
    "audio/basic": "ULAW",
}
"""The content types taken, each with the encoding of a file that has no header. The specifications' ten, and three
names of the same formats that servers use."""

_CONTAINERS = frozenset({"WAV", "WAVEX", "RF64", "AIFF", "AU", "MP3"})
_MAGIC = (b"RIFF", b"RF64", b"FORM", b".snd", b"ID3")
_BLOCK_SECONDS = 5
_RATES = range(1000, 384_001)  # samples per second; beyond, a header is broken or malign
_MAX_CHANNELS = 8
_GSM_FRAME = 33  # bytes; each begins with the four bits 1101 (3GPP TS 46.010, as RFC 3551 clause 4.5.8 packs it)


class AudioError(ApplicationError):
    """Audio that can't be played. The code is 13420 unless Ringback itself is to blame (12400)."""

    def __init__(self, message: str, url: str | None = None, code: int = WRONG_CONTENT_TYPE) -> None:
        """Say what is wrong with the audio, and where it came from if that is known."""
        super().__init__(code, message, url)
        self.args = (message, url, code)  # what an exception is made anew from when it changes process


@dataclass(frozen=True, slots=True)
class Decoded:
    """Telephone audio."""

    samples: Samples
    """Mono, 8000 per second."""
    cut: bool
    """True when it was longer than MAX_SECONDS and is not all there."""


def decode(source: Source, content_type: str) -> Decoded:
    """Decode a file, or what would be in one, to mono at 8000 samples per second. Takes its time: not for a loop.

    Raises AudioError for a content type that is not in CONTENT_TYPES and for what is not audio, and nothing else.
    """
    blocks: list[Samples] = []
    total = 0
    for block in decode_blocks(source, content_type):
        blocks.append(block)
        total += len(block)
    samples = np.concatenate(blocks)
    return Decoded(samples[:MAX_SAMPLES], total > MAX_SAMPLES)


def decode_blocks(source: Source, content_type: str) -> Iterator[Samples]:
    """Do what `decode` does in blocks of some seconds, of which at least one has samples; they may exceed MAX_SAMPLES
    by a part of a block, and then the audio is cut.
    """
    total = 0
    try:
        with _open(source, content_type) as file:
            resampler = _Resampler(file.samplerate)
            more = True
            while more and total <= MAX_SAMPLES:
                frames = file.read(file.samplerate * _BLOCK_SECONDS, dtype="float32", always_2d=True)
                more = len(frames) > 0
                block = resampler.feed(_mono(frames), last=not more)
                total += len(block)
                if len(block):
                    yield block
    except (soundfile.SoundFileError, RuntimeError, ValueError, TypeError, MemoryError) as error:
        # libsndfile's own words, without the name of the file.
        raise AudioError(f"the audio can't be decoded: {getattr(error, 'error_string', error)}") from error
    if total == 0:
        raise AudioError("the audio holds no sound")


def _open(source: Source, content_type: str) -> Any:
    kind = content_type.partition(";")[0].strip().lower()
    if kind not in CONTENT_TYPES:
        known = ", ".join(CONTENT_TYPES)
        raise AudioError(f"the content type {kind[:80] or '(none)'!r} is not one that can be played: {known}")
    head = _head(source)
    if not head:
        raise AudioError("the audio is empty")
    encoding = CONTENT_TYPES[kind]
    stream = str(source) if isinstance(source, Path) else _Bytes(source)
    if encoding and not head.startswith(_MAGIC):
        if encoding == "GSM610" and (len(head) < _GSM_FRAME or head[0] >> 4 != 0xD):
            raise AudioError("the audio is neither GSM 06.10 nor a file with a header that says what it is")
        return soundfile.SoundFile(stream, format="RAW", subtype=encoding, samplerate=SAMPLE_RATE, channels=1)
    file = soundfile.SoundFile(stream)
    try:
        _check(file)
    except AudioError:
        file.close()
        raise
    return file


class _Bytes(io.BytesIO):
    """A file in memory that a damaged header may tell to go before its beginning: it stays where it is, as on disk."""

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        with suppress(ValueError):
            super().seek(offset, whence)
        return self.tell()


def _head(source: Source) -> bytes:
    if isinstance(source, bytes):
        return source[:_GSM_FRAME]
    try:
        with source.open("rb") as file:
            return file.read(_GSM_FRAME)
    except OSError as error:
        raise AudioError(f"the audio can't be read: {error.strerror}") from error


def _check(file: Any) -> None:
    if file.format not in _CONTAINERS:
        raise AudioError(f"the audio is {file.format_info}, which is not a format that can be played")
    if file.samplerate not in _RATES:
        raise AudioError(f"the audio says that it has {file.samplerate} samples per second")
    if file.channels > _MAX_CHANNELS:
        raise AudioError(f"the audio has {file.channels} channels, more than {_MAX_CHANNELS}")


def _mono(frames: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    # A file of floats may hold anything, numbers or not.
    mixed: npt.NDArray[np.float32] = np.clip(np.nan_to_num(frames), -1.0, 1.0).mean(axis=1, dtype=np.float32)
    return mixed


class _Resampler:
    """Turns mono floats of any rate, in pieces, into the samples of a telephone."""

    def __init__(self, rate: int) -> None:
        self._stream = None if rate == SAMPLE_RATE else soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32")

    def feed(self, samples: npt.NDArray[np.float32], last: bool) -> Samples:
        if self._stream is not None:
            samples = self._stream.resample_chunk(samples, last=last)
        pcm: Samples = np.clip(np.rint(samples * 32768.0), -32768, 32767).astype(np.int16)
        return pcm
