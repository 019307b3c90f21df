"""`kill -9` of the server at random moments of a load of outgoing calls: nothing that it accepted is lost or doubled.

`KILLS=200` in the environment kills it as often.
"""

import asyncio
import os
import random
import signal
from collections import Counter
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest

from ringback.model.conferences import ConferenceStatus, ParticipantStatus
from ringback.model.recordings import RecordingStatus
from ringback.model.records import CallRecord
from ringback.model.status import CallStatus
from ringback.sip import sdp
from ringback.sip.endpoint import Endpoint
from ringback.sip.events import Event, IncomingCall
from ringback.sip.net.transport import SipTransport
from ringback.storage.records import Page, Where
from tests.interop.peers.process import Process
from tests.interop.peers.ringback import Ringback

KILLS: Final = int(os.environ.get("KILLS", "6"))
SEED: Final = 20_080_801
LONGEST_LOAD: Final = 2.0
"""Seconds of load before a kill, at most."""
SETTINGS: Final = {"calls.per_second": "25", "log.level": "warning", "calls.max_concurrent": "400"}
DOCUMENTS: Final = (
    "<Response><Say>Hello.</Say><Hangup/></Response>",
    "<Response><Pause length='1'/></Response>",
    "<Response><Record maxLength='2' timeout='1' playBeep='false'/></Response>",
    "<Response><Dial timeLimit='2'><Conference beep='false' waitUrl=''>room</Conference></Dial></Response>",
    "<Response><Enqueue waitUrl=''>line</Enqueue></Response>",
)
"""Each leaves something in the store that a crash cuts off."""

pytestmark = [pytest.mark.system, pytest.mark.long, pytest.mark.timeout(120 + 40 * KILLS)]


class Callee:
    """Picks up at once, and counts the INVITEs to each of its users."""

    def __init__(self) -> None:
        self._clock = asyncio.get_running_loop().time
        self._endpoint = Endpoint(rng=random.Random(SEED), max_calls=100_000, trace=False)
        self.transport = SipTransport(self._endpoint, self._clock, self._on_event)
        self.invites: Counter[str] = Counter()

    def _on_event(self, event: Event) -> None:
        if isinstance(event, IncomingCall):
            self.invites[event.request_uri_user or ""] += 1
            answer, _ = sdp.answer(event.sdp or b"", "127.0.0.1", 20_000)
            self._endpoint.answer(event.call, answer, self._clock())


class Load:
    """Asks for calls, each of a user of its own, and remembers which were accepted."""

    def __init__(self, callee_port: int, rng: random.Random) -> None:
        self._port, self._rng = callee_port, rng
        self._number = 0
        self.accepted: dict[str, str] = {}
        """The users that were called, by the sids of their calls."""

    async def run(self, server: Ringback) -> None:
        """Ask until nobody answers any more."""
        session, url = await client(server)
        async with session, asyncio.TaskGroup() as group:
            for _ in range(4):
                group.create_task(self._ask(session, f"{url}.json"))

    async def _ask(self, session: aiohttp.ClientSession, url: str) -> None:
        while True:
            self._number += 1
            user = f"user{self._number}"
            data = {"To": f"sip:{user}@127.0.0.1:{self._port}", "From": "load", "Twiml": self._rng.choice(DOCUMENTS)}
            try:
                async with session.post(url, data=data) as answer:
                    assert answer.status == 201, await answer.text()
                    self.accepted[(await answer.json())["sid"]] = user
            except (aiohttp.ClientError, OSError):
                return
            await asyncio.sleep(self._rng.uniform(0.0, 0.15))


async def start(folder: Path, started: list[Process]) -> Ringback:
    """Start the server."""
    server = await Ringback.start(folder, SETTINGS)
    started.append(server.process)
    return server


async def client(server: Ringback) -> tuple[aiohttp.ClientSession, str]:
    """Return a session with the account's credentials, and the URL of its calls."""
    account = (await server.database.accounts.list())[0]
    headers = {"Authorization": aiohttp.encode_basic_auth(account.sid, account.auth_token)}
    return aiohttp.ClientSession(headers=headers), f"{server.http}/2010-04-01/Accounts/{account.sid}/Calls"


