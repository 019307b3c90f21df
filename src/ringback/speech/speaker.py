"""Say: a text becomes a clip, by the first engine that can, and from then on out of the cache."""

import asyncio
import logging
import time
import unicodedata
from collections import OrderedDict
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ringback.model.audio import SAMPLE_RATE, Clip
from ringback.speech import cache, levels
from ringback.speech.contract import (
    INTERNAL_FAILURE,
    MAX_TEXT,
    NO_TEXT,
    TEXT_TOO_LONG,
    UNKNOWN_LANGUAGE,
    SpeechError,
    TextToSpeech,
    Voice,
)
from ringback.speech.normalise import Passage, Segment, normalise
from ringback.speech.providers.espeak import Espeak
from ringback.speech.providers.hibari import Hibari
from ringback.speech.sentences import split
from ringback.speech.voices import DEFAULT_LANGUAGE, resolve

SENTENCE_GAP_MS: Final = 240
"""Silence between two parts, on top of what `levels.trim` leaves: together a reader's pause."""
NOTHING_MS: Final = 300
"""How long the caller hears nothing where a text has nothing that can be pronounced: `…`, or an emoji alone."""
MAX_BREAK_MS: Final = 10_000
MAX_SECONDS: Final = 600
RECENT: Final = 1024

_RECIPE: Final = 1
"""To be counted up when normalising, splitting or levelling changes: speech in caches is then made anew."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Note:
    """Something that the author of the document should know, with the code of the warning."""

    code: int
    message: str


@dataclass(frozen=True, slots=True)
class Spoken:
    """A text as sound: `seconds` long, made by `engine` in `ms` milliseconds, or `cached`."""

    clip: Clip
    engine: str
    cached: bool
    seconds: float
    ms: float
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class Script:
    """What is to be spoken: a text that has been normalised and cut into parts, and by whom."""

    parts: tuple[Passage, ...]
    voice: Voice
    notes: tuple[Note, ...] = ()


Said = str | Sequence[Segment]


def default_providers() -> list[TextToSpeech]:
    """The engines that a plain installation brings, best first."""
    return [Hibari(), Espeak()]


class Speaker:
    """Turns the text of Say into clips.

    Engines are asked in order; one that doesn't have the language, or fails, leaves the text to the next. Requests for
    the same speech at the same time share one synthesis.
    """

    def __init__(
        self,
        cache_dir: Path,
        providers: Sequence[TextToSpeech] | None = None,
        *,
        max_cache_bytes: int = cache.DEFAULT_BYTES,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """Take where clips are kept, the engines (default: `default_providers`), and a clock in seconds."""
        self._providers = tuple(default_providers() if providers is None else providers)
        self._cache = cache.ClipCache(cache_dir, max_cache_bytes)
        self._clock = clock
        self._recent: OrderedDict[tuple[Said, str, str | None], Spoken] = OrderedDict()
        self._flights: dict[tuple[object, ...], asyncio.Future[Spoken]] = {}

    async def start(self) -> None:
        """Read the cache's directory and let the engines begin to load; return without waiting for them."""
        await asyncio.to_thread(self._cache.open)
        for provider in self._providers:
            try:
                await provider.start()
            except Exception as error:  # noqa: BLE001  An engine that cannot start must not keep the server from it.
                _log.warning("speech: %s does not start: %s", provider.name, error)

    async def close(self) -> None:
        """End the engines."""
        for provider in self._providers:
            await provider.close()

    async def say(self, text: Said, *, voice: str = "man", language: str | None = None) -> Spoken:
        """Return `text`, or segments of it, as a clip.

        `voice` is a value of Say's attribute (`man`, `woman`, `alice`, `Polly.Joanna`, `Google.es-ES-…`); one that is
        not known is replaced. `language` is a BCP-47 tag; None or an empty one means the voice's own. Raises
        `SpeechError`: 13520 without any text, 12400 when no engine could speak.
        """
        started = self._clock()
        asked = (text if isinstance(text, str) else tuple(text), voice, language)
        known = self._recall(asked)
        if known is None:
            script = self.script(text, voice=voice, language=language)
            known = await self._share((script.parts, script.voice), lambda: self._make(script))
            known = replace(known, notes=script.notes + known.notes)
            if known.engine and known.engine == self._first(script.voice):  # What a stand-in said is asked for again.
                self._remember(asked, replace(known, cached=True))
        return replace(known, ms=(self._clock() - started) * 1000)

    def script(self, text: Said, *, voice: str = "man", language: str | None = None) -> Script:
        """Find out what `say` would speak, without speaking. Raises `SpeechError` 13520 when that is nothing at all."""
        found = resolve(voice, language)
        notes = [Note(found.code, found.warning)] if found.warning else []
        speaker = found.voice
        if not any(provider.speaks(speaker) for provider in self._providers):
            english = Voice(DEFAULT_LANGUAGE, speaker.gender)
            if not any(provider.speaks(english) for provider in self._providers):
                raise SpeechError(INTERNAL_FAILURE, f"no engine speaks {speaker.language!r}: {self._advice()}")
            notes.append(Note(UNKNOWN_LANGUAGE, f"no engine speaks {speaker.language!r}; it is read as English"))
            speaker = english
        said, cut = _bounded(text)
        if cut:
            notes.append(Note(TEXT_TOO_LONG, f"Say speaks {MAX_TEXT} characters; the text has {cut} more"))
        passages = normalise(said, speaker.language)
        if not passages:
            raise SpeechError(NO_TEXT, "Say has no text: put what is to be spoken between <Say> and </Say>")
        return Script(tuple(_cut(passages)), speaker, tuple(notes))

    async def parts(self, script: Script, provider: TextToSpeech) -> AsyncGenerator[NDArray[np.int16]]:
        """Yield the sound of each part of `script` as soon as `provider` has made it: int16 at 8 kHz, `[samples]`."""
        for index, part in enumerate(script.parts):
            sound = levels.silence(0)
            if part.text:
                pcm = await provider.synthesize(part.text, script.voice, part.rate)
                sound = await asyncio.to_thread(levels.prompt, pcm)
            last = index == len(script.parts) - 1
            gap = part.break_ms or (0 if last else SENTENCE_GAP_MS)
            yield np.concatenate([sound, levels.silence(gap)])

    async def _make(self, script: Script) -> Spoken:
        """Ask one engine after the other, each one's cache first."""
        failures = []
        silent = ""
        for provider in self._providers:
            if not provider.speaks(script.voice):
                continue
            name = cache.key(_RECIPE, provider.name, provider.version, script.voice, script.parts)
            clip = self._cache.get(name)
            if clip is not None:
                return Spoken(clip, provider.name, True, clip.seconds, 0.0)
            try:
                samples = await self._collect(script, provider)
            except Exception as error:  # noqa: BLE001  Whatever an engine raises, the caller should still hear something.
                _log.warning("speech: %s failed: %s", provider.name, error)
                failures.append(str(error))
                continue
            if not samples.any():
                silent = provider.name
                continue
            clip = await asyncio.to_thread(self._cache.put, name, samples)
            return Spoken(clip, provider.name, False, clip.seconds, 0.0)
        if not silent:
            raise SpeechError(INTERNAL_FAILURE, "no engine could speak: " + ("; ".join(failures) or self._advice()))
        return await self._hush(script)

    async def _hush(self, script: Script) -> Spoken:
        """Return silence, as long as the pauses of the script, where there is nothing that can be pronounced."""
        ms = min(max(NOTHING_MS, sum(part.break_ms for part in script.parts)), MAX_SECONDS * 1000)
        name = cache.key("silence", ms)
        clip = self._cache.get(name)
        if clip is None:
            clip = await asyncio.to_thread(self._cache.put, name, levels.silence(ms))
        return Spoken(clip, "", False, clip.seconds, 0.0, (Note(NO_TEXT, "the text has nothing that can be spoken"),))

    async def _collect(self, script: Script, provider: TextToSpeech) -> NDArray[np.int16]:
        sounds: list[NDArray[np.int16]] = []
        room = MAX_SECONDS * SAMPLE_RATE
        async with aclosing(self.parts(script, provider)) as parts:
            async for sound in parts:
                sounds.append(sound[:room])
                room -= len(sounds[-1])
                if not room:
                    break
        return np.concatenate(sounds)

    async def _share(self, key: tuple[object, ...], make: Callable[[], Awaitable[Spoken]]) -> Spoken:
        """Let the first caller do the work and the others wait. When that caller hangs up, the next takes over."""
        while (flight := self._flights.get(key)) is not None:
            await asyncio.wait(
                {flight}
            )  # Unlike awaiting it, this doesn't cancel the flight when this caller hangs up.
            if not flight.cancelled():
                return flight.result()
        flight = self._flights[key] = asyncio.get_running_loop().create_future()
        try:
            result = await make()
        except Exception as error:
            flight.set_exception(error)
            flight.exception()  # Perhaps nobody else waits; then it isn't lost either, since it is raised here.
            raise
        else:
            flight.set_result(result)
            return result
        finally:
            flight.cancel()
            del self._flights[key]

    def _first(self, voice: Voice) -> str:
        return next((provider.name for provider in self._providers if provider.speaks(voice)), "")

    def _recall(self, asked: tuple[Said, str, str | None]) -> Spoken | None:
        spoken = self._recent.get(asked)
        if spoken is None:
            return None
        if self._cache.get(spoken.clip.path.stem) is None:  # It had to make room.
            del self._recent[asked]
            return None
        self._recent.move_to_end(asked)
        return spoken

    def _remember(self, asked: tuple[Said, str, str | None], spoken: Spoken) -> None:
        if isinstance(asked[0], str) and len(asked[0]) > MAX_TEXT:
            return
        self._recent[asked] = spoken
        if len(self._recent) > RECENT:
            self._recent.popitem(last=False)

    def _advice(self) -> str:
        names = ", ".join(provider.name for provider in self._providers) or "none"
        return f"install hibari-tts (English) and espeakng-loader or espeak-ng (all other languages); engines: {names}"


