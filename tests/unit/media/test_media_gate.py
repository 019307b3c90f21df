"""Voice by loudness, and the hysteresis that keeps a click from beginning it and a pause for breath from ending it."""

import numpy as np
import pytest

from ringback.media.gate import DOWN_FRAMES, UP_FRAMES, EnergyGate, Hysteresis, VoiceChange

ROWS = np.array([4, 1])


def noise(rms: float, frames: int, seed: int = 0) -> np.ndarray[tuple[int, int], np.dtype[np.int16]]:
    """Noise of a loudness."""
    return np.random.default_rng(seed).normal(0, rms, (frames, 160)).clip(-32768, 32767).astype(np.int16)


def judged(pattern: str, *, speaking: bool = False, up: int = 2, down: int = 3) -> list[tuple[bool, int]]:
    """The changes of row 4 for units that are voice (v), quiet (q) or neither (-); row 1 is always quiet."""
    hysteresis = Hysteresis(6, up, down)
    hysteresis.reset(ROWS, np.array([speaking, False]))
    changes = []
    for number, unit in enumerate(pattern):
        voice, quiet = np.array([unit == "v", False]), np.array([unit == "q", True])
        changes += hysteresis.step(ROWS, voice, quiet, np.array([number, number]))
        assert hysteresis.speaking[4] == (changes[-1].speaking if changes else speaking)
    assert all(change.row == 4 for change in changes)
    return [(change.speaking, change.at_tick) for change in changes]


@pytest.mark.parametrize(
    ("pattern", "changes"),
    [
        ("qqqqqq", []),
        ("qvqvqv", []),
        ("qvvq", [(True, 1)]),
        ("v-vq", []),
        ("vvqqvqqvqq", [(True, 0)]),
        ("vvvvqqqq", [(True, 0), (False, 4)]),
        ("vv--qq-qqq", [(True, 0), (False, 7)]),
        ("vvqqqvv", [(True, 0), (False, 2), (True, 5)]),
    ],
)
def test_it_takes_some_units_in_a_row_and_the_change_is_where_they_began(
    pattern: str, changes: list[tuple[bool, int]]
) -> None:
    assert judged(pattern) == changes


def test_it_goes_on_from_what_is_known() -> None:
    assert judged("vvqqq", speaking=True) == [(False, 2)]


def fed(gate: EnergyGate, frames: np.ndarray[tuple[int, int], np.dtype[np.int16]], first: int = 0) -> list[VoiceChange]:
    """The changes of row 4; row 1 is fed silence."""
    changes = []
    for number, frame in enumerate(frames):
        both = np.stack([frame, np.zeros(160, np.int16)])
        changes += gate.feed(ROWS, both, first + number)
    return changes


@pytest.mark.parametrize("rms", [0, 10, 60, 180, 290])
def test_the_noise_of_a_line_is_no_voice_and_what_is_louder_is(rms: float) -> None:
    gate = EnergyGate(6)

    assert fed(gate, noise(rms, 100)) == []
    assert fed(gate, noise(3000, 40), 100) == [VoiceChange(4, True, 100)]
    assert fed(gate, noise(rms, 40), 140) == [VoiceChange(4, False, 140)]


def test_a_click_does_not_begin_it_and_a_breath_does_not_end_it() -> None:
    gate = EnergyGate(6)
    assert fed(gate, np.concatenate([noise(10, 9), noise(3000, UP_FRAMES - 1), noise(10, 9)])) == []

    spoken = np.concatenate([noise(3000, 20), noise(10, DOWN_FRAMES - 1), noise(3000, 20)])
    assert fed(gate, spoken, 100) == [VoiceChange(4, True, 100)]


def test_a_noise_that_stays_is_no_voice_after_some_seconds() -> None:
    gate = EnergyGate(6)
    fed(gate, noise(20, 50))

    assert [change.speaking for change in fed(gate, noise(500, 600))] == [True, False]


def test_voice_from_the_first_frame_is_heard() -> None:
    assert fed(EnergyGate(6), noise(3000, 10)) == [VoiceChange(4, True, 0)]


def test_another_call_in_the_row_begins_with_nothing_known() -> None:
    gate = EnergyGate(6)
    fed(gate, noise(3000, 100))
    gate.reset(ROWS, np.array([False, False]))

    assert fed(gate, noise(200, 50)) == []
