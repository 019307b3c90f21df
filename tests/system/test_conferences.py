"""A hundred calls in ten conferences on the real server: each hears the nine others of its own, and nobody else.

RINGBACK_CONFERENCE_SECONDS=120 is two minutes of talk; without it, twenty seconds.
"""

import asyncio
import os
import time
from base64 import b64encode
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import numpy as np
import pytest
from numpy.typing import NDArray

from ringback.app.bench.media import machine
from ringback.model.conferences import ConferenceStatus, ParticipantStatus
from ringback.model.status import CallStatus
from ringback.storage.records import Page
from tests.interop.peers import process
from tests.interop.peers.application import Application
from tests.interop.peers.process import Process, free_port
from tests.interop.peers.ringback import Ringback
from tests.system.many_calls import Call, Callers, tone
from tests.system.test_many_calls import worker_of

SECONDS = float(os.environ.get("RINGBACK_CONFERENCE_SECONDS", "20"))
pytestmark = [pytest.mark.long, pytest.mark.slow, pytest.mark.timeout(SECONDS + 150)]
NUMBER = "+14155550100"
ROOMS = 10
MEMBERS = 10
CALLS = ROOMS * MEMBERS
A_SECOND = 25
LEVEL = 0.08
"""Of full scale: nine of them together are not too loud."""
FAINT = 0.1
"""Of the loudest tone: what is fainter is not heard."""


def number_of(caller: str) -> int:
    """Which of the callers it is, from 0."""
    return int(caller[-3:])


def room_of(caller: str) -> int:
    """Its conference: neighbours in tone are in different ones."""
    return number_of(caller) % ROOMS


def hertz(caller: str) -> int:
    """What it says: 30 Hz apart."""
    return 300 + 30 * number_of(caller)


