"""SSML inside Say: which of its elements change what is heard, and what becomes of the rest.

Pauses (`break`), replacements (`sub`), spelling (`say-as`), sentences and paragraphs are rendered. Elements that only
colour the voice leave their text to be spoken as it is, with a warning.
"""

import itertools
import re

from lxml import etree

from ringback.twiml.attributes import SCHEMA
from ringback.twiml.reader import Reader, name_of

Piece = str | float
"""A text to be spoken, or a silence in seconds."""

MAX_BREAK = 10.0
"""Seconds of the longest pause that one `break` makes, as in Amazon Polly's SSML."""

# What Amazon Polly documents: medium is that after a comma, strong that after a sentence, x-strong after a paragraph.
_STRENGTHS = {"none": 0.0, "x-weak": 0.0, "weak": 0.2, "medium": 0.3, "strong": 0.6, "x-strong": 1.0}
_TIME = re.compile(r"\+?(\d{1,6}(?:\.\d{1,6})?)(ms|s)")
_SPELLED = ("characters", "spell-out", "digits")
_READ_AS_IS = ("cardinal", "number", "ordinal", "fraction", "unit", "date", "time", "address")
_COLOUR = ("emphasis", "lang", "phoneme", "prosody", "w")

_DEPTH = 32
"""Levels that are read; nobody writes a fraction of that by hand."""


def read_speech(element: etree._Element, reader: Reader) -> tuple[Piece, ...]:
    """Read the content of a Say as pieces in order, with no two texts and no two silences side by side."""
    pieces: list[Piece] = []
    _collect(element, reader, pieces, 0)
    runs = [list(run) for _, run in itertools.groupby(pieces, type)]
    return tuple(piece for piece in map(_merged, runs) if piece)


def _merged(run: list[Piece]) -> Piece:
    """Make one piece of neighbours of one kind."""
    if isinstance(run[0], str):
        return " ".join("".join(map(str, run)).split())
    return min(sum(map(float, run)), MAX_BREAK)


def _collect(element: etree._Element, reader: Reader, pieces: list[Piece], depth: int) -> None:
    pieces.append(element.text or "")
    for child in element:
        if not isinstance(child.tag, str):
            reader.entity(child)
        elif depth < _DEPTH:
            _element(child, reader, pieces, depth + 1)
        pieces.append(child.tail or "")


def _element(element: etree._Element, reader: Reader, pieces: list[Piece], depth: int) -> None:
    name = name_of(element)
    if name == "break":
        pieces.append(_break(element, reader))
    elif name == "sub" and "alias" in element.attrib:
        pieces.append(str(element.get("alias")))
    elif name == "say-as":
        pieces.append(_say_as(element, reader))
    elif name in ("p", "s"):
        inner: list[Piece] = []
        _collect(element, reader, inner, depth)
        pieces += [" ", *inner, ". " if _unfinished(inner) else " "]
    elif name in _COLOUR or name == "sub":
        reader.warn(SCHEMA, f"this version of Ringback speaks the text of {name} without its effect", element)
        _collect(element, reader, pieces, depth)
    else:
        reader.warn(SCHEMA, f"Say has no element {name[:60]}; it is ignored", element)


def _unfinished(pieces: list[Piece]) -> bool:
    text = "".join(piece for piece in pieces if isinstance(piece, str)).rstrip()
    return bool(text) and text[-1] not in ".!?:;。！？"


def _break(element: etree._Element, reader: Reader) -> float:
    time, strength = element.get("time"), element.get("strength", "medium")
    if time is not None:
        if match := _TIME.fullmatch(time.strip()):
            return min(float(match[1]) / (1000 if match[2] == "ms" else 1), MAX_BREAK)
        reader.warn(SCHEMA, f'break time="{time[:60]}" is not valid: it takes seconds or milliseconds, as 2s', element)
    elif strength not in _STRENGTHS:
        reader.warn(SCHEMA, f'break strength="{strength[:60]}" is not valid: it takes {", ".join(_STRENGTHS)}', element)
    return _STRENGTHS.get(strength, _STRENGTHS["medium"])


def _say_as(element: etree._Element, reader: Reader) -> str:
    text = reader.text(element)
    how = element.get("interpret-as", "")
    if how in _SPELLED:
        return _spelled(text)
    if how == "telephone":
        # The groups of a number are heard as groups.
        return ", ".join(_spelled(group) for group in re.split(r"[^0-9A-Za-z+]+", text) if group)
    if how == "expletive":
        return "beep"
    if how not in _READ_AS_IS:
        reader.warn(SCHEMA, f'say-as interpret-as="{how[:60]}" is not known; the text is spoken as it is', element)
    return text


def _spelled(text: str) -> str:
    return " ".join(text.replace(" ", ""))
