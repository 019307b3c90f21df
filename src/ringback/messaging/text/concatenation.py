"""User data headers: how a segment says which message it is part of (3GPP TS 23.040 clause 9.2.3.24)."""

from dataclasses import dataclass

_CONCATENATED_8 = 0x00
_CONCATENATED_16 = 0x08


@dataclass(frozen=True, slots=True)
class Place:
    """A segment's place in its message."""

    reference: int
    """What all segments of the message share."""
    total: int
    number: int
    """From 1."""
    wide: bool = False
    """Whether the reference has 16 bits."""


def header(place: Place) -> bytes:
    """Return the user data header of a segment, its length included.

    Raises ValueError for a place that there cannot be.
    """
    if not _is_possible(place.reference, place.total, place.number, 0xFFFF if place.wide else 0xFF):
        raise ValueError(f"{place} is no place in a message")
    if place.wide:
        return bytes((6, _CONCATENATED_16, 4)) + place.reference.to_bytes(2, "big") + bytes((place.total, place.number))
    return bytes((5, _CONCATENATED_8, 3, place.reference, place.total, place.number))


def strip_header(data: bytes) -> tuple[Place | None, bytes]:
    """Take the header off a segment; return its place, None where it stands alone, and the text behind the header.

    Never fails: a header that makes no sense is taken off all the same, and one that is longer than the segment leaves
    nothing. Other elements (ports, pictures) are skipped.
    """
    if not data:
        return None, b""
    length = data[0]
    elements, rest = data[1 : 1 + length], data[1 + length :]
    place = None
    while len(elements) >= 2:
        kind, size = elements[0], elements[1]
        value, elements = elements[2 : 2 + size], elements[2 + size :]
        if len(value) < size:
            break
        place = _place(kind, value) or place  # the last one counts where there are several (clause 9.2.3.24)
    return place, rest


def _place(kind: int, value: bytes) -> Place | None:
    if kind == _CONCATENATED_8 and len(value) == 3:
        reference, total, number = value
        wide = False
    elif kind == _CONCATENATED_16 and len(value) == 4:
        reference, total, number = int.from_bytes(value[:2], "big"), value[2], value[3]
        wide = True
    else:
        return None
    # Impossible values are to be ignored (clause 9.2.3.24.1).
    return Place(reference, total, number, wide) if _is_possible(reference, total, number, 0xFFFF) else None


def _is_possible(reference: int, total: int, number: int, largest: int) -> bool:
    return 0 <= reference <= largest and 1 <= number <= total <= 255
