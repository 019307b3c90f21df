"""`ringback phones`."""

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cli_typing import Ringback

from ringback.model.telephony import BindingRecord, PhoneRecord
from ringback.sip.auth import ha1
from ringback.storage.database import Database

FUTURE = datetime(2100, 1, 1, tzinfo=UTC)
Store = Callable[[Callable[[Database], Awaitable[Any]]], Any]


def phone(store: Store, name: str = "alice") -> PhoneRecord:
    found: PhoneRecord | None = store(lambda database: database.phones.get(name))
    assert found is not None
    return found


def bind(store: Store, number: int, **different: Any) -> None:
    values: dict[str, Any] = {
        "username": "alice", "contact": f"sip:alice@10.0.0.{number}", "call_id": "a", "cseq": 1, "q": 1.0,
        "transport": "UDP", "local_host": "192.0.2.1", "local_port": 5060, "remote_host": "198.51.100.7",
        "remote_port": 40000 + number, "by_connection": False, "path": [], "user_agent": "Phone", "instance": "",
        "nat": True, "expires": FUTURE,
    }  # fmt: skip
    store(lambda database: database.bindings.change([BindingRecord(**{**values, **different})], []))


def test_add_says_what_to_type_and_keeps_what_checks_the_password(ringback: Ringback, store: Store) -> None:
    said = ringback("phones", "add", "alice", "--display-name", "Alice").output
    password = next(line.split()[-1] for line in said.splitlines() if line.strip().startswith("password "))
    assert len(password) == 20
    assert "user name               alice" in said
    assert "domain, or SIP server   127.0.0.1:5060" in said
    assert "which only this machine reaches" in said
    assert "█" in said
    kept = phone(store)
    assert kept.ha1_sha256 == ha1("SHA-256", "alice", "ringback", password)
    assert kept.display_name == "Alice"
    assert password not in repr(kept)


def test_a_password_of_ones_own(ringback: Ringback, store: Store) -> None:
    told = json.loads(ringback("phones", "add", "alice", "--password", "correct horse", "--json").output)
    assert told == {
        "username": "alice", "password": "correct horse", "domain": "127.0.0.1", "port": 5060, "transport": "udp",
        "realm": "ringback",
    }  # fmt: skip
    assert phone(store).ha1_md5 == ha1("MD5", "alice", "ringback", "correct horse")
    assert "a password has 8 to 100 characters" in ringback("phones", "add", "b", "--password", "short", code=2).stderr


@pytest.mark.long
def test_replacing_keeps_what_is_not_said(ringback: Ringback, store: Store) -> None:
    ringback("phones", "add", "alice", "--display-name", "Alice", "--no-qr")
    before = phone(store)
    assert "there is a phone alice already" in ringback("phones", "add", "alice", code=2).stderr
    ringback("phones", "add", "alice", "--replace", "--no-qr")
    after = phone(store)
    assert (after.display_name, after.date_created) == ("Alice", before.date_created)
    assert after.date_updated is not None
    assert after.ha1_md5 != before.ha1_md5


@pytest.mark.parametrize("name", ["", "a b", "a@b", "-a", "ä"])
def test_names_that_phones_cannot_have(ringback: Ringback, name: str) -> None:
    assert "is no user name" in ringback("phones", "add", "--", name, code=2).stderr


def test_where_phones_reach_the_server(ringback: Ringback, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RINGBACK_SIP__ADVERTISED_ADDRESS", "203.0.113.1")
    said = ringback("phones", "add", "a").output
    assert "203.0.113.1:5060" in said
    assert "only this machine" not in said
    monkeypatch.delenv("RINGBACK_SIP__ADVERTISED_ADDRESS")
    monkeypatch.setenv("RINGBACK_SIP__HOST", "2001:db8::1")
    assert "[2001:db8::1]:5060" in ringback("phones", "add", "b", "--transport", "tcp").output


@pytest.mark.long
def test_transports(ringback: Ringback, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "set sip.tls_port" in ringback("phones", "add", "a", "--transport", "tls", code=2).stderr
    monkeypatch.setenv("RINGBACK_SIP__TLS_PORT", "5061")
    said = ringback("phones", "add", "a", "--transport", "tls").output
    assert "127.0.0.1:5061" in said
    assert "SRTP (SDES)" in said
    monkeypatch.setenv("RINGBACK_SIP__UDP", "false")
    assert "transport               TCP" in ringback("phones", "add", "b").output
    assert "set sip.udp" in ringback("phones", "add", "c", "--transport", "udp", code=2).stderr


@pytest.mark.long
def test_the_list_tells_where_each_is_registered(ringback: Ringback, store: Store) -> None:
    assert "no phones yet" in ringback("phones", "list").output
    ringback("phones", "add", "alice", "--no-qr")
    ringback("phones", "add", "bob", "--no-qr")
    bind(store, 1)
    bind(store, 2, transport="TLS", remote_host="2001:db8::7")
    bind(store, 3, expires=datetime(2001, 1, 1, tzinfo=UTC))
    lines = ringback("phones", "list").output.splitlines()
    assert lines[1].split()[:3] == ["alice", "UDP", "198.51.100.7:40001"]
    assert "TLS [2001:db8::7]:40002" in lines[2]
    assert "not registered" in lines[3]
    assert len(lines) == 4
    [alice, bob] = json.loads(ringback("phones", "list", "--json").output)
    assert [binding["source"] for binding in alice["bindings"]] == ["198.51.100.7:40001", "[2001:db8::7]:40002"]
    assert bob == {"username": "bob", "display_name": "", "bindings": []}


def test_removing(ringback: Ringback, store: Store, directory: Path) -> None:
    ringback("phones", "add", "alice", "--no-qr")
    assert ringback("phones", "remove", "alice").output == "alice is removed\n"
    assert "there is no phone alice" in ringback("phones", "remove", "alice", code=2).stderr
