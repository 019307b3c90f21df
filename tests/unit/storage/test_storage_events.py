"""Timelines in the store."""

from pathlib import Path
from types import MappingProxyType

import pytest
from storage_samples import NOW, event, later

from ringback.model.records import CallEvent
from ringback.storage.database import Database, StorageError

ONE, OTHER = "CA" + "1" * 32, "CA" + "2" * 32


async def test_events_come_back_in_their_order(db: Database) -> None:
    """The order is that of writing; times may run the other way."""
    data = {"parameters": {"Digits": "1#", "City": "São Paulo"}, "ms": 1.5, "ok": True, "none": None, "list": [1, "a"]}
    new = [CallEvent(ONE, later(-i), "webhook.request", data) for i in range(3)]
    await db.events.append([new[0], event(OTHER), *new[1:]])
    stored = await db.events.of_call(ONE)
    assert [one.event for one in stored] == new
    assert [one.id for one in stored] == sorted(one.id for one in stored)


async def test_events_after_the_last_one_seen(db: Database) -> None:
    await db.events.append(event(ONE, i, key=str(i)) for i in range(5))
    first = await db.events.of_call(ONE, limit=2)
    assert [one.event.data["key"] for one in first] == ["0", "1"]
    rest = await db.events.of_call(ONE, first[-1].id)
    assert [one.event.data["key"] for one in rest] == ["2", "3", "4"]
    assert await db.events.of_call(ONE, rest[-1].id) == []


async def test_no_events(db: Database) -> None:
    await db.events.append([])
    assert await db.events.of_call(ONE) == []


async def test_all_or_none(db: Database) -> None:
    """One event that no database takes (half a surrogate pair in its sid) undoes the whole append."""
    with pytest.raises(StorageError):
        await db.events.append([event(ONE), event("CA\ud800")])
    assert await db.events.of_call(ONE) == []


async def test_what_is_no_json_is_kept_as_text(db: Database) -> None:
    await db.events.append([CallEvent(ONE, NOW, "error", MappingProxyType({"where": Path("a/b"), "when": NOW}))])
    [stored] = await db.events.of_call(ONE)
    assert stored.event.data == {"where": "a/b", "when": str(NOW)}
