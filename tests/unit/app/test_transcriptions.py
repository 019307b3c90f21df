"""Recordings written down: kept, done in turn, told about, taken up by the next server. With a real store."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from voice_world import EPOCH, SHOP
from web_in_memory import Asked, Page, WebInMemory

from ringback.app import transcriptions
from ringback.app.transcriptions import Transcriptions
from ringback.calls.recording import Recorded
from ringback.model import events
from ringback.model.recordings import RecordingRecord, RecordingSource, RecordingStatus, TranscriptionStatus
from ringback.model.records import Account, CallEvent, CallRecord
from ringback.model.status import ApiVersion, CallStatus, Direction
from ringback.speech.contract import HearingError
from ringback.storage.database import Database, StorageError
from ringback.storage.events_writer import EventWriter
from ringback.testing.fake_call import FakeCall
from ringback.webhooks.client import WebhookClient
from ringback.webhooks.signature import HEADER, sign

pytestmark = pytest.mark.long

TEXT_URL = f"{SHOP}text"
RECORDED = Recorded("RE" + "1" * 32, 7, "key", "#")
BASE = "http://voice.example"


class Ear:
    """An engine that hears `texts` in turn: a failure is raised, a future waited for."""

    def __init__(self, *texts: Any) -> None:
        self.texts = list(texts)
        self.heard: list[tuple[Path, str]] = []
        self.unfit = ""
        self.rested = asyncio.Event()

    async def transcribe(self, path: Path, language: str = "en") -> str:
        self.heard.append((path, language))
        text = self.texts.pop(0)
        if isinstance(text, Exception):
            raise text
        return str(await text if isinstance(text, asyncio.Future) else text)

    async def rest(self) -> None:
        self.rested.set()


class Desk:
    """A server's transcriptions, and what is around them."""

    def __init__(self, database: Database, account: Account, ear: Ear, version: ApiVersion) -> None:
        self.database, self.account, self.ear = database, account, ear
        self.web = WebInMemory()
        self.told: asyncio.Queue[Asked] = asyncio.Queue()
        self.web.pages[TEXT_URL] = self._told
        self.journal = EventWriter(database)
        call = FakeCall()
        self.call = FakeCall(info=replace(call.info, account_sid=account.sid, api_version=version))
        self.transcriptions = Transcriptions(
            database=database,
            engine=ear,
            webhooks=WebhookClient(exchange=self.web),
            journal=self.journal,
            flush=self.journal.flush,
            base_url=lambda: BASE,
            utcnow=lambda: EPOCH,
            entropy=random.Random(7).randbytes,
        )

    def _told(self, asked: Asked) -> Page:
        self.told.put_nowait(asked)
        return Page("", "text/plain")

    def record(self) -> None:
        """A call of which a recording was made, both on their way to the store."""
        info = self.call.info
        self.journal.create_call(
            CallRecord(
                info.sid,
                self.account.sid,
                info.from_,
                info.to,
                Direction.INBOUND,
                CallStatus.COMPLETED,
                info.api_version,
                None,
                None,
                EPOCH,
            )
        )
        self.journal.save(
            RecordingRecord(
                RECORDED.sid,
                self.account.sid,
                info.sid,
                RecordingStatus.COMPLETED,
                RecordingSource.RECORD_VERB,
                info.api_version,
                EPOCH,
                path="/recordings/one.wav",
            )
        )

    async def until(self, done: Callable[[Any], bool]) -> Any:
        """The transcription, as soon as it is as it should be."""
        async with asyncio.timeout(10):
            while True:
                for record in await self.database.transcriptions.page():
                    if done(record):
                        return record
                await asyncio.sleep(0.001)

    async def warnings(self) -> list[CallEvent]:
        """The warnings in the timeline of the call."""
        await self.journal.flush()
        timeline = await self.database.events.of_call(self.call.info.sid)
        return [stored.event for stored in timeline if stored.event.kind == events.WARNING]


@asynccontextmanager
async def desk(directory: Path, *texts: Any, version: ApiVersion = ApiVersion.V2010) -> AsyncIterator[Desk]:
    async with Database.open(directory / "ringback.db") as database:
        account = await database.accounts.ensure_default(EPOCH, lambda size: b"\1" * size)
        made = Desk(database, account, Ear(*texts), version)
        yield made
        await made.transcriptions.close()
        await made.journal.close()


