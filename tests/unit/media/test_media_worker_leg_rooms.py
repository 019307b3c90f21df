"""Rooms whose members live in several workers: who hears whom, by tones, whatever happens to members and workers."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from ringback.media.client import MediaError, MediaSettings, MediaWorkers, RecordingOptions
from ringback.model.audio import Clip
from ringback.testing.media import FakeMediaLeg
from tests.unit.media.peer_rig import Peer, hang_up, peers, recorded, talk, tones

pytestmark = pytest.mark.long


@pytest.fixture
async def workers() -> AsyncIterator[MediaWorkers]:
    """Three workers; legs go to them in turn."""
    async with MediaWorkers(
        MediaSettings(workers=3, legs_per_worker=4, ports=(29000, 29998), clip_memory_mb=4)
    ) as made:
        yield made
    hang_up()


async def hear(everybody: list[Peer], *wanted: set[int]) -> None:
    """All talk; assert what each hears of the others. A machine that is busy with other things has a few tries."""
    for _ in range(8):
        await talk(everybody)
        heard = [peer.hears() for peer in everybody]
        if heard == [*wanted]:
            return
    raise AssertionError(f"they hear {heard}")


def hidden(workers: MediaWorkers) -> list[int]:
    """How many legs wires have in each worker."""
    return [len(worker._hidden) for worker in workers._workers]


async def wired(workers: MediaWorkers, *wanted: int) -> None:
    """Wait until there are as many hidden legs as that."""
    async with asyncio.timeout(10):
        while hidden(workers) != list(wanted):
            await talk([], 1)


async def test_members_hear_each_other_wherever_they_live(workers: MediaWorkers) -> None:
    alice, bob, carol, dave = everybody = await peers(workers, 400, 900, 1400, 2100)
    assert len({peer.leg.worker for peer in everybody}) == 3
    room = workers.room()
    await asyncio.gather(*(peer.leg.join(room) for peer in everybody))
    assert sorted(hidden(workers)) == [1, 1, 2]
    await hear(everybody, {900, 1400, 2100}, {400, 1400, 2100}, {400, 900, 2100}, {400, 900, 1400})

    await carol.leg.mute(True)
    await bob.leg.hold(True)
    await hear(everybody, {2100}, set(), {400, 2100}, {400})

    await bob.leg.hold(False)
    await bob.leg.leave()
    await carol.leg.close()
    await wired(workers, 0, 0, 0)
    await hear([alice, bob, dave], {2100}, set(), {400})
    assert workers.status() == [2, 1, 0]


async def test_a_leg_near_another_needs_no_wire(workers: MediaWorkers) -> None:
    (alice,) = await peers(workers, 400)
    bob, carol = await peers(workers, 900, 1400, near=alice.leg)
    room = workers.room()
    for peer in (alice, bob, carol):
        await peer.leg.join(room)
    assert workers.status() == [3, 0, 0]
    assert hidden(workers) == [0, 0, 0]
    await peers(workers, 600, near=alice.leg)
    (elsewhere,) = await peers(workers, 700, near=alice.leg)
    assert elsewhere.leg.worker is not alice.leg.worker, "that worker is full"


async def test_a_coach_is_heard_by_one_alone_in_whichever_worker(workers: MediaWorkers) -> None:
    alice, bob, carol = everybody = await peers(workers, 400, 900, 1400)
    room = workers.room()
    await carol.leg.coach(bob.leg)
    for peer in everybody:
        await peer.leg.join(room)
    await hear(everybody, {900}, {400, 1400}, {400, 900})

    await carol.leg.coach(alice.leg)
    await hear(everybody, {900, 1400}, {400}, {400, 900})

    await carol.leg.coach(None)
    await hear(everybody, {900, 1400}, {400, 1400}, {400, 900})

    await carol.leg.coach(bob.leg)
    await bob.leg.leave()
    await wired(workers, 1, 0, 1)
    await hear(everybody, {1400}, set(), {400})

    await carol.leg.leave()
    await wired(workers, 0, 0, 0)


async def test_a_coach_in_the_same_worker_needs_no_wire(workers: MediaWorkers) -> None:
    (alice,) = await peers(workers, 400)
    bob, carol = await peers(workers, 900, 1400, near=alice.leg)
    for peer in (alice, bob, carol):
        await peer.leg.join(1)
    await carol.leg.coach(alice.leg)
    await hear([alice, bob, carol], {900, 1400}, {400}, {400, 900})
    assert hidden(workers) == [0, 0, 0]


async def test_those_who_remain_hear_each_other_when_a_worker_dies(workers: MediaWorkers) -> None:
    """The hub of the room, through which all others heard each other."""
    alice, bob, carol = everybody = await peers(workers, 400, 900, 1400)
    for peer in everybody:
        await peer.leg.join(7)
    assert hidden(workers) == [2, 1, 1]
    os.kill(workers.pids[0], signal.SIGKILL)
    await wired(workers, 0, 1, 1)
    await hear([bob, carol], {1400}, {900})
    assert (alice.lost, bob.lost, carol.lost) == (1, 0, 0)


async def test_a_room_has_its_announcements_and_beeps_everywhere(workers: MediaWorkers, tmp_path: Path) -> None:
    alice, bob, carol = everybody = await peers(workers, 400, 900, 1400)
    path = tmp_path / "tone.s16"
    path.write_bytes((6000 * np.sin(2 * np.pi * 2000 * np.arange(8000) / 8000)).astype("<i2").tobytes())
    for peer in everybody:
        await peer.leg.join(7)
    await carol.leg.hold(True)
    announcing = asyncio.gather(workers.announce(7, Clip(path, 8000), 8))
    await hear(everybody, {900, 2000}, {400, 2000}, set())
    async with asyncio.timeout(20):
        await announcing
    await hear(everybody, {900}, {400}, set())
    await workers.beep(7, "beep")
    assert {1000} <= alice.hears() & bob.hears()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await workers.announce(7, Clip(path, 8000), 0)
    await hear(everybody, {900}, {400}, set())
    with pytest.raises(MediaError, match="cannot be read"):
        await workers.announce(7, Clip(tmp_path / "gone", 8000))


async def test_a_room_is_recorded_whoever_comes_and_goes(workers: MediaWorkers, tmp_path: Path) -> None:
    """The recording stays where it began, and all of the room comes to it."""
    alice, bob, carol = everybody = await peers(workers, 400, 900, 1400)
    await alice.leg.join(7)
    recording = await workers.record(7, tmp_path / "room.wav", RecordingOptions(finish_keys="1", silence_seconds=0.01))
    await alice.leg.leave()
    await bob.leg.join(7)
    await carol.leg.join(7)
    await talk(everybody, 150)
    await recording.stop()
    async with asyncio.timeout(10):
        end = await recording.done()
    await bob.leg.leave()
    await wired(workers, 0, 0, 0)

    assert end.reason == "stopped"
    sound = tones(recorded(end.path)[:, 0])
    assert {900, 1400} <= sound
    assert 400 not in sound


async def test_a_leg_is_in_one_room_and_coaches_its_like(workers: MediaWorkers) -> None:
    (alice,) = await peers(workers, 400)
    await alice.leg.join(1)
    await alice.leg.join(1, watched=True)
    with pytest.raises(MediaError, match="the leg is in room 1 already"):
        await alice.leg.join(2)
    with pytest.raises(MediaError, match="only members of the same room"):
        await alice.leg.coach(FakeMediaLeg.__new__(FakeMediaLeg))
