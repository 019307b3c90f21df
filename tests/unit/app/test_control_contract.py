"""The control of live calls keeps every promise that the REST API relies on; in virtual time."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from control_world import CALLEE, ControlWorld
from voice_world import ACCOUNT, NUMBER, SHOP, wav
from web_in_memory import Page

from ringback.model.conferences import ConferenceRecord, ParticipantRecord
from ringback.model.outgoing import OutgoingCall
from ringback.model.queues import QueueMemberRecord
from ringback.model.recordings import RecordingRecord
from ringback.model.status import CallStatus
from ringback.rest.control import CallControl, NewParticipant
from ringback.rest.errors import RestError
from ringback.testing.clock import run
from ringback.testing.contracts_control import CHECKS, Check, check_control, named
from ringback.testing.exchange import Answers

SLOW = "+15550100202"
WAITS = '<Response><Pause length="600"/></Response>'
ROOM = f"<Response><Dial><Conference{{}}>room</Conference></Dial>{WAITS[10:]}"
QUEUE = "<Response><Enqueue>support</Enqueue></Response>"


class Live:
    """A switch with phones that answer. Implements `ringback.testing.contracts_control.Subject`."""

    url = SHOP + "next"
    sound = SHOP + "music.wav"

    def __init__(self, world: ControlWorld) -> None:
        self._world = world
        self.control: CallControl = world.control
        world.web.pages |= {self.url: WAITS, self.sound: Page(wav(2.0), "audio/wav")}
        world.exchange.answers[SLOW] = Answers(rings=50)

    def outgoing(self) -> OutgoingCall:
        return OutgoingCall(ACCOUNT.sid, CALLEE, NUMBER, twiml=WAITS)

    async def _call(self, document: str = WAITS, to: str = CALLEE) -> str:
        record = await self.control.place(replace(self.outgoing(), to=to, twiml=document))
        await asyncio.sleep(3)
        return record.sid

    async def queued(self) -> str:
        self._world.store.account = replace(ACCOUNT, calls_per_second=0.001)
        await asyncio.sleep(2)
        await self._call()
        return await self._call()

    async def ringing(self) -> str:
        return await self._call(to=SLOW)

    async def talking(self) -> str:
        return await self._call()

    async def ended(self) -> str:
        return await self._call("<Response/>")

    async def conference(self) -> tuple[str, str, str]:
        return await self._conference("")

    async def _conference(self, attributes: str) -> tuple[str, str, str]:
        one, two = [await self._call(ROOM.format(attributes)) for _ in range(2)]
        (conference,) = self._world.exchange.switch.conferences
        return conference.sid, one, two

    async def recorded(self) -> tuple[str, str]:
        sid, _, _ = await self._conference(' record="record-from-start"')
        (recording,) = self._world.exchange.kept(RecordingRecord)
        return sid, recording.sid

    async def waiting(self) -> tuple[str, str]:
        call = await self._call(QUEUE)
        (member,) = self._world.exchange.kept(QueueMemberRecord)
        return member.queue_sid, call

    async def status(self, call_sid: str) -> CallStatus:
        return CallStatus(self._world.kept(call_sid)["status"])

    async def conference_of(self, sid: str) -> ConferenceRecord | None:
        return self._world.exchange.saved.get((ConferenceRecord, sid))

    async def participant(self, conference_sid: str, call_sid: str) -> ParticipantRecord | None:
        return self._world.exchange.saved.get((ParticipantRecord, (conference_sid, call_sid)))

    async def recording(self, sid: str) -> RecordingRecord | None:
        return self._world.exchange.saved.get((RecordingRecord, sid))

    async def members(self, queue_sid: str) -> list[str]:
        return [each.call_sid for each in self._world.exchange.kept(QueueMemberRecord) if each.queue_sid == queue_sid]


@pytest.mark.parametrize("check", CHECKS, ids=named)
def test_the_control_of_live_calls_keeps_its_promises(check: Check, tmp_path: Path) -> None:
    @contextlib.asynccontextmanager
    async def made() -> AsyncIterator[Live]:
        async with ControlWorld(tmp_path) as world:
            yield Live(world)

    run(check_control(made, (check,)))


def test_a_participant_who_cannot_be_kept_is_not_called_and_leaves_no_conference(tmp_path: Path) -> None:
    async def test() -> None:
        async with ControlWorld(tmp_path) as world:
            world.store.outgoing.fails = True
            with pytest.raises(RestError) as error:
                await world.control.add_participant(NewParticipant(Live(world).outgoing(), "room"))
            assert error.value.http_status == 503
            assert list(world.exchange.switch.conferences) == []

    run(test())
