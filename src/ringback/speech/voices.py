"""Voices by their TwiML names, as a language and a man or a woman.

Say names about 900 voices of several vendors. Ringback has none of those recordings, but it keeps what a caller
notices first: which language is spoken, and whether a man or a woman speaks.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from ringback.speech.contract import UNKNOWN_VOICE, Gender, Voice

DEFAULT_LANGUAGE: Final = "en-US"

# Names of Amazon Polly's voices: `language: women | men`.
_POLLY_TABLE: Final = """
ar: Zeina |
ar-AE: Hala | Zayd
ca-ES: Arlet |
cmn-CN: Zhiyu |
cs-CZ: Jitka |
cy-GB: Gwyneth |
da-DK: Naja Sofie | Mads
de-AT: Hannah |
de-CH: Sabrina |
de-DE: Marlene Vicki | Hans Daniel
en-AU: Nicole Olivia | Russell
en-GB: Amy Emma | Brian Arthur
en-GB-WLS: | Geraint
en-IE: Niamh |
en-IN: Aditi Raveena Kajal |
en-NZ: Aria |
en-SG: Jasmine |
en-US: Danielle Ivy Joanna Kendra Kimberly Ruth Salli | Gregory Joey Justin Kevin Matthew Patrick Stephen
en-ZA: Ayanda |
es-ES: Alba Conchita Lucia | Enrique Raul Sergio
es-MX: Mia | Andres
es-US: Lupe Penelope | Miguel Pedro
fi-FI: Suvi |
fr-BE: Isabelle |
fr-CA: Chantal Gabrielle | Liam
fr-FR: Celine Lea | Mathieu Remi
is-IS: Dora | Karl
it-IT: Bianca Carla | Adriano Giorgio
ja-JP: Kazuha Mizuki Tomoko | Takumi
ko-KR: Jihye Seoyeon |
nb-NO: Ida Liv |
nl-BE: Lisa |
nl-NL: Laura Lotte | Ruben
pl-PL: Ewa Maja Ola | Jacek Jan
pt-BR: Camila Vitoria | Ricardo Thiago
pt-PT: Ines | Cristiano
ro-RO: Carmen |
ru-RU: Tatyana | Maxim
sv-SE: Astrid Elin |
tr-TR: Burcu Filiz |
yue-CN: Hiujin |
"""


def _read_polly(table: str) -> dict[str, Voice]:
    voices: dict[str, Voice] = {}
    for line in table.strip().splitlines():
        language, _, names = line.partition(":")
        women, _, men = names.partition("|")
        voices |= {name.lower(): Voice(language, "woman") for name in women.split()}
        voices |= {name.lower(): Voice(language, "man") for name in men.split()}
    return voices


_POLLY: Final = _read_polly(_POLLY_TABLE)
_ENGINES: Final = re.compile(r"-(neural|generative|long-form)$")
_GOOGLE: Final = re.compile(r"google\.([a-z]{2,3}-[a-z0-9]{2,3})(?:-(?:.*-)?([a-z]+))?$")
_ACCENTS: Final = str.maketrans("áéíóúãç", "aeiouac")
# Google names voices by a letter. B and D are men in almost all languages; US English has more of them.
_GOOGLE_MEN: Final = frozenset("bd")
_GOOGLE_MEN_US: Final = frozenset("abdij")


@dataclass(frozen=True, slots=True)
class Resolved:
    """The voice that a Say means. `warning` is empty, or says what was not understood (code 13511)."""

    voice: Voice
    warning: str = ""
    code: int = UNKNOWN_VOICE


def _tag(language: str) -> str:
    """Bring a language tag into its usual form: `PT_br` → `pt-BR` (RFC 5646 §2.1.1, as far as it matters here)."""
    first, *rest = language.strip().replace("_", "-").split("-")
    return "-".join([first.lower(), *(part.upper() if len(part) == 2 else part for part in rest)])


def _google(name: str) -> Voice | None:
    match = _GOOGLE.match(name)
    if match is None:
        return None
    language, letter = _tag(match[1]), match[2]
    men = _GOOGLE_MEN_US if language == "en-US" else _GOOGLE_MEN
    gender: Gender = "man" if letter in men else "woman"
    return Voice(language, gender)


@lru_cache(maxsize=1024)
def resolve(voice: str | None, language: str | None) -> Resolved:
    """Find the voice for the attributes of a Say: `man`, `woman`, `alice`, `Polly.<Name>[-Neural]`, `Google.<tag>-…`.

    A `language` that is given wins over the voice's own. A name that is not known is never an error: the default
    voice speaks, and the result carries a warning (spec of Say, 13511).
    """
    name = (voice or "man").strip().lower()
    tag = _tag(language) if language and language.strip() else None
    found: Voice | None
    if name in ("man", "woman", "alice"):
        found = Voice(DEFAULT_LANGUAGE, "man" if name == "man" else "woman")
    elif name.startswith("polly."):
        found = _POLLY.get(_ENGINES.sub("", name.removeprefix("polly.")).translate(_ACCENTS))
    else:
        found = _google(name)
    if found is None:
        warning = f"voice {voice!r} is not known; the default voice speaks. Use man, woman, alice, Polly.* or Google.*"
        return Resolved(Voice(tag or DEFAULT_LANGUAGE), warning)
    return Resolved(Voice(tag, found.gender) if tag else found)
