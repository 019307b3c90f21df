"""What Ringback asks of a speech engine, and what it gets back."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from ringback.model.errors import ApplicationError

NO_TEXT: Final = 13520
"""Say has no text."""
TEXT_TOO_LONG: Final = 13521
"""Say has more text than is spoken; the rest is left out."""
UNKNOWN_VOICE: Final = 13511
"""Say names a voice that is not known; another one speaks."""
UNKNOWN_LANGUAGE: Final = 13512
"""Say names a language that no engine has; English is spoken."""
INTERNAL_FAILURE: Final = 12400
"""No engine could speak, and the application is not to blame."""

MAX_TEXT: Final = 4096
"""Characters of one Say that are spoken: the limit that TwiML documents for its basic voices."""
MAX_PART: Final = 1000
"""Characters that an engine is given at once. Longer texts reach it sentence by sentence."""


class HearingError(Exception):
    """A sound cannot be written down; the text says why."""


Gender = Literal["man", "woman"]


class SpeechError(ApplicationError):
    """Nothing can be spoken. `code` says whose fault that is: 13520 the document's, 12400 the engines'."""


@dataclass(frozen=True, slots=True)
class Voice:
    """Who should speak: a language as a BCP-47 tag (`en-US`, `pt-BR`, `es`), and a man or a woman."""

    language: str = "en-US"
    gender: Gender = "man"

    @property
    def primary(self) -> str:
        """The primary subtag of the language, in small letters: `en` of `en-GB`."""
        return self.language.replace("_", "-").split("-", 1)[0].lower()


@dataclass(frozen=True, slots=True)
class Pcm:
    """Sound as an engine makes it: mono, signed 16-bit, shape `[samples]`, `rate` samples per second.

    No samples at all means that the engine found nothing to pronounce, as English engines do in Chinese text.
    """

    samples: NDArray[np.int16]
    rate: int


class TextToSpeech(Protocol):
    """A speech engine. It serves many calls at once, and must never hold up the event loop."""

    @property
    def name(self) -> str:
        """A short name for logs, timelines and the cache: `hibari`."""
        ...

    @property
    def version(self) -> str:
        """Changes whenever the same text may sound different, so that cached speech is made anew."""
        ...

    async def start(self) -> None:
        """Begin to load, and return without waiting for it. Speaking before that has ended waits; it doesn't fail."""
        ...

    async def close(self) -> None:
        """End processes and give back memory. What is being synthesised fails with `SpeechError`."""
        ...

    def speaks(self, voice: Voice) -> bool:
        """Tell whether this engine has the language of `voice`. It may lack the gender."""
        ...

    async def synthesize(self, text: str, voice: Voice, rate: float = 1.0) -> Pcm:
        """Speak `text`, at most `MAX_PART` characters that `normalise` has been over, at `rate` times the usual pace.

        Cancelling it stops the work. Raises `SpeechError` when the engine is missing, fails or takes too long.
        """
        ...


class SpeechToText(Protocol):
    """An engine that writes down what was said. It must never hold up the event loop."""

    @property
    def unfit(self) -> str:
        """Why nothing can be written down, and what to do; empty where it can be, as far as is known."""
        ...

    async def transcribe(self, path: Path, language: str = "en") -> str:
        """Write down a sound file: in a language (`en`), or in any that the engine finds in it (empty).

        Silence is an empty text. Raises HearingError.
        """
        ...

    async def rest(self) -> None:
        """Give back memory until the next file. What is being heard fails with HearingError."""
        ...


def check_part(text: str, engine: str) -> None:
    """Raise `SpeechError` when `text` is longer than an engine may be given at once."""
    if len(text) > MAX_PART:
        raise SpeechError(
            TEXT_TOO_LONG,
            f"{engine} takes {MAX_PART} characters at once, not {len(text)}: split the text into sentences",
        )
