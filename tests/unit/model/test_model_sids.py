"""Sids are two capitals and 32 hexadecimal digits, and nothing else."""

import pytest

from ringback.model import sids

CALL_SID = "CA" + "0123456789abcdef" * 2


def test_a_sid_is_made_of_its_prefix_and_entropy() -> None:
    assert sids.make_sid(sids.CALL, bytes.fromhex("0123456789abcdef" * 2)) == CALL_SID


@pytest.mark.parametrize(("prefix", "size"), [("CA", 15), ("CA", 17), ("ca", 16), ("C", 16), ("CAL", 16), ("", 16)])
def test_a_sid_of_another_form_is_not_made(prefix: str, size: int) -> None:
    with pytest.raises(ValueError, match="two capital letters and 16 bytes"):
        sids.make_sid(prefix, bytes(size))


def test_a_sid_is_known_by_its_form_and_prefix() -> None:
    assert sids.is_sid(CALL_SID)
    assert sids.is_sid(CALL_SID, sids.CALL)
    assert not sids.is_sid(CALL_SID, sids.ACCOUNT)


@pytest.mark.parametrize(
    "text", ["", "CA", CALL_SID[:-1], CALL_SID + "0", CALL_SID + "\n", CALL_SID.upper(), "C1" + "0" * 32]
)
def test_what_is_no_sid(text: str) -> None:
    assert not sids.is_sid(text)
