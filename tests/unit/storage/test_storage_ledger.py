"""The ledger: changes of messages, durable when it says so, many in one transaction."""

# Covers: storage/messages.py

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from storage_samples import NOW, add_account

from ringback.model.messages import MediaRecord, MessageDirection, MessageRecord, MessageStatus
from ringback.model.records import Account
from ringback.model.status import ApiVersion
from ringback.storage.database import Database, StorageError
from ringback.storage.ledger import Ledger
from ringback.storage.message_changes import (
    EarlyReceipt,
    Job,
    JobDone,
    JobLater,
    NewMessage,
    OptIn,
    OptOut,
    Part,
    Progress,
    ReceiptUsed,
    Segment,
    SegmentsUsed,
)

LATER = NOW + timedelta(days=1)


def message(account: Account, number: int = 1, **different: Any) -> MessageRecord:
    values: dict[str, Any] = {
        "sid": f"SM{number:032x}", "account_sid": account.sid, "from_": "+1", "to": "+2", "body": "Grüße 😀",
        "status": MessageStatus.QUEUED, "direction": MessageDirection.OUTBOUND_API, "api_version": ApiVersion.V2010,
        "date_created": NOW + timedelta(seconds=number), "date_updated": NOW,
    }  # fmt: skip
    return MessageRecord(**{**values, **different})


async def test_a_message_and_what_becomes_of_it(db: Database) -> None:
    one = message(await add_account(db))
    media = MediaRecord("ME" + "0" * 32, one.account_sid, one.sid, "image/png", NOW, NOW, "http://x/", 7)
    await db.messages.ledger.write(NewMessage(one, (media,)))
    await db.messages.ledger.write(NewMessage(message(await add_account(db), body="another")))
    assert await db.messages.get(one.sid) == one
    assert await db.messages.media(one.sid) == [media]
    sent = message(
        await add_account(db), status=MessageStatus.SENT, date_sent=LATER, error_code=1, carrier="net", repeated=True
    )
    await db.messages.ledger.write(Progress(sent))
    kept = await db.messages.get(one.sid)
    assert kept is not None
    assert (kept.status, kept.date_sent, kept.carrier, kept.repeated, kept.body) == (
        MessageStatus.SENT, LATER, "net", True, one.body,
    )  # fmt: skip


async def test_all_kinds_of_changes_of_one_transaction(db: Database) -> None:
    account = await add_account(db)
    one, sid, store = message(account), message(account).sid, db.messages
    segment = Segment("net", "+1", "+2", 7, 2, False, 1, "a", NOW)
    await store.ledger.write(
        NewMessage(one),
        Part(sid, 1, "net", "offered"),
        Part(sid, 1, "net", "accepted", "x"),
        Job("a", "work", sid, NOW, {"k": 1}),
        Job("a", "other", sid, LATER),
        Job("b", "work", sid, NOW),
        EarlyReceipt("net", "r", "delivered", None, NOW),
        EarlyReceipt("net", "s", "undelivered", 30003, NOW),
        segment,
        OptOut(account.sid, "+1", "+2", NOW),
    )
    assert await store.parts(sid) == [Part(sid, 1, "net", "accepted", "x")]
    assert await store.part_by_reference("net", "x") == Part(sid, 1, "net", "accepted", "x")
    assert await store.part_by_reference("net", "y") is None
    assert await store.jobs(NOW, 9) == [Job("a", "work", sid, NOW, {"k": 1}), Job("b", "work", sid, NOW)]
    assert await store.segments() == [segment]
    assert await store.opted_out(account.sid, "+1", "+2")
    assert len(await store.receipts(9)) == 2
    await store.ledger.write(
        Part(sid, 1, "net", "delivered", "x"),
        JobDone("a"),
        JobLater(Job("b", "work", sid, LATER, attempts=2)),
        ReceiptUsed("net", "r"),
        SegmentsUsed("net", "+1", "+2", 7, 2, False),
        OptIn(account.sid, "+1", "+2"),
    )
    assert (await store.parts(sid))[0].state == "delivered"
    assert await store.jobs(NOW, 9) == []
    assert [(job.key, job.attempts) for job in await store.jobs(LATER, 9)] == [("b", 2)]
    assert [receipt.reference for receipt in await store.receipts(9)] == ["s"]
    assert await store.segments() == []
    assert await store.all_opt_outs() == []


async def test_what_comes_and_goes_in_one_transaction(db: Database) -> None:
    account = await add_account(db)
    segment = Segment("net", "+1", "+2", 7, 2, False, 1, "a", NOW)
    await db.messages.ledger.write(
        segment,
        SegmentsUsed("net", "+1", "+2", 7, 2, False),
        Job("a", "work", "SM1", NOW),
        JobDone("a"),
        OptOut(account.sid, "+1", "+2", NOW),
        OptIn(account.sid, "+1", "+2"),
        OptOut(account.sid, "+1", "+3", NOW),
    )
    assert await db.messages.segments() == []
    assert await db.messages.jobs(LATER, 9) == []
    assert await db.messages.all_opt_outs() == [(account.sid, "+1", "+3")]


async def test_many_writers_share_transactions(db: Database) -> None:
    account = await add_account(db)
    ledger, commits = db.messages.ledger, 0
    together = db.connections.together

    async def counted(work: Any) -> Any:
        nonlocal commits
        commits += 1
        return await together(work)

    db.connections.together = counted  # type: ignore[method-assign]
    await asyncio.gather(*(ledger.write(NewMessage(message(account, number))) for number in range(300)))
    assert commits < 10
    await ledger.close()


async def test_one_that_is_refused_takes_no_other_with_it(db: Database) -> None:
    account = await add_account(db)
    ledger = db.messages.ledger
    stranger = message(account, 2, account_sid="AC" + "f" * 32)
    results = await asyncio.gather(
        *(ledger.write(NewMessage(one)) for one in (message(account, 1), stranger, message(account, 3))),
        return_exceptions=True,
    )
    assert [type(result) for result in results] == [type(None), StorageError, type(None)]
    assert await db.messages.get(stranger.sid) is None


async def test_a_database_that_fails_is_told_to_everybody(db: Database) -> None:
    account = await add_account(db)

    class Broken:
        def __init__(self, error: Exception) -> None:
            self.error = error

        async def together(self, work: Any) -> None:
            raise self.error

    for error in (StorageError("full", unavailable=True), RuntimeError("a defect")):
        ledger = Ledger(Broken(error))  # type: ignore[arg-type]
        results = await asyncio.gather(
            *(ledger.write(NewMessage(message(account, number))) for number in (1, 2)), return_exceptions=True
        )
        assert [type(result) for result in results] == [StorageError, StorageError]
        await ledger.close()


async def test_whoever_gives_up_waiting_takes_nothing_back(db: Database) -> None:
    account = await add_account(db)
    ledger = db.messages.ledger
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await ledger.write(NewMessage(message(account)))
    await ledger.write()
    await ledger.close()
    assert await db.messages.get(message(account).sid) is not None
