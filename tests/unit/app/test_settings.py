"""The settings themselves: defaults, bounds, what follows from them."""

from ipaddress import ip_network
from pathlib import Path

import pytest
from pydantic import ValidationError

from ringback.app.settings import (
    CallSettings,
    MediaSettings,
    Settings,
    SipSettings,
    SpeechSettings,
    StorageSettings,
    catalogue,
    sections,
)

LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))


def test_the_defaults_reach_nobody_but_this_machine() -> None:
    settings = Settings()
    assert (settings.sip.host, settings.sip.port, settings.media.host) == ("127.0.0.1", 5060, "127.0.0.1")
    assert settings.sip.allow == settings.webhooks.allow_private == LOOPBACK


def test_each_setting_is_described_and_has_a_variable() -> None:
    for setting in catalogue():
        assert setting.description.endswith("."), setting.key
        assert setting.variable == f"RINGBACK_{setting.section.upper()}__{setting.name.upper()}"
    assert {setting.section for setting in catalogue()} == set(sections())
    assert "sip.port" in {setting.key for setting in catalogue()}


def test_settings_never_change() -> None:
    with pytest.raises(ValidationError):
        Settings().sip.port = 5070  # type: ignore[misc]


def test_something_is_listened_on() -> None:
    assert SipSettings(udp=False).tcp
    assert SipSettings(tcp=False).udp
    assert SipSettings(udp=False, tcp=False, tls_port=5061).tls_port
    with pytest.raises(ValidationError, match="nothing would be listened on"):
        SipSettings(udp=False, tcp=False)


@pytest.mark.parametrize("address", ["", "localhost", "127.0.0.1:5060", "300.1.1.1", 2130706433, None])
def test_addresses_are_addresses(address: object) -> None:
    with pytest.raises(ValidationError, match="should be an IP address"):
        SipSettings(host=address)  # type: ignore[arg-type]


def test_addresses_have_one_spelling() -> None:
    assert SipSettings(host=" ::0001 ").host == "::1"


@pytest.mark.parametrize("network", ["", "lan", "10.0.0.1/8", "10.0.0.0/33", 7])
def test_ranges_are_ranges(network: object) -> None:
    with pytest.raises(ValidationError, match="should be an address range"):
        SipSettings(allow=(network,))  # type: ignore[arg-type]


def test_a_single_address_is_a_range() -> None:
    assert SipSettings(allow=("192.0.2.1",)).allow == (ip_network("192.0.2.1/32"),)  # type: ignore[arg-type]


def test_a_user_agent_cannot_break_out_of_its_header() -> None:
    with pytest.raises(ValidationError):
        SipSettings(user_agent="Ringback\r\nVia: me")


def test_rtp_ports_are_even_and_in_order() -> None:
    assert MediaSettings(port_min=4000, port_max=4000).port_max == 4000
    with pytest.raises(ValidationError, match="even"):
        MediaSettings(port_min=4001)
    with pytest.raises(ValidationError, match="not be less than media.port_min, which is 4000"):
        MediaSettings(port_min=4000, port_max=2000)


def test_workers_may_be_one_for_each_core() -> None:
    assert MediaSettings(workers="auto").worker_count(8) == 8
    assert MediaSettings(workers="auto").worker_count(0) == 1
    assert MediaSettings(workers=3).worker_count(8) == 3


@pytest.mark.parametrize("region", ["us", "USA", ""])
def test_a_region_is_two_capitals(region: str) -> None:
    with pytest.raises(ValidationError):
        CallSettings(default_region=region)


def test_a_language_is_a_tag() -> None:
    assert SpeechSettings(language="en-GB").language == "en-GB"
    with pytest.raises(ValidationError):
        SpeechSettings(language="English!")


def test_everything_is_kept_in_one_directory() -> None:
    storage = StorageSettings(directory=Path("/srv/ringback"))
    assert storage.database == Path("/srv/ringback/ringback.db")
    assert storage.clips == Path("/srv/ringback/clips")


def test_a_directory_is_a_path() -> None:
    with pytest.raises(ValidationError, match="path of a directory"):
        StorageSettings(directory=Path("a\0b"))


def test_numbers_are_numbers() -> None:
    with pytest.raises(ValidationError):
        MediaSettings(rtp_timeout=float("inf"))


def test_load_reads_them(tmp_path: Path) -> None:
    loaded = Settings.load(None, {"RINGBACK_SIP__PORT": "5070", "RINGBACK_STORAGE__DIRECTORY": str(tmp_path)})
    assert loaded.settings.sip.port == 5070
    assert loaded.sources["sip.port"] == "environment RINGBACK_SIP__PORT"


@pytest.mark.parametrize("values", [{"session_expires": 60}, {"session_expires": 100, "min_se": 200}, {"min_se": 10}])
def test_sessions_last_as_long_as_the_rfc_says(values: dict[str, int]) -> None:
    with pytest.raises(ValidationError):
        SipSettings(**values)
    assert SipSettings(session_expires=0, min_se=300).session_expires == 0
