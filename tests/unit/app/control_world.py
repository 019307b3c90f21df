"""A server in virtual time whose calls are asked for and commanded as the REST API does it; the store is in memory."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from voice_world import ACCOUNT, NUMBER, SHOP, World, number

from ringback.app.control import Control
from ringback.app.outgoing import OutgoingCalls
from ringback.app.recordings import RecordingWatches
from ringback.app.validation import Validation
from ringback.calls.leg import Leg
from ringback.model.outgoing import MachineDetection, OutgoingCall
from ringback.model.provisioning import ApplicationRecord, CallerIdRecord
from ringback.model.recordings import RecordingRecord
from ringback.model.records import CallRecord
from ringback.storage.database import StorageError

CALLEE = "+15550100201"
BASE = "http://api.example"


class _Waiting:
    """The calls to be made: on disk before anybody is told, and taken once."""

    def __init__(self, records: dict[str, dict[str, Any]]) -> None:
        self.entries: dict[str, tuple[CallRecord, OutgoingCall]] = {}
        self.taken_sids: list[str] = []
        self.fails = False
        self._records = records

    async def add(self, record: CallRecord, request: OutgoingCall) -> None:
        if self.fails:
            raise StorageError("the disk is full")
        self.entries[record.sid] = record, OutgoingCall.from_json(request.to_json())
        self._records[record.sid] = {name: getattr(record, name) for name in CallRecord.__slots__}

    async def taken(self, sid: str) -> bool:
        self.taken_sids.append(sid)
        return self.entries.pop(sid, None) is not None

    async def taken_all(self, sids: Sequence[str]) -> set[str]:
        return {sid for sid in sids if await self.taken(sid)}

    async def waiting(self) -> list[tuple[CallRecord, OutgoingCall]]:
        return list(self.entries.values())


class _Store:
    """What the commands ask of a database."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.outgoing = _Waiting(world.exchange.records)
        self.accounts = self.calls = self.applications = self.caller_ids = self.numbers = self.recordings = self
        self.account = replace(ACCOUNT)
        self.known_applications: dict[str, ApplicationRecord] = {}
        self.known_caller_ids: list[CallerIdRecord] = []

    async def get(self, sid: str) -> Any:
        if sid.startswith("AC"):
            return self.account if sid == self.account.sid else None
        if sid.startswith("RE"):
            return self._world.exchange.saved.get((RecordingRecord, sid))
        return self.known_applications.get(sid)

    async def update(self, sid: str, **changes: Any) -> None:
        self._world.exchange.update_call(sid, **changes)

    async def of_number(self, account_sid: str, phone_number: str) -> CallerIdRecord | None:
        return next((each for each in self.known_caller_ids if each.phone_number == phone_number), None)

    async def create(self, record: CallerIdRecord) -> None:
        self.known_caller_ids.append(record)

    async def list(self) -> list[Any]:
        return [number()]


class ControlWorld(World):
    """Use as `async with ControlWorld(directory) as world`."""

    def __init__(self, directory: Path, *numbers: Any, per_second: float = 10.0, **call: Any) -> None:
        super().__init__(directory, *(numbers or (number(),)), **call)
        store: Any = _Store(self)
        self.store: _Store = store
        self.verdict = "human"
        self.detections: list[MachineDetection] = []
        self.utcnow = self.exchange.switch.utcnow
        self.watches = RecordingWatches(self.voice, BASE, self.utcnow)
        self._entropy = random.Random(5).randbytes
        self.per_second = per_second
        self.outgoing = self.new_outgoing()
        journal: Any = self.exchange
        journal.flush = _flush
        self.control = Control(
            database=store,
            switch=self.exchange.switch,
            voice=self.voice,
            outgoing=self.outgoing,
            recordings=self.watches,
            journal=journal,
            utcnow=self.utcnow,
        )

    def new_outgoing(self) -> OutgoingCalls:
        """As after a start."""
        store: Any = self.store
        return OutgoingCalls(
            database=store,
            place=self.exchange.switch.place,
            voice=self.voice,
            calls_per_second=self.per_second,
            record=self.watches.of_call,
            detect=self._detect,
            validate=Validation(store, self.voice, self.utcnow, self._entropy).conduct,
            utcnow=self.utcnow,
            clock=asyncio.get_running_loop().time,
            entropy=self._entropy,
        )

    async def _detect(self, leg: Leg, detection: MachineDetection) -> str:
        self.detections.append(detection)
        await asyncio.sleep(4)
        return self.verdict

    async def ask(self, to: str = CALLEE, **options: Any) -> str:
        """Ask for a call, and return its sid."""
        options.setdefault("url", SHOP)
        record = await self.control.place(OutgoingCall(ACCOUNT.sid, to, NUMBER, **options))
        return record.sid

    def leg(self, sid: str) -> Leg:
        found = self.exchange.switch.find(sid)
        assert found is not None, "the call is over"
        return found

    def kept(self, sid: str) -> dict[str, Any]:
        return self.exchange.records[sid]

    def told(self, url: str) -> list[dict[str, str]]:
        """The parameters of all requests to a URL, in order."""
        return [dict(asked.fields) for asked in self.web.asked if asked.url.split("?")[0] == url]

    async def __aexit__(self, *error: object) -> None:
        await self.control.close()
        await self.outgoing.close()
        await self.exchange.switch.close()
        await super().__aexit__(*error)


async def _flush() -> None:
    """Everything is written at once."""