async def kill(server: Ringback) -> None:
    """End the control process as no program can see coming; its workers are left to find out by themselves."""
    parent = server.process.running.pid
    (pid,) = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    os.kill(int(pid), signal.SIGKILL)
    await server.process.running.wait()


async def settled(server: Ringback) -> list[CallRecord]:
    """End who waits in a queue, for they would for ever; return all calls when none goes on any more."""
    for _ in range(600):
        calls = await server.database.calls.page(page=Page(100_000))
        going = [call for call in calls if not call.status.final]
        if not going and not await server.database.outgoing.waiting():
            return calls
        await asyncio.sleep(0.1)
    raise server.process.failure(f"{len(going)} calls never ended, such as {going[0]}")


async def check(server: Ringback, calls: list[CallRecord], load: Load, callee: Callee) -> None:
    """Every call was made once, or ended without; nothing is left open."""
    by_sid = {call.sid: call for call in calls}
    assert load.accepted.keys() <= by_sid.keys(), "a call that was accepted is lost"
    for call in calls:
        rang = callee.invites[call.to.partition(":")[2].partition("@")[0]]
        assert rang <= 1, f"{call.to} was called {rang} times"
        assert call.end_time is not None, call
        assert call.end_reason, call
        if call.status is CallStatus.COMPLETED:
            assert (rang, call.start_time is not None) == (1, True), call
    database = server.database
    open_ones: dict[str, list[Any]] = {
        "conferences": await database.conferences.page([Where("status", "!=", ConferenceStatus.COMPLETED.value)]),
        "participants": [
            each
            for each in await database.participants.page(page=Page(100_000))
            if not ParticipantStatus(each.status).final
        ],
        "recordings": [
            each
            for each in await database.recordings.page(page=Page(100_000))
            if not RecordingStatus(each.status).final
        ],
    }
    assert not any(open_ones.values()), open_ones


async def hang_up_queued(server: Ringback) -> None:
    """Complete the calls that wait in the queue, until none does."""
    session, url = await client(server)
    async with session:
        while True:
            going = [call for call in await server.database.calls.unfinished() if call.status is CallStatus.IN_PROGRESS]
            for call in going:
                async with session.post(f"{url}/{call.sid}.json", data={"Status": "completed"}) as answer:
                    assert answer.status in (200, 400), await answer.text()  # 400: over by itself
            await asyncio.sleep(0.5)


async def test_nothing_accepted_is_lost_or_doubled(tmp_path: Path, started: list[Process]) -> None:
    rng = random.Random(SEED)
    callee = Callee()
    _, port = await callee.transport.listen("127.0.0.1", 0)
    load = Load(port, rng)
    after_a_restart = cut_off = 0
    server = await start(tmp_path / "ringback", started)
    try:
        for _ in range(KILLS):
            known = set(load.accepted)
            async with asyncio.TaskGroup() as group:
                group.create_task(load.run(server))
                await asyncio.sleep(rng.uniform(0.05, LONGEST_LOAD))
                rang = sum(callee.invites.values())
                await kill(server)
            await server.stop()
            server = await start(tmp_path / "ringback", started)
            async with asyncio.TaskGroup() as group:
                hanging_up = group.create_task(hang_up_queued(server))
                calls = await settled(server)
                hanging_up.cancel()
            await check(server, calls, load, callee)
            after_a_restart += sum(callee.invites.values()) - rang
            new = load.accepted.keys() - known
            cut_off += sum(call.end_reason == "server-restarted" for call in calls if call.sid in new)
    finally:
        await server.stop()
        await callee.transport.close()
    assert len(load.accepted) > 10 * KILLS
    # The kills came when it mattered: calls waited for their turn, and calls went on.
    assert after_a_restart > 0
    assert cut_off > 0
