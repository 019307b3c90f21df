"""Voices and languages of Say: which are valid, and which language a voice speaks when the document names none."""

import re

from ringback.model.status import ApiVersion
from ringback.twiml.attributes import BadValueError, language_tag

LANGUAGES_2008 = ("en", "es", "fr", "de")
VOICES_2008 = ("man", "woman")

BASIC_LIMIT = 4096
"""Characters that Say takes (4 KB in the words of 2008-08-01, clause 2.2)."""
NEURAL_LIMIT = 3000
"""Characters that Say takes with a neural voice (2010-04-01, clause 2.1)."""

_VENDOR = re.compile(r"(Polly|Google)\.[A-Za-z0-9][A-Za-z0-9_.-]{0,60}")
_NEURAL = re.compile(r"-Neural$|-Generative$|Neural2|Chirp")
_GOOGLE_LANGUAGE = re.compile(r"Google\.([a-z]{2,3}-[A-Za-z]{2,4})\b")


def parse_voice(text: str, version: ApiVersion) -> str:
    """Read Say's voice: man and woman; in 2010-04-01 also alice and any name of Amazon Polly's or Google's form.

    Names of that form are not compared with the vendors' lists, which change: the speech layer takes the nearest
    voice that it has.
    """
    if text in VOICES_2008:
        return text
    if version is ApiVersion.V2008:
        raise BadValueError("takes man or woman")
    if text == "alice" or _VENDOR.fullmatch(text):
        return text
    raise BadValueError("takes man, woman, alice, or a name such as Polly.Joanna or Google.en-US-Standard-C")


def parse_language(text: str, version: ApiVersion) -> str:
    """Read Say's language: one of four in 2008-08-01, any language tag in 2010-04-01."""
    if version is ApiVersion.V2008:
        if text not in LANGUAGES_2008:
            raise BadValueError(f"takes {', '.join(LANGUAGES_2008)}")
        return text
    return language_tag(text, version)


def language_of(voice: str, version: ApiVersion) -> str:
    """The language of a voice when Say has no language attribute."""
    if version is ApiVersion.V2008:
        return "en"
    if match := _GOOGLE_LANGUAGE.match(voice):
        return match[1]
    name = voice.removeprefix("Polly.").split("-")[0]
    return _POLLY.get(name, "en-US") if voice.startswith("Polly.") else "en-US"


def text_limit(voice: str) -> int:
    """How many characters a voice speaks at most in one Say."""
    return NEURAL_LIMIT if _NEURAL.search(voice) else BASIC_LIMIT


# The voices of Amazon Polly that do not speak American English, by language.
_POLLY = {
    name: tag
    for tag, names in {
        "ar-AE": "Hala Zayd",
        "arb": "Zeina",
        "ca-ES": "Arlet",
        "cmn-CN": "Zhiyu",
        "cs-CZ": "Jitka",
        "cy-GB": "Gwyneth",
        "da-DK": "Mads Naja Sofie",
        "de-AT": "Hannah",
        "de-CH": "Sabrina",
        "de-DE": "Hans Marlene Vicki Daniel",
        "en-AU": "Nicole Russell Olivia",
        "en-GB": "Amy Brian Emma Arthur",
        "en-GB-WLS": "Geraint",
        "en-IE": "Niamh",
        "en-IN": "Aditi Raveena Kajal",
        "en-NZ": "Aria",
        "en-SG": "Jasmine",
        "en-ZA": "Ayanda",
        "es-ES": "Conchita Enrique Lucia Sergio Raul Alba",
        "es-MX": "Mia Andres",
        "es-US": "Lupe Miguel Penelope Pedro",
        "fi-FI": "Suvi",
        "fr-BE": "Isabelle",
        "fr-CA": "Chantal Gabrielle Liam",
        "fr-FR": "Celine Lea Mathieu Remi",
        "is-IS": "Dora Karl",
        "it-IT": "Bianca Carla Giorgio Adriano Beatrice",
        "ja-JP": "Mizuki Takumi Kazuha Tomoko",
        "ko-KR": "Seoyeon Jihye",
        "nb-NO": "Liv Ida",
        "nl-BE": "Lisa",
        "nl-NL": "Lotte Ruben Laura",
        "pl-PL": "Ewa Jacek Jan Maja Ola",
        "pt-BR": "Camila Ricardo Vitoria Thiago",
        "pt-PT": "Cristiano Ines",
        "ro-RO": "Carmen",
        "ru-RU": "Maxim Tatyana",
        "sv-SE": "Astrid Elin",
        "tr-TR": "Burcu Filiz",
        "yue-CN": "Hiujin",
    }.items()
    for name in names.split()
}
