"""The engine as its process sees it."""

import numpy as np
import pytest

from ringback.speech.providers.hibari_child import load


@pytest.mark.slow
def test_it_loads_and_speaks_without_a_network() -> None:
    speak = load()
    samples, rate = speak({"text": "Hello.", "rate": 1.0})
    assert rate == 24000
    sound = np.frombuffer(samples, np.int16)
    assert 0.4 < len(sound) / rate < 2.0
    assert np.abs(sound).max() > 1000
    assert speak({"text": "Hello.", "rate": 1.0}) == (samples, rate), "the same text is the same sound"
    assert len(speak({"text": "Hello.", "rate": 2.0})[0]) < 0.8 * len(samples)
    assert speak({"text": "", "rate": 1.0}) == (b"", 24000)
