"""Delivery receipts: SMPP v3.4 4.6 and Appendix B, and what carriers make of them."""

import pytest
import smpp34
from hypothesis import given
from hypothesis import strategies as st

from ringback.messaging.smpp.receipts import (
    Receipt,
    is_receipt,
    read_receipt,
    receipt_text,
    receipt_tlvs,
)
from ringback.testing.messages import EPOCH

TEXT = "id:{} sub:001 dlvrd:001 submit date:2601011200 done date:2601011201 stat:{} err:{} text:hello"


@pytest.mark.parametrize(
    ("state", "final", "delivered", "code"),
    [
        ("DELIVRD", True, True, None), ("UNDELIV", True, False, 30008), ("EXPIRED", True, False, 30003),
        ("REJECTD", True, False, 30007), ("DELETED", True, False, 30008), ("UNKNOWN", True, False, 30008),
        ("ACCEPTD", False, False, None), ("ENROUTE", False, False, None),
    ],
)  # fmt: skip
def test_states(state: str, final: bool, delivered: bool, code: int | None) -> None:
    receipt = read_receipt(TEXT.format("a1", state, "045").encode(), [])
    assert receipt == Receipt("a1", state, "045")
    assert (receipt.final, receipt.delivered, receipt.error_code) == (final, delivered, code)


@pytest.mark.parametrize("word", ["Delivered", "DELIVERED", "delivrd", "DELIVRD "])
def test_carriers_write_the_words_as_they_like(word: str) -> None:
    receipt = read_receipt(f"ID:a1 Stat:{word}".encode(), [])
    assert receipt is not None
    assert receipt.delivered


def test_tlvs_count_before_the_text() -> None:
    tlvs = [smpp34.Tlv(0x1E, b"b2\0"), smpp34.Tlv(0x427, b"\x05")]
    assert read_receipt(TEXT.format("a1", "DELIVRD", "0").encode(), tlvs) == Receipt("b2", "UNDELIV", "0")
    assert read_receipt(b"", tlvs) == Receipt("b2", "UNDELIV")
    assert read_receipt(b"", tlvs[:1]) is None
    assert read_receipt(b"stat:DELIVRD", [smpp34.Tlv(0x427, b"\x63")]) is None


@given(st.binary(max_size=300))
def test_any_text_is_read(text: bytes) -> None:
    read_receipt(text, [])


@pytest.mark.parametrize("delivered", [True, False])
def test_ours_are_read_back(delivered: bool) -> None:
    code = None if delivered else 30003
    text = receipt_text("a1", delivered=delivered, error_code=code, submitted=EPOCH, done=EPOCH).encode()
    for receipt in (read_receipt(text, []), read_receipt(b"", receipt_tlvs("a1", delivered=delivered))):
        assert receipt is not None
        assert (receipt.reference, receipt.delivered) == ("a1", delivered)


def test_which_messages_are_receipts() -> None:
    assert is_receipt(0x04)
    assert is_receipt(0x44)
    assert not is_receipt(0x40)
    assert not is_receipt(0x03)
