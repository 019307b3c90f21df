"""The process in which hibari-tts lives: `python -m ringback.speech.providers.hibari_child`."""

import sys
from typing import Any

import numpy as np

from ringback.speech.levels import to_samples
from ringback.speech.providers.worker_main import Engine, main


def load() -> Engine:
    """Load the voice that comes inside the package (hibari would download its others), and speak a word to warm up."""
    from hibari import Hibari  # Takes a quarter of a second: only here, not wherever this module is imported.

    engine = Hibari("heart")

    def speak(job: dict[str, Any]) -> tuple[bytes, int]:
        # A seed, so that the same text is the same audio, bit by bit, on every machine.
        sound = engine(str(job["text"]), speed=float(job["rate"]), seed=0)
        return to_samples(np.asarray(sound, np.float32)).tobytes(), int(engine.sample_rate)

    speak({"text": "Welcome.", "rate": 1.0})
    return speak


if __name__ == "__main__":  # pragma: no cover
    sys.exit(main(load))
