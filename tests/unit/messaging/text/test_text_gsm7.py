"""The tables of 3GPP TS 23.038."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.messaging.text import gsm7

ALPHABET = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./09:;<=>?¡AZÄÖÑÜ§¿azäöñüà\f^{}\\[~]|€"


@given(st.text(ALPHABET, max_size=300))
def test_what_the_alphabet_has_survives(text: str) -> None:
    assert gsm7.is_gsm7(text)
    assert gsm7.decode(gsm7.encode(text)) == text
    assert gsm7.septets(text) == len(gsm7.encode(text))


def test_codes_are_those_of_the_tables() -> None:
    assert gsm7.encode("@é\nΞ¿à") == b"\x00\x05\x0a\x1a\x60\x7f"
    assert gsm7.encode("€|^") == b"\x1be\x1b@\x1b\x14"


def test_what_the_tables_lack() -> None:
    assert gsm7.decode(b"\x1b") == " "
    assert gsm7.decode(b"\x1bA\x1b\x1b\xc1") == "A A"
    assert not gsm7.is_gsm7("ж")
    with pytest.raises(ValueError, match="no 'ж'"):
        gsm7.encode("ж")
    with pytest.raises(ValueError, match="no 'ж'"):
        gsm7.septets("ж")
