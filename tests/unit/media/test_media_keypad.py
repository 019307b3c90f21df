"""Keys towards a peer: as events with the right pace, or as the tones of ITU-T Q.23."""

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from ringback.media.arena import FRAME
from ringback.media.keypad import (
    GAP_FRAMES,
    HALF_SECOND_FRAMES,
    KEY_FRAMES,
    KeyPacket,
    Keypad,
    KeypadError,
    KeysSent,
    tone,
)
from ringback.rtp.telephone_event import KEYS, parse

Q23 = {
    "1": (697, 1209), "2": (697, 1336), "3": (697, 1477), "A": (697, 1633),
    "4": (770, 1209), "5": (770, 1336), "6": (770, 1477), "B": (770, 1633),
    "7": (852, 1209), "8": (852, 1336), "9": (852, 1477), "C": (852, 1633),
    "*": (941, 1209), "0": (941, 1336), "#": (941, 1477), "D": (941, 1633),
}  # fmt: skip


def steps(keypad: Keypad) -> list[KeyPacket | NDArray[np.int16] | None]:
    """All that a keypad does, frame by frame, up to the word that it is done."""
    out: list[KeyPacket | NDArray[np.int16] | None] = []
    for frame in itertools.count():
        step = keypad.next(frame * FRAME)
        if isinstance(step, KeysSent):
            assert step == KeysSent(keypad.row, keypad.token)
            return out
        out.append(step)
    raise AssertionError


def frequencies(samples: NDArray[np.int16]) -> list[int]:
    """The two strongest frequencies, in Hz, to the precision that the length allows."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), 8000))
    first = int(spectrum.argmax())
    spectrum[max(0, first - 40) : first + 41] = 0
    return sorted([first, int(spectrum.argmax())])


# -- as events --------------------------------------------------------------------------------------------------


def test_a_key_is_an_event_of_160_ms_with_three_ends_and_a_gap() -> None:
    did = steps(Keypad(3, 9, "5", as_events=True))
    packets = [step for step in did if isinstance(step, KeyPacket)]

    assert did == [*packets, *[None] * GAP_FRAMES]
    assert [parse(packet.payload).duration for packet in packets] == [
        *range(FRAME, KEY_FRAMES * FRAME + 1, FRAME),
        KEY_FRAMES * FRAME,
        KEY_FRAMES * FRAME,
    ]
    assert [parse(packet.payload).end for packet in packets] == [False] * 7 + [True] * 3
    assert [packet.marker for packet in packets] == [True] + [False] * 9
    assert {packet.timestamp for packet in packets} == {0}


@pytest.mark.parametrize("pause", ["", "w", "W", "wW"])
def test_each_key_has_the_timestamp_at_which_it_goes_down(pause: str) -> None:
    did = steps(Keypad(0, 0, f"1{pause}2", as_events=True))
    waiting = {"": 0, "w": 25, "W": 50, "wW": 75}[pause]
    starts = [n for n, step in enumerate(did) if isinstance(step, KeyPacket) and step.marker]

    assert starts == [0, 10 + GAP_FRAMES + waiting]
    for start in starts:
        assert isinstance(did[start], KeyPacket)
        assert did[start].timestamp == start * FRAME
    assert len(did) == starts[1] + 10 + GAP_FRAMES


# -- as tones ---------------------------------------------------------------------------------------------------


def test_every_key_has_its_tones() -> None:
    assert set(KEYS) == set(Q23)


@pytest.mark.parametrize("key", KEYS)
def test_a_key_is_the_two_frequencies_of_the_recommendation(key: str) -> None:
    """Q.23 allows 1.8 %; over 160 ms a spectrum tells frequencies apart to some 3 Hz."""
    did = steps(Keypad(0, 0, key, as_events=False))
    frames = [step for step in did if isinstance(step, np.ndarray)]

    assert len(frames) == KEY_FRAMES
    assert did[KEY_FRAMES:] == [None] * GAP_FRAMES
    assert frequencies(np.concatenate(frames)) == pytest.approx(Q23[key], abs=3)


def test_both_tones_are_equally_loud_and_nothing_is_clipped() -> None:
    loudness = [tone(key, frame).astype(float) for key in KEYS for frame in range(KEY_FRAMES)]

    assert max(np.abs(samples).max() for samples in loudness) < 14000
    # Two sines of a fifth of full scale: -11 dB of a full sine together.
    assert np.sqrt(np.mean(np.square(loudness))) == pytest.approx(0.2 * 32767, rel=0.02)


@pytest.mark.parametrize("key", KEYS)
def test_a_tone_goes_on_without_a_click_from_frame_to_frame(key: str) -> None:
    samples = np.concatenate([tone(key, frame) for frame in range(KEY_FRAMES)]).astype(float)

    # The steepest that two sines of this loudness can be is 0.2 * 2π (f1 + f2) / 8000 of full scale a sample.
    steepest = 0.2 * 32767 * 2 * np.pi * sum(Q23[key]) / 8000
    assert np.abs(np.diff(samples)).max() <= steepest + 1


def test_keys_as_tones_are_apart() -> None:
    did = steps(Keypad(0, 0, "1w2", as_events=False))
    sounds = [isinstance(step, np.ndarray) for step in did]

    assert sounds == [
        *[True] * KEY_FRAMES,
        *[False] * (GAP_FRAMES + HALF_SECOND_FRAMES),
        *[True] * KEY_FRAMES,
        *[False] * GAP_FRAMES,
    ]


# -- what is no key ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("as_events", [True, False])
def test_no_keys_are_done_at_once(as_events: bool) -> None:
    assert steps(Keypad(0, 0, "", as_events=as_events)) == []


def test_pauses_alone_are_silence() -> None:
    assert steps(Keypad(0, 0, "wW", as_events=True)) == [None] * 75


@pytest.mark.parametrize(("keys", "wrong"), [("12x", "x"), ("a", "a"), ("1 2", " "), ("é!9", "!é")])
def test_what_is_no_key_is_refused(keys: str, wrong: str) -> None:
    with pytest.raises(KeypadError, match=f"^not a key: '{wrong}' \\(keys are 0-9 A-D # \\*, pauses w and W\\)$"):
        Keypad(0, 0, keys, as_events=True)
