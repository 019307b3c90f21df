"""What operators keep."""

from datetime import UTC, datetime

from ringback.model.telephony import PhoneRecord, TrunkRecord

NOON = datetime(2024, 2, 29, 12, tzinfo=UTC)


def test_the_digest_of_each_algorithm() -> None:
    phone = PhoneRecord("alice", "AC", "ringback", "five", "two", "half", "", NOON)
    assert phone.secret("MD5") == "five"
    assert phone.secret("SHA-256-sess") == "two"
    assert phone.secret("sha-512-256") == "half"
    assert phone.secret("SHA-1") is None


def test_passwords_of_trunks_are_not_shown() -> None:
    assert "sesame" not in repr(TrunkRecord("carrier", {}, NOON, {"password": "sesame"}))
