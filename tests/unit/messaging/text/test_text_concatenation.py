"""User data headers: 3GPP TS 23.040 clause 9.2.3.24."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.messaging.text.concatenation import Place, header, strip_header


def test_headers_are_those_of_the_standard() -> None:
    assert header(Place(0x97, 3, 1)) == bytes.fromhex("050003970301")
    assert header(Place(0x1234, 2, 2, wide=True)) == bytes.fromhex("06080412340202")


@given(st.booleans(), st.integers(0, 255), st.integers(1, 255), st.data(), st.binary(max_size=134))
def test_a_header_is_read_back(wide: bool, reference: int, total: int, data: st.DataObject, text: bytes) -> None:
    place = Place(reference, total, data.draw(st.integers(1, total)), wide)
    assert strip_header(header(place) + text) == (place, text)


@given(st.binary(max_size=140))
def test_anything_can_be_stripped(data: bytes) -> None:
    strip_header(data)


def test_other_elements_are_skipped_and_impossible_places_ignored() -> None:
    ports = bytes.fromhex("0504158a0000")
    assert strip_header(bytes([len(ports) + 5]) + ports[1:] + bytes.fromhex("0003010201") + b"x")[1] == b""
    assert strip_header(bytes.fromhex("0b0504158a0000" + "0003970301") + b"hi") == (Place(0x97, 3, 1), b"hi")
    assert strip_header(bytes.fromhex("050003970300") + b"hi") == (None, b"hi")
    assert strip_header(bytes.fromhex("050003970304") + b"hi") == (None, b"hi")
    assert strip_header(b"\x03\x00\x09\x01hi") == (None, b"hi")
    assert strip_header(b"") == (None, b"")


@pytest.mark.parametrize("place", [Place(256, 1, 1), Place(1, 1, 2), Place(1, 0, 0), Place(0x10000, 2, 1, wide=True)])
def test_impossible_places_are_refused(place: Place) -> None:
    with pytest.raises(ValueError, match="no place"):
        header(place)
