"""`ringback sms` and `ringback carriers` as they are typed."""

import json
import re

import pytest
from cli_typing import Ringback

ADD = ("carriers", "add", "net", "smpp", "host=127.0.0.1", "port=1", "system_id=x", "password=geheim")


@pytest.mark.long
def test_carriers_are_added_listed_changed_and_removed(ringback: Ringback) -> None:
    assert "no carriers" in ringback("carriers", "list").output
    assert "net is added" in ringback(*ADD, "--prefix", "+44", "--rate", "5", "--priority", "7").output
    listed = ringback("carriers", "list").output
    assert "+44" in listed
    assert "5/s" in listed
    assert "127.0.0.1:1" in listed
    (shown,) = json.loads(ringback("carriers", "list", "--json").output)
    assert shown["settings"]["password"] == "hidden"
    assert "--replace changes it" in ringback(*ADD, code=2).stderr
    ringback(*ADD, "--replace")
    assert "no connection" in ringback("carriers", "test", "net", "--seconds", "1", code=2).stderr
    assert "net is removed" in ringback("carriers", "remove", "net").output
    for command in ("remove", "test"):
        assert "there is no carrier net" in ringback("carriers", command, "net", code=2).stderr


@pytest.mark.long
def test_other_kinds(ringback: Ringback) -> None:
    esmes = 'esmes=[{"system_id": "a", "password": "geheim"}]'
    ringback("carriers", "add", "esmes", "smpp-server", "port=1", esmes)
    ringback("carriers", "add", "phone", "http", "url=http://127.0.0.1:1/x", "secret=0123456789abcdef")
    output = ringback("carriers", "list", "--json").output
    assert "geheim" not in output
    assert "0123456789abcdef" not in output
    assert "http://127.0.0.1:1/x" in ringback("carriers", "list").output
    assert "is the server running" in ringback("carriers", "test", "esmes", code=2).stderr
    assert "no connection" in ringback("carriers", "test", "phone", code=2).stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("local", "smpp"), "is no name"),
        (("a b", "smpp"), "is no name"),
        (("net", "smpp"), "host is missing|system_id is missing"),
        (("net", "smpp", "host"), "SETTING=VALUE"),
        (("net", "smpp-server", "esmes=[{"), "is none"),
        (("net", "http", "url=x", "secret=short"), "secret should have 16"),
    ],
)
def test_what_cannot_be_added(ringback: Ringback, arguments: tuple[str, ...], told: str) -> None:
    assert re.search(told, ringback("carriers", "add", *arguments, code=2).stderr)


def test_without_a_server_there_is_no_handset(ringback: Ringback) -> None:
    for command in (("send", "+15550100001", "hi"), ("listen",)):
        assert "start one: ringback serve" in ringback("sms", *command, code=2).stderr
    assert "cannot be read" in ringback("sms", "send", "1", "hi", "--media", "/nowhere", code=2).stderr


def test_messages_are_listed_and_shown(ringback: Ringback) -> None:
    assert ringback("sms", "list").output == "no messages\n"
    assert "there is no message last" in ringback("sms", "show", code=2).stderr
    assert json.loads(ringback("sms", "list", "--json").output) == []