def heard(samples: NDArray[np.float64]) -> set[int]:
    """The tones in what was heard, second by second and then all together."""
    seconds = samples[: len(samples) // 8000 * 8000].reshape(-1, 8000)
    power = np.mean(np.abs(np.fft.rfft(seconds * np.hanning(8000))) ** 2, axis=0)
    levels = {each: float(power[each - 2 : each + 3].max()) for each in (300 + 30 * number for number in range(CALLS))}
    loudest = max(levels.values())
    return {each for each, level in levels.items() if level > loudest * FAINT**2 > 0}


def others(call: Call, calls: list[Call]) -> set[int]:
    """The tones of the others of its conference."""
    return {
        hertz(other.caller) for other in calls if other is not call and room_of(other.caller) == room_of(call.caller)
    }


@pytest.fixture
async def busy(tmp_path: Path, started: list[Process], monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Ringback]:
    """A server with room, and time, for all of them."""
    monkeypatch.setattr(process, "LIFETIME", SECONDS + process.LIFETIME)
    first = free_port(2 * CALLS + 40)
    settings = {
        "media.port_min": str(first),
        "media.port_max": str(first + 2 * CALLS + 38),
        "calls.max_concurrent": str(CALLS + 20),
    }
    made = await Ringback.start(tmp_path / "ringback", settings)
    started.append(made.process)
    yield made
    await made.stop()


async def participants(server: Ringback) -> dict[str, set[str]]:
    """Who is connected in each conference that goes on, by its name, as the REST API tells it."""
    account = (await server.database.numbers.list())[0].account_sid
    owner = await server.database.accounts.get(account)
    assert owner is not None
    login = b64encode(f"{owner.sid}:{owner.auth_token}".encode()).decode()
    found: dict[str, set[str]] = {}
    async with aiohttp.ClientSession(server.http, headers={"Authorization": f"Basic {login}"}) as session:
        base = f"/2010-04-01/Accounts/{account}/Conferences"
        async with session.get(f"{base}.json?Status=in-progress&PageSize=100") as answer:
            rooms = (await answer.json())["conferences"]
        for room in rooms:
            async with session.get(f"{base}/{room['sid']}/Participants.json?PageSize=100") as answer:
                inside = (await answer.json())["participants"]
            assert {each["status"] for each in inside} == {"connected"}
            found[room["friendly_name"]] = {each["label"] for each in inside}
    return found


def document(fields: dict[str, str]) -> str:
    """The conference of a caller; the first ten end theirs when they go."""
    caller = fields["From"]
    ends = "true" if number_of(caller) < ROOMS else "false"
    return (
        f'<Dial action="/over"><Conference beep="false" waitUrl="" endConferenceOnExit="{ends}"'
        f' participantLabel="{caller[1:]}" statusCallback="/events" statusCallbackEvent="start end join leave"'
        f">room-{room_of(caller)}</Conference></Dial>"
    )


async def test_a_hundred_callers_in_ten_conferences(busy: Ringback, application: Application) -> None:
    application.pages |= {"/": lambda fields: document(dict(fields)), "/over": "<Hangup/>", "/events": ""}
    await busy.add_number(NUMBER, application.url())
    names = [f"+1555040{number:03d}" for number in range(CALLS)]
    async with Callers(busy.port) as phones:
        for caller in names:
            phones.call(NUMBER, caller, tone(hertz(caller), LEVEL))
            await asyncio.sleep(1 / A_SECOND)
        calls = list(phones.calls.values())
        assert await phones.until(lambda call: len(call.arrivals) > 50, 30), "not all were served"
        await asyncio.sleep(1)

        pid = worker_of(busy)
        cpu, waited, began, begin = machine.cpu_seconds(pid), machine.waited_seconds(pid), time.monotonic(), time.time()
        await asyncio.sleep(SECONDS / 2)
        expected = {f"room-{room}": {name[1:] for name in names if room_of(name) == room} for room in range(ROOMS)}
        assert await participants(busy) == expected
        await asyncio.sleep(began + SECONDS - time.monotonic())
        took, end = time.monotonic() - began, time.time()
        cpu, waited = machine.cpu_seconds(pid) - cpu, machine.waited_seconds(pid) - waited
        assert worker_of(busy) == pid
        assert [call.caller for call in calls if call.ended_at] == [], "a call was dropped"

        for call in calls[:ROOMS]:
            phones.hang_up(call)
        assert await phones.until(lambda call: call.ended_at, 20), "a call did not end"
        records = await busy.ended(CALLS, timeout=20)
    await everything_is_over(busy, application, records_of=len(records))
    assert Counter((record.status, record.direction.value) for record in records) == {
        (CallStatus.COMPLETED, "inbound"): CALLS
    }

    samples = {call.caller: call.samples(begin, end) for call in calls}
    late = np.concatenate([call.lateness() for call in calls])
    windows = [
        heard(samples[call.caller][at : at + 8000]) == others(call, calls)
        for call in calls
        for at in range(0, len(samples[call.caller]) - 8000, 8000)
    ]
    print(
        f"\n{CALLS} calls in {ROOMS} conferences for {took:.0f} s: the worker took {cpu / took:.0%} of a core and"
        f" waited {waited / took:.1%} for it; {sum(call.missing for call in calls)} packets missing,"
        f" {np.mean(late > 0.04):.3%} late by more than 40 ms, p99 {np.percentile(late, 99) * 1000:.1f} ms;"
        f" all nine others and nobody else in {np.mean(windows):.2%} of {len(windows)} seconds"
    )
    wrong = {
        call.caller: heard(samples[call.caller]) ^ others(call, calls)
        for call in calls
        if heard(samples[call.caller]) != others(call, calls)
    }
    assert wrong == {}
    assert min(len(each) for each in samples.values()) > 0.95 * 8000 * took
    if waited < 0.02 * took:
        # Where others had the worker's core, it was late because of them.
        assert np.mean(windows) > 0.95


async def everything_is_over(server: Ringback, application: Application, records_of: int) -> None:
    """Conferences and participants in the store, and what the application was told."""
    conferences = await server.database.conferences.page(page=Page(limit=1000))
    assert records_of == CALLS
    assert {(each.status, each.reason_conference_ended) for each in conferences} == {
        (ConferenceStatus.COMPLETED, "participant-with-end-conference-on-exit-left")
    }
    assert sorted(each.friendly_name for each in conferences) == [f"room-{room}" for room in range(ROOMS)]
    members = await server.database.participants.page(page=Page(limit=1000))
    assert Counter(each.status for each in members) == {ParticipantStatus.COMPLETE: CALLS}
    told = Counter(each.fields.get("StatusCallbackEvent") for each in application.requests if each.path == "/events")
    assert told == {
        "participant-join": CALLS, "conference-start": ROOMS, "participant-leave": CALLS, "conference-end": ROOMS,
    }  # fmt: skip
    asked = Counter(each.fields["DialCallStatus"] for each in application.requests if each.path == "/over")
    assert asked["answered"] >= CALLS - ROOMS
