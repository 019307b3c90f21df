"""`ringback calls`."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cli_typing import Ringback

from ringback.app.cli import calls as command
from ringback.model import events
from ringback.model.records import CallEvent, CallRecord
from ringback.model.status import ApiVersion, CallStatus, Direction
from ringback.storage.database import Database

START = datetime(2024, 2, 29, 12, 30, 15, tzinfo=UTC)
ONE, OTHER = "CAab" + "1" * 30, "CAcd" + "2" * 30


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def record(sid: str, account_sid: str, **different: Any) -> CallRecord:
    values: dict[str, Any] = {
        "sid": sid,
        "account_sid": account_sid,
        "from_": "+14155550199",
        "to": "+14155550100",
        "direction": Direction.INBOUND,
        "status": CallStatus.COMPLETED,
        "api_version": ApiVersion.V2010,
        "phone_number_sid": None,
        "sip_call_id": "x@example.com",
        "date_created": START,
        "start_time": after(0.5),
        "end_time": after(83.7),
        "end_reason": "hangup-verb",
    }
    return CallRecord(**{**values, **different})


async def two_calls(database: Database) -> None:
    account = await database.accounts.ensure_default(START, bytes)
    await database.calls.create(record(ONE, account.sid))
    ringing = {"status": CallStatus.RINGING, "start_time": None, "end_time": None, "end_reason": None}
    later = {"date_created": after(100), "from_": "\x1b[31mmallory", "to": "menu"}
    await database.calls.create(record(OTHER, account.sid, **ringing, **later))
    await database.events.append(
        [
            CallEvent(ONE, START, events.STATUS, {"status": "ringing"}),
            CallEvent(OTHER, after(100), events.STATUS, {"status": "ringing"}),
            CallEvent(ONE, after(2.25), events.KEY, {"key": "7", "by": "info"}),
            CallEvent(ONE, after(3), events.WARNING, {"code": 12200, "message": "odd"}),
        ]
    )


@pytest.fixture
def stored(store: Callable[..., Any]) -> None:
    store(two_calls)


def test_no_calls(ringback: Ringback) -> None:
    assert ringback("calls").output == "no calls\n"
    assert json.loads(ringback("calls", "list", "--json").output) == []
    assert "hint: `ringback call NUMBER` makes one" in ringback("calls", "show", code=2).stderr


@pytest.mark.parametrize("arguments", [["calls"], ["calls", "list"]])
def test_the_newest_call_comes_first(ringback: Ringback, stored: None, arguments: list[str]) -> None:
    lines = ringback(*arguments).output.splitlines()
    assert lines[0].split() == ["began", "from", "to", "status", "length", "end", "sid"]
    assert lines[1].split()[2:] == ["\\x1b[31mmallory", "menu", "ringing", OTHER]
    assert lines[2].split()[2:] == ["+14155550199", "+14155550100", "completed", "1:23", "hangup-verb", ONE]


@pytest.mark.long
def test_lists_of_some_calls(ringback: Ringback, stored: None) -> None:
    def sids(*arguments: str) -> list[str]:
        return [call["sid"] for call in json.loads(ringback("calls", "list", "--json", *arguments).output)]

    assert sids() == [OTHER, ONE]
    assert sids("--limit", "1") == [OTHER]
    assert sids("--status", "completed") == [ONE]
    assert sids("--from", "(415) 555-0199") == [ONE]
    assert sids("--to", "menu") == [OTHER]
    assert sids("--to", "menu", "--status", "busy") == []


def test_a_call_as_json(ringback: Ringback, stored: None) -> None:
    shown = json.loads(ringback("calls", "show", ONE, "--json").output)
    assert shown["call"]["from"] == "+14155550199"
    assert shown["call"]["end_time"] == "2024-02-29T12:31:38.700000+00:00"
    assert [event["kind"] for event in shown["events"]] == ["call.status", "key", "warning"]
    assert shown["events"][1] == {
        "id": 3,
        "at": "2024-02-29T12:30:17.250000+00:00",
        "kind": "key",
        "data": {"key": "7", "by": "info"},
    }


def test_a_call_as_lines(ringback: Ringback, stored: None) -> None:
    lines = ringback("calls", "show", "caAB").output.splitlines()
    assert lines[0].startswith(f"{ONE}  +14155550199 → +14155550100  inbound, ")
    assert lines[1:] == [
        "    0.000  status    ringing",
        "    2.250  key       7 info",
        "    3.000  warning   12200 odd",
        "completed (hangup-verb) after 1:23",
    ]


def test_the_last_call_which_is_not_over(ringback: Ringback, stored: None) -> None:
    lines = ringback("calls", "show", "last").output.splitlines()
    assert lines[0].startswith(f"{OTHER}  \\x1b[31mmallory → menu")
    assert lines[1:] == ["    0.000  status    ringing", "ringing"]


def test_a_call_that_never_was_answered(ringback: Ringback, store: Callable[..., Any], stored: None) -> None:
    async def cancel(database: Database) -> None:
        ended = {"status": CallStatus.NO_ANSWER, "end_time": after(104), "end_reason": "caller-cancelled"}
        await database.calls.update(OTHER, **ended)

    store(cancel)
    assert ringback("calls", "show").output.splitlines()[-1] == "no-answer (caller-cancelled)"


@pytest.mark.parametrize(
    ("sid", "problem"),
    [
        ("CAff", "there is no call CAff"),
        ("CA", "there is no call CA"),
        ("nothing", "there is no call nothing"),
    ],
)
def test_a_call_that_is_not_there(ringback: Ringback, stored: None, sid: str, problem: str) -> None:
    assert f"error: {problem}\n" in ringback("calls", "show", sid, code=2).stderr


class Live:
    """Stands for a server that goes on with the call each time the command line waits."""

    def __init__(self, steps: list[Callable[[Database], Any]], database: Callable[..., Any]) -> None:
        self.steps = iter(steps)
        self.waits = 0
        self._open = database

    async def sleep(self, seconds: float) -> None:
        assert seconds == command.POLL
        self.waits += 1
        step = next(self.steps, None)
        if step is not None:
            async with self._open() as database:
                await step(database)


async def _key(database: Database) -> None:
    await database.events.append([CallEvent(OTHER, after(101), events.KEY, {"key": "1", "by": "info"})])


async def _end(database: Database) -> None:
    await database.events.append([CallEvent(OTHER, after(102), events.STATUS, {"status": "completed"})])
    await database.calls.update(OTHER, status=CallStatus.COMPLETED, end_reason="caller-hangup")


async def _told(database: Database) -> None:
    """The application is told after the end."""
    await database.events.append([CallEvent(OTHER, after(103), events.WEBHOOK_REQUEST, {"method": "POST"})])


async def _nothing(database: Database) -> None:
    assert await database.calls.get(OTHER)


@pytest.fixture
def live(directory: Any, stored: None, monkeypatch: pytest.MonkeyPatch) -> Live:
    live = Live([_nothing, _key, _end, _told], lambda: Database.open(directory / "ringback.db"))
    monkeypatch.setattr(command.asyncio, "sleep", live.sleep)
    return live


def test_following_ends_with_the_call(ringback: Ringback, live: Live) -> None:
    """After the end it looks on until nothing new came."""
    lines = ringback("calls", "show", "--follow").output.splitlines()
    assert lines[1:] == [
        "    0.000  status    ringing",
        "    1.000  key       1 info",
        "    2.000  status    completed",
        "    3.000  request   POST",
        "completed (caller-hangup)",
    ]
    assert live.waits == 5


def test_following_as_json_is_a_line_for_each_event(ringback: Ringback, live: Live) -> None:
    output = ringback("calls", "show", OTHER, "-f", "--json").output
    assert [json.loads(line)["kind"] for line in output.splitlines()] == [
        "call.status", "key", "call.status", "webhook.request",
    ]  # fmt: skip


def test_following_a_call_that_is_over(ringback: Ringback, live: Live) -> None:
    ringback("calls", "show", ONE, "--follow")
    assert live.waits == 1
