"""`ringback trunks`."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cli_typing import Ringback

from ringback.app.telephony import trunk_probe
from ringback.app.telephony.trunk_check import Finding
from ringback.calls.trunks import TrunkConfig
from ringback.model.telephony import TrunkRecord, TrunkState
from ringback.storage.database import Database

Store = Callable[[Callable[[Database], Awaitable[Any]]], Any]
GATEWAY = ("--gateway", "gw.example")
NOON = datetime(2024, 2, 29, 12, tzinfo=UTC)


def trunk(store: Store, name: str = "carrier") -> TrunkRecord:
    found: TrunkRecord | None = store(lambda database: database.trunks.get(name))
    assert found is not None
    return found


def test_add_keeps_a_trunk(ringback: Ringback, store: Store) -> None:
    said = ringback(
        "trunks", "add", "carrier", *GATEWAY, "--gateway", "sips:b.example", "--username", "us", "--password", "sesame",
        "--register", "--inbound", "192.0.2.0/24", "--set", "max_calls=10", "--set", 'prefixes=["+1"]',
        "--set", "domain=us.example",
    ).output  # fmt: skip
    assert "`ringback trunks test carrier` tries it" in said
    assert "ringback trunks allow +1" in said
    kept = trunk(store)
    assert kept.settings == {
        "gateways": ["sip:gw.example", "sips:b.example"], "username": "us", "registration": True,
        "inbound": ["192.0.2.0/24"], "max_calls": 10, "prefixes": ["+1"], "domain": "us.example",
    }  # fmt: skip
    assert kept.secrets == {"password": "sesame"}


def test_the_password_may_come_from_the_environment(
    ringback: Ringback, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RINGBACK_TRUNK_PASSWORD", "secret one")
    monkeypatch.setenv("RINGBACK_CALLS__OUTBOUND_PREFIXES", "+1")
    assert "trunks allow" not in ringback("trunks", "add", "carrier", *GATEWAY).output
    assert trunk(store).secrets == {"password": "secret one"}


@pytest.mark.long
def test_replacing(ringback: Ringback, store: Store) -> None:
    ringback("trunks", "add", "carrier", *GATEWAY)
    before = trunk(store)
    assert "there is a trunk carrier already" in ringback("trunks", "add", "carrier", *GATEWAY, code=2).stderr
    ringback("trunks", "add", "carrier", "--gateway", "other.example", "--replace")
    after = trunk(store)
    assert (after.settings["gateways"], after.date_created) == (["sip:other.example"], before.date_created)
    assert after.date_updated is not None


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "should have gateways, or inbound addresses"),
        ((*GATEWAY, "--register"), "should have a username"),
        ((*GATEWAY, "--set", "colour=red"), "there is no setting trunks.carrier.colour"),
        ((*GATEWAY, "--set", "max_calls"), "should be like --set max_calls=10"),
        ((*GATEWAY, "--set", "max_calls=many"), "trunks.carrier.max_calls"),
    ],
)
def test_mistakes(ringback: Ringback, arguments: tuple[str, ...], words: str) -> None:
    assert words in ringback("trunks", "add", "carrier", *arguments, code=2).stderr


def test_the_settings_file_has_its_own(ringback: Ringback, tmp_path: Path) -> None:
    (tmp_path / "ringback.toml").write_text('[trunks.carrier]\ngateways = ["sip:gw.example"]\n')
    assert "is in the settings file" in ringback("trunks", "add", "carrier", *GATEWAY, code=2).stderr
    assert "it is in the settings file" in ringback("trunks", "remove", "carrier", code=2).stderr
    assert "settings  sip:gw.example" in ringback("trunks", "list").output


@pytest.mark.long
def test_the_list_tells_how_they_fare(ringback: Ringback, store: Store) -> None:
    assert "no trunks yet" in ringback("trunks", "list").output
    ringback("trunks", "add", "carrier", *GATEWAY, "--gateway", "b.example", "--username", "us", "--register")
    ringback("trunks", "add", "inbound", "--inbound", "192.0.2.0/24")
    lines = ringback("trunks", "list").output.splitlines()
    assert "not running" in lines[1]
    assert "numbers that may be called begin with (none" in lines[-1]
    gateways = [
        {"uri": "sip:gw.example", "alive": True, "why": "", "rests": False},
        {"uri": "sip:b.example", "alive": False, "why": "no answer", "rests": False},
    ]
    registration = {"state": "registered", "seconds_left": 541, "why": ""}
    report = {"calls": 3, "gateways": gateways, "registration": registration}
    state = TrunkState("carrier", report, NOON)
    store(lambda database: database.trunk_states.replace([state]))
    ringback("trunks", "allow", "+1")
    said = ringback("trunks", "list").output
    assert "sip:gw.example (alive); sip:b.example (dead: no answer)" in said
    assert "registered, 541 s left" in said
    assert "begin with +1" in said
    told = json.loads(ringback("trunks", "list", "--json").output)
    assert told["prefixes"] == ["+1"]
    assert told["trunks"][0]["state"]["calls"] == 3
    waiting = {"calls": 0, "gateways": [], "registration": {"state": "waiting", "seconds_left": None, "why": "403 No"}}
    store(lambda database: database.trunk_states.replace([TrunkState("carrier", waiting, NOON)]))
    assert "waiting: 403 No" in ringback("trunks", "list").output


def test_one_in_the_store_that_cannot_be_used_is_told(ringback: Ringback, store: Store) -> None:
    record = TrunkRecord("odd", {"gatewys": []}, NOON)
    store(lambda database: database.trunks.create(record))
    assert "warning: the store: there is no setting trunks.odd.gatewys" in ringback("trunks", "list").stderr


def test_removing(ringback: Ringback) -> None:
    ringback("trunks", "add", "carrier", *GATEWAY)
    assert ringback("trunks", "remove", "carrier").output == "carrier is removed\n"
    assert "there is no trunk carrier in the store" in ringback("trunks", "remove", "carrier", code=2).stderr


@pytest.mark.long
def test_prefixes(ringback: Ringback, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "may call numbers that begin with +44" in ringback("trunks", "allow", "+44").output
    assert "may not call numbers that begin with +44" in ringback("trunks", "deny", "+44").output
    monkeypatch.setenv("RINGBACK_CALLS__OUTBOUND_PREFIXES", "+1")
    assert "it is in calls.outbound_prefixes" in ringback("trunks", "deny", "+1", code=2).stderr
    for wrong in ("", "abc"):
        assert "is no beginning of a number" in ringback("trunks", "allow", wrong, code=2).stderr
    account = json.loads(ringback("accounts", "list", "--json").output)[0]["sid"]
    assert account in ringback("trunks", "allow", "*", "--account", account).output
    assert "there is no account ACx" in ringback("trunks", "allow", "+1", "--account", "ACx", code=2).stderr


@pytest.mark.long
def test_trying_one(ringback: Ringback, monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[str] = []

    class Check:
        def __init__(self, *findings: Finding) -> None:
            self._findings = findings

        async def run(self, call: str) -> AsyncIterator[Finding]:
            called.append(call)
            for finding in self._findings:
                yield finding

    good, bad = Finding("dns", True, "it is there"), Finding("credentials", False, "the password is refused\x1b")
    found = [good]

    @asynccontextmanager
    async def probing(settings: Any, config: TrunkConfig) -> AsyncIterator[Check]:
        yield Check(*found)

    monkeypatch.setattr(trunk_probe, "probing", probing)
    assert "there is no trunk carrier" in ringback("trunks", "test", "carrier", code=2).stderr
    ringback("trunks", "add", "carrier", *GATEWAY)
    assert ringback("trunks", "test", "carrier").output == "ok    dns         it is there\n"
    found.append(bad)
    said = ringback("trunks", "test", "carrier", "--call", "(415) 555-0100", code=1).output
    assert "FAIL  credentials the password is refused\\x1b" in said
    assert called == ["", "+14155550100"]
    rows = ringback("trunks", "test", "carrier", "--json", code=1).output.splitlines()
    assert json.loads(rows[1]) == {"subject": "credentials", "ok": False, "text": "the password is refused\x1b"}
