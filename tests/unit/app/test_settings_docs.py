"""The reference of settings is made from the settings."""

import runpy
from pathlib import Path

import pytest
from pydantic import SecretStr

from ringback.app.settings import SettingInfo, catalogue
from ringback.app.settings_docs import as_toml, expected, render

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "settings.md"


def test_the_page_is_up_to_date() -> None:
    """If this fails: python -m ringback.app.settings_docs > docs/reference/settings.md"""
    assert PAGE.read_text() == render()


@pytest.mark.filterwarnings("ignore:.*found in sys.modules:RuntimeWarning")
def test_the_command_prints_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_module("ringback.app.settings_docs", run_name="__main__")
    assert capsys.readouterr().out == render()


def test_each_setting_is_in_it() -> None:
    page = render()
    for setting in catalogue():
        assert f"| `{setting.name}` |" in page


def test_what_a_setting_takes() -> None:
    takes = {setting.key: expected(setting) for setting in catalogue()}
    assert takes["sip.host"] == "IP address"
    assert takes["sip.port"] == "whole number, 0 to 65535"
    assert takes["sip.udp"] == "`true` or `false`"
    assert takes["sip.allow"] == "list of address ranges"
    assert takes["media.advertised_address"] == "IP address"
    assert takes["media.workers"] == "whole number, 1 to 256, or `auto`"
    assert takes["media.rtp_timeout"] == "number, above 0 to 86400"
    assert takes["log.format"] == "`text`, `json`"
    assert takes["storage.directory"] == "path"
    assert takes["speech.default_voice"] == "text"


def test_secrets_are_hidden() -> None:
    secret = SettingInfo("trunk", "password", SecretStr, SecretStr("opensesame"), "")
    assert as_toml(secret) == '"**********"'
