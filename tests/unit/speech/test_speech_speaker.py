"""Say: engines in order, the cache, and many callers at once."""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from speech_fakes import FakeEngine, assert_prompt, check_engine

from ringback.model.audio import Clip
from ringback.speech.contract import (
    INTERNAL_FAILURE,
    MAX_TEXT,
    NO_TEXT,
    TEXT_TOO_LONG,
    UNKNOWN_LANGUAGE,
    UNKNOWN_VOICE,
    SpeechError,
    Voice,
)
from ringback.speech.normalise import Passage, Segment
from ringback.speech.speaker import NOTHING_MS, RECENT, SENTENCE_GAP_MS, Speaker, default_providers


class Clock:
    """Goes on by a millisecond with each look."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 0.001
        return self.now


async def opened(path: Path, *engines: FakeEngine, max_cache_bytes: int = 1 << 24) -> Speaker:
    speaker = Speaker(path, engines, clock=Clock(), max_cache_bytes=max_cache_bytes)
    await speaker.start()
    return speaker


def samples(clip: Clip) -> np.ndarray[tuple[int, ...], np.dtype[np.int16]]:
    return np.fromfile(clip.path, "<i2")


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
async def speaker(tmp_path: Path, engine: FakeEngine) -> AsyncIterator[Speaker]:
    made = await opened(tmp_path, engine)
    yield made
    await made.close()


async def test_the_fake_is_an_engine(engine: FakeEngine) -> None:
    await check_engine(engine, Voice("en-US"))


async def test_a_text_becomes_a_clip(speaker: Speaker, engine: FakeEngine) -> None:
    spoken = await speaker.say("Hello there")
    assert (spoken.engine, spoken.cached, spoken.notes) == ("fake", False, ())
    assert spoken.seconds == spoken.clip.seconds == pytest.approx(0.55, abs=0.01)
    assert spoken.clip.samples == len(samples(spoken.clip))
    assert spoken.ms == pytest.approx(1)
    assert_prompt(samples(spoken.clip))
    assert engine.asked == [("Hello there", Voice("en-US", "man"), 1.0)]
    assert engine.started == 1


async def test_engines_are_given_normalised_sentences(speaker: Speaker, engine: FakeEngine) -> None:
    spoken = await speaker.say("Your code is A B 7. Thank you.", voice="Polly.Amy")
    voice = Voice("en-GB", "woman")
    assert engine.asked == [("Your code is eh b seven.", voice, 1.0), ("Thank you.", voice, 1.0)]
    alone = (24 + 10) * 0.05
    assert spoken.seconds == pytest.approx(alone + SENTENCE_GAP_MS / 1000, abs=0.02)


async def test_segments_with_pauses_and_pace(speaker: Speaker, engine: FakeEngine) -> None:
    segments = [Segment("Wait", break_ms=700), Segment("12", "digits", rate=0.5), Segment("", break_ms=99_000)]
    spoken = await speaker.say(segments)
    assert [(text, rate) for text, _, rate in engine.asked] == [("Wait", 1.0), ("one two", 0.5)]
    assert spoken.seconds == pytest.approx(0.2 + 0.7 + 0.7 + SENTENCE_GAP_MS / 1000 + 10, abs=0.03), "10 s at most"
    assert (await speaker.say(segments)).cached


async def test_the_second_time_no_engine_is_asked(speaker: Speaker, engine: FakeEngine) -> None:
    first = await speaker.say("Hello")
    second = await speaker.say("Hello")
    assert second == replace(first, cached=True)
    again = await speaker.say("  Hello\n")
    assert (again.cached, again.clip) == (True, first.clip), "what is spoken counts, not how it is written"
    assert len(engine.asked) == 1


@pytest.mark.parametrize(
    "other", [{"voice": "woman"}, {"language": "en-GB"}, {"text": "Hallo"}, {"text": [Segment("Hello", rate=1.5)]}]
)
async def test_other_speech_is_another_clip(speaker: Speaker, engine: FakeEngine, other: dict[str, str]) -> None:
    first = await speaker.say("Hello")
    second = await speaker.say(**{"text": "Hello", **other})  # type: ignore[arg-type]
    assert not second.cached and second.clip.path != first.clip.path
    assert len(engine.asked) == 2


async def test_the_cache_outlives_the_server(tmp_path: Path) -> None:
    first = await (await opened(tmp_path, FakeEngine())).say("Hello")
    engine = FakeEngine()
    second = await (await opened(tmp_path, engine)).say("Hello")
    assert (second.cached, second.clip, engine.asked) == (True, first.clip, [])


async def test_a_new_version_of_an_engine_speaks_anew(tmp_path: Path) -> None:
    await (await opened(tmp_path, FakeEngine())).say("Hello")
    newer = FakeEngine(version="2")
    assert not (await (await opened(tmp_path, newer)).say("Hello")).cached


async def test_a_clip_that_had_to_go_is_made_anew(tmp_path: Path, engine: FakeEngine) -> None:
    speaker = await opened(tmp_path, engine, max_cache_bytes=8000)
    first = await speaker.say("Hello")
    await speaker.say("Good morning")
    assert not first.clip.path.exists()
    again = await speaker.say("Hello")
    assert (again.cached, again.clip) == (False, first.clip)
    assert again.clip.path.exists()


@pytest.mark.long
async def test_memory_is_bounded(speaker: Speaker) -> None:
    for number in range(RECENT + 10):
        await speaker.say("Hello", voice=f"Polly.{number}")
    await speaker.say("x" * 60 + " " * MAX_TEXT)
    assert len(speaker._recent) == RECENT
    assert not any(len(text) > MAX_TEXT for text, _, _ in speaker._recent)


async def test_a_hundred_callers_share_one_synthesis(speaker: Speaker, engine: FakeEngine) -> None:
    engine.gate = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(speaker.say("Hello")) for _ in range(100)]
        for _ in range(5):
            await asyncio.sleep(0)
        engine.gate.set()
    assert len({task.result().clip.path for task in tasks}) == 1
    assert len(engine.asked) == 1


async def test_when_the_caller_who_does_the_work_hangs_up_the_next_takes_over(
    speaker: Speaker, engine: FakeEngine
) -> None:
    engine.gate = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        first, second, third = (group.create_task(speaker.say("Hello")) for _ in range(3))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        second.cancel()  # Somebody who only waits takes nothing with him.
        await asyncio.sleep(0)
        assert engine.cancelled == 0
        first.cancel()
        for _ in range(4):
            await asyncio.sleep(0)
        assert engine.cancelled == 1
        engine.gate.set()
    assert third.result().engine == "fake"
    assert len(engine.asked) == 2
    assert speaker._flights == {}


async def test_a_failure_is_shared_too_and_then_forgotten(speaker: Speaker, engine: FakeEngine) -> None:
    engine.failure = SpeechError(INTERNAL_FAILURE, "no")
    results = await asyncio.gather(speaker.say("Hello"), speaker.say("Hello"), return_exceptions=True)
    assert all(isinstance(result, SpeechError) for result in results)
    engine.failure = None
    assert not (await speaker.say("Hello")).cached


@pytest.mark.parametrize("failure", [SpeechError(INTERNAL_FAILURE, "broken"), RuntimeError("a bug of a plug-in")])
async def test_when_an_engine_fails_the_next_one_speaks(
    tmp_path: Path, failure: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = FakeEngine("first"), FakeEngine("second")
    speaker = await opened(tmp_path, first, second)
    first.failure = failure
    with caplog.at_level(logging.WARNING):
        assert (await speaker.say("Hello")).engine == "second"
    assert f"speech: first failed: {failure}" in caplog.text
    assert (await speaker.say("Hello")).cached, "the stand-in's clip is kept"
    first.failure = None
    spoken = await speaker.say("Hello")
    assert (spoken.engine, spoken.cached) == ("first", False), "but the better engine is asked again"
    assert (await speaker.say("Hello")).engine == "first"


async def test_an_engine_that_does_not_start_does_not_stop_the_server(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = FakeEngine("first"), FakeEngine("second")
    first.failure = OSError("no processes left")
    speaker = await opened(tmp_path, first, second)
    assert "speech: first does not start: no processes left" in caplog.text
    assert (await speaker.say("Hello")).engine == "second"
    await speaker.close()
    assert first.closed == second.closed == 1


async def test_the_first_engine_that_has_the_language_speaks(tmp_path: Path) -> None:
    english, spanish = FakeEngine("english", "en"), FakeEngine("spanish", "es en")
    speaker = await opened(tmp_path, english, spanish)
    assert (await speaker.say("Hola", language="es-MX")).engine == "spanish"
    assert spanish.asked == [("Hola", Voice("es-MX", "man"), 1.0)]
    assert (await speaker.say("Hello", language="en")).engine == "english"


async def test_a_language_that_nobody_has_is_read_as_english(speaker: Speaker, engine: FakeEngine) -> None:
    spoken = await speaker.say("Saluton", language="xx-YY", voice="woman")
    assert [note.code for note in spoken.notes] == [UNKNOWN_LANGUAGE]
    assert "'xx-YY'" in spoken.notes[0].message
    assert engine.asked == [("Saluton", Voice("en-US", "woman"), 1.0)]


async def test_an_unknown_voice_is_noted_each_time(speaker: Speaker) -> None:
    for cached in (False, True):
        spoken = await speaker.say("Hello", voice="Bob")
        assert spoken.cached is cached
        assert [note.code for note in spoken.notes] == [UNKNOWN_VOICE]


async def test_without_engines_the_error_says_what_to_do(tmp_path: Path) -> None:
    speaker = await opened(tmp_path)
    with pytest.raises(SpeechError, match="no engine speaks 'de': install hibari-tts .* engines: none") as caught:
        await speaker.say("Hallo", language="de")
    assert caught.value.code == INTERNAL_FAILURE


async def test_when_all_fail_the_error_has_their_reasons(tmp_path: Path) -> None:
    first, second = FakeEngine("first"), FakeEngine("second")
    speaker = await opened(tmp_path, first, second)
    first.failure, second.failure = RuntimeError("one reason"), RuntimeError("another")
    with pytest.raises(SpeechError, match="no engine could speak: one reason; another"):
        await speaker.say("Hello")


@pytest.mark.parametrize("text", ["", "  \n\t", "\x00\x01", []])
async def test_no_text(speaker: Speaker, text: str) -> None:
    with pytest.raises(SpeechError, match="Say has no text") as caught:
        await speaker.say(text)
    assert caught.value.code == NO_TEXT


async def test_punctuation_alone_is_a_moment_of_silence(speaker: Speaker, engine: FakeEngine) -> None:
    spoken = await speaker.say("...")
    assert engine.asked == []
    assert not samples(spoken.clip).any()
    assert (spoken.engine, spoken.seconds) == ("", NOTHING_MS / 1000)
    assert [note.code for note in spoken.notes] == [NO_TEXT]
    assert (await speaker.say("?!")).clip == spoken.clip


async def test_pauses_alone(speaker: Speaker) -> None:
    assert (await speaker.say([Segment("", break_ms=1500)])).seconds == 1.5


async def test_what_the_first_engine_cannot_pronounce_the_next_one_may(tmp_path: Path) -> None:
    first, second = FakeEngine("first"), FakeEngine("second")
    speaker = await opened(tmp_path, first, second)
    first.silent = True
    assert (await speaker.say("日本語 😀")).engine == "second"
    second.silent = True
    assert (await speaker.say("漢字")).engine == ""


async def test_long_texts_are_spoken_in_parts_up_to_4096_characters(speaker: Speaker, engine: FakeEngine) -> None:
    """4 KB is the limit of a Say (2008-08-01 §2.2); the rest is left out with warning 13521."""
    text = "word " * 1000
    spoken = await speaker.say(text)
    assert [note.code for note in spoken.notes] == [TEXT_TOO_LONG]
    assert "the text has 90" in spoken.notes[0].message
    assert sum(len(part) + 1 for part, _, _ in engine.asked) == pytest.approx(MAX_TEXT, abs=5)
    assert all(len(part) <= 240 and part.endswith("word") for part, _, _ in engine.asked)
    assert 190 < spoken.seconds < 215


async def test_the_limit_counts_over_all_segments(speaker: Speaker, engine: FakeEngine) -> None:
    script = speaker.script([Segment("a " * 2000), Segment("b" * 200), Segment("c")])
    assert [note.code for note in script.notes] == [TEXT_TOO_LONG]
    assert "c" not in "".join(part.text for part in script.parts)


async def test_a_letter_two_thousand_times_is_no_work(speaker: Speaker, engine: FakeEngine) -> None:
    await speaker.say("A" * 2000)
    assert engine.asked[0][0] == "AAA"


async def test_speech_has_an_end(speaker: Speaker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ringback.speech.speaker.MAX_SECONDS", 2)
    assert (await speaker.say("One two three. " * 50)).seconds == 2


async def test_parts_come_one_by_one(speaker: Speaker, engine: FakeEngine) -> None:
    """The seam for playing a text while the rest of it is still being made."""
    script = speaker.script("One. Two.")
    assert script.parts == (Passage("One."), Passage("Two."))
    parts = speaker.parts(script, engine)
    first = await anext(parts)
    assert len(engine.asked) == 1
    assert len(first) == pytest.approx(8 * (200 + SENTENCE_GAP_MS), abs=100)
    assert len([part async for part in parts]) == 1


def test_the_engines_of_a_plain_installation() -> None:
    assert [provider.name for provider in default_providers()] == ["hibari", "espeak"]


@pytest.mark.slow
async def test_real_engines_in_order(tmp_path: Path) -> None:
    """English by hibari, Spanish and whatever English cannot pronounce by espeak-ng; and all of it as prompts."""
    speaker = Speaker(tmp_path)
    await speaker.start()
    try:
        for text, voice, engine in [
            ("Thank you for calling (415) 555-0132.", "man", "hibari"),
            ("Gracias por llamar.", "Polly.Lupe", "espeak"),
            ("你好", "woman", "espeak"),
        ]:
            spoken = await speaker.say(text, voice=voice)
            assert spoken.engine == engine
            assert_prompt(samples(spoken.clip))
            assert (await speaker.say(text, voice=voice)).cached
    finally:
        await speaker.close()
