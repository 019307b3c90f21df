"""Concealment: what is lost sounds on, nothing clicks, nothing gets louder, and who loses nothing is left alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from ringback.media.arena import FRAME
from ringback.media.conceal import HALF, SPENT, Concealer
from tests.unit.media.sounds_rig import RATE, Samples, voices

Lost = NDArray[np.bool_]
"""bool[legs, halves of frames]."""


def silenced(sound: Samples, lost: Lost) -> Samples:
    """What the jitter ring makes of a loss."""
    heard = sound.copy()
    heard.reshape(len(sound), -1, HALF)[lost] = 0
    return heard


def concealed(sound: Samples, lost: Lost, concealer: Concealer | None = None) -> Samples:
    """`sound`, int16[legs, samples], without what is lost and with what stands in for it."""
    concealer = concealer or Concealer(len(sound))
    out = silenced(sound, lost)
    for tick in range(sound.shape[1] // FRAME):
        place = slice(tick * FRAME, (tick + 1) * FRAME)
        frame = np.ascontiguousarray(out[:, place])
        concealer.conceal(frame, ~lost[:, 2 * tick : 2 * tick + 2])
        out[:, place] = frame
    return out


def losses(legs: int, ticks: int, share: float, seed: int) -> Lost:
    return np.repeat(np.random.default_rng(seed).random((legs, ticks)) < share, 2, axis=1)


def sines(*pairs: tuple[float, ...], seconds: float = 2.0) -> Samples:
    """One leg each, with these frequencies at once."""
    when = 2 * np.pi / RATE * np.arange(round(seconds * RATE))
    return np.stack([np.rint(sum(4000 * np.sin(hertz * when) for hertz in pair)) for pair in pairs]).astype(np.int16)


def units(sound: Samples) -> NDArray[np.float64]:
    """RMS of each 10 ms: [legs, halves]."""
    return np.asarray(np.sqrt(np.square(sound.reshape(len(sound), -1, HALF).astype(np.float64)).mean(axis=2)))


def largest_jump(sound: Samples) -> int:
    return int(np.abs(np.diff(sound.astype(np.int64), axis=1)).max())


def snr(sound: Samples, heard: Samples, lost: Lost) -> float:
    """Mean signal to noise ratio of the frames that were lost, each between -10 and 35 dB."""
    frames = lost[:, ::2]
    signal = np.square(sound.reshape(len(sound), -1, FRAME).astype(np.float64)).mean(axis=2)[frames]
    noise = np.square((heard.astype(np.float64) - sound).reshape(len(sound), -1, FRAME)).mean(axis=2)[frames]
    there = signal > 1e4
    return float(np.clip(10 * np.log10(signal[there] / (noise[there] + 1)), -10, 35).mean())


def distance(sound: Samples, heard: Samples, lost: Lost) -> float:
    """Mean log-spectral distance of the frames that were lost, in dB."""

    def spectra(samples: Samples) -> NDArray[np.float64]:
        frames = samples.reshape(len(samples), -1, FRAME)[lost[:, ::2]] * np.hanning(FRAME)
        return np.asarray(10 * np.log10(np.square(np.abs(np.fft.rfft(frames))) + 1e4))

    return float(np.sqrt(np.square(spectra(sound) - spectra(heard)).mean(axis=1)).mean())


# -- how good it sounds -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.02, 0.05, 0.1])
def test_voices_with_losses_sound_more_like_themselves(share: float) -> None:
    sound = voices(12, 2.0, seed=1)
    lost = losses(12, 100, share, seed=2)
    heard = concealed(sound, lost)
    gap = silenced(sound, lost)
    assert distance(sound, heard, lost) < distance(sound, gap, lost) / 2
    assert snr(sound, heard, lost) > snr(sound, gap, lost) + 1


@pytest.mark.parametrize("share", [0.02, 0.05, 0.1])
def test_steady_tones_go_on(share: float) -> None:
    sound = sines((300,), (440,), (1000,), (1234.5,), (2500,))
    lost = losses(5, 100, share, seed=3)
    assert snr(sound, concealed(sound, lost), lost) > 15


def test_a_tone_that_fits_goes_on_as_if_nothing_was_lost_for_ten_milliseconds() -> None:
    sound = sines((400,))
    lost = np.zeros((1, 200), np.bool_)
    lost[0, 50] = True
    error = np.abs(concealed(sound, lost).astype(int) - sound)[0]
    assert error[: 51 * HALF].max() <= 1
    assert error.max() <= 0.1 * 4000  # the fade has begun when the first packet comes


@pytest.mark.parametrize("share", [0.02, 0.1, 0.3])
def test_nothing_clicks(share: float) -> None:
    """The edges of a gap are no steeper than the sound itself."""
    for sound in (voices(12, 2.0, seed=4), sines((440,), (440, 480), (697, 1209))):
        lost = losses(len(sound), 100, share, seed=5)
        assert largest_jump(concealed(sound, lost)) <= 1.05 * largest_jump(sound)


@pytest.mark.parametrize("share", [0.05, 0.3])
def test_what_stands_in_is_no_louder_than_what_was_before(share: float) -> None:
    for sound in (voices(12, 2.0, seed=6), sines((440,), (440, 480), (697, 1209))):
        lost = losses(len(sound), 100, share, seed=7)
        level = units(concealed(sound, lost))
        for leg, unit in np.argwhere(lost):
            before = level[leg, max(0, unit - 6) : unit]
            assert level[leg, unit] <= 1.1 * before.max(initial=0) + 2


def test_the_beginning_of_a_word_is_not_repeated_at_its_loudest() -> None:
    sound = np.zeros((1, 10 * FRAME), np.int16)
    sound[0, 5 * FRAME - 40 :] = 10_000
    lost = np.zeros((1, 20), np.bool_)
    lost[0, 10:12] = True
    level = units(concealed(sound, lost))
    assert level[0, 11] <= np.sqrt(np.square(sound[0, 4 * FRAME : 5 * FRAME].astype(float)).mean()) + 1


def test_loud_noise_stays_within_the_range_of_samples() -> None:
    dice = np.random.default_rng(8)
    sound = dice.choice(np.array([-32768, 32767], np.int16), (4, 50 * FRAME))
    heard = concealed(sound, losses(4, 50, 0.3, seed=9))
    assert units(heard).max() <= 32768


# -- gaps ---------------------------------------------------------------------------------------------------------


def test_a_long_gap_fades_to_silence_within_sixty_milliseconds() -> None:
    sound = sines((250,))
    lost = np.zeros((1, 200), np.bool_)
    lost[0, 40:60] = True
    level = units(concealed(sound, lost))[0]
    full = level[39]
    assert level[40] == pytest.approx(full, rel=0.05)
    assert np.all(np.diff(level[40 : 40 + SPENT]) < 0)
    assert level[40 + SPENT - 1] < 0.2 * full
    assert not level[40 + SPENT : 60].any()


@pytest.mark.parametrize("missed", [1, 2, 4, 12])
def test_the_first_packet_after_a_gap_is_faded_in(missed: int) -> None:
    """Within 10 ms at the most, from what stood in for it; then it is as it came."""
    sound = np.full((1, 100 * FRAME), 8000, np.int16)
    lost = np.zeros((1, 200), np.bool_)
    lost[0, 40 : 40 + missed] = True
    heard = concealed(sound, lost)[0].astype(int)
    back = (40 + missed) * HALF
    assert np.array_equal(heard[back + HALF :], sound[0, back + HALF :])
    steps = np.diff(heard[back - 1 : back + HALF])
    assert steps.max() <= 8000 / 32 and steps.min() >= -8000 / 400


def test_half_a_frame_is_filled_from_the_other_half() -> None:
    """Packets of 10 ms: the second is lost, and the first is already what it goes on from."""
    sound = np.zeros((1, 4 * FRAME), np.int16)
    sound[0, 2 * FRAME :] = sines((400,))[0, : 2 * FRAME]
    lost = np.zeros((1, 8), np.bool_)
    lost[0, 5] = True
    heard = concealed(sound, lost)[0]
    assert np.array_equal(heard[: 5 * HALF], sound[0, : 5 * HALF])
    gap = heard[5 * HALF : 6 * HALF].astype(float)
    assert np.sqrt(np.square(gap).mean()) > 1000


def test_a_loss_right_after_a_loss_goes_on_from_what_was_made_up() -> None:
    sound = sines((400,))
    lost = np.zeros((1, 200), np.bool_)
    lost[0, 40:42] = lost[0, 43:45] = True
    assert np.abs(concealed(sound, lost).astype(int) - sound)[0, : 46 * HALF].max() < 0.3 * 4000


# -- who is left alone --------------------------------------------------------------------------------------------


def test_a_leg_that_loses_nothing_hears_what_was_sent() -> None:
    sound = voices(6, 1.0, seed=10)
    lost = losses(6, 50, 0.2, seed=11)
    lost[::2] = False
    assert np.array_equal(concealed(sound, lost)[::2], sound[::2])


def test_a_leg_that_has_not_begun_is_silent_and_begins_as_it_was_sent() -> None:
    sound = np.full((1, 20 * FRAME), 5000, np.int16)
    lost = np.zeros((1, 40), np.bool_)
    lost[0, :15] = True
    heard = concealed(sound, lost)
    assert np.array_equal(heard, silenced(sound, lost))


def test_a_leg_that_is_silent_stays_so() -> None:
    sound = np.zeros((1, 20 * FRAME), np.int16)
    assert not concealed(sound, losses(1, 20, 0.5, seed=12)).any()


def test_a_row_that_is_given_to_another_leg_remembers_nothing() -> None:
    concealer = Concealer(2)
    concealed(np.full((2, 5 * FRAME), 9000, np.int16), np.zeros((2, 10), np.bool_), concealer)
    concealer.clear(1)
    after = concealed(np.zeros((2, 2 * FRAME), np.int16), np.ones((2, 4), np.bool_), concealer)
    assert after[0].any()
    assert not after[1].any()
    begun = np.full((2, FRAME), 7000, np.int16)
    assert np.array_equal(concealed(begun, np.zeros((2, 2), np.bool_), concealer)[1], begun[1])


def test_legs_may_come_and_go_at_the_end() -> None:
    """Only the first rows may be in use; those above go on where they were when they come again."""
    concealer = Concealer(8)
    sound = voices(8, 0.4, seed=13)
    whole = np.zeros((8, 40), np.bool_)
    for count in (3, 8, 5):
        heard = concealed(sound[:count], whole[:count], concealer)
        assert np.array_equal(heard, sound[:count])


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=30), st.integers(0, 5))
def test_any_pattern_of_losses_leaves_the_rest_alone(pattern: list[tuple[bool, bool]], seed: int) -> None:
    """10 ms after a gap, what is heard is what was sent; after 60 ms of gap, nothing is."""
    sound = np.random.default_rng(seed).integers(-8000, 8000, (1, len(pattern) * FRAME)).astype(np.int16)
    lost = np.array([pattern]).reshape(1, -1)
    heard = concealed(sound, lost).reshape(-1, HALF)
    sent = sound.reshape(-1, HALF)
    gap = SPENT
    for unit, missing in enumerate(lost[0]):
        if missing:
            gap += 1
            assert np.abs(heard[unit].astype(int)).max() <= 24_000
            assert gap <= SPENT or not heard[unit].any()
        else:
            if unit == 0 or not lost[0, unit - 1]:
                assert np.array_equal(heard[unit], sent[unit])
            gap = 0
