"""Finding in a recording what was said."""

import numpy as np
import pytest

from ringback.app.heard import find
from ringback.media import g711

_RNG = np.random.default_rng(7)


def noise(seconds: float) -> np.ndarray:
    return (_RNG.standard_normal(int(seconds * 8000)) * 3000).astype(np.int16)


def silence(seconds: float) -> np.ndarray:
    return np.zeros(int(seconds * 8000), np.int16)


def over_the_telephone(samples: np.ndarray) -> np.ndarray:
    return g711.decode(g711.encode(samples))


def test_a_clip_is_found_where_it_was_played() -> None:
    clip = noise(2.0)
    recording = over_the_telephone(np.concatenate([silence(0.7), clip, silence(1.0)]))
    heard = find(clip, recording)
    assert heard is not None
    assert heard.at == pytest.approx(0.7)
    assert heard.seconds == pytest.approx(2.0)
    assert heard.alike > 0.99


def test_a_clip_that_was_cut_short_is_heard_in_part() -> None:
    clip = noise(3.0)
    heard = find(clip, np.concatenate([silence(0.2), clip[:8000], noise(2.0)]))
    assert heard is not None
    assert heard.seconds == pytest.approx(1.0)


def test_a_slipped_frame_does_not_lose_the_rest() -> None:
    clip = noise(3.0)
    heard = find(clip, np.concatenate([clip[:12000], silence(0.02), clip[12000:]]))
    assert heard is not None
    assert heard.seconds == pytest.approx(3.0)


def test_another_clip_is_not_taken_for_it() -> None:
    assert find(noise(2.0), noise(4.0)) is None


def test_silence_and_short_recordings_are_nothing() -> None:
    assert find(silence(2.0), noise(2.0)) is None
    assert find(noise(2.0), silence(0.1)) is None
    assert find(noise(2.0), silence(4.0)) is None


def test_the_search_begins_after_what_was_heard_before() -> None:
    clip = noise(1.0)
    recording = np.concatenate([clip, silence(1.0), clip])
    second = find(clip, recording, after=0.5)
    assert second is not None
    assert second.at == pytest.approx(2.0)
