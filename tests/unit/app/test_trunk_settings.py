"""The settings of a trunk: in the file, in the environment, in the store."""

from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from ringback.app.settings import Settings, SettingsError
from ringback.app.trunk_settings import TrunkSettings, is_trunk_variable, read_trunks, sip_uri, trunk_tables
from ringback.calls.trunks import Gateway, TrunkConfig

WHOLE: dict[str, Any] = {
    "gateways": ["gw1.example", {"uri": "sips:gw2.example", "priority": 1, "weight": 3}],
    "username": "us",
    "password": "sesame",
    "registration": True,
    "inbound": ["192.0.2.0/24"],
    "headers": ["X-Customer: 7"],
    "prefixes": ["+1", "*"],
}


def read(tables: dict[str, Any], **env: str) -> tuple[dict[str, TrunkSettings], list[str]]:
    problems: list[str] = []
    return read_trunks(tables, env, problems), problems


def test_a_trunk_as_the_switch_has_it() -> None:
    trunks, problems = read({"carrier": WHOLE})
    assert problems == []
    assert trunks["carrier"].config("carrier") == TrunkConfig(
        "carrier",
        (Gateway("sip:gw1.example", 1), Gateway("sips:gw2.example", 1, 3)),
        "us",
        "sesame",
        register=True,
        inbound=(ip_network("192.0.2.0/24"),),
        headers=(("X-Customer", "7"),),
        prefixes=("+1", "*"),
    )
    assert "sesame" not in repr(trunks)


def test_what_the_store_keeps_is_read_again() -> None:
    trunk = read({"carrier": WHOLE})[0]["carrier"]
    settings, secrets = trunk.stored()
    assert secrets == {"password": "sesame"}
    assert "sesame" not in str(settings)
    assert "expires" not in settings
    assert read({"carrier": {**settings, **secrets}})[0]["carrier"] == trunk


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"gatewys": []}, "there is no setting trunks.t.gatewys; a trunk has caller_id, "),
        ({}, "trunks.t should have gateways, or inbound addresses"),
        ({"gateways": ["sip:a b"]}, "trunks.t.gateways should be a SIP address such as sip:gw.example"),
        ({"gateways": ["sip:"]}, "should be a SIP address"),
        ({"registration": True, "inbound": ["::1"]}, "should have gateways or registrars"),
        ({"gateways": ["a"], "registration": True}, "should have a username"),
        ({"inbound_username": "x"}, "should have both inbound_username and inbound_password"),
        ({"inbound": ["192.0.2.1/24"]}, "should be an address range"),
        ({"gateways": ["a"], "prefixes": ["abc"]}, "should be the beginning of a number"),
        ({"gateways": ["a"], "headers": ["X\r\n: 1"]}, "should be a header line"),
        ({"gateways": ["a"], "domain": "a\nb"}, "should be printable text"),
        ({"gateways": ["a"], "expires": "600"}, "trunks.t.expires should be a valid integer"),
        ({"gateways": ["a"], "codecs": []}, "trunks.t.codecs"),
    ],
)
def test_mistakes_are_told(values: dict[str, Any], problem: str) -> None:
    trunks, problems = read({"t": values})
    assert trunks == {}
    assert problem in problems[0]
    assert problems[0].startswith("settings: ")


@pytest.mark.parametrize("tables", [{"a b": WHOLE}, {"t": 5}])
def test_what_is_no_trunk(tables: dict[str, Any]) -> None:
    assert "should be a table [trunks.NAME]" in read(tables)[1][0]


def test_the_environment_is_stronger() -> None:
    trunks, problems = read(
        {"big-one": WHOLE},
        RINGBACK_TRUNKS__BIG_ONE__PASSWORD="other",
        RINGBACK_TRUNKS__BIG_ONE__MAX_CALLS="7",
        RINGBACK_TRUNKS__BIG_ONE__CALLS_PER_SECOND="0.5",
        RINGBACK_TRUNKS__BIG_ONE__REGISTRATION="false",
        RINGBACK_TRUNKS__BIG_ONE__PREFIXES='["+44"]',
        RINGBACK_TRUNKS__BIG_ONE__DOMAIN="[x",
        RINGBACK_TRUNKS__OTHER__PASSWORD="x",
        RINGBACK_TRUNKS__BIG_ONE__COLOUR="x",
    )
    config = trunks["big-one"].config("big-one")
    assert (config.password, config.max_calls, config.calls_per_second) == ("other", 7, 0.5)
    assert (config.register, config.prefixes, config.domain) == (False, ("+44",), "[x")
    assert [problem.split(":")[0] for problem in problems] == [
        "environment RINGBACK_TRUNKS__BIG_ONE__COLOUR",
        "environment RINGBACK_TRUNKS__OTHER__PASSWORD",
    ]
    assert is_trunk_variable("RINGBACK_TRUNKS__OTHER__PASSWORD")


def test_in_the_settings_file(tmp_path: Path) -> None:
    file = tmp_path / "ringback.toml"
    file.write_text('[sip]\nport = 5070\n[trunks.carrier]\ngateways = ["gw.example"]\n')
    loaded = Settings.load(file, {"RINGBACK_TRUNKS__CARRIER__USERNAME": "us"})
    assert loaded.settings.trunks["carrier"].username == "us"
    assert loaded.settings.sip.port == 5070
    file.write_text("[trunks.carrier]\n")
    with pytest.raises(SettingsError, match=r"ringback\.toml: trunks\.carrier should have gateways"):
        Settings.load(file, {})
    file.write_text("trunks = 5\n")
    with pytest.raises(SettingsError, match="trunks"):
        Settings.load(file, {})


def test_tables_of_a_text() -> None:
    assert trunk_tables("[sip]") == trunk_tables("trunks = [") == trunk_tables("trunks = 5") == {}
    assert sip_uri(" SIP:a ") == "SIP:a"
