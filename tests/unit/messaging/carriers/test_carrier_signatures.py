"""Signatures of gateways."""

from ringback.messaging.carriers.signatures import SIGNATURE, TIMESTAMP, is_signed, sign

SECRET = "0123456789abcdef"


def test_a_body_is_signed_for_a_while() -> None:
    headers = sign(SECRET, b"body", 1000.9)
    assert headers[TIMESTAMP] == "1000"
    assert is_signed(SECRET, b"body", headers, 1300)
    assert is_signed(SECRET, b"body", headers, 700)
    assert not is_signed(SECRET, b"body", headers, 1301)
    assert not is_signed(SECRET, b"other", headers, 1000)
    assert not is_signed("another secret", b"body", headers, 1000)


def test_whatever_is_in_the_headers() -> None:
    for moment in ("", "now", "-1", "٣", "9" * 20):
        assert not is_signed(SECRET, b"", {TIMESTAMP: moment, SIGNATURE: "sha256=x"}, 1000)
    assert not is_signed(SECRET, b"", {}, 1000)
    assert not is_signed(SECRET, b"", sign(SECRET, b"", 1) | {SIGNATURE: "sha256=é"}, 1)
