"""Alphabets and segments: 3GPP TS 23.038 and 23.040, and that a text survives them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.messaging.text import gsm7
from ringback.messaging.text.alphabets import (
    ROOM,
    ROOM_16_BIT,
    Alphabet,
    TextError,
    alphabet_of,
    count_segments,
    decode,
    encode,
    split,
    units,
)

GSM_TEXT = st.text(st.sampled_from("@£$¥èéabcXYZ \n\r_ΔΞ{}[]~|^\\€\f09!"), max_size=400)
ANY_TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=300)


@pytest.mark.parametrize(
    ("text", "segments"),
    [
        ("", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("€" * 153, 3),  # 76 of them to a segment: the 153rd septet stays empty
        ("ж" * 70, 1),
        ("ж" * 71, 2),
        ("ж" * 134, 2),
        ("ж" * 135, 3),
        ("😀" * 35, 1),
        ("😀" * 36, 2),
        ("😀" * 67, 3),  # 33 pairs to a segment
    ],
)
def test_segments_are_counted(text: str, segments: int) -> None:
    assert count_segments(text) == segments == len(split(text))


@pytest.mark.parametrize("room", [ROOM, ROOM_16_BIT])
@given(text=ANY_TEXT | GSM_TEXT)
def test_any_text_survives_being_split_and_joined(room: dict[Alphabet, object], text: str) -> None:
    alphabet = alphabet_of(text)
    parts = split(text, room)  # type: ignore[arg-type]
    assert "".join(decode(encode(part, alphabet), alphabet) for part in parts) == text
    limits = room[alphabet]
    limit = limits.single if len(parts) == 1 else limits.part  # type: ignore[attr-defined]
    assert all(units(part, alphabet) <= limit for part in parts)


@given(GSM_TEXT)
def test_septets_are_counted_as_they_are_encoded(text: str) -> None:
    assert gsm7.septets(text) == len(gsm7.encode(text))
    assert gsm7.decode(gsm7.encode(text)) == text


@given(st.binary(max_size=200))
def test_any_octets_are_read(data: bytes) -> None:
    for alphabet in Alphabet:
        decode(data, alphabet).encode()


def test_the_whole_basic_table_is_there() -> None:
    everything = gsm7.decode(bytes(code for code in range(128) if code != gsm7.ESCAPE))
    assert len(set(everything)) == 127
    assert gsm7.encode("@é\nΞ¿à") == b"\x00\x05\x0a\x1a\x60\x7f"
    assert gsm7.encode("€|^") == b"\x1be\x1b@\x1b\x14"


def test_what_the_tables_lack_is_a_space_or_its_basic_character() -> None:
    assert gsm7.decode(b"\x1b") == " "
    assert gsm7.decode(b"\x1bA") == "A"
    assert gsm7.decode(b"\x1b\x1b") == " "


def test_characters_outside_the_alphabet_are_refused() -> None:
    with pytest.raises(ValueError, match="no 'ж'"):
        gsm7.encode("ж")
    with pytest.raises(ValueError, match="no 'ж'"):
        gsm7.septets("ж")
    with pytest.raises(TextError, match="no 'ж'"):
        encode("ж", Alphabet.GSM7)


@pytest.mark.parametrize("text", ["\ud800", "ok \udc00", "\udc00\ud800"])
def test_half_a_surrogate_pair_is_no_text(text: str) -> None:
    with pytest.raises(TextError, match="surrogate"):
        split(text)
    with pytest.raises(TextError, match="surrogate"):
        count_segments(text)
    with pytest.raises(TextError):
        encode(text, Alphabet.UCS2)
