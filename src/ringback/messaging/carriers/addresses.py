"""Addresses in SMPP: type of number and numbering plan (SMPP v3.4 5.2.5 and 5.2.6)."""

from dataclasses import dataclass
from typing import Final

INTERNATIONAL, NETWORK_SPECIFIC, ALPHANUMERIC, UNKNOWN = 1, 3, 5, 0
ISDN: Final = 1


@dataclass(frozen=True, slots=True)
class Address:
    """An address as a PDU has it."""

    digits: str
    ton: int
    npi: int


def source(number: str) -> Address:
    """Return the address of a sender: a number, a short code, or a name."""
    if number.startswith("+") and number[1:].isdigit():
        return Address(number[1:], INTERNATIONAL, ISDN)
    if number.isdigit():
        return Address(number, NETWORK_SPECIFIC if len(number) <= 8 else UNKNOWN, 0)
    return Address(_plain(number)[:20], ALPHANUMERIC, 0)


def destination(number: str) -> Address:
    """Return the address of a recipient."""
    address = source(number)
    return Address(address.digits, UNKNOWN, 0) if address.ton == ALPHANUMERIC else address


def stored(digits: str, ton: int) -> str:
    """Return an address as numbers are stored, as far as a PDU tells; others read what is left."""
    if ton == INTERNATIONAL and digits.isdigit():
        return f"+{digits}"
    return digits


def _plain(text: str) -> str:
    return "".join(char for char in text if 32 <= ord(char) < 127)
