"""Recordings as the REST API asks for them: how they are made, and who is told."""

import asyncio
from pathlib import Path

import pytest
from control_world import BASE, ControlWorld
from voice_world import ACCOUNT, SHOP, STATUS_URL, virtual

from ringback.app.recordings import recording_url
from ringback.calls.recording import Recorded
from ringback.model.outgoing import OutgoingCall, RecordingOptions
from ringback.model.status import ApiVersion

WAITS = '<Response><Say>Hi.</Say><Pause length="600"/></Response>'


def test_a_recording_has_a_url_without_a_suffix() -> None:
    url = recording_url("http://api.example/", ApiVersion.V2008, "AC1", "RE1")
    assert url == "http://api.example/2008-08-01/Accounts/AC1/Recordings/RE1"


@pytest.mark.parametrize(
    ("wanted", "track", "channels", "trim"),
    [
        (RecordingOptions(), "both", 1, True),
        (RecordingOptions("dual", "inbound", "do-not-trim"), "inbound", 2, False),
        (RecordingOptions(track="outbound"), "outbound", 1, True),
    ],
)
def test_how_it_is_made(wanted: RecordingOptions, track: str, channels: int, trim: bool, tmp_path: Path) -> None:
    @virtual
    async def test() -> None:
        async with ControlWorld(tmp_path) as world:
            world.web.pages[SHOP] = WAITS
            leg = world.leg(await _talking(world))
            options = world.watches.options(leg, wanted, "StartCallRecordingAPI")
            assert (options.track, options.channels, options.trim) == (track, channels, trim)
            assert options.source == "StartCallRecordingAPI"

    test()


async def _talking(world: ControlWorld) -> str:
    sid = await world.ask()
    await asyncio.sleep(4)
    return sid


@pytest.mark.parametrize(
    ("event", "told"), [("in-progress", False), ("completed", True), ("failed", False), ("absent", True)]
)
def test_who_is_told(event: str, told: bool, tmp_path: Path) -> None:
    @virtual
    async def test() -> None:
        async with ControlWorld(tmp_path) as world:
            world.web.pages |= {SHOP: WAITS, STATUS_URL: ""}
            leg = world.leg(await _talking(world))
            wanted = RecordingOptions(status_callback=STATUS_URL, status_callback_events=("completed", "absent"))
            watch = world.watches.options(leg, wanted, "OutboundAPI").watch
            assert watch is not None
            watch(event, Recorded("RE1", 5, "stopped", channels=2, source="OutboundAPI"))  # type: ignore[arg-type]
            await asyncio.sleep(1)
            sent = world.told(STATUS_URL)
            assert bool(sent) is told
            if told:
                assert sent[0]["RecordingUrl"] == f"{BASE}/2010-04-01/Accounts/{ACCOUNT.sid}/Recordings/RE1"
                assert (sent[0]["RecordingStatus"], sent[0]["RecordingChannels"]) == (event, "2")
            world.voice._conducted.clear()
            watch("completed", Recorded("RE2", 5, "stopped"))
            await asyncio.sleep(1)
            assert len(world.told(STATUS_URL)) == len(sent), "nobody is told of a call that is nobody's"

    test()


@virtual
async def test_a_call_whose_request_wants_it_is_recorded_and_its_callback_told(tmp_path: Path) -> None:
    async with ControlWorld(tmp_path) as world:
        world.web.pages |= {SHOP: WAITS, STATUS_URL: ""}
        wanted = RecordingOptions("dual", "both", "do-not-trim", status_callback=STATUS_URL)
        leg = world.leg(await _talking(world))
        request = OutgoingCall(ACCOUNT.sid, "+15550100101", "+14155550123", url=SHOP, record=wanted)
        options = world.watches.of_call(leg, request)
        assert (options.source, options.channels) == ("OutboundAPI", 2)
        recording = await leg.record(options)
        await asyncio.sleep(5)
        await recording.stop()
        await asyncio.sleep(1)
        (told,) = world.told(STATUS_URL)
        assert (told["RecordingSid"], told["RecordingDuration"]) == (recording.sid, "5")
        conducting = world.voice.find(leg.info.sid)
        assert conducting is not None and conducting.further["RecordingSid"] == recording.sid
        await leg.hangup()
        await world.over()
