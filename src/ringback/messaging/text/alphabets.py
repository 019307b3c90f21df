"""Which alphabet a text goes out in, and how many characters of it a segment holds (3GPP TS 23.040 clause 9.2.3.16).

One short message holds 140 octets: 160 septets or 70 UTF-16 units. Those of a longer text begin with a header that
leaves 153 septets or 67 units (8-bit reference), or 152 and 66 (16-bit reference).
"""

from dataclasses import dataclass
from enum import StrEnum

from ringback.messaging.text import gsm7

MAX_SEGMENTS = 255
"""Segments of one message: their number has one octet."""


class Alphabet(StrEnum):
    """How characters become octets."""

    GSM7 = "GSM-7"
    UCS2 = "UCS-2"


class TextError(ValueError):
    """A text that no message can carry."""


@dataclass(frozen=True, slots=True)
class Room:
    """How many units (septets or UTF-16 units) a segment has room for."""

    single: int
    """A message that needs one segment only."""
    part: int
    """One of several."""


ROOM = {Alphabet.GSM7: Room(160, 153), Alphabet.UCS2: Room(70, 67)}
"""With an 8-bit reference. What a message is counted by, whatever its carrier makes of it."""
ROOM_16_BIT = {Alphabet.GSM7: Room(160, 152), Alphabet.UCS2: Room(70, 66)}
"""With a 16-bit reference."""


def alphabet_of(text: str) -> Alphabet:
    """Return the alphabet that a text needs. Raises TextError for half a surrogate pair, which is no character."""
    if gsm7.is_gsm7(text):
        return Alphabet.GSM7
    if not _whole(text):
        raise TextError("the text has half a surrogate pair in it, which is no character")
    return Alphabet.UCS2


def _whole(text: str) -> bool:
    try:
        text.encode("utf-16-be")
    except UnicodeEncodeError:
        return False
    return True


def encode(text: str, alphabet: Alphabet) -> bytes:
    """Return the octets of a text: septets one to a byte, or UTF-16. Raises TextError where the alphabet lacks one."""
    try:
        return gsm7.encode(text) if alphabet is Alphabet.GSM7 else text.encode("utf-16-be")
    except ValueError as error:
        raise TextError(str(error)) from None


def decode(data: bytes, alphabet: Alphabet) -> str:
    """Read octets. Never fails: what is no character becomes U+FFFD."""
    return gsm7.decode(data) if alphabet is Alphabet.GSM7 else data.decode("utf-16-be", "replace")


def units(text: str, alphabet: Alphabet) -> int:
    """Count the septets or UTF-16 units of a text."""
    if alphabet is Alphabet.GSM7:
        return gsm7.septets(text)
    return len(text) + sum(char > "\uffff" for char in text)


def split(text: str, room: dict[Alphabet, Room] | None = None) -> list[str]:
    """Cut a text into the segments that it needs; the empty text is one empty segment.

    No character is cut in two: neither an escape and what follows it, nor a surrogate pair. Raises TextError for half
    a surrogate pair.
    """
    alphabet = alphabet_of(text)
    limits = (room or ROOM)[alphabet]
    if units(text, alphabet) <= limits.single:
        return [text]
    segments, start, used = [], 0, 0
    for position, char in enumerate(text):
        width = units(char, alphabet)
        if used + width > limits.part:
            segments.append(text[start:position])
            start, used = position, 0
        used += width
    segments.append(text[start:])
    return segments


def count_segments(text: str) -> int:
    """Tell how many segments a text needs. Raises TextError for half a surrogate pair."""
    alphabet = alphabet_of(text)
    if units(text, alphabet) <= ROOM[alphabet].single:
        return 1
    return len(split(text))
