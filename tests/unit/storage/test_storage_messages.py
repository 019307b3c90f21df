"""Messages in the store."""

from datetime import timedelta

from storage_samples import NOW, add_account, number
from test_storage_ledger import message

from ringback.model.messages import MediaRecord, MessageDirection, MessageStatus
from ringback.storage.database import Database
from ringback.storage.message_changes import EarlyReceipt, Job, NewMessage, Part
from ringback.storage.messages import MessageQuery

LATER = NOW + timedelta(days=1)


async def test_queries(db: Database) -> None:
    account = await add_account(db)
    made = [
        message(account, 1),
        message(account, 2, to="+3", status=MessageStatus.SENT, date_sent=NOW),
        message(account, 3, from_="+4", direction=MessageDirection.INBOUND, date_sent=LATER),
    ]
    await db.messages.ledger.write(*(NewMessage(one) for one in made))

    async def found(**wanted: object) -> list[int]:
        query = MessageQuery(**wanted)  # type: ignore[arg-type]
        records = await db.messages.find(query)
        assert await db.messages.count(query) == len(records)
        return [int(record.sid[2:], 16) for record in records]

    assert await found() == [3, 2, 1]
    assert await found(account_sid=account.sid, to="+2") == [3, 1]
    assert await found(from_="+4") == [3]
    assert await found(status=MessageStatus.SENT) == [2]
    assert await found(sent_after=LATER) == [3]
    assert await found(sent_before=NOW) == [2]
    assert await found(directions=frozenset({MessageDirection.INBOUND})) == [3]
    assert [one.sid for one in await db.messages.find(MessageQuery(), limit=1, offset=1)] == [made[1].sid]


async def test_the_oldest_come_first(db: Database) -> None:
    account = await add_account(db)
    made = [message(account, number, carrier="net" if number == 2 else None) for number in (3, 1, 2)]
    made.append(message(account, 4, status=MessageStatus.SCHEDULED, send_at=LATER))
    await db.messages.ledger.write(*(NewMessage(one) for one in made))
    queued = (MessageStatus.QUEUED,)
    oldest = await db.messages.oldest(queued, limit=2)
    assert [one.sid[-1] for one in oldest] == ["1", "2"]
    assert [one.sid[-1] for one in await db.messages.oldest(queued, limit=9, after=oldest[1])] == ["3"]
    assert [one.sid[-1] for one in await db.messages.oldest(queued, limit=9, carrier="net", to="+2")] == ["2"]
    scheduled = (MessageStatus.SCHEDULED,)
    assert await db.messages.oldest(scheduled, limit=9, due=NOW) == []
    assert len(await db.messages.oldest(scheduled, limit=9, due=LATER)) == 1


async def test_redacting_and_removing(db: Database) -> None:
    account = await add_account(db)
    one = message(account, num_media=1)
    media = MediaRecord("ME" + "0" * 32, account.sid, one.sid, "", NOW, NOW, "http://x/")
    await db.messages.ledger.write(
        NewMessage(one, (media,)), Part(one.sid, 1, "net", "offered"), Job("a", "work", one.sid, NOW)
    )
    assert await db.messages.clear_body(one.sid, LATER)
    assert not await db.messages.clear_body("SM" + "f" * 32, LATER)
    redacted = await db.messages.get(one.sid)
    assert redacted is not None
    assert (redacted.body, redacted.date_updated) == ("", LATER)
    fetched = MediaRecord(media.sid, account.sid, one.sid, "image/png", NOW, LATER, "http://x/", 9)
    await db.messages.keep_media(fetched)
    assert await db.messages.one_media(media.sid) == fetched
    await db.messages.remove_media(media.sid)
    await db.messages.remove_media(media.sid)
    assert (await db.messages.get(one.sid)).num_media == 0  # type: ignore[union-attr]
    await db.messages.ledger.write(NewMessage(one, (media,)))
    assert await db.messages.remove(one.sid) == [media]
    assert await db.messages.get(one.sid) is None
    assert await db.messages.parts(one.sid) == []
    assert await db.messages.jobs(LATER, 9) == []
    assert await db.messages.one_media(media.sid) is None


async def test_jobs_and_receipts_and_numbers(db: Database) -> None:
    account = await add_account(db)
    await db.messages.ledger.write(
        *(Job(key, "work", "SM1", NOW) for key in "abc"),
        EarlyReceipt("net", "old", "delivered", None, NOW),
        EarlyReceipt("net", "new", "delivered", None, LATER),
    )
    assert [job.key for job in await db.messages.jobs(NOW, 1, leave_out=frozenset("a"))] == ["b"]
    assert [receipt.reference for receipt in await db.messages.receipts(1)] == ["new"]
    await db.messages.forget_receipts(LATER)
    assert [receipt.reference for receipt in await db.messages.receipts(9)] == ["new"]
    await db.numbers.add(number(account, 1))
    assert await db.messages.own_numbers() == {"+14155550101"}


async def test_a_name_that_a_carrier_used_twice_is_the_newest(db: Database) -> None:
    account = await add_account(db)
    first, second = message(account, 1), message(account, 2)
    await db.messages.ledger.write(
        NewMessage(first), NewMessage(second),
        Part(first.sid, 1, "net", "accepted", "x"), Part(second.sid, 1, "net", "accepted", "x"),
    )  # fmt: skip
    found = await db.messages.part_by_reference("net", "x")
    assert found is not None
    assert found.message_sid == second.sid
