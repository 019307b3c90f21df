"""The fake keeps every promise of a control, and the checks notice controls that do not."""

import asyncio
import contextlib
import itertools
import random
import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ringback.model.conferences import ConferenceRecord, ParticipantRecord
from ringback.model.outgoing import OutgoingCall, RecordingOptions
from ringback.model.recordings import RecordingRecord
from ringback.model.records import Account, CallRecord
from ringback.model.status import CallStatus
from ringback.rest.control import Instructions, NewParticipant, ParticipantChanges
from ringback.rest.errors import RestError, refused
from ringback.storage.database import Database
from ringback.testing.contracts_control import CHECKS, Check, Subject, check_control, named
from ringback.testing.control import FakeControl

NOW = datetime(2024, 2, 29, 12, 30, 15, tzinfo=UTC)
RNG = random.Random(11)
NAMES = itertools.count()


class Kept:
    """Calls that are records only. Implements `ringback.testing.contracts_control.Subject`."""

    url = "http://127.0.0.1/"
    sound = "http://127.0.0.1/a.wav"

    def __init__(self, database: Database, account: Account, kind: type[FakeControl]) -> None:
        self._database, self._account = database, account
        self.control: FakeControl = kind(database, lambda: NOW, RNG.randbytes)

    def outgoing(self) -> OutgoingCall:
        return OutgoingCall(self._account.sid, "+14155550199", "+14155550100", url=self.url)

    async def queued(self) -> str:
        return (await self.control.place(self.outgoing())).sid

    async def ringing(self) -> str:
        sid = await self.queued()
        await self.control.ring(sid)
        return sid

    async def talking(self) -> str:
        sid = await self.queued()
        await self.control.answer(sid)
        return sid

    async def ended(self) -> str:
        sid = await self.talking()
        await self.control.end(sid)
        return sid

    async def conference(self) -> tuple[str, str, str]:
        conference, calls = f"room {next(NAMES)}", []
        for _ in range(2):
            conference, call = await self.control.add_participant(NewParticipant(self.outgoing(), conference))
            await self.control.answer(call.sid)
            calls.append(call.sid)
        return conference, calls[0], calls[1]

    async def recorded(self) -> tuple[str, str]:
        conference, _, _ = await self.conference()
        return conference, (await self.control.record_conference(conference)).sid

    async def waiting(self) -> tuple[str, str]:
        queue, sid = f"QU{next(NAMES):032x}", await self.talking()
        call = await self._database.calls.get(sid)
        assert call is not None
        await self.control.enqueue(queue, call, NOW)
        return queue, sid

    async def status(self, call_sid: str) -> CallStatus:
        call = await self._database.calls.get(call_sid)
        assert call is not None
        return call.status

    async def conference_of(self, sid: str) -> ConferenceRecord | None:
        return await self._database.conferences.get(sid)

    async def participant(self, conference_sid: str, call_sid: str) -> ParticipantRecord | None:
        return await self._database.participants.get((conference_sid, call_sid))

    async def recording(self, sid: str) -> RecordingRecord | None:
        return await self._database.recordings.get(sid)

    async def members(self, queue_sid: str) -> list[str]:
        return [one.record.call_sid for one in await self._database.queues.members(queue_sid)]


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database."""

    async def make() -> Path:
        async with Database.open(tmp_path_factory.mktemp("contract") / "ringback.db") as database:
            return Path(database.name)

    return asyncio.run(make())


@pytest.fixture
async def database(migrated: Path, tmp_path: Path) -> AsyncIterator[Database]:
    async with Database.open(shutil.copy(migrated, tmp_path / "ringback.db")) as database:
        yield database


async def check(database: Database, kind: type[FakeControl] = FakeControl, *checks: Check) -> None:
    account = await database.accounts.ensure_default(NOW, RNG.randbytes)

    @contextlib.asynccontextmanager
    async def made() -> AsyncIterator[Subject]:
        subject: Any = Kept(database, account, kind)
        yield subject

    await check_control(made, checks)


async def test_the_fake_keeps_every_promise(database: Database) -> None:
    await check(database)


async def does_nothing(*_: Any, **__: Any) -> None:
    """As if it were done."""


async def ends_everything(self: FakeControl, call_sid: str) -> None:
    await self.end(call_sid, CallStatus.CANCELED)


async def says_not_found(self: FakeControl, call_sid: str) -> None:
    if (await self._call(call_sid)).status is CallStatus.IN_PROGRESS:
        raise refused(20404)
    await self.end(call_sid, CallStatus.CANCELED)


async def says_nothing(self: FakeControl, call_sid: str) -> None:
    try:
        await FakeControl.complete(self, call_sid)
    except RestError as error:
        raise RestError(error.http_status, error.code, "") from error


async def moves_whatever_rings(self: FakeControl, call_sid: str, instructions: Instructions) -> None:
    await self._call(call_sid)


async def calls_somebody_else(self: FakeControl, request: OutgoingCall) -> CallRecord:
    return await FakeControl.place(self, replace(request, to="+14155550111"))


async def forgets_the_call(self: FakeControl, request: OutgoingCall) -> CallRecord:
    record = await FakeControl.place(self, request)
    await self.end(record.sid)
    return record


async def begins_anew(self: FakeControl, call_sid: str, options: RecordingOptions) -> RecordingRecord:
    self._recordings.pop(call_sid, None)
    return await FakeControl.start_recording(self, call_sid, options)


async def changes_before_it_refuses(self: FakeControl, conference: str, call: str, changes: ParticipantChanges) -> None:
    await FakeControl.update_participant(self, conference, call, ParticipantChanges(muted=changes.muted))
    await FakeControl.update_participant(self, conference, call, changes)


async def coaches_anybody(self: FakeControl, conference: str, call: str, changes: ParticipantChanges) -> None:
    await self._participant(conference, call)
    values = {"coaching": changes.coaching, "call_sid_to_coach": changes.call_sid_to_coach, "muted": changes.muted}
    kept = {name: value for name, value in values.items() if value is not None}
    await self._database.participants.update((conference, call), **kept)


async def hangs_up_too(self: FakeControl, conference: str, call: str) -> None:
    await FakeControl.kick(self, conference, call)
    await self.end(call)


async def calls_first(self: FakeControl, participant: NewParticipant) -> tuple[str, CallRecord]:
    if participant.coaching:
        await self.place(participant.call)
    return await FakeControl.add_participant(self, participant)


async def never_starts(self: FakeControl, participant: NewParticipant) -> tuple[str, CallRecord]:
    wanted = participant if participant.conference.startswith("CF") else replace(participant, conference="one")
    return await FakeControl.add_participant(self, wanted)


@pytest.mark.parametrize(
    ("methods", "promise"),
    [
        ({"place": calls_somebody_else}, "a call is stored and counted when it is placed"),
        ({"place": forgets_the_call}, "a call is stored and counted when it is placed"),
        ({"live": lambda self: {"queued": 1}}, "calls are counted by status while they live"),
        ({"redirect": does_nothing}, "only a call in progress goes on elsewhere"),
        ({"redirect": moves_whatever_rings}, "only a call in progress goes on elsewhere"),
        ({"complete": ends_everything}, "a call is completed in each state once"),
        ({"complete": says_nothing}, "a call is completed in each state once"),
        ({"cancel": ends_everything}, "a call is taken back until it is answered"),
        ({"cancel": says_not_found}, "a call is taken back until it is answered"),
        ({"send_digits": does_nothing}, "only a call in progress hears and is heard"),
        ({"current_recording": does_nothing}, "only a call in progress hears and is heard"),
        ({"start_recording": begins_anew}, "an identical recording is not begun twice"),
        ({"_end_recordings": does_nothing}, "a recording ends with its call"),
        ({"update_participant": does_nothing}, "a participant is changed and the rest stays"),
        ({"update_participant": changes_before_it_refuses}, "who coaches needs somebody in the conference"),
        ({"update_participant": coaches_anybody}, "who coaches needs somebody in the conference"),
        ({"kick": does_nothing}, "who is not in a conference is not found"),
        ({"announce": does_nothing}, "who is not in a conference is not found"),
        ({"kick": hangs_up_too}, "a participant is kicked and the call goes on"),
        ({"_leave": does_nothing}, "a participant is kicked and the call goes on"),
        ({"_end_conference": does_nothing}, "a conference is ended once"),
        ({"_leave_all": does_nothing}, "who hangs up or goes elsewhere has left"),
        ({"add_participant": calls_first}, "nobody is called for nothing"),
        ({"add_participant": never_starts}, "somebody is called into a conference"),
        ({"dequeue": does_nothing}, "who waits is taken out of the queue once"),
        ({"_leave_all": does_nothing}, "who goes elsewhere waits no more"),
        ({"_leave_all": does_nothing}, "who hangs up waits no more"),
    ],
)
async def test_controls_that_break_a_promise_are_named_with_it(
    database: Database, methods: dict[str, Any], promise: str
) -> None:
    (wanted,) = (each for each in CHECKS if named(each) == promise)
    with pytest.raises(AssertionError, match=f"^{promise}: "):
        await check(database, type("Broken", (FakeControl,), methods), wanted)


def test_every_promise_has_a_name_of_its_own() -> None:
    assert len({named(each) for each in CHECKS}) == len(CHECKS)
