"""The records that the REST API shows: kept, changed, found by filters, read page by page, ended after a crash."""

# Covers: storage/accounts.py storage/calls.py storage/conferences.py storage/database.py storage/numbers.py
# Covers: storage/outgoing.py storage/provisioning.py storage/queues.py storage/records.py

import asyncio
from dataclasses import replace
from datetime import datetime

import pytest
from sqlalchemy import text
from storage_samples import NOW, add_account, call, later, number

from ringback.model.conferences import ConferenceRecord, ConferenceStatus, ParticipantRecord, ParticipantStatus
from ringback.model.outgoing import MachineDetection, OutgoingCall, RecordingOptions
from ringback.model.provisioning import ApplicationRecord, AvailableNumberRecord, CallerIdRecord, KeyRecord
from ringback.model.queues import QueueMemberRecord, QueueRecord
from ringback.model.recordings import (
    RecordingRecord,
    RecordingSource,
    RecordingStatus,
    TranscriptionRecord,
    TranscriptionStatus,
)
from ringback.model.records import Account, AccountStatus
from ringback.model.status import ApiVersion, CallStatus, Direction
from ringback.storage.database import Database, StorageError
from ringback.storage.events_writer import EventWriter
from ringback.storage.records import Page, Where


def recording(account: Account, digit: int = 0, **different: object) -> RecordingRecord:
    made = RecordingRecord(
        f"RE{digit:032x}", account.sid, f"CA{digit:032x}", RecordingStatus.IN_PROGRESS, RecordingSource.RECORD_VERB,
        ApiVersion.V2010, later(digit),
    )  # fmt: skip
    return replace(made, **different)  # type: ignore[arg-type]


async def test_a_caller_id_is_found_by_its_number_and_whose_it_is(db: Database) -> None:
    account = await add_account(db)
    mine = CallerIdRecord("PN" + "0" * 32, account.sid, "+14155550100", "Me", NOW)
    await db.caller_ids.create(mine)
    assert await db.caller_ids.of_number(account.sid, "+14155550100") == mine
    assert await db.caller_ids.of_number(account.sid, "+14155550101") is None
    assert await db.caller_ids.of_number("AC" + "f" * 32, "+14155550100") is None


async def test_every_kind_comes_back_as_it_was(db: Database) -> None:
    account = await add_account(db)
    sid = account.sid
    for store, record, key in (
        (db.recordings, recording(account), f"RE{0:032x}"),
        (db.transcriptions, TranscriptionRecord("TR" + "0" * 32, sid, "RE" + "0" * 32, TranscriptionStatus.FAILED,
                                                ApiVersion.V2008, NOW), "TR" + "0" * 32),
        (db.conferences, ConferenceRecord("CF" + "0" * 32, sid, "Room", ConferenceStatus.INIT, ApiVersion.V2010, NOW),
         "CF" + "0" * 32),
        (db.participants, ParticipantRecord("CF" + "0" * 32, "CA" + "0" * 32, sid, ParticipantStatus.RINGING, NOW,
                                            muted=True), ("CF" + "0" * 32, "CA" + "0" * 32)),
        (db.queues, QueueRecord("QU" + "0" * 32, sid, "q", NOW), "QU" + "0" * 32),
        (db.applications, ApplicationRecord("AP" + "0" * 32, sid, "a", NOW), "AP" + "0" * 32),
        (db.keys, KeyRecord("SK" + "0" * 32, sid, "k", "f" * 64, NOW), "SK" + "0" * 32),
        (db.caller_ids, CallerIdRecord("PN" + "0" * 32, sid, "+14155550100", "Me", NOW), "PN" + "0" * 32),
        (db.available_numbers, AvailableNumberRecord("+14155550100", "US", "local", NOW), "+14155550100"),
    ):  # fmt: skip
        await store.create(record)  # type: ignore[arg-type]
        assert await store.get(key) == record  # type: ignore[arg-type]
        await store.save(record)  # type: ignore[arg-type]
        assert await store.count() == 1
        assert await store.remove(key) is True  # type: ignore[arg-type]
        assert await store.get(key) is None  # type: ignore[arg-type]


async def test_a_change_is_dated_by_the_newest_moment_in_it(db: Database) -> None:
    account = await add_account(db)
    await db.recordings.create(recording(account))
    await db.recordings.update(f"RE{0:032x}", start_time=later(5), duration=2.5)
    assert await db.recordings.get(f"RE{0:032x}") == recording(
        account, start_time=later(5), duration=2.5, date_updated=later(5)
    )
    with pytest.raises(TypeError, match="recording has no changeable property colour"):
        await db.recordings.update(f"RE{0:032x}", colour="red")
    with pytest.raises(StorageError, match="there is no recording RE1"):
        await db.recordings.update("RE1" + "0" * 31, duration=1.0)


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (Where("channels", "=", 1), [4, 3, 2, 1, 0]),
        (Where("channels", "!=", 1), []),
        (Where("date_created", ">", later(3)), [4]),
        (Where("date_created", ">=", later(3)), [4, 3]),
        (Where("date_created", "<", later(1)), [0]),
        (Where("date_created", "<=", later(1)), [1, 0]),
        (Where("sid", "in", [f"RE{2:032x}", f"RE{4:032x}"]), [4, 2]),
        (Where("sid", "like", "RE*3"), [3]),
        (Where("sid", "like", "RE%3"), []),
        (Where("path", "null", True), [4, 3, 2, 1, 0]),
        (Where("path", "null", False), []),
    ],
)
async def test_conditions(db: Database, where: Where, expected: list[int]) -> None:
    account = await add_account(db)
    for digit in range(5):
        await db.recordings.create(recording(account, digit))
    found = await db.recordings.page([where])
    assert [record.sid for record in found] == [f"RE{digit:032x}" for digit in expected]
    assert await db.recordings.count([where]) == len(expected)


