"""Texts in SMPP messages survive, whichever way they travel."""

import random

import pytest
import smpp34
from hypothesis import given
from hypothesis import strategies as st

from ringback.messaging.carriers.coding import DEFAULT_ALPHABETS, WAYS, decode_message, encode_pieces, pieces
from ringback.messaging.text import gsm7
from ringback.messaging.text.alphabets import alphabet_of

TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=600) | st.text("abc €[]äß\n", max_size=600)


@pytest.mark.parametrize("way", WAYS)
@given(text=TEXTS, reference=st.integers(0, 0xFFFF), seed=st.integers())
def test_any_text_split_sent_and_joined_is_the_same(way: str, text: str, reference: int, seed: int) -> None:
    encoded = encode_pieces(text, way, reference)
    assert len(encoded) == len(pieces(text, way))
    random.Random(seed).shuffle(encoded)
    joined: dict[int, str] = {}
    for one in encoded:
        assert len(one.short_message) <= 254
        # Over the wire, through the codec.
        pdu = smpp34.SubmitSm(
            "1",
            "2",
            one.short_message,
            esm_class=one.esm_class,
            data_coding=one.data_coding,
            tlvs=list(one.tlvs),
            sequence_number=1,
        )
        back = smpp34.decode(pdu.encode())
        assert isinstance(back, smpp34.SubmitSm)
        part, place = decode_message(back.short_message, back.data_coding, back.esm_class, back.tlvs)
        assert (place is None) == (len(encoded) == 1)
        joined[place.number if place else 1] = part
    assert "".join(joined[number] for number in sorted(joined)) == text


@pytest.mark.parametrize("text", ["a" * 400, "я" * 200])
@pytest.mark.parametrize(("way", "reference"), [("udh", 0x34), ("udh16", 0x1234), ("sar", 0x1234), ("payload", None)])
def test_each_way_of_a_long_text(way: str, reference: int | None, text: str) -> None:
    """A reference keeps as many bits as there is room for; in one piece there is none, nor a short_message."""
    encoded = encode_pieces(text, way, 0x91234)
    read = [decode_message(one.short_message, one.data_coding, one.esm_class, one.tlvs) for one in encoded]
    assert "".join(part for part, _ in read) == text
    places = [(place.reference, place.total, place.number) for _, place in read if place is not None]
    if reference is None:
        assert (places, [one.short_message for one in encoded]) == ([], [b""])
    else:
        assert places == [(reference, len(encoded), number) for number in range(1, len(encoded) + 1)]
        assert len(encoded) > 1


@pytest.mark.parametrize("default", DEFAULT_ALPHABETS)
def test_the_default_alphabet_of_a_carrier(default: str) -> None:
    text = "plain @ text" if default == "ascii" else "Größe @"
    (one,) = encode_pieces(text, "udh", 1, default)
    assert decode_message(one.short_message, 0, 0, [], default)[0] == text


@pytest.mark.parametrize(
    ("coding", "octets", "text"),
    [
        (0x00, gsm7.encode("@"), "@"), (0x01, b"@", "@"), (0x03, b"\xe9", "é"), (0x08, b"\x04\x16", "Ж"),
        (0x04, b"\xe9", "é"), (0x06, b"\xb6", "Ж"), (0x10, b"\x00", "@"), (0x18, b"\x04\x16", "Ж"),
        (0x14, b"\xe9", "é"), (0xE0, b"\x04\x16", "Ж"), (0xF0, b"\x00", "@"), (0xF5, b"\xe9", "é"),
        (0xC0, b"\x00", "@"),
    ],
)  # fmt: skip
def test_data_codings(coding: int, octets: bytes, text: str) -> None:
    assert decode_message(octets, coding, 0, []) == (text, None)


TAGS = st.sampled_from([0x20C, 0x20E, 0x20F, 0x424])
TLVS = st.lists(st.tuples(TAGS, st.binary(max_size=4)))


@given(st.binary(max_size=200), st.integers(0, 255), st.integers(0, 255), TLVS)
def test_anything_is_decoded(data: bytes, coding: int, esm_class: int, tlvs: list[tuple[int, bytes]]) -> None:
    text, _ = decode_message(data, coding, esm_class, [smpp34.Tlv(tag, value) for tag, value in tlvs])
    assert alphabet_of(text)
