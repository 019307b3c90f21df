"""The pool of numbers that an account may take (2010-04-01, clause 9.7)."""

# Covers: rest/replies.py

import pytest
from rest_world import NOW, V2010, World

from ringback.model.provisioning import AvailableNumberRecord

POOL = f"{V2010}/Accounts/{{A}}/AvailablePhoneNumbers"
KINDS = {
    "Local": "local", "Mobile": "mobile", "TollFree": "toll-free", "National": "national",
    "SharedCost": "shared-cost", "Voip": "voip", "MachineToMachine": "machine-to-machine",
}  # fmt: skip
OAKLAND = AvailableNumberRecord(
    "+15108945460", "US", "local", NOW, "Oakland", "OAKLAND", "CA", "94601", voice=True, sms=True, mms=True
)
ALBANY = AvailableNumberRecord("+15185550177", "US", "local", NOW, region="NY", sms=False)


@pytest.mark.conforms("2010-04-01/9/ListAvailablePhoneNumberLocal")
async def test_every_field_of_a_number_and_no_pages(rest: World) -> None:
    await rest.database.available_numbers.offer([OAKLAND])
    told = (await rest("GET", f"{POOL}/US/Local.json")).json
    assert list(told) == ["available_phone_numbers", "uri"]
    assert told["uri"] == f"{V2010}/Accounts/{rest.account.sid}/AvailablePhoneNumbers/US/Local.json"
    assert list(told["available_phone_numbers"][0].items()) == [
        ("friendly_name", "Oakland"),
        ("phone_number", "+15108945460"),
        ("lata", None),
        ("locality", "OAKLAND"),
        ("rate_center", None),
        ("latitude", None),
        ("longitude", None),
        ("region", "CA"),
        ("postal_code", "94601"),
        ("iso_country", "US"),
        ("address_requirements", "none"),
        ("beta", False),
        ("capabilities", {"voice": True, "sms": True, "mms": True, "fax": False}),
    ]
    listed = (await rest("GET", f"{POOL}/us/Local")).xml.find("AvailablePhoneNumbers")
    assert dict(listed.attrib) == {"uri": f"{V2010}/Accounts/{rest.account.sid}/AvailablePhoneNumbers/us/Local"}
    assert listed.findtext("AvailablePhoneNumber/Capabilities/Voice") == "true"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"AreaCode": "510"}, [OAKLAND]),
        ({"AreaCode": "212"}, []),
        ({"Contains": "555"}, [ALBANY]),
        ({"Contains": "TWILIO"}, [OAKLAND]),  # the keys that the letters are on
        ({"Contains": "510*460"}, [OAKLAND]),
        ({"Contains": "5185550177"}, [ALBANY]),
        ({"Contains": "518555017*"}, [ALBANY]),
        ({"InRegion": "NY"}, [ALBANY]),
        ({"InPostalCode": "94601"}, [OAKLAND]),
        ({"InLocality": "Oakland"}, [OAKLAND]),
        ({"SmsEnabled": "false"}, [ALBANY]),
        ({"SmsEnabled": "true", "MmsEnabled": "true", "VoiceEnabled": "true"}, [OAKLAND]),
        ({"FaxEnabled": "true"}, []),
        ({"ExcludeAllAddressRequired": "true", "Distance": "25"}, [ALBANY, OAKLAND]),
    ],
)
async def test_a_search_finds_what_it_describes(
    rest: World, query: dict[str, str], found: list[AvailableNumberRecord]
) -> None:
    await rest.database.available_numbers.offer([OAKLAND, ALBANY])
    told = (await rest("GET", f"{POOL}/US/Local.json", query=query)).json["available_phone_numbers"]
    assert {one["phone_number"] for one in told} == {one.phone_number for one in found}


@pytest.mark.parametrize("query", [{"AreaCode": "51"}, {"Contains": "5;5"}, {"SmsEnabled": "x"}, {"Distance": "501"}])
async def test_what_a_search_is_refused_for(rest: World, query: dict[str, str]) -> None:
    assert (await rest("GET", f"{POOL}/US/Local.json", query=query)).json["code"] == 20422


@pytest.mark.conforms(
    "2010-04-01/9/ListAvailablePhoneNumberLocal",
    "2010-04-01/9/ListAvailablePhoneNumberMachineToMachine",
    "2010-04-01/9/ListAvailablePhoneNumberMobile",
    "2010-04-01/9/ListAvailablePhoneNumberNational",
    "2010-04-01/9/ListAvailablePhoneNumberSharedCost",
    "2010-04-01/9/ListAvailablePhoneNumberTollFree",
    "2010-04-01/9/ListAvailablePhoneNumberVoip",
)
@pytest.mark.parametrize("path", KINDS)
async def test_each_kind_has_a_list_of_its_own(rest: World, path: str) -> None:
    numbers = {kind: f"+141555501{place:02}" for place, kind in enumerate(KINDS.values())}
    await rest.database.available_numbers.offer(
        AvailableNumberRecord(number, "US", kind, NOW) for kind, number in numbers.items()
    )
    told = (await rest("GET", f"{POOL}/US/{path}.json")).json["available_phone_numbers"]
    assert [one["phone_number"] for one in told] == [numbers[KINDS[path]]]
    assert told[0]["friendly_name"] == f"(415) 555-01{numbers[KINDS[path]][-2:]}"
    assert (await rest("GET", f"{POOL}/GB/{path}.json")).json["available_phone_numbers"] == []


@pytest.mark.conforms("2010-04-01/9/ListAvailablePhoneNumberCountry", "2010-04-01/9/FetchAvailablePhoneNumberCountry")
async def test_the_countries_of_the_pool(rest: World) -> None:
    await rest.database.available_numbers.offer(
        [OAKLAND, AvailableNumberRecord("+18005550100", "US", "toll-free", NOW),
         AvailableNumberRecord("+4740000001", "NO", "mobile", NOW)]
    )  # fmt: skip
    told = (await rest("GET", f"{POOL}.json")).json
    assert list(told) == ["countries", "uri"]
    assert [(one["country_code"], one["country"]) for one in told["countries"]] == [
        ("NO", "NO"), ("US", "United States"),
    ]  # fmt: skip
    base = f"{V2010}/Accounts/{rest.account.sid}/AvailablePhoneNumbers/US"
    assert (await rest("GET", f"{POOL}/us.json")).json == {
        "country_code": "US", "country": "United States", "beta": False, "uri": f"{base}.json",
        "subresource_uris": {"local": f"{base}/Local.json", "toll_free": f"{base}/TollFree.json"},
    }  # fmt: skip
    missing = await rest("GET", f"{POOL}/FR.json")
    assert (missing.status, missing.json["code"]) == (404, 20404)