async def test_pages_by_place_and_by_number(db: Database) -> None:
    account = await add_account(db)
    for digit in range(5):
        await db.recordings.create(recording(account, digit, date_created=NOW))
    first = await db.recordings.page(page=Page(limit=2))
    after: tuple[datetime, str] = (first[-1].date_created, first[-1].sid)
    assert [record.sid[-1] for record in await db.recordings.page(page=Page(limit=2, after=after))] == ["2", "1"]
    assert [record.sid[-1] for record in await db.recordings.page(page=Page(limit=2, offset=4))] == ["0"]
    await db.recordings.update(f"RE{1:032x}", date_updated=later(9))
    assert (await db.recordings.page(page=Page(limit=1, by_update=True)))[0].sid == f"RE{1:032x}"


async def test_the_journal_carries_every_kind(db: Database) -> None:
    account = await add_account(db)
    writer = EventWriter(db)
    person = ParticipantRecord("CF" + "0" * 32, "CA" + "0" * 32, account.sid, ParticipantStatus.CONNECTED, NOW)
    writer.save(recording(account))
    writer.change(RecordingRecord, f"RE{0:032x}", status=RecordingStatus.COMPLETED, date_updated=later(1))
    writer.save(person)
    writer.change(ParticipantRecord, (person.conference_sid, person.call_sid), hold=True)
    writer.save(QueueMemberRecord("CA" + "0" * 32, "QU" + "0" * 32, account.sid, NOW))
    writer.remove(QueueMemberRecord, "CA" + "0" * 32)
    with pytest.raises(KeyError):
        writer.save(account)
    await writer.close()
    assert (await db.recordings.get(f"RE{0:032x}")).status is RecordingStatus.COMPLETED  # type: ignore[union-attr]
    assert await db.participants.get((person.conference_sid, person.call_sid)) == replace(person, hold=True)
    assert await db.queues.members("QU" + "0" * 32) == []
    assert writer.dropped == 0


REQUEST = OutgoingCall(
    "AC000102030405060708090a0b0c0d0e0f", "+14155550199", "+14155550100", url="http://127.0.0.1/",
    machine_detection=MachineDetection(asynchronous=True), record=RecordingOptions(channels="dual"),
    status_callback_events=("initiated", "completed"),
)  # fmt: skip


async def test_calls_that_wait_are_there_after_a_restart_in_their_order(db: Database) -> None:
    account = await add_account(db)
    records = [
        call(account, digit, status=CallStatus.QUEUED, direction=Direction.OUTBOUND_API, date_created=NOW)
        for digit in (3, 1, 2)
    ]
    await asyncio.gather(*(db.outgoing.add(record, REQUEST) for record in records))
    await db.calls.create(call(account, 9, status=CallStatus.RINGING))
    assert await db.end_unfinished(later(10)) == 1
    assert await db.outgoing.waiting() == [(record, REQUEST) for record in records]
    assert await db.outgoing.taken(records[0].sid) is True
    assert await db.outgoing.taken(records[0].sid) is False
    assert [record for record, _ in await db.outgoing.waiting()] == records[1:]


async def test_one_that_is_refused_takes_no_other_with_it(db: Database) -> None:
    account = await add_account(db)
    good = [call(account, digit, status=CallStatus.QUEUED) for digit in range(3)]
    bad = replace(good[1], account_sid="AC" + "f" * 32)
    found = await asyncio.gather(
        *(db.outgoing.add(record, REQUEST) for record in (good[0], bad, good[2])), return_exceptions=True
    )
    assert [type(one) for one in found] == [type(None), StorageError, type(None)]
    assert len(await db.outgoing.waiting()) == 2


def test_a_request_is_read_by_other_releases() -> None:
    values = {**REQUEST.to_json(), "colour": "red"}
    assert OutgoingCall.from_json(values) == REQUEST
    assert OutgoingCall.from_json({"account_sid": "AC", "to": "a", "from_": "b"}) == OutgoingCall("AC", "a", "b")