def finished(record: Any) -> bool:
    return record.status is not TranscriptionStatus.IN_PROGRESS and record.callback is None


@pytest.mark.conforms("2010-04-01/2.5/transcription-parameters", "2008-08-01/1.1/transcription")
async def test_a_recording_is_written_down_and_the_application_told(tmp_path: Path) -> None:
    async with desk(tmp_path, "Please call me back.") as one:
        one.record()
        one.transcriptions.start()
        await one.transcriptions.ask(one.call, RECORDED, TEXT_URL)
        asked = await asyncio.wait_for(one.told.get(), 10)
        record = await one.until(finished)
        assert one.ear.heard == [(Path("/recordings/one.wav"), "en")]
        assert (record.status, record.transcription_text) == (TranscriptionStatus.COMPLETED, "Please call me back.")
        assert (record.recording_sid, record.duration, record.date_updated) == (RECORDED.sid, 7.0, EPOCH)
        assert asked.method == "POST"
        recording = f"{BASE}/2010-04-01/Accounts/{one.account.sid}/Recordings/{RECORDED.sid}"
        told = {
            "TranscriptionSid": record.sid,
            "TranscriptionText": "Please call me back.",
            "TranscriptionStatus": "completed",
            "TranscriptionUrl": f"{recording}/Transcriptions/{record.sid}",
            "TranscriptionType": "fast",
            "RecordingSid": RECORDED.sid,
            "RecordingUrl": recording,
            "CallSid": one.call.info.sid,
            "AccountSid": one.account.sid,
            "From": one.call.info.from_,
            "To": one.call.info.to,
            "CallStatus": "completed",
            "ApiVersion": "2010-04-01",
            "Direction": "inbound",
        }
        assert told.items() <= asked.fields.items()
        assert asked.headers[HEADER] == sign(one.account.auth_token, TEXT_URL, asked.fields.items())


@pytest.mark.conforms(
    "2008-08-01/2.5/TranscriptionText", "2008-08-01/2.5/TranscriptionStatus", "2008-08-01/2.5/TranscriptionUrl"
)
async def test_in_the_words_of_2008(tmp_path: Path) -> None:
    async with desk(tmp_path, "Hello.", version=ApiVersion.V2008) as one:
        one.record()
        one.transcriptions.start()
        await one.transcriptions.ask(one.call, RECORDED, TEXT_URL)
        fields = (await asyncio.wait_for(one.told.get(), 10)).fields
        recording = f"{BASE}/2008-08-01/Accounts/{one.account.sid}/Recordings/{RECORDED.sid}"
        assert (fields["TranscriptionText"], fields["TranscriptionStatus"]) == ("Hello.", "completed")
        assert fields["TranscriptionUrl"].startswith(f"{recording}/Transcriptions/TR")
        assert (fields["RecordingUrl"], fields["CallStatus"]) == (recording, "completed")
        assert "From" not in fields


async def test_without_a_callback_it_is_only_kept(tmp_path: Path) -> None:
    async with desk(tmp_path, "Hello.") as one:
        one.record()
        one.transcriptions.start()
        await one.transcriptions.ask(one.call, RECORDED, "")
        assert (await one.until(finished)).transcription_text == "Hello."
        assert one.web.asked == []


@pytest.mark.conforms("2010-04-01/15/32650")
async def test_what_cannot_be_heard_has_failed_and_its_application_knows(tmp_path: Path) -> None:
    async with desk(tmp_path, HearingError("it is no sound")) as one:
        one.record()
        one.transcriptions.start()
        await one.transcriptions.ask(one.call, RECORDED, TEXT_URL)
        fields = (await asyncio.wait_for(one.told.get(), 10)).fields
        assert (fields["TranscriptionStatus"], fields["TranscriptionText"]) == ("failed", "")
        assert (await one.until(finished)).status is TranscriptionStatus.FAILED
        (warning,) = await one.warnings()
        assert warning.data["code"] == 32650
        assert "it is no sound" in warning.data["message"]


