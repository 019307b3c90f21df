"""The attributes voice and language of Say, and how much text a voice takes."""

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


def parse_voice(text: str, version: ApiVersion) -> str:
    """Read Say's voice: man and woman; in 2010-04-01 also alice and any name of Amazon Polly's or Google's form.

    Names of that form are not compared with the vendors' lists, which change: the speech layer takes the nearest
    voice that it has, and says so.
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


def text_limit(voice: str) -> int:
    """How many characters a voice speaks at most in one Say."""
    return NEURAL_LIMIT if _NEURAL.search(voice) else BASIC_LIMIT
