"""SSML inside Say: from its elements to segments of text that the speech layer reads.

Pauses (`break`), replacements (`sub`), readings (`say-as`), the pace of `prosody`, sentences and paragraphs are
rendered. Elements that only colour the voice leave their text to be spoken as it is, with a warning.
"""

import re
from dataclasses import dataclass, replace

from lxml import etree

from ringback.speech.normalise import Segment
from ringback.twiml.attributes import SCHEMA
from ringback.twiml.reader import Reader, name_of, shorten

MAX_BREAK_MS = 10_000
"""The longest pause that one `break` makes, as in Amazon Polly's SSML."""

# Amazon Polly says what they are like: medium the pause after a comma, strong after a sentence, x-strong after a
# paragraph. In milliseconds.
_STRENGTHS = {"none": 0, "x-weak": 0, "weak": 200, "medium": 300, "strong": 600, "x-strong": 1000}
_TIME = re.compile(r"\+?(\d{1,6}(?:\.\d{1,6})?)(ms|s)")
_RATES = {"x-slow": 0.5, "slow": 0.75, "medium": 1.0, "fast": 1.25, "x-fast": 1.5, "default": 1.0}
_PERCENT = re.compile(r"(\d{1,4})%")

_READINGS = (
    "characters", "spell-out", "digits", "telephone", "cardinal", "number", "ordinal", "fraction", "unit", "date",
    "time", "address", "expletive", "currency", "verbatim",
)  # fmt: skip
_COLOUR = ("emphasis", "lang", "phoneme", "w")
_ENDS = ".!?:;。！？"

_MAX_DEPTH = 32
"""Levels that are read; nobody writes a fraction of that by hand."""


@dataclass(frozen=True, slots=True)
class _Context:
    reader: Reader
    rate: float = 1.0
    depth: int = 0

    def warn(self, message: str, element: etree._Element) -> None:
        self.reader.warn(SCHEMA, message, element)


def read_speech(element: etree._Element, reader: Reader) -> tuple[Segment, ...]:
    """Read the content of a Say. The segments hold tidy text, and none is empty: without any there is nothing to do."""
    if not len(element):
        text = " ".join((element.text or "").split())
        return (Segment(text),) if text else ()
    collected: list[Segment] = []
    for segment in _content(element, _Context(reader)):
        last = collected[-1] if collected else None
        if last and not last.break_ms and replace(last, text="", break_ms=0) == replace(segment, text="", break_ms=0):
            collected[-1] = replace(last, text=last.text + segment.text, break_ms=segment.break_ms)
        else:
            collected.append(segment)
    tidy = (replace(segment, text=" ".join(segment.text.split())) for segment in collected)
    return tuple(segment for segment in tidy if segment.text or segment.break_ms)


def _content(element: etree._Element, context: _Context) -> list[Segment]:
    inside = replace(context, depth=context.depth + 1)
    segments = [Segment(element.text or "", rate=context.rate)]
    for child in element:
        if not isinstance(child.tag, str):
            context.reader.entity(child)
        elif context.depth < _MAX_DEPTH:
            segments += _element(child, inside)
        segments.append(Segment(child.tail or "", rate=context.rate))
    return segments


def _element(element: etree._Element, context: _Context) -> list[Segment]:
    name = name_of(element)
    match name:
        case "break":
            return [Segment("", break_ms=_break(element, context), rate=context.rate)]
        case "sub" if "alias" in element.attrib:
            return [Segment(str(element.get("alias")), rate=context.rate)]
        case "say-as":
            return [_say_as(element, context)]
        case "p" | "s":
            inner = _content(element, context)
            text = "".join(segment.text for segment in inner).rstrip()
            end = ". " if text and text[-1] not in _ENDS else " "
            return [Segment(" ", rate=context.rate), *inner, Segment(end, rate=context.rate)]
        case "prosody":
            return _content(element, replace(context, rate=_rate(element, context)))
    if name in _COLOUR or name == "sub":
        context.warn(f"this version of Ringback speaks the text of {name} without its effect", element)
        return _content(element, context)
    context.warn(f"Say has no element {shorten(name)}; it is ignored", element)
    return []


def _break(element: etree._Element, context: _Context) -> int:
    time, strength = element.get("time"), element.get("strength", "medium")
    if time is not None:
        if match := _TIME.fullmatch(time.strip()):
            return min(round(float(match[1]) * (1 if match[2] == "ms" else 1000)), MAX_BREAK_MS)
        context.warn(f'break time="{shorten(time)}" is not valid: it takes a time such as 500ms or 2s', element)
    elif strength not in _STRENGTHS:
        context.warn(f'break strength="{shorten(strength)}" is not valid: it takes {", ".join(_STRENGTHS)}', element)
    return _STRENGTHS.get(strength, _STRENGTHS["medium"])


def _say_as(element: etree._Element, context: _Context) -> Segment:
    how: str | None = element.get("interpret-as", "")
    if how not in _READINGS:
        context.warn(f'say-as interpret-as="{shorten(str(how))}" is not known; the text is read as it is', element)
        how = None
    text = context.reader.text(element)
    return Segment(text, interpret_as=how, format=element.get("format", "")[:20], rate=context.rate)


def _rate(element: etree._Element, context: _Context) -> float:
    """The pace inside a `prosody`: nested ones multiply. Its pitch and volume are not rendered."""
    if unheard := [name for name in ("pitch", "volume") if name in element.attrib]:
        told = f"this version of Ringback speaks the text of prosody without its {' and '.join(unheard)}"
        context.warn(told, element)
    named = element.get("rate", "medium").strip()
    percent = _PERCENT.fullmatch(named)
    if percent is None and named not in _RATES:
        told = f'prosody rate="{shorten(named)}" is not valid: it takes {", ".join(_RATES)} or 90%'
        context.reader.warn(13513, told, element)
    rate = int(percent[1]) / 100 if percent else _RATES.get(named, 1.0)
    return round(min(max(context.rate * rate, 0.2), 2.0), 3)