async def test_without_an_engine_the_warning_says_what_to_install(tmp_path: Path) -> None:
    async with desk(tmp_path, HearingError("there is none")) as one:
        one.ear.unfit = "ctranslate2 is not installed: pip install 'ringback[transcribe]'"
        one.record()
        one.transcriptions.start()
        await one.transcriptions.ask(one.call, RECORDED, TEXT_URL)
        (note,) = one.call.noted
        assert (note.kind, note.data["code"]) == (events.WARNING, 32650)
        assert note.data["message"].endswith(one.ear.unfit)
        assert (await asyncio.wait_for(one.told.get(), 10)).fields["TranscriptionStatus"] == "failed"
        assert await one.warnings() == [], "it was said already"


async def test_a_recording_that_was_deleted_cannot_be_heard(tmp_path: Path) -> None:
    async with desk(tmp_path) as one:
        one.transcriptions.start()
        await one.transcriptions.ask(one.call, RECORDED, TEXT_URL)
        assert (await one.until(finished)).status is TranscriptionStatus.FAILED
        assert one.ear.heard == one.web.asked == []


async def test_a_transcription_that_was_deleted_meanwhile_stays_so(tmp_path: Path) -> None:
    slow: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    async with desk(tmp_path, slow, "The next one.") as one:
        one.record()
        one.transcriptions.start()
        await one.transcriptions.ask(one.call, RECORDED, TEXT_URL)
        record = await one.until(lambda record: one.ear.heard != [])
        await one.database.transcriptions.remove(record.sid)
        slow.set_result("Too late.")
        await one.transcriptions.ask(one.call, RECORDED, "")
        assert (await one.until(finished)).transcription_text == "The next one."
        assert one.web.asked == []


async def test_an_application_that_cannot_be_told_is_a_warning(tmp_path: Path) -> None:
    async with desk(tmp_path, "Hello.") as one:
        one.record()
        one.transcriptions.start()
        await one.transcriptions.ask(one.call, RECORDED, "http://nowhere.example/text")
        await one.until(finished)
        (warning,) = await one.warnings()
        assert (warning.data["code"], warning.data["url"]) == (15003, "http://nowhere.example/text")


async def test_a_restart_loses_nothing(tmp_path: Path) -> None:
    """The first server ends while it hears, a second one before it has told anybody; the third does the rest."""
    never: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    async with desk(tmp_path, never) as one:
        one.record()
        one.transcriptions.start()
        await one.transcriptions.ask(one.call, RECORDED, TEXT_URL)
        record = await one.until(lambda record: one.ear.heard != [])
        assert one.web.asked == []
    async with desk(tmp_path) as one:
        await one.database.end_unfinished(EPOCH)
        assert await one.database.transcriptions.next() == record
        changes = {"status": TranscriptionStatus.COMPLETED, "transcription_text": "Heard before."}
        await one.database.transcriptions.update(record.sid, **changes)
    async with desk(tmp_path) as one:
        one.transcriptions.start()
        asked = await asyncio.wait_for(one.told.get(), 10)
        assert asked.fields["TranscriptionText"] == "Heard before."
        await one.until(finished)
        assert one.ear.heard == []


async def test_the_engine_rests_when_there_is_nothing_to_hear(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transcriptions, "_IDLE", 0.0)
    async with desk(tmp_path, "Hello.") as one:
        one.record()
        one.transcriptions.start()
        await asyncio.wait_for(one.ear.rested.wait(), 10)
        await one.transcriptions.ask(one.call, RECORDED, "")
        assert (await one.until(finished)).transcription_text == "Hello."


async def test_a_database_that_fails_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(transcriptions, "_PAUSE", 0.0)
    async with desk(tmp_path, "Hello.") as one:
        one.record()
        failures = [StorageError("the disk is full")]
        untold = one.database.transcriptions.untold

        async def fails() -> Any:
            if failures:
                raise failures.pop()
            return await untold()

        monkeypatch.setattr(one.database.transcriptions, "untold", fails)
        one.transcriptions.start()
        await one.transcriptions.ask(one.call, RECORDED, "")
        assert (await one.until(finished)).transcription_text == "Hello."
        assert "transcriptions wait" in caplog.text


async def test_what_cannot_be_kept_is_a_warning_of_the_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with desk(tmp_path) as one:

        async def fails(record: Any) -> None:
            raise StorageError("the disk is full")

        monkeypatch.setattr(one.database.transcriptions, "create", fails)
        await one.transcriptions.ask(one.call, RECORDED, "")
        (note,) = one.call.noted
        assert note.data["code"] == 32650
        assert "the disk is full" in note.data["message"]
