"""`ringback sms`: a handset at the real socket of a local carrier, and the messages of a store."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from cli_typing import Ringback
from typer.testing import CliRunner, Result

from ringback.app.cli.sms import HANDSET, _short
from ringback.messaging.carriers import local
from ringback.messaging.carriers.local import LocalCarrier, socket_path
from ringback.messaging.port import Arrival
from ringback.model import events
from ringback.model.messages import MessageRecord, MessageStatus
from ringback.model.records import CallEvent
from ringback.storage.database import Database
from ringback.storage.errors import StorageError
from ringback.storage.message_changes import NewMessage
from ringback.testing.messages import EPOCH, FakeInbox, fake_message, fake_outgoing

SHOP = "+15550100001"


class Shop(FakeInbox):
    """An application behind a number of this server that says everything twice."""

    carrier: LocalCarrier

    async def received(self, arrival: Arrival) -> MessageRecord | None:
        taken = await super().received(arrival)
        if taken is not None:
            for number in range(2):
                answer = fake_outgoing(number, to=arrival.from_, from_=arrival.to, body=f"{arrival.body}!\n{number}")
                await self.carrier.submit(answer, 1)
        return taken


class Typing:
    """Types commands while the server works: in another thread, as somebody in another terminal would."""

    def __init__(self, app: typer.Typer) -> None:
        self._app = app

    async def __call__(self, *arguments: str, code: int = 0, typed: str = "") -> Result:
        result = await asyncio.to_thread(CliRunner().invoke, self._app, ["sms", *arguments], input=typed)
        assert result.exit_code == code, result.output + repr(result.exception)
        return result


@pytest.fixture
async def shop(directory: Path) -> AsyncIterator[Shop]:
    """A server that has this store, as far as handsets notice."""
    inbox = Shop()
    inbox.carrier = LocalCarrier(socket_path(directory))
    await inbox.carrier.start(inbox)
    yield inbox
    await inbox.carrier.close()


@pytest.fixture
def sms(app: typer.Typer) -> Typing:
    return Typing(app)


# -- a handset --------------------------------------------------------------------------------------------------------


async def test_a_text_is_sent_and_the_answers_are_shown(shop: Shop, sms: Typing) -> None:
    told = await sms("send", SHOP, "hello", "--wait", "0")
    assert told.output == "".join(f"{SHOP} → {HANDSET}: hello!\n{number}\n" for number in range(2))
    assert [(one.from_, one.to, one.body) for one in shop.arrivals] == [(HANDSET, SHOP, "hello")]


async def test_what_was_shown_was_delivered(shop: Shop, sms: Typing) -> None:
    await sms("send", SHOP, "hello", "--wait", "0.1")
    assert {(reference, delivered) for _, reference, delivered, _ in shop.receipts} == {
        (fake_outgoing(number).sid, True) for number in range(2)
    }


async def test_each_line_that_is_typed_is_a_message(shop: Shop, sms: Typing) -> None:
    await sms("send", SHOP, "--from", "+15550100077", "--wait", "0", typed="one\n\n  \ntwo\n")
    assert [(one.from_, one.body) for one in shop.arrivals] == [("+15550100077", "one"), ("+15550100077", "two")]


async def test_json_tells_of_each_message_and_what_became_of_it(shop: Shop, sms: Typing) -> None:
    lines = (await sms("send", SHOP, "grüße", "--json", "--wait", "0")).output.splitlines()
    first, second, sent = map(json.loads, lines)
    assert (first["body"], second["body"]) == ("grüße!\n0", "grüße!\n1")
    assert (first["from"], first["to"]) == (SHOP, HANDSET)
    assert sent == {"sent": fake_message().sid}
    assert "ü" in lines[0], "for people, too"


async def test_files_go_along(shop: Shop, sms: Typing, tmp_path: Path) -> None:
    (tmp_path / "cat.png").write_bytes(b"\x89PNG")
    (tmp_path / "odd").write_bytes(b"?")
    files = ("--media", str(tmp_path / "cat.png"), "--media", str(tmp_path / "odd"))
    await sms("send", SHOP, "look", *files, "--wait", "0")
    assert [(one.content_type, one.data) for one in shop.arrivals[0].media] == [
        ("image/png", b"\x89PNG"), ("application/octet-stream", b"?"),
    ]  # fmt: skip


async def test_a_text_cannot_do_anything_to_the_terminal(shop: Shop, sms: Typing) -> None:
    assert "\x1b" not in (await sms("send", SHOP, "\x1b[2J", "--wait", "0")).output


async def test_a_number_that_is_none_of_this_server_is_an_error_in_a_line(shop: Shop, sms: Typing) -> None:
    told = await sms("send", "+14155550100", "hello", code=2)
    assert told.stderr == "error: +14155550100 is no number of this server: ringback numbers list shows them\n"


async def test_a_store_that_cannot_be_written_is_an_error_in_a_line(shop: Shop, sms: Typing) -> None:
    shop.error = StorageError("the disk is full")
    assert (await sms("send", SHOP, "hello", code=2)).stderr == "error: the disk is full\n"


async def test_a_server_that_has_too_many_handsets_says_so(
    shop: Shop, sms: Typing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "_MOST_HANDSETS", 0)
    for command in (("listen",), ("send", SHOP, "hello")):
        assert (await sms(*command, code=2)).stderr == "error: too many handsets\n"


async def test_a_handset_listens_until_the_server_ends(shop: Shop, sms: Typing) -> None:
    shop.held.append(fake_message(7, from_=SHOP, to=HANDSET, body="you were away"))
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        listening = group.create_task(sms("listen", code=2))
        while not shop.receipts:  # noqa: ASYNC110 (the inbox tells nobody)
            await asyncio.sleep(0.002)
        await shop.carrier.submit(fake_outgoing(8, to=HANDSET, body="now"), 1)
        while len(shop.receipts) < 2:  # noqa: ASYNC110
            await asyncio.sleep(0.002)
        await shop.carrier.close()
    told = listening.result()
    assert told.stdout.splitlines() == [f"{SHOP} → {HANDSET}: you were away", f"{SHOP} → {HANDSET}: now"]
    assert told.stderr == f"listening as {HANDSET}; Ctrl-C ends\nerror: the server has ended\n"


@pytest.mark.parametrize("answers", [0, 1, 2])
async def test_a_server_that_ends_meanwhile_is_an_error_in_a_line(directory: Path, sms: Typing, answers: int) -> None:
    """Before it has read anything, before it was sent anything, and before it has answered."""
    ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for number in range(answers):
            await reader.readline()
            if number == 0:
                writer.write(b'{"listening": "+1"}\n')
                await writer.drain()
        writer.close()
        ended.set_result(None)

    async with await asyncio.start_unix_server(hang_up, socket_path(directory)):
        assert (await sms("send", SHOP, "hello", code=2)).stderr == "error: the server has ended\n"
        await ended


# -- the messages of a store ------------------------------------------------------------------------------------------


@pytest.fixture
def kept(store: Callable[[Callable[[Database], Awaitable[Any]]], Any]) -> list[MessageRecord]:
    """Two messages, the second of which failed; it has an event."""

    async def fill(database: Database) -> list[MessageRecord]:
        account = await database.accounts.ensure_default(EPOCH, lambda size: b"\1" * size)
        made = [
            fake_message(1, account_sid=account.sid, body="hello\n" + 40 * "x"),
            fake_message(2, account_sid=account.sid, body="bye", status=MessageStatus.FAILED, error_code=30003),
        ]
        await database.messages.ledger.write(*(NewMessage(one) for one in made))
        await database.events.append([CallEvent(made[1].sid, EPOCH, events.WARNING, {"code": 30003, "message": "odd"})])
        return made

    made: list[MessageRecord] = store(fill)
    return made


def test_the_newest_come_first(ringback: Ringback, kept: list[MessageRecord]) -> None:
    header, newest, oldest = ringback("sms", "list").output.splitlines()
    assert header.split() == ["created", "from", "to", "status", "text", "sid"]
    assert newest.split() == ["2026-01-01", "00:00:00", kept[1].from_, SHOP, "failed", "30003", "bye", kept[1].sid]
    assert oldest.split()[5:] == ["hello", f"{33 * 'x'}…", kept[0].sid]
    assert len(ringback("sms", "list", "--limit", "1").output.splitlines()) == 2


def test_json_has_all_of_them(ringback: Ringback, kept: list[MessageRecord]) -> None:
    newest, oldest = json.loads(ringback("sms", "list", "--json").output)
    assert (newest["sid"], newest["from"], newest["error_code"]) == (kept[1].sid, kept[1].from_, 30003)
    assert oldest["date_created"] == EPOCH.isoformat()
    assert oldest["body"] == kept[0].body


def test_a_message_is_shown_with_what_happened_to_it(ringback: Ringback, kept: list[MessageRecord]) -> None:
    shown = ringback("sms", "show").output
    assert f"{'sid':<24}{kept[1].sid}\n" in shown
    assert f"{'from':<24}{kept[1].from_}\n" in shown
    assert "num_media" not in shown, "there are none"
    assert "30003" in shown.rpartition("\n\n")[2]
    plain = ringback("sms", "show", kept[0].sid).output
    assert f"{'body':<24}hello\\n" in plain
    assert "\n\n" not in plain


def test_a_text_is_cut_to_a_column() -> None:
    assert _short("a \n b\tc") == "a b c"
    assert _short("x" * 40) == "x" * 40
    assert _short("x" * 41) == "x" * 39 + "…"
