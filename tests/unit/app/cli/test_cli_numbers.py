"""`ringback numbers`."""

import json
from typing import Any

import pytest
from cli_typing import Ringback

from ringback.model.sids import is_sid

URL = "http://127.0.0.1:8000/voice"


def added(ringback: Ringback, *arguments: str) -> dict[str, Any]:
    number: dict[str, Any] = json.loads(ringback("numbers", "add", *arguments, "--json").output)
    return number


def test_add_says_what_to_dial(ringback: Ringback) -> None:
    output = ringback("numbers", "add", "(415) 555-0100", "--url", URL).output
    assert output.startswith(f"+14155550100 asks POST {URL} (API 2010-04-01, PN")
    assert "dial sip:+14155550100@127.0.0.1:5060 once" in output


def test_add_with_everything(ringback: Ringback) -> None:
    number = added(
        ringback, "menu", "--url", URL, "--method", "get", "--fallback-url", "https://b/", "--fallback-method", "GET",
        "--status-callback", "https://c/", "--status-callback-method", "GET", "--api-version", "2008-08-01",
        "--sms-url", "https://d/", "--sms-method", "get", "--sms-fallback-url", "https://e/",
        "--sms-fallback-method", "GET",
        "--friendly-name", "Front door",
    )  # fmt: skip
    assert is_sid(number.pop("sid"), "PN")
    assert is_sid(number.pop("account_sid"), "AC")
    number.pop("date_created")
    for name in ("date_updated", "sms_application_sid", "voice_application_sid", "trunk_sid", "voice_caller_id_lookup"):
        assert not number.pop(name)
    assert number == {
        "phone_number": "menu",
        "voice_url": URL,
        "voice_method": "GET",
        "voice_fallback_url": "https://b/",
        "voice_fallback_method": "GET",
        "status_callback": "https://c/",
        "status_callback_method": "GET",
        "api_version": "2008-08-01",
        "friendly_name": "Front door",
        "sms_url": "https://d/",
        "sms_method": "GET",
        "sms_fallback_url": "https://e/",
        "sms_fallback_method": "GET",
    }


def test_a_number_for_messages_alone(ringback: Ringback) -> None:
    said = ringback("numbers", "add", "4155550100", "--sms-url", URL).output
    assert f"asks POST {URL} about messages" in said
    assert "ringback sms send +14155550100 TEXT" in said
    assert "dial" not in said
    assert "about messages" in ringback("numbers", "list").output


def test_a_number_without_any_application(ringback: Ringback) -> None:
    assert "needs --url" in ringback("numbers", "add", "1", code=2).stderr
    said = ringback("numbers", "add", "1", "--url", URL, "--sms-fallback-url", URL, code=2).stderr
    assert "--sms-fallback-url needs --sms-url" in said


def test_numbers_are_read_as_dialled_in_the_region_of_the_settings(
    ringback: Ringback, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RINGBACK_CALLS__DEFAULT_REGION", "GB")
    assert added(ringback, "020 7946 0958", "--url", URL)["phone_number"] == "+442079460958"


@pytest.mark.parametrize(
    ("host", "advertised", "dialled"),
    [
        ("0.0.0.0", "", "127.0.0.1"),
        ("::", "", "[::1]"),
        ("192.0.2.1", "", "192.0.2.1"),
        ("10.0.0.1", "192.0.2.1", "192.0.2.1"),
    ],
)
def test_the_address_to_dial(
    ringback: Ringback, monkeypatch: pytest.MonkeyPatch, host: str, advertised: str, dialled: str
) -> None:
    monkeypatch.setenv("RINGBACK_SIP__HOST", host)
    monkeypatch.setenv("RINGBACK_SIP__ADVERTISED_ADDRESS", advertised)
    assert f"dial sip:menu@{dialled}:5060" in ringback("numbers", "add", "menu", "--url", URL).output


@pytest.mark.parametrize("number", ["", " ", "me@home", "a b", "sip:1", "x" * 101, "\x1b[31m", "<1>"])
def test_what_cannot_be_dialled(ringback: Ringback, number: str) -> None:
    assert "cannot be dialled" in ringback("numbers", "add", number, "--url", URL, code=2).stderr


@pytest.mark.parametrize(
    "url", ["", "voice", "/voice", "ftp://a/", "http://", "http://a:0/", "http://a:b/", "http://[a/", "http://a/ b"]
)
def test_what_cannot_be_asked(ringback: Ringback, url: str) -> None:
    assert "should be an address such as http://" in ringback("numbers", "add", "1", "--url", url, code=2).stderr
    other = ringback("numbers", "add", "1", "--url", URL, "--status-callback", url, code=2)
    assert other.stderr.startswith("error: --status-callback ")


def test_a_number_is_there_once(ringback: Ringback) -> None:
    first = added(ringback, "+14155550100", "--url", URL)
    again = ringback("numbers", "add", "415 555 0100", "--url", "http://b/", code=2)
    assert f"is there already, as {first['sid']}, and asks {URL}" in again.stderr
    assert "hint: --replace" in again.stderr


@pytest.mark.long
def test_replacing_keeps_the_sid(ringback: Ringback) -> None:
    first = added(ringback, "+14155550100", "--url", URL, "--friendly-name", "x")
    second = added(ringback, "+14155550100", "--url", "http://b/", "--replace")
    assert second == {**first, "voice_url": "http://b/", "friendly_name": "+14155550100"}
    assert json.loads(ringback("numbers", "list", "--json").output) == [second]


def test_list(ringback: Ringback) -> None:
    assert ringback("numbers", "list").output.startswith("no numbers yet; add one: ringback numbers add")
    one = added(ringback, "+14155550100", "--url", URL)
    two = added(ringback, "menu", "--url", URL, "--friendly-name", "Menu")
    lines = [line.split() for line in ringback("numbers", "list").output.splitlines()]
    assert lines == [
        ["number", "name", "asks", "API", "sid"],
        ["+14155550100", "POST", URL, "2010-04-01", one["sid"]],
        ["menu", "Menu", "POST", URL, "2010-04-01", two["sid"]],
    ]


def test_show(ringback: Ringback) -> None:
    number = added(ringback, "+14155550100", "--url", URL)
    assert json.loads(ringback("numbers", "show", number["sid"], "--json").output) == number
    lines = dict(line.split(maxsplit=1) for line in ringback("numbers", "show", "4155550100").output.splitlines()
                 if " " in line)  # fmt: skip
    assert lines["sid"] == number["sid"]
    assert lines["voice_url"] == URL
    assert lines["dial"] == "sip:+14155550100@127.0.0.1:5060"


def test_remove(ringback: Ringback) -> None:
    added(ringback, "+14155550100", "--url", URL)
    assert ringback("numbers", "remove", "415-555-0100").output == "+14155550100 is removed\n"
    assert json.loads(ringback("numbers", "list", "--json").output) == []


@pytest.mark.parametrize("command", ["show", "remove"])
@pytest.mark.parametrize("which", ["+14155550199", "PN" + "0" * 32])
def test_a_number_that_is_not_there(ringback: Ringback, command: str, which: str) -> None:
    stderr = ringback("numbers", command, which, code=2).stderr
    assert f"error: there is no number {which}" in stderr
    assert "hint: `ringback numbers list`" in stderr
