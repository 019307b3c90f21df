"""Cutting a text into parts that an engine speaks one at a time, so that the first one can be heard early."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

PART: Final = 240
"""Characters that a part has at most: some 15 seconds of speech."""

_END: Final = re.compile(r"(?<=[.!?…])[\"'”’)\]]*\s+|(?<=[。！？])")
_CLAUSE: Final = re.compile(r"(?<=[,;:—、，；])\s*")
_TITLE: Final = frozenset(
    {"Mr", "Mrs", "Ms", "Dr", "Prof", "St", "Mt", "Gen", "Capt", "Lt", "Col", "Sgt", "Rev", "Hon"}
)


def _ends(before: str, after: str) -> bool:
    """Tell whether a full stop ends a sentence, and not a title or an initial (`Dr. Smith`, `J. K. Rowling`)."""
    if after[:1].islower():
        return False
    if not before.endswith("."):
        return True
    word = before[:-1].rsplit(None, 1)[-1].lstrip("(\"'“‘") if before[:-1].strip() else ""
    if word == "No" and after.isdigit():
        return False  # No. 5
    return word not in _TITLE and not (len(word) == 1 and word.isupper())


def _sentences(text: str) -> Iterator[str]:
    start = 0
    for match in _END.finditer(text):
        if match.end() < len(text) and _ends(text[start : match.start()], text[match.end() : match.end() + 1]):
            yield text[start : match.end()].strip()
            start = match.end()
    yield text[start:].strip()


def _pack(pieces: Iterable[str], limit: int) -> Iterator[str]:
    """Join neighbouring pieces with blanks as long as they fit into `limit`; cut a piece that fits nowhere."""
    line = ""
    for piece in pieces:
        rest = piece
        if line and len(line) + 1 + len(rest) <= limit:
            line = f"{line} {rest}"
            continue
        if line:
            yield line
        while len(rest) > limit:
            yield rest[:limit]
            rest = rest[limit:]
        line = rest
    if line:
        yield line


def _pieces(sentence: str, limit: int) -> Iterator[str]:
    for clause in _CLAUSE.split(sentence):
        if len(clause) <= limit:
            yield clause.strip()
        else:
            yield from clause.split()


def split(text: str, limit: int = PART) -> list[str]:
    """Cut `text` into sentences, a sentence longer than `limit` at its commas, and what is still longer at blanks."""
    parts: list[str] = []
    for sentence in _sentences(text):
        parts += [sentence] if len(sentence) <= limit else _pack(_pieces(sentence, limit), limit)
    return [part for part in parts if part]
