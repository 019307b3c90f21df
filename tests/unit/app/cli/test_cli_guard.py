"""`ringback guard`."""

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from cli_typing import Ringback

from ringback.model.telephony import GuardBlock, GuardRefusal
from ringback.storage.database import Database

Store = Callable[[Callable[[Database], Awaitable[Any]]], Any]
BAD = "203.0.113.9"
PAST, FUTURE = datetime(2001, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


def block(store: Store, source: str, until: datetime) -> None:
    entry = GuardBlock(source, until, "5 wrong names or passwords", PAST)
    store(lambda database: database.guard.change_blocks([entry], []))


@pytest.mark.long
def test_the_list(ringback: Ringback, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RINGBACK_GUARD__ALLOW", "198.51.100.0/24")
    said = ringback("guard", "list").output
    assert "nobody is blocked" in said
    assert "127.0.0.0/8      sip.allow" in said
    block(store, BAD, FUTURE)
    block(store, "203.0.113.8", PAST)
    refusal = GuardRefusal(BAD, "wrong password", 5, datetime(2024, 2, 29, 12, tzinfo=UTC))
    store(lambda database: database.guard.replace_refusals([refusal]))
    ringback("guard", "allow", "192.0.2.7/24", "--note", "office")
    lines = ringback("guard", "list").output.splitlines()
    assert lines[1].startswith(f"{BAD}  ")
    assert lines[1].endswith(" s  5 wrong names or passwords")
    assert "198.51.100.0/24  guard.allow" in lines
    assert "192.0.2.0/24     office" in lines
    assert lines[-1].split() == [BAD, "wrong", "password", "5", "2024-02-29", "12:00:00", "UTC"]
    told = json.loads(ringback("guard", "list", "--json").output)
    assert [entry["source"] for entry in told["blocked"]] == [BAD]
    assert {"network": "192.0.2.0/24", "by": "office"} in told["allowed"]
    assert told["refused"][0]["count"] == 5


def test_allowing_and_disallowing(ringback: Ringback) -> None:
    assert ringback("guard", "allow", "2001:db8::/32").output == "2001:db8::/32 is never judged\n"
    assert ringback("guard", "disallow", "2001:db8::/32").output == "2001:db8::/32 is judged again\n"
    assert "was not allowed by this command" in ringback("guard", "disallow", "2001:db8::/32", code=2).stderr
    assert "is no address or range" in ringback("guard", "allow", "elsewhere", code=2).stderr


def test_unblocking(ringback: Ringback, store: Store) -> None:
    block(store, "2001:db8:1:2::/64", FUTURE)
    assert "is heard again" in ringback("guard", "unblock", "2001:db8:1:2::5").output
    assert "is not blocked" in ringback("guard", "unblock", "2001:db8:1:2::5", code=2).stderr
