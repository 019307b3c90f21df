"""Applications that fail, and callers who vanish: each call ends in the right status, in the store and the timeline."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ringback.app.phone.call import PhoneCall
from ringback.app.phone.phone import Phone
from ringback.model import events
from ringback.model.records import CallRecord
from ringback.model.status import ApiVersion, CallStatus
from tests.interop.peers.application import Application
from tests.interop.peers.ringback import Ringback

NUMBER = "+14155550100"
QUICK = {"webhooks.total_timeout": "1.5", "webhooks.connect_timeout": "1", "media.rtp_timeout": "2"}

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture
async def server(tmp_path: Path, started: list[Any]) -> AsyncIterator[Ringback]:
    """A server that loses patience quickly."""
    made = await Ringback.start(tmp_path / "ringback", QUICK)
    started.append(made.process)
    yield made
    await made.stop()


async def call_it(server: Ringback, url: str) -> tuple[PhoneCall, CallRecord]:
    """Call the application at `url` and wait for the end."""
    await server.add_number(NUMBER, url)
    async with Phone() as phone:
        call = await phone.call(NUMBER, server=("127.0.0.1", server.port))
        await call.ended(20)
    (record,) = await server.ended()
    return call, record


async def errors(server: Ringback, record: CallRecord) -> list[int]:
    return [event.data["code"] for event in await server.timeline(record) if event.kind == events.ERROR]


def announcement_was_heard(call: PhoneCall) -> bool:
    """Somebody spoke for more than two seconds."""
    loud = np.abs(call.recording().astype(int)) > 500
    return bool(loud.sum() > 2000) and len(call.recording()) > 2 * 8000


async def raw_server(answer: Answer) -> tuple[asyncio.Server, str]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            await answer(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    made = await asyncio.start_server(serve, "127.0.0.1", 0)
    return made, f"http://127.0.0.1:{made.sockets[0].getsockname()[1]}/"


async def never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(30)


async def garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"\x16\x03\x01 this is no HTTP \x00\xff" * 20)
    await writer.drain()


async def five_hundred(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 500 Oops\r\nContent-Length: 4\r\nContent-Type: text/plain\r\n\r\noops")
    await writer.drain()


async def no_xml(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    body = b"<Response><Say>unfinished"
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nContent-Type: text/xml\r\n\r\n"
    writer.write(head.encode() + body)
    await writer.drain()


@pytest.mark.parametrize(
    ("answer", "codes"),
    [(never, {11200}), (garbage, {11200, 11206}), (five_hundred, {11200}), (no_xml, {12100})],
    ids=["never answers", "answers garbage", "answers 500", "answers broken XML"],
)
async def test_an_application_that_fails(server: Ringback, answer: Answer, codes: set[int]) -> None:
    made, url = await raw_server(answer)
    async with made:
        call, record = await call_it(server, url)
        made.close()
    assert (record.status, record.end_reason) == (CallStatus.FAILED, "application-error")
    assert set(await errors(server, record)) <= codes
    assert announcement_was_heard(call)
    ends = [event.data for event in await server.timeline(record) if event.kind == events.STATUS]
    assert ends[-1] == {"status": "failed", "reason": "application-error"}


async def test_an_application_that_is_not_there(server: Ringback) -> None:
    call, record = await call_it(server, "http://127.0.0.1:9/")
    assert record.end_reason == "application-error"
    assert await errors(server, record) == [11205]
    assert announcement_was_heard(call)


async def test_an_application_that_goes_away_in_mid_call(server: Ringback, application: Application) -> None:
    application.pages["/"] = '<Gather numDigits="1" action="/next"><Pause length="20"/></Gather>'
    await server.add_number(NUMBER, application.url())
    async with Phone() as phone:
        call = await phone.call(NUMBER, server=("127.0.0.1", server.port))
        await application.stop()
        await call.press("1")
        await call.ended(20)
    (record,) = await server.ended()
    assert (record.status, record.end_reason) == (CallStatus.FAILED, "application-error")
    assert await errors(server, record) == [11205]
    assert announcement_was_heard(call)


async def test_the_fallback_goes_on_where_the_first_url_failed(server: Ringback, application: Application) -> None:
    await server.add_number(NUMBER, application.url("/missing"), version=ApiVersion.V2010)
    number = await server.database.numbers.get_by_number(NUMBER)
    assert number is not None
    await server.database.numbers.update(number.sid, voice_fallback_url=application.url("/fallback"))
    text = "This is the fallback. It has enough to say for a recording of some seconds."
    application.pages["/fallback"] = f"<Say>{text}</Say><Hangup/>"
    async with Phone() as phone:
        call = await phone.call(NUMBER, server=("127.0.0.1", server.port))
        await call.ended(20)
    (record,) = await server.ended()
    assert (record.status, record.end_reason) == (CallStatus.COMPLETED, "hangup-verb")
    asked = application.requests[-1].fields
    assert (asked["ErrorCode"], asked["ErrorUrl"]) == ("11200", application.url("/missing"))
    assert announcement_was_heard(call)


async def test_a_caller_who_vanishes_without_a_bye(server: Ringback, application: Application) -> None:
    """No audio, five times as long as is waited before a sign of life is asked for: the call is over."""
    application.pages["/"] = '<Pause length="600"/><Say>Too late</Say>'
    await server.add_number(NUMBER, application.url(), version=ApiVersion.V2008)
    async with Phone() as phone:
        await phone.call(NUMBER, server=("127.0.0.1", server.port))
        await phone._transport.close()
        for line in phone._lines.values():
            line.close()
        (record,) = await server.ended(timeout=45)
    assert (record.status, record.end_reason) == (CallStatus.COMPLETED, "rtp-timeout")
    assert application.requests[-1].fields["CallStatus"] == "completed"
