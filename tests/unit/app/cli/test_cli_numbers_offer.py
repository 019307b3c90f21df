"""`ringback numbers offer`."""

from collections.abc import Callable
from typing import Any

from cli_typing import Ringback

from ringback.model.provisioning import AvailableNumberRecord
from ringback.storage.database import Database


def test_numbers_are_offered_with_what_is_known_of_them(ringback: Ringback, store: Callable[..., Any]) -> None:
    ringback("numbers", "add", "+14155550101", "--url", "http://127.0.0.1:8000/")
    said = ringback("numbers", "offer", "415 555 0100", "+14155550101", "--kind", "mobile").output
    assert said == "1 of 2 numbers are in the pool\n"

    async def read(database: Database) -> list[AvailableNumberRecord]:
        return await database.available_numbers.page()

    [number] = store(read)
    assert (number.phone_number, number.iso_country, number.kind) == ("+14155550100", "US", "mobile")
    assert number.region == "CA"


def test_a_name_is_no_number(ringback: Ringback) -> None:
    assert "no telephone number" in ringback("numbers", "offer", "menu", code=2).output
