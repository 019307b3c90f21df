"""The operator's pool: numbers that an account may make its own."""

from collections.abc import Sequence
from typing import Any, Final

from ringback.rest.errors import not_found
from ringback.rest.operations import Listed, Operation, Request
from ringback.rest.parameters import Parameter
from ringback.rest.resources.common import CAPABILITIES, fixed, formatted, none
from ringback.rest.shapes import BOOLEAN, TEXT, URI, Field, Link, Shape, nullable, words
from ringback.storage.records import Page, Where

KINDS: Final = {
    "Local": "local",
    "Mobile": "mobile",
    "TollFree": "toll-free",
    "National": "national",
    "SharedCost": "shared-cost",
    "Voip": "voip",
    "MachineToMachine": "machine-to-machine",
}
"""Kinds of numbers, as the path and as the pool names them."""

COUNTRY: Final = Shape(
    "Country",
    "Countries",
    "countries",
    (
        Field("country_code", TEXT),
        Field("country", TEXT),
        Field("beta", BOOLEAN),
        Field("uri", URI),
        Field("subresource_uris", {"type": "object", "additionalProperties": {"type": "string"}}),
    ),
)
AVAILABLE: Final = Shape(
    "AvailablePhoneNumber",
    "AvailablePhoneNumbers",
    "available_phone_numbers",
    (
        Field("friendly_name", TEXT, lambda number: number.friendly_name or formatted(number.phone_number)),
        Field("phone_number", TEXT),
        Field("lata", nullable(TEXT), none),
        Field("locality", nullable(TEXT)),
        Field("rate_center", nullable(TEXT), none),
        Field("latitude", nullable({"type": "number"}), none),
        Field("longitude", nullable({"type": "number"}), none),
        Field("region", nullable(TEXT)),
        Field("postal_code", nullable(TEXT)),
        Field("iso_country", TEXT),
        Field("address_requirements", words("none", "any", "local", "foreign"), fixed("none")),
        Field("beta", BOOLEAN, fixed(False)),
        Field(
            "capabilities", CAPABILITIES,
            lambda number: {name: getattr(number, name) for name in ("voice", "sms", "mms", "fax")},
        ),
    ),
)  # fmt: skip

_PLACES: Final = (
    ("AreaCode", "text", r"[0-9]{3}"), ("Contains", "text", r"[+0-9A-Za-z*]{1,20}"), ("NearNumber", "text", ""),
    ("NearLatLong", "text", ""), ("InPostalCode", "text", ""), ("InRegion", "text", ""), ("InRateCenter", "text", ""),
    ("InLata", "text", ""), ("InLocality", "text", ""),
)  # fmt: skip
SEARCH: Final = (
    *(Parameter(name, "text", pattern=form, most=64) for name, _, form in _PLACES),
    *(Parameter(name, "boolean") for name in ("SmsEnabled", "MmsEnabled", "VoiceEnabled", "FaxEnabled", "Beta")),
    *(
        Parameter(f"Exclude{which}AddressRequired", "boolean", description="Accepted: no number needs an address.")
        for which in ("All", "Local", "Foreign")
    ),
    Parameter("Distance", "integer", least=0, most=500),
)


def _keys(text: str) -> str:
    """Letters as the keys that they are on: `TWILIO` is `894546`."""
    return text.upper().translate(str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "22233344455566677778889999"))


def conditions(request: Request) -> list[Where]:
    """What a search says of numbers."""
    found = []
    if request.get("area_code"):
        found.append(Where("phone_number", "like", f"+1{request.values['area_code']}*"))
    if request.get("contains"):
        digits = _keys(request.values["contains"])
        # A pattern of ten characters is a whole number; a shorter one may be anywhere in it.
        found.append(Where("phone_number", "like", f"*{digits}" if len(digits) >= 10 else f"*{digits}*"))
    for name, column in (("in_region", "region"), ("in_postal_code", "postal_code"), ("in_locality", "locality")):
        if request.get(name):
            value = request.values[name]
            found.append(Where(column, "=", value.upper() if column == "locality" else value))
    abilities = ("sms", "mms", "voice", "fax")
    given = {name: request.get(f"{name}_enabled") for name in abilities}
    return found + [Where(name, "=", value) for name, value in given.items() if value is not None]


def _available(kind: str) -> Any:
    async def search(request: Request) -> Listed:
        """The numbers of that kind in the pool, of one country."""
        country = request.path["CountryCode"].upper()
        store = request.services.database.available_numbers
        wanted = [Where("iso_country", "=", country), Where("kind", "=", kind), *conditions(request)]
        page = request.page
        return Listed(await store.page(wanted, page), False)

    return search


class _Country:
    beta = False

    def __init__(self, account_sid: str, code: str, kinds: Sequence[str]) -> None:
        self.country_code = code
        self.country = _NAMES.get(code, code)
        self.uri = Link(f"/2010-04-01/Accounts/{account_sid}/AvailablePhoneNumbers/{code}")
        paths = {kind: path for path, kind in KINDS.items()}
        self.subresource_uris = {
            kind.replace("-", "_"): Link(f"{self.uri}/{paths[kind]}") for kind in kinds if kind in paths
        }


_NAMES: Final = {"US": "United States", "CA": "Canada", "GB": "United Kingdom", "DE": "Germany", "FR": "France"}


async def _countries(request: Request) -> list[_Country]:
    kinds: dict[str, set[str]] = {}
    for number in await request.services.database.available_numbers.page((), Page(limit=10_000)):
        kinds.setdefault(number.iso_country, set()).add(number.kind)
    return [_Country(request.account.sid, code, sorted(found)) for code, found in sorted(kinds.items())]


async def countries(request: Request) -> Listed:
    """The countries of which the pool has numbers."""
    return Listed(await _countries(request), False)


async def country(request: Request) -> _Country:
    """One country of which the pool has numbers."""
    code = request.path["CountryCode"].upper()
    found = next((one for one in await _countries(request) if one.country_code == code), None)
    if found is None:
        raise not_found(f"AvailablePhoneNumbers/{code[:10]}")
    return found


_POOL: Final = "/Accounts/{AccountSid}/AvailablePhoneNumbers"
OPERATIONS: Final = (
    *(
        Operation(
            "GET", f"{_POOL}/{{CountryCode}}/{path}", f"ListAvailablePhoneNumber{path}", _available(kind), AVAILABLE,
            SEARCH, listed=True, paged=False,
        )
        for path, kind in KINDS.items()
    ),
    Operation("GET", _POOL, "ListAvailablePhoneNumberCountry", countries, COUNTRY, listed=True, paged=False),
    Operation("GET", _POOL + "/{CountryCode}", "FetchAvailablePhoneNumberCountry", country, COUNTRY),
)  # fmt: skip