def _bounded(text: Said) -> tuple[Said, int]:
    """Cut a text to `MAX_TEXT` characters, at a blank where there is one near; return it and how many are left out."""
    segments = [Segment(text)] if isinstance(text, str) else text
    room, kept = MAX_TEXT, []
    for segment in segments:
        words = segment.text
        if len(words) > room:
            words = words[:room]
            words = words[: words.rfind(" ")] if " " in words[-60:] else words
        room -= len(words)
        kept.append(replace(segment, text=words, break_ms=min(max(segment.break_ms, 0), MAX_BREAK_MS)))
        if len(words) < len(segment.text):
            break
    total = sum(len(segment.text) for segment in segments)
    return kept, total - sum(len(segment.text) for segment in kept)


def _pronounceable(text: str) -> bool:
    """Tell whether there is more than punctuation, which engines make noises of. An emoji has a name to some."""
    return any(c.isalnum() or unicodedata.category(c) in ("So", "Sc", "Sm") for c in text)


def _cut(passages: Sequence[Passage]) -> list[Passage]:
    """Cut passages into parts that engines take, the pause of a passage after its last part."""
    parts = []
    for passage in passages:
        texts = [text if _pronounceable(text) else "" for text in split(passage.text)] or [""]
        parts += [Passage(text, passage.rate) for text in texts[:-1]]
        parts.append(Passage(texts[-1], passage.rate, passage.break_ms))
    return parts
