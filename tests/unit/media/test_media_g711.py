"""µ-law and A-law against the tables of ITU-T G.711."""

import numpy as np
import pytest

from ringback.media import g711

SAMPLES = np.arange(-32768, 32768, dtype=np.int64)


def segments(steps: list[tuple[int, int, int]]) -> list[int]:
    """Levels of one sign: from the first level on, so many of them, so far apart."""
    return [first + step * n for first, step, count in steps for n in range(count)]


def g711_ulaw_levels() -> list[int]:
    """The 128 levels of µ-law from 0 up, as table 2a/G.711 gives them (of 14 bits, so four times the number there)."""
    levels = []
    for segment in range(8):
        first = 33 * 2**segment - 33
        levels += segments([(first * 4, 8 << segment, 16)])
    return levels


def g711_alaw_levels() -> list[int]:
    """The 128 levels of A-law from 8 up, as table 1a/G.711 gives them (of 13 bits, so eight times the number there)."""
    levels = segments([(8, 16, 32)])
    for segment in range(1, 7):
        levels += segments([((512 << segment - 1) + (8 << segment), 16 << segment, 16)])
    return levels


@pytest.mark.parametrize(
    ("byte", "sample"),
    [(0x00, -32124), (0x80, 32124), (0x7F, 0), (0xFF, 0), (0xFE, 8), (0x7E, -8), (0xEF, 132), (0x10, -15996)],
)
def test_ulaw_bytes_stand_for_the_samples_of_the_recommendation(byte: int, sample: int) -> None:
    assert g711.decode(bytes([byte]), g711.PCMU)[0] == sample


@pytest.mark.parametrize(
    ("byte", "sample"), [(0x2A, -32256), (0xAA, 32256), (0xD5, 8), (0x55, -8), (0xD4, 24), (0x80, 5504), (0x00, -5504)]
)
def test_alaw_bytes_stand_for_the_samples_of_the_recommendation(byte: int, sample: int) -> None:
    assert g711.decode(bytes([byte]), g711.PCMA)[0] == sample


def test_the_whole_ulaw_table() -> None:
    """Bytes count down from the smallest level: all bits are inverted on the line."""
    levels = g711_ulaw_levels()

    assert g711.decode(bytes(range(255, 127, -1))).tolist() == levels
    assert g711.decode(bytes(range(127, -1, -1))).tolist() == [-level for level in levels]


def test_the_whole_alaw_table() -> None:
    """Every other bit is inverted on the line."""
    levels = g711_alaw_levels()

    assert g711.decode(bytes((n | 0x80) ^ 0x55 for n in range(128)), g711.PCMA).tolist() == levels
    assert g711.decode(bytes(n ^ 0x55 for n in range(128)), g711.PCMA).tolist() == [-level for level in levels]


@pytest.mark.parametrize("codec", [g711.PCMU, g711.PCMA])
def test_each_byte_survives_a_round_trip(codec: int) -> None:
    every = bytes(range(256))
    again = g711.encode(g711.decode(every, codec), codec)

    # µ-law has a negative zero too, which comes back as the other one.
    assert [(a, b) for a, b in zip(every, again, strict=True) if a != b] == ([(0x7F, 0xFF)] if codec == 0 else [])


@pytest.mark.parametrize("codec", [g711.PCMU, g711.PCMA])
def test_each_sample_becomes_the_nearest_level(codec: int) -> None:
    """All 65,536 samples: no level is nearer than the one chosen."""
    levels = np.unique(g711.DECODE[codec].astype(np.int64))
    coded = g711.decode(g711.encode(SAMPLES.astype(np.int16), codec), codec).astype(np.int64)
    right = np.clip(np.searchsorted(levels, SAMPLES), 0, len(levels) - 1)
    nearest = np.minimum(abs(levels[right] - SAMPLES), abs(levels[np.maximum(right - 1, 0)] - SAMPLES))

    assert np.array_equal(abs(coded - SAMPLES), nearest)
    assert np.all(np.diff(coded) >= 0)
    # A sixteenth of the sample is the width of a step in its segment; the error is at most half of one.
    inside = abs(SAMPLES) <= levels[-1]
    assert np.all(abs(coded - SAMPLES)[inside] <= np.maximum(8, abs(SAMPLES[inside]) / 32 + 8))


@pytest.mark.parametrize("codec", [g711.PCMU, g711.PCMA])
def test_silence_is_the_byte_that_receivers_know_as_silence(codec: int) -> None:
    assert g711.encode(np.zeros(1, np.int16), codec) == bytes([g711.SILENCE[codec]])


@pytest.mark.parametrize("codec", [g711.PCMU, g711.PCMA])
def test_rows_are_decoded_as_bytes_are(codec: int) -> None:
    rows = np.random.default_rng(711).integers(0, 256, (20, 64)).astype(np.uint8)
    part = rows[:, 4:50]
    assert np.array_equal(g711.decode_rows(part, codec), g711.DECODE[codec][part])
    assert g711.decode_rows(part[:0], codec).shape == (0, 46)


def test_the_flat_table_is_the_same_table() -> None:
    assert g711.ENCODE_FLAT[65536 + 65528] == 0x55
