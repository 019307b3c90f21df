"""`ringback config`."""

import json
from pathlib import Path

import pytest
from cli_typing import Ringback

from ringback.app.settings import catalogue


def test_each_setting_has_a_line(ringback: Ringback, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("ringback.toml").write_text("[sip]\nport = 5070\n")
    monkeypatch.setenv("RINGBACK_LOG__LEVEL", "debug")
    lines = ringback("config").output.splitlines()
    assert [line.split()[0] for line in lines[1:-2]] == [setting.key for setting in catalogue()]
    port = next(line for line in lines if line.startswith("sip.port"))
    assert port.split()[1:3] == ["5070", "ringback.toml"]
    level = next(line for line in lines if line.startswith("log.level"))
    assert '"debug"' in level
    assert "environment RINGBACK_LOG__LEVEL" in level
    assert lines[-1] == "file: ringback.toml"


def test_without_a_file(ringback: Ringback) -> None:
    assert ringback("config").output.splitlines()[-1].startswith("file: none")


def test_json(ringback: Ringback) -> None:
    settings = {row["setting"]: row for row in json.loads(ringback("config", "--json").output)}
    assert settings["sip.allow"]["value"] == ["127.0.0.0/8", "::1/128"]
    assert settings["sip.advertised_address"]["value"] is None
    assert settings["sip.port"] == {
        "setting": "sip.port",
        "value": 5060,
        "source": "default",
        "variable": "RINGBACK_SIP__PORT",
        "description": "Port to listen on, over UDP and TCP. 0 takes a free one.",
    }
