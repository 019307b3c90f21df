"""The journal that the tests read and the one that writes to the store keep the same of a call."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from calls_virtual import NUMBER, conduct, finished, pick_up

from ringback.calls.journal import Journal
from ringback.model import events
from ringback.model.records import CallEvent, CallRecord
from ringback.storage.database import Database
from ringback.storage.events_writer import EventWriter
from ringback.testing.clock import run
from ringback.testing.exchange import EPOCH, Exchange


class Noted(Exchange):
    """An exchange that remembers what its journal was told, to tell it to another."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self.told: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []
        super().__init__(*arguments, **options)

    def note(self, event: CallEvent) -> None:
        self.told.append(("note", (event,), {}))
        super().note(event)

    def create_call(self, record: CallRecord) -> None:
        self.told.append(("create_call", (record,), {}))
        super().create_call(record)

    def update_call(self, sid: str, **changes: Any) -> None:
        self.told.append(("update_call", (sid,), changes))
        super().update_call(sid, **changes)


async def call_somebody() -> Noted:
    exchange = Noted(conduct(pick_up, lambda leg: leg.sleep(5)))
    phone = exchange.dial(NUMBER)
    await phone.ended.wait()
    await finished(exchange)
    return exchange


async def store(exchange: Noted, path: Path) -> tuple[list[CallRecord], list[CallEvent]]:
    async with Database.open(path) as database:
        account = await database.accounts.ensure_default(EPOCH, lambda size: bytes(size))
        writer: Journal = EventWriter(database)
        for method, arguments, changes in exchange.told:
            getattr(writer, method)(*arguments, **changes)
        await writer.close()  # type: ignore[attr-defined]
        assert account.sid
        calls = list(await database.calls.list())
        return calls, [stored.event for stored in await database.events.of_call(calls[0].sid)]


@pytest.mark.slow
def test_the_store_has_what_the_exchange_has(tmp_path: Path) -> None:
    exchange = run(call_somebody())
    (kept,), timeline = asyncio.run(store(exchange, tmp_path / "db"))
    (record,) = exchange.records.values()
    assert {name: getattr(kept, name) for name in record} == record
    assert timeline == exchange.events
    assert timeline[-1].kind == events.STATUS
