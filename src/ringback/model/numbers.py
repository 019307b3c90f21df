"""Telephone numbers: one stored form, and the forms that each API version shows to applications."""

from dataclasses import dataclass
from functools import lru_cache

import phonenumbers
from phonenumbers import geocoder

from ringback.model.status import ApiVersion

_NORTH_AMERICA = 1


@dataclass(frozen=True, slots=True)
class Geography:
    """Where a number is at home. Empty strings where that is not known."""

    city: str = ""
    state: str = ""
    zip: str = ""
    country: str = ""


def _parse(text: str, region: str | None) -> phonenumbers.PhoneNumber | None:
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    return number if phonenumbers.is_possible_number(number) else None


@lru_cache(maxsize=4096)
def normalise(text: str, region: str | None = "US") -> str:
    """Return the stored form of a number: E.164 where it is a telephone number, else the text without blanks.

    `region` (ISO 3166) tells how to read a number without `+`. Names such as `menu` or short extensions such as
    `100` are kept, so that a softphone can dial them.
    """
    text = text.strip()
    bare = "".join(c for c in text if c not in " ()-./\t")
    digits = bare.removeprefix("+")
    # E.164 allows at most 15 digits; the shortest subscriber numbers with a country code have 7.
    if not (digits.isascii() and digits.isdigit() and 7 <= len(digits) <= 15):
        return bare if digits.isdigit() else text
    number = _parse(bare, region) or (None if bare.startswith("+") else _parse("+" + bare, None))
    if number is None:
        return bare
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def country_exists(number: str) -> bool:
    """Tell whether the country code of a number exists; so it does where the number has none."""
    if not number.startswith("+"):
        return True
    try:
        phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException as error:
        return bool(error.error_type != phonenumbers.NumberParseException.INVALID_COUNTRY_CODE)
    return True


@lru_cache(maxsize=4096)
def presented(number: str, version: ApiVersion) -> str:
    """Return the number as requests to an application of that version carry it.

    2008-08-01 shows ten digits for North America (clause 1.2 of its specification); 2010-04-01 shows E.164.
    """
    if version is ApiVersion.V2008 and len(number) == 12 and number.startswith("+1"):
        return number[2:]
    return number


@lru_cache(maxsize=4096)
def geography(number: str) -> Geography:
    """Tell what a number alone says of its place; never raises."""
    parsed = _parse(number, None) if number.startswith("+") else None
    if parsed is None:
        return Geography()
    country = phonenumbers.region_code_for_number(parsed) or ""
    place = geocoder.description_for_number(parsed, "en") or ""
    if parsed.country_code != _NORTH_AMERICA:
        return Geography(country=country)
    city, comma, state = place.rpartition(", ")
    if comma and len(state) == 2:
        return Geography(city=city.upper(), state=state, country=country)
    return Geography(state=_US_STATES.get(place, ""), country=country)


_US_STATES = {
    "Alabama": "AL", "Alaska": "AK", "Arizona": "AZ", "Arkansas": "AR", "California": "CA", "Colorado": "CO",
    "Connecticut": "CT", "Delaware": "DE", "Florida": "FL", "Georgia": "GA", "Hawaii": "HI", "Idaho": "ID",
    "Illinois": "IL", "Indiana": "IN", "Iowa": "IA", "Kansas": "KS", "Kentucky": "KY", "Louisiana": "LA",
    "Maine": "ME", "Maryland": "MD", "Massachusetts": "MA", "Michigan": "MI", "Minnesota": "MN",
    "Mississippi": "MS", "Missouri": "MO", "Montana": "MT", "Nebraska": "NE", "Nevada": "NV",
    "New Hampshire": "NH", "New Jersey": "NJ", "New Mexico": "NM", "New York": "NY", "North Carolina": "NC",
    "North Dakota": "ND", "Ohio": "OH", "Oklahoma": "OK", "Oregon": "OR", "Pennsylvania": "PA",
    "Rhode Island": "RI", "South Carolina": "SC", "South Dakota": "SD", "Tennessee": "TN", "Texas": "TX",
    "Utah": "UT", "Vermont": "VT", "Virginia": "VA", "Washington": "WA", "Washington D.C.": "DC",
    "West Virginia": "WV", "Wisconsin": "WI", "Wyoming": "WY",
}  # fmt: skip
