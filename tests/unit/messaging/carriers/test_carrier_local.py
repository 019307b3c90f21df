"""The local carrier: own numbers, and handsets at a real socket."""

# Covers: testing/messages.py

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from ringback.messaging.carriers.contract import CarrierDownError
from ringback.messaging.carriers.local import LocalCarrier, socket_path
from ringback.model.messages import MessageStatus
from ringback.storage.errors import StorageError
from ringback.testing.contracts_messages import check_carrier
from ringback.testing.messages import FakeInbox, fake_message, fake_outgoing

HANDSET = "+15550100099"


class Handset:
    """The other end of the socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def say(self, what: Any) -> None:
        self.writer.write(what if isinstance(what, bytes) else json.dumps(what).encode() + b"\n")
        await self.writer.drain()

    async def hear(self) -> dict[str, Any]:
        async with asyncio.timeout(5):
            said: dict[str, Any] = json.loads(await self.reader.readline())
        return said

    async def ask(self, what: Any) -> dict[str, Any]:
        await self.say(what)
        return await self.hear()


@asynccontextmanager
async def handset(path: Path) -> AsyncIterator[Handset]:
    reader, writer = await asyncio.open_unix_connection(path)
    try:
        yield Handset(reader, writer)
    finally:
        writer.close()
        await writer.wait_closed()


@pytest.fixture
async def inbox() -> FakeInbox:
    return FakeInbox()


@pytest.fixture
async def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return socket_path(tmp_path_factory.mktemp("s"))


@pytest.fixture
async def carrier(inbox: FakeInbox, path: Path) -> AsyncIterator[LocalCarrier]:
    made = LocalCarrier(path)
    await made.start(inbox)  # type: ignore[arg-type]
    yield made
    await made.close()
    assert not path.exists()


async def test_it_keeps_the_contract(inbox: FakeInbox, path: Path) -> None:
    carrier = LocalCarrier(path)

    async def listening() -> None:
        """A handset, so that there is a number that it takes."""

    carrier._handsets["+14155550100"] = []
    assert not carrier.takes("+14155550100")
    carrier.takes = lambda to: True  # type: ignore[method-assign]
    (answer,) = await check_carrier(carrier, inbox, fake_outgoing())  # type: ignore[arg-type]
    assert not answer.delivered
    await listening()


async def test_a_number_of_this_server_gets_it_at_once_and_once(carrier: LocalCarrier, inbox: FakeInbox) -> None:
    message = fake_outgoing(to="+15550100001", media_urls=("http://app/cat.png",))
    assert (await carrier.submit(message, 1)).delivered
    await carrier.submit(message, 1)
    assert inbox.arrivals[0].body == "hello\nhttp://app/cat.png"
    assert inbox.arrivals[0].sid == inbox.arrivals[1].sid != message.sid
    inbox.error = StorageError("full")
    with pytest.raises(CarrierDownError, match="full"):
        await carrier.submit(message, 1)


async def test_a_handset_listens(carrier: LocalCarrier, inbox: FakeInbox, path: Path) -> None:
    inbox.held = [fake_message(7, to=HANDSET, body="waited", status=MessageStatus.SENT)]
    async with handset(path) as phone:
        assert await phone.ask({"listen": HANDSET[2:]}) == {"listening": HANDSET}
        assert (await phone.hear())["message"]["body"] == "waited"
        assert carrier.takes(HANDSET)
        assert inbox.readies == ["local"]
        answer = await carrier.submit(fake_outgoing(to=HANDSET), 1)
        assert (await phone.hear())["message"] == {
            "sid": answer.reference, "from": "+15550100001", "to": HANDSET, "body": "hello",
        }  # fmt: skip
        await phone.say({"seen": answer.reference})
        assert "error" in await phone.ask(b"nonsense\n")
        assert inbox.receipts == [("local", answer.reference, True, None)]
    for _ in range(100):
        if not carrier.takes(HANDSET):
            break
        await asyncio.sleep(0.01)
    assert not carrier.takes(HANDSET)


async def test_a_handset_sends(inbox: FakeInbox, carrier: LocalCarrier, path: Path) -> None:
    media = [{"content_type": "image/png", "data": base64.b64encode(b"meow").decode()}]
    async with handset(path) as phone:
        said = await phone.ask({"send": {"from": HANDSET, "to": "+15550100001", "body": "hi", "media": media}})
        assert set(said) == {"sent"}
        assert (inbox.arrivals[0].body, inbox.arrivals[0].media[0].data) == ("hi", b"meow")
        wrong = await phone.ask({"send": {"from": HANDSET, "to": "+15550109999"}})
        assert "is no number of this server" in wrong["error"]
        inbox.error = StorageError("the disk is full")
        assert (await phone.ask({"send": {"from": "1", "to": "2"}}))["error"] == "the disk is full"


@pytest.mark.parametrize(
    "line",
    [
        b"\n",
        b"[]\n",
        b"{}\n",
        b'{"send": 1}\n',
        b'{"send": {"from": "1"}}\n',
        b'{"send": {"from": "1", "to": "2", "media": [{"content_type": "a", "data": "!"}]}}\n',
        b"\xff\n",
    ],
)
async def test_what_cannot_be_understood_is_told(carrier: LocalCarrier, path: Path, line: bytes) -> None:
    async with handset(path) as phone:
        assert "cannot be understood" in (await phone.ask(line))["error"]


async def test_handsets_are_bounded(carrier: LocalCarrier, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ringback.messaging.carriers.local._MOST_HANDSETS", 1)
    async with handset(path) as phone:
        await phone.ask({"listen": "+15550100091"})
        assert await phone.ask({"listen": "+15550100092"}) == {"error": "too many handsets"}


async def test_a_server_that_ends_takes_nothing_more(path: Path, inbox: FakeInbox) -> None:
    carrier = LocalCarrier(path)
    await carrier.start(inbox)  # type: ignore[arg-type]
    async with handset(path) as phone:
        await phone.ask({"listen": HANDSET})
        carrier._inbox = None
        assert (await phone.ask({"send": {"from": "1", "to": "2"}})) == {"error": "this server ends"}
        assert await phone.ask({"listen": "+15550100091"}) == {"listening": "+15550100091"}
        await carrier.close()
        assert await phone.reader.read() == b""


async def test_where_no_socket_can_be_there_are_no_handsets(
    tmp_path: Path, inbox: FakeInbox, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    carrier = LocalCarrier(tmp_path / "file" / "s")
    await carrier.start(inbox)  # type: ignore[arg-type]
    assert "Handsets cannot connect" in caplog.text
    assert carrier.state == "up"
    await carrier.close()
    none = LocalCarrier(None)
    await none.start(inbox)  # type: ignore[arg-type]
    await none.close()


def test_long_directories_have_a_short_socket() -> None:
    short, long = socket_path(Path("/data")), socket_path(Path("/" + "d" * 200))
    assert short == Path("/data/handsets.sock")
    assert len(str(long)) < 100
    assert long != socket_path(Path("/" + "e" * 200))
