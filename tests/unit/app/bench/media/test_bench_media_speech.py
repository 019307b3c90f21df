"""What the telephones say."""

import numpy as np

from ringback.app.bench.media.speech import RATE, talk


def test_it_is_the_same_each_time_and_another_for_another_speaker() -> None:
    assert np.array_equal(talk(1, 3), talk(1, 3))
    assert not np.array_equal(talk(1, 3), talk(2, 3))


def test_about_half_of_it_is_silence() -> None:
    samples = talk(1)
    assert len(samples) == 20 * RATE
    assert np.abs(samples).max() == 9000
    frames = np.abs(samples.reshape(-1, 160)).max(axis=1)
    assert 0.35 < np.count_nonzero(frames > 300) / len(frames) < 0.65
