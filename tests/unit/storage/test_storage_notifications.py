"""Notifications in the store."""

from storage_samples import add_account, later

from ringback.model.notifications import LOG_ERROR, LOG_WARNING, NotificationRecord
from ringback.model.status import ApiVersion
from ringback.storage.database import Database
from ringback.storage.events_writer import EventWriter
from ringback.storage.records import Where


def notification(account_sid: str, digit: int, log: int = LOG_ERROR) -> NotificationRecord:
    return NotificationRecord(
        sid=f"NO{digit:032x}",
        account_sid=account_sid,
        call_sid=f"CA{digit % 2:032x}",
        log=log,
        error_code=11200 + digit,
        message_text="the server answered 500: Ouch ü",
        message_date=later(digit),
        request_url="http://a.example/voice",
        request_method="POST",
        request_variables="CallSid=CA1&Digits=1",
        response_headers="Content-Type=text%2Fhtml",
        response_body="Ouch",
        api_version=ApiVersion.V2008,
        date_created=later(digit),
    )


async def test_they_come_back_as_they_were_the_newest_first(db: Database) -> None:
    account = await add_account(db)
    kept = [notification(account.sid, digit, digit % 2) for digit in range(3)]
    for one in kept:
        await db.notifications.create(one)
    assert await db.notifications.page() == kept[::-1]
    assert await db.notifications.page([Where("log", "=", LOG_WARNING)]) == [kept[1]]
    assert await db.notifications.page([Where("message_date", ">=", later(1))]) == [kept[2], kept[1]]
    assert await db.notifications.get(kept[0].sid) == kept[0]
    assert kept[0].more_info == "https://www.twilio.com/docs/errors/11200"
    assert await db.notifications.remove(kept[0].sid)
    assert await db.notifications.count() == 2


async def test_they_are_written_behind_the_calls(db: Database) -> None:
    account = await add_account(db)
    writer = EventWriter(db)
    writer.save(notification(account.sid, 1))
    await writer.close()
    assert [one.message_date for one in await db.notifications.page()] == [later(1)]
