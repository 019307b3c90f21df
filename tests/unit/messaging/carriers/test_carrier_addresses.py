"""Types of numbers in SMPP."""

import pytest

from ringback.messaging.carriers.addresses import Address, destination, source, stored


@pytest.mark.parametrize(
    ("number", "address"),
    [
        ("+14155550100", Address("14155550100", 1, 1)),
        ("12345", Address("12345", 3, 0)),
        ("004415551234567", Address("004415551234567", 0, 0)),
        ("Lighthouse", Address("Lighthouse", 5, 0)),
        ("Größe", Address("Gre", 5, 0)),
    ],
)
def test_senders(number: str, address: Address) -> None:
    assert source(number) == address


def test_recipients_are_never_names() -> None:
    assert destination("+4477") == Address("4477", 1, 1)
    assert destination("menu") == Address("menu", 0, 0)


def test_numbers_come_back() -> None:
    assert stored("4477", 1) == "+4477"
    assert stored("+4477", 1) == "+4477"
    assert stored("12345", 3) == "12345"
