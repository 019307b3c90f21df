"""G.711 as tables: one lookup a sample, for whole matrices at once (ITU-T G.711)."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

PCMU: Final = 0
PCMA: Final = 1
CODECS: Final = {"PCMU": PCMU, "PCMA": PCMA}
SILENCE: Final = (0xFF, 0xD5)
"""The byte that is silence, by codec."""


def _ulaw_decode() -> NDArray[np.int16]:
    inverted = ~np.arange(256) & 0xFF
    magnitude = (((inverted & 0x0F) << 3) + 0x84) << ((inverted & 0x70) >> 4)
    return np.where(inverted & 0x80, 0x84 - magnitude, magnitude - 0x84).astype(np.int16)


def _alaw_decode() -> NDArray[np.int16]:
    toggled = np.arange(256) ^ 0x55
    exponent, mantissa = (toggled & 0x70) >> 4, (toggled & 0x0F) << 4
    magnitude = np.where(exponent == 0, mantissa + 8, (mantissa + 0x108) << np.maximum(exponent - 1, 0))
    return np.where(toggled & 0x80, magnitude, -magnitude).astype(np.int16)


def _encode(decode: NDArray[np.int16], silence: int) -> NDArray[np.uint8]:
    """Invert a decoding table: the nearest of the 256 levels for each of the 65,536 samples, indexed as uint16."""
    order = np.argsort(decode, kind="stable")
    levels = decode[order].astype(np.int64)
    samples = np.arange(-32768, 32768)
    above = np.clip(np.searchsorted(levels, samples), 1, 255)
    nearest = np.where(levels[above] - samples < samples - levels[above - 1], above, above - 1)
    table = np.roll(order[nearest].astype(np.uint8), -32768)
    # Two bytes are equally near to zero (µ-law has it twice, A-law has ±8); receivers know one of them as silence.
    table[0] = silence
    return table


DECODE: Final = np.stack([_ulaw_decode(), _alaw_decode()])
"""int16[codec, byte]: the sample that a byte stands for."""
ENCODE: Final = np.stack([_encode(DECODE[codec], SILENCE[codec]) for codec in (PCMU, PCMA)])
"""uint8[codec, sample as uint16]: the nearest byte for a sample."""
ENCODE_FLAT: Final = ENCODE.ravel()


def _pairs(table: NDArray[np.int16]) -> NDArray[np.uint32]:
    """For two bytes, as a uint16, the two samples, as a uint32."""
    both = np.arange(65536, dtype=np.uint16).view(np.uint8)
    return np.ascontiguousarray(table[both]).view(np.uint32)


_DECODE_PAIRS: Final = tuple(_pairs(table) for table in DECODE)


def decode_rows(payload: NDArray[np.uint8], codec: int) -> NDArray[np.int16]:
    """Decode a matrix of bytes with an even number of columns, two at a time: half the lookups."""
    return _DECODE_PAIRS[codec].take(payload.view(np.uint16), mode="wrap").view(np.int16)


def decode(data: bytes, codec: int = PCMU) -> NDArray[np.int16]:
    """Decode G.711 bytes to samples."""
    return np.asarray(DECODE[codec][np.frombuffer(data, np.uint8)])


def encode(samples: NDArray[np.int16], codec: int = PCMU) -> bytes:
    """Encode samples as G.711 bytes."""
    return bytes(ENCODE[codec][np.ascontiguousarray(samples, np.int16).view(np.uint16)].tobytes())