async def test_what_a_crash_has_left_open_gets_an_end(db: Database) -> None:
    account = await add_account(db)
    await db.recordings.create(recording(account))
    await db.conferences.create(
        ConferenceRecord("CF" + "0" * 32, account.sid, "Room", ConferenceStatus.IN_PROGRESS, ApiVersion.V2010, NOW)
    )
    await db.participants.create(
        ParticipantRecord("CF" + "0" * 32, "CA" + "0" * 32, account.sid, ParticipantStatus.CONNECTED, NOW)
    )
    assert (await db.conferences.running(account.sid, "Room")) is not None
    await db.end_unfinished(later(9))
    assert (await db.recordings.page())[0].status is RecordingStatus.ABSENT
    assert (await db.participants.page())[0].status is ParticipantStatus.COMPLETE
    assert await db.conferences.running(account.sid, "Room") is None


async def test_members_of_a_queue_have_places(db: Database) -> None:
    account = await add_account(db)
    queue = QueueRecord("QU" + "0" * 32, account.sid, "support", NOW)
    await db.queues.create(queue)
    writer = EventWriter(db)
    for digit in (2, 0, 1):
        writer.save(QueueMemberRecord(f"CA{digit:032x}", queue.sid, account.sid, later(digit)))
    await writer.close()
    assert await db.queues.named(account.sid, "support") == queue
    assert [one.record.call_sid[-1] for one in await db.queues.members(queue.sid)] == ["0", "1", "2"]
    assert [one.position for one in await db.queues.members(queue.sid, 1, 1)] == [2]
    third = await db.queues.member(queue.sid, f"CA{2:032x}")
    assert third is not None
    assert third.position == 3
    assert await db.queues.member(queue.sid, "CA" + "f" * 32) is None
    assert await db.queues.enqueued([queue.sid]) == {queue.sid: [later(0), later(1), later(2)]}


async def test_a_number_is_bought_once(db: Database) -> None:
    account = await add_account(db)
    offered = [AvailableNumberRecord(f"+1415555010{digit}", "US", "local", NOW) for digit in range(2)]
    await db.numbers.add(number(account, 1))
    assert await db.available_numbers.offer(offered) == 1
    bought = await asyncio.gather(*(db.numbers.buy(number(account, 0, sid=f"PN{i + 7:032x}")) for i in range(3)))
    assert sorted(bought) == [False, False, True]
    assert await db.available_numbers.count() == 0


async def test_tokens_are_encrypted_in_the_database(db: Database) -> None:
    account = await add_account(db)
    await db.accounts.update(account.sid, secondary_token="e" * 32)
    async with db.connections.read() as connection:
        raw = (await connection.execute(text("SELECT auth_token, secondary_token FROM accounts"))).one()
    assert all(token.startswith("gAAAA") for token in raw)
    found = await db.accounts.get(account.sid)
    assert found is not None
    assert (found.auth_token, found.secondary_token) == (account.auth_token, "e" * 32)
    assert "auth_token" not in repr(found)


async def test_tokens_of_earlier_releases_are_encrypted_when_they_are_found(db: Database) -> None:
    account = await add_account(db)
    async with db.connections.write() as connection:
        await connection.execute(text("UPDATE accounts SET auth_token = 'plain'"))
    assert [one.auth_token for one in await db.accounts.list()] == ["plain"]
    assert await db.accounts.encrypt_all() == 1
    assert await db.accounts.encrypt_all() == 0
    assert (await db.accounts.get(account.sid)).auth_token == "plain"  # type: ignore[union-attr]


async def test_an_account_and_its_subaccounts(db: Database) -> None:
    account = await add_account(db)
    child = Account("AC" + "1" * 32, "f" * 32, "Child", later(1), owner_account_sid=account.sid)
    await db.accounts.create(child)
    await db.accounts.create(Account("AC" + "2" * 32, "f" * 32, "Other", later(2)))
    assert [one.sid for one in await db.accounts.page(account.sid)] == [child.sid, account.sid]
    behind = Page(after=(child.date_created, child.sid))
    assert [one.sid for one in await db.accounts.page(account.sid, page=behind)] == [account.sid]
    await db.accounts.close_with_subaccounts(account.sid, AccountStatus.CLOSED, later(9))
    statuses = {one.friendly_name: one.status for one in await db.accounts.list()}
    assert statuses == {"Default": "closed", "Child": "closed", "Other": "active"}
    with pytest.raises(StorageError, match="hexadecimal"):
        await db.accounts.create(replace(child, sid="AC" + "3" * 32, auth_token="gAAAAx"))


async def test_what_was_used(db: Database) -> None:
    account = await add_account(db)
    await db.calls.create(call(account, 0, start_time=later(0), end_time=later(30)))
    await db.calls.create(call(account, 1, direction=Direction.OUTBOUND_API))
    assert await db.calls.usage([account.sid], NOW, later(60)) == {
        Direction.INBOUND: (1, 30.0), Direction.OUTBOUND_API: (1, 0.0),
    }  # fmt: skip
    assert await db.calls.usage([account.sid], later(60), None) == {}
    assert await db.calls.remove_ended(call(account, 0).sid) is False
    await db.calls.update(call(account, 0).sid, status=CallStatus.COMPLETED)
    assert await db.calls.remove_ended(call(account, 0).sid) is True
    assert await db.calls.remove_ended(call(account, 0).sid) is None
