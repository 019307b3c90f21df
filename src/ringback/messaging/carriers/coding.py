"""Texts in SMPP messages: which octets, which data_coding, and where the segments go.

SMPP v3.4 5.2.19 (data_coding), 3GPP TS 23.038 clause 4 (its values), TS 23.040 clause 9.2.3.24 (segments).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import smpp34

from ringback.messaging.smpp.pdu import (
    MESSAGE_PAYLOAD,
    SAR_MSG_REF_NUM,
    SAR_SEGMENT_SEQNUM,
    SAR_TOTAL_SEGMENTS,
)
from ringback.messaging.text import gsm7
from ringback.messaging.text.alphabets import ROOM, ROOM_16_BIT, Alphabet, alphabet_of, encode, split
from ringback.messaging.text.concatenation import Place, header, strip_header

UDHI: Final = 0x40
"""In `esm_class`: the text begins with a user data header."""
UCS2: Final = 0x08

WAYS: Final = ("udh", "udh16", "sar", "payload")
"""How a long text travels: with headers of 8 or 16 bits, with TLVs in place of headers, or in one piece."""
DEFAULT_ALPHABETS: Final = ("gsm7", "latin1", "ascii", "utf8")
"""What a carrier takes data_coding 0 for."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """One submit_sm or deliver_sm, as far as the text decides it."""

    short_message: bytes
    data_coding: int
    esm_class: int
    tlvs: tuple[smpp34.Tlv, ...] = ()


def pieces(text: str, way: str) -> list[str]:
    """Cut a text into the pieces that go out one by one."""
    if way == "payload":
        return [text]
    return split(text, ROOM_16_BIT if way == "udh16" else ROOM)


def encode_pieces(text: str, way: str, reference: int, default_alphabet: str = "gsm7") -> list[Encoded]:
    """Return a text as the messages that carry it. `reference` tells it from other texts to the same number."""
    cut = pieces(text, way)
    alphabet = alphabet_of(text)
    coding = 0 if alphabet is Alphabet.GSM7 else UCS2
    octets = [_octets(piece, alphabet, default_alphabet) for piece in cut]
    if len(octets) == 1:
        return [_single(octets[0], coding)]
    return [_part(data, coding, way, reference, len(octets), number) for number, data in enumerate(octets, 1)]


def _single(data: bytes, coding: int) -> Encoded:
    # A short_message holds 254 octets; whatever is longer goes into the TLV (SMPP v3.4 5.3.2.32).
    if len(data) > 254:
        return Encoded(b"", coding, 0, (smpp34.Tlv(MESSAGE_PAYLOAD, data),))
    return Encoded(data, coding, 0)


def _part(data: bytes, coding: int, way: str, reference: int, total: int, number: int) -> Encoded:
    if way == "sar":
        tlvs = (
            smpp34.Tlv(SAR_MSG_REF_NUM, (reference & 0xFFFF).to_bytes(2, "big")),
            smpp34.Tlv(SAR_TOTAL_SEGMENTS, bytes((total,))),
            smpp34.Tlv(SAR_SEGMENT_SEQNUM, bytes((number,))),
        )
        return Encoded(data, coding, 0, tlvs)
    wide = way == "udh16"
    place = Place(reference & (0xFFFF if wide else 0xFF), total, number, wide)
    return Encoded(header(place) + data, coding, UDHI)


def _octets(text: str, alphabet: Alphabet, default: str) -> bytes:
    if alphabet is Alphabet.UCS2 or default == "gsm7":
        return encode(text, alphabet)
    return text.encode({"latin1": "latin-1", "ascii": "ascii", "utf8": "utf-8"}[default], "replace")


def decode_message(
    short_message: bytes, data_coding: int, esm_class: int, tlvs: Iterable[smpp34.Tlv], default_alphabet: str = "gsm7"
) -> tuple[str, Place | None]:
    """Read the text of a message and its place among the segments of a longer one. Never fails."""
    data, place = short_message, None
    sar: dict[int, int] = {}
    for tlv in tlvs:
        if tlv.tag == MESSAGE_PAYLOAD and not short_message:
            data = tlv.value
        elif tlv.tag in (SAR_MSG_REF_NUM, SAR_TOTAL_SEGMENTS, SAR_SEGMENT_SEQNUM) and tlv.value:
            sar[tlv.tag] = int.from_bytes(tlv.value[:2], "big")
    if esm_class & UDHI:
        place, data = strip_header(data)
    elif len(sar) == 3:
        reference, total, number = (sar[tag] for tag in (SAR_MSG_REF_NUM, SAR_TOTAL_SEGMENTS, SAR_SEGMENT_SEQNUM))
        if 1 <= number <= total <= 255:
            place = Place(reference, total, number, wide=True)
    return _text(data, data_coding, default_alphabet), place


def _text(data: bytes, coding: int, default: str) -> str:
    kind = _kind(coding, default)
    return gsm7.decode(data) if kind == "gsm7" else data.decode(kind, "replace")


def _kind(coding: int, default: str) -> str:
    """Name the codec of a data_coding."""
    if coding == UCS2:
        return "utf-16-be"
    if coding in (0x01, 0x03):
        return "latin-1"  # IA5 is the first half of it
    names = {0x05: "shift_jis", 0x06: "iso8859-5", 0x07: "iso8859-8", 0x0A: "iso2022_jp", 0x0E: "euc_kr"}
    if coding in names:
        return names[coding]
    group = coding >> 4
    if group in (0x0, 0x1, 0x2, 0x3, 0x4, 0x5, 0x6, 0x7) and coding >= 0x10:
        # The general group of TS 23.038: two bits name the alphabet.
        return ("gsm7", "latin-1", "utf-16-be", "gsm7")[coding >> 2 & 3]
    if group == 0xE:
        return "utf-16-be"
    if group == 0xF:
        return "latin-1" if coding & 0x04 else "gsm7"
    if coding in (0x02, 0x04):
        return "latin-1"  # octets; a text cannot show them better
    return {"gsm7": "gsm7", "latin1": "latin-1", "ascii": "latin-1", "utf8": "utf-8"}[default]
