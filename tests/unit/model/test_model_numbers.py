"""Numbers have one stored form, and each API version shows its own."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.model.numbers import Geography, country_exists, geography, normalise, presented
from ringback.model.status import ApiVersion


@pytest.mark.parametrize(
    "written", ["(650) 253-0000", "650.253.0000", "16502530000", "+1 650 253 0000", " +1-650-253-0000 ", "650/2530000"]
)
def test_every_way_of_writing_a_number_is_stored_as_e164(written: str) -> None:
    assert normalise(written) == "+16502530000"


def test_the_region_tells_how_to_read_a_number_without_its_country() -> None:
    assert normalise("020 7946 0018", "GB") == "+442079460018"


def test_a_country_code_without_plus_is_understood_where_it_is_no_number_of_the_region() -> None:
    assert normalise("442079460018") == "+442079460018"


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("menu", "menu"),
        ("100", "100"),
        ("1 00", "100"),
        ("front desk", "front desk"),
        ("+", "+"),
        ("", ""),
        ("+999999999999999", "+999999999999999"),
        ("9999999999999", "9999999999999"),
    ],
)
def test_what_is_no_telephone_number_can_still_be_dialled(written: str, stored: str) -> None:
    assert normalise(written) == stored


@given(st.text(alphabet=st.sampled_from("+0123456789 ()-./ax٣"), max_size=20))
def test_the_stored_form_is_stored_as_itself(text: str) -> None:
    stored = normalise(text)
    assert normalise(stored) == stored


@pytest.mark.parametrize(
    ("number", "old", "new"),
    [
        ("+16502530000", "6502530000", "+16502530000"),
        ("+442079460018", "+442079460018", "+442079460018"),
        ("menu", "menu", "menu"),
    ],
)
def test_each_api_version_shows_its_form(number: str, old: str, new: str) -> None:
    """2008-08-01, clause 1.2: ten digits in North America."""
    assert presented(number, ApiVersion.V2008) == old
    assert presented(number, ApiVersion.V2010) == new


@pytest.mark.parametrize(
    ("number", "place"),
    [
        ("+16502530000", Geography(city="MOUNTAIN VIEW", state="CA", country="US")),
        ("+12025550123", Geography(state="DC", country="US")),
        ("+15055550123", Geography(state="NM", country="US")),
        ("+16135550100", Geography(country="CA")),
        ("+442079460018", Geography(country="GB")),
        ("+999", Geography()),
        ("menu", Geography()),
    ],
)
def test_a_number_tells_where_it_is_at_home(number: str, place: Geography) -> None:
    assert geography(number) == place


@pytest.mark.parametrize(
    ("number", "exists"),
    [
        ("+14155550100", True),
        ("+9995550100", False),
        ("+2105550100", False),
        ("100", True),
        ("menu", True),
        ("+1", True),
    ],
)
def test_country_codes_exist_or_not(number: str, exists: bool) -> None:
    assert country_exists(number) is exists
