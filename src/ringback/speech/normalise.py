"""Text as people write it, turned into text that every engine reads the way people say it.

Engines read prose well and everything else badly: a telephone number as quantities, the letter A as an article, the
last letter of a code into the next sentence. So these are spelled out here, before any engine sees them, and an engine
only needs to be good at prose. English gets words; in other languages only what is the same everywhere is done.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ringback.speech.english import cardinal, currency, date, fraction, letters, minutes, money, ordinal, spoken_url

MAX_DIGITS: Final = 15
"""A longer run of digits is an account number, not a quantity, and is read digit by digit."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of text with how it is to be read: what the SSML of a Say says, without the markup.

    `interpret_as` and `format` are those of `<say-as>` (`characters`, `digits`, `telephone`, `date`/`mdy`, …); one that
    is not known is ignored. `break_ms` is the pause that follows. `rate` is 1.0 for the usual pace, 0.5 for half of it.
    """

    text: str
    interpret_as: str | None = None
    format: str = ""
    break_ms: int = 0
    rate: float = 1.0


@dataclass(frozen=True, slots=True)
class Passage:
    """Plain text for an engine, spoken in one go at one `rate`, then `break_ms` of silence."""

    text: str
    rate: float = 1.0
    break_ms: int = 0


# "[[" begins phoneme notation for espeak-ng, also where a text only happens to contain it.
_PHONEMES: Final = re.compile(r"\[(?=\[)")
_BLANKS: Final = re.compile(r"\s+")
_SAME_LETTER: Final = re.compile(r"([^\W\d_])\1{7,}")
_LONG_WORD: Final = re.compile(r"(\S{60})(?=\S)")
_BEFORE_STOP: Final = re.compile(r" +([,.;:!?])")

_NOT_INSIDE: Final = r"(?<![\w+])(?<![\w][.,:/-])"
_NOT_GOING_ON: Final = r"(?!\w|[.,:/-]\d)"
_TELEPHONE: Final = re.compile(
    _NOT_INSIDE
    + r"(?:"
    + r"\+\d(?:(?:[ .-]|[ -]?\(|\)[ -]?)?\d){6,14}"  # +49 30 1234567, +14155550132
    + r"|(?:1[ .-]?)?\(\d{3}\) ?\d{3}[ .-]?\d{4}"  # (415) 555-0132
    + r"|(?:1(?P<o>[ .-]))?\d{3}(?P<s>[ .-])\d{3}(?P=s)\d{4}"  # 1-800-555-0132, 415.555.0132
    + r"|\d{3}-\d{4}"  # 555-0132
    + r"|0\d{1,4}[ /-]\d{5,8}"  # 030 1234567
    + r"|\d{4}(?P<c>[ -])\d{4}(?P=c)\d{4}(?P=c)\d{3,4}"  # a card number
    + r"|\d{3}-\d{2}-\d{4}"  # a social security number
    + r")"
    + _NOT_GOING_ON
)
_LONG_NUMBER: Final = re.compile(rf"(?<![\w.,])\d{{{MAX_DIGITS + 1},}}(?![\w])")
_SPACED: Final = re.compile(r"(?<![\w.'-])[A-Z0-9](?:(?P<s>[ -])[A-Z0-9](?:(?P=s)[A-Z0-9])*)(?![\w'-])(?![.,:]\d)")
_MIXED: Final = re.compile(
    r"(?<![\w.@/-])(?=[A-Z0-9]{4,}(?!\w))[A-Z]*(?:\d+[A-Z]+\d|[A-Z]+\d+[A-Z])[A-Z0-9]*(?![\w@/])"
)
_LONE_A: Final = re.compile(r"(?<=[a-z,:] )A(?=[.,;:!?]*(?:$| [a-z]))")
_LEADING_ZERO: Final = re.compile(r"(?<![\w.,:/-])0\d+(?![\w]|[.,:/-]\d)")
_DIGITS: Final = re.compile(r"\d+")


def clean(text: str) -> str:
    """Return `text` with composed characters, single blanks, and without what an engine could take for a command.

    Control characters are engine commands in espeak-ng; a letter repeated dozens of times, and words without an end,
    are cut up: they only make engines slow.
    """
    text = unicodedata.normalize("NFC", text)
    text = "".join(c if unicodedata.category(c)[0] != "C" or c == "\u200d" else " " for c in text)
    text = _SAME_LETTER.sub(r"\1\1\1", _PHONEMES.sub("[ ", text))
    return _LONG_WORD.sub(r"\1 ", _BLANKS.sub(" ", text)).strip()


def _chunks(digits: str) -> list[str]:
    """Cut digits into groups as they are read aloud: North American numbers 3-3-4, others by three."""
    if len(digits) == 11 and digits[0] == "1":
        return ["1", *_chunks(digits[1:])]
    if len(digits) == 10:
        return [digits[:3], digits[3:6], digits[6:]]
    cuts = list(range(0, max(len(digits) - 1, 1), 3))
    return [digits[a:b] for a, b in zip(cuts, [*cuts[1:], len(digits)], strict=True)]


def _spell(text: str, english: bool) -> str:
    return letters(text) if english else " ".join(c for c in text if c.isalnum())


def telephone(text: str, english: bool) -> str:
    """Read a telephone number digit by digit, in the groups it is written in, or in the usual ones if it has none."""
    groups = _DIGITS.findall(text)
    if len(groups) == 1:
        groups = _chunks(groups[0])
    read = ", ".join(_spell(group, english) for group in groups)
    return ("plus " if english else "+ ") + read if text.lstrip().startswith("+") else read


def _long_number(match: re.Match[str], english: bool) -> str:
    digits = match[0]
    return ", ".join(_spell(digits[i : i + 4], english) for i in range(0, len(digits), 4))


def _code(match: re.Match[str]) -> str:
    """Read single letters and digits one by one, unless two of them are more likely words: `A 5`, `I B`, `3-4`."""
    signs = re.split("[ -]", match[0])
    if len(signs) == 2 and (signs[0] in "AI" or match["s"] == "-"):
        return match[0]
    return letters(match[0].replace("-", " ").replace(" ", ""))


def prose(text: str, language: str) -> str:
    """Spell out what is no prose in `text`: money, addresses of the net, telephone numbers, codes, spaced digits."""
    english = language.lower().startswith("en")
    text = clean(text)
    if english:
        text = money(spoken_url(text))
    text = _TELEPHONE.sub(lambda m: telephone(m[0], english), text)
    text = _LONG_NUMBER.sub(lambda m: _long_number(m, english), text)
    if english:
        text = _SPACED.sub(_code, text)
        text = _MIXED.sub(lambda m: letters(m[0]), text)
        text = _LEADING_ZERO.sub(lambda m: letters(m[0]), text)
        text = _LONE_A.sub("eh", text)
    return _BEFORE_STOP.sub(r"\1", text)


def _digits(text: str, english: bool) -> str:
    return ", ".join(_spell(group, english) for group in _DIGITS.findall(text)) or text


def read_as(segment: Segment, language: str) -> str:
    """Return the words for a segment, following its `interpret_as` where that can be done in `language`."""
    english = language.lower().startswith("en")
    text = clean(segment.text)
    match segment.interpret_as:
        case "characters" | "spell-out" | "verbatim":
            return ", ".join(_spell(word, english) for word in text.split(" "))
        case "digits":
            return _digits(text, english)
        case "telephone":
            return telephone(text, english) if _DIGITS.search(text) else text
        case "expletive":
            return "beep" if english else ""
    if not english:
        return prose(text, language)
    match segment.interpret_as:
        case "cardinal" | "number":
            return cardinal(text)
        case "ordinal":
            return ordinal(text)
        case "fraction":
            return fraction(text)
        case "date":
            return date(text, segment.format)
        case "time":
            return minutes(text)
        case "currency":
            return currency(text)
    return prose(text, language)


def normalise(said: str | Sequence[Segment], language: str) -> list[Passage]:
    """Turn a text, or segments of one, into passages for an engine in `language` (a BCP-47 tag).

    Segments that follow each other without a pause and at the same pace become one passage, so that the melody of a
    sentence goes on through a `say-as` in its middle. Empty when there is nothing to say.
    """
    segments = [Segment(said)] if isinstance(said, str) else said
    passages: list[Passage] = []
    for segment in segments:
        text = _BEFORE_STOP.sub(r"\1", read_as(segment, language))
        last = passages[-1] if passages else None
        if last is not None and not last.break_ms and last.rate == segment.rate:
            joined = _BEFORE_STOP.sub(r"\1", f"{last.text} {text}".strip())
            passages[-1] = Passage(joined, segment.rate, segment.break_ms)
        elif text or segment.break_ms:
            passages.append(Passage(text, segment.rate, segment.break_ms))
    return [passage for passage in passages if passage.text or passage.break_ms]
