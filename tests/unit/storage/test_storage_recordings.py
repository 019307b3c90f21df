"""Recordings and transcriptions in the store: what a crash leaves of them."""

from dataclasses import replace

from storage_samples import NOW, add_account, later

from ringback.model.recordings import (
    RecordingRecord,
    RecordingSource,
    RecordingStatus,
    TranscriptionRecord,
    TranscriptionStatus,
)
from ringback.model.records import Account
from ringback.model.status import ApiVersion
from ringback.storage.database import Database


def transcription(account: Account, digit: int = 0) -> TranscriptionRecord:
    return TranscriptionRecord(
        f"TR{digit:032x}", account.sid, "RE" + "0" * 32, TranscriptionStatus.IN_PROGRESS, ApiVersion.V2010, later(digit)
    )


async def test_the_oldest_transcription_is_made_first(db: Database) -> None:
    account = await add_account(db)
    first, second = (replace(transcription(account, digit), callback="http://shop.example/") for digit in (1, 2))
    for each in (second, first):
        await db.transcriptions.create(each)
    assert await db.transcriptions.next() == first
    await db.transcriptions.update(first.sid, status=TranscriptionStatus.COMPLETED, transcription_text="Hello.")
    assert await db.transcriptions.next() == second
    await db.transcriptions.update(second.sid, status=TranscriptionStatus.FAILED)
    assert await db.transcriptions.next() is None


async def test_who_is_still_to_be_told(db: Database) -> None:
    account = await add_account(db)
    waiting, silent, told = (transcription(account, digit) for digit in range(3))
    finished = {"status": TranscriptionStatus.COMPLETED, "callback": "http://shop.example/text"}
    await db.transcriptions.create(replace(waiting, callback="http://shop.example/text"))
    await db.transcriptions.create(replace(silent, status=TranscriptionStatus.COMPLETED))
    untold = replace(told, **finished)
    await db.transcriptions.create(untold)
    assert await db.transcriptions.untold() == [untold]
    await db.transcriptions.update(untold.sid, callback=None)
    assert await db.transcriptions.untold() == []


async def test_after_a_crash_recordings_have_ended_and_transcriptions_go_on(db: Database) -> None:
    account = await add_account(db)
    recording = RecordingRecord(
        "RE" + "0" * 32, account.sid, None, RecordingStatus.PAUSED, RecordingSource.RECORD_VERB, ApiVersion.V2010, NOW
    )
    whole = replace(recording, sid="RE" + "1" * 32, status=RecordingStatus.COMPLETED)
    for each in (recording, whole):
        await db.recordings.create(each)
    await db.transcriptions.create(transcription(account))
    await db.end_unfinished(later(60))
    assert [(await db.recordings.get(each.sid)) for each in (recording, whole)] == [
        replace(recording, status=RecordingStatus.ABSENT),
        whole,
    ]
    assert await db.transcriptions.next() == transcription(account)
