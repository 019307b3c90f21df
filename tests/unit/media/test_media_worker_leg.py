"""Rooms, feeds and taps through a real worker process: who hears whom, by tones."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from ringback.media.client import MediaError, MediaSettings, MediaWorkers
from ringback.media.leg import LegObserver
from ringback.model.audio import Clip
from tests.unit.media.peer_rig import hang_up, peers, talk

pytestmark = pytest.mark.long


@pytest.fixture
async def workers() -> AsyncIterator[MediaWorkers]:
    async with MediaWorkers(MediaSettings(legs_per_worker=8, ports=(29000, 29998))) as made:
        yield made


async def test_who_hears_whom_follows_who_is_where_and_in_what_role(workers: MediaWorkers) -> None:
    alice, bob, carol = everybody = await peers(workers, 400, 900, 1700)
    for peer in everybody:
        await peer.leg.join(1, watched=True)
    await talk(everybody)
    assert [peer.hears() for peer in everybody] == [{900, 1700}, {400, 1700}, {400, 900}]
    assert [peer.talked for peer in everybody] == [[True]] * 3
    await carol.leg.mute(True)
    await bob.leg.hold(True)
    await talk(everybody)
    assert [peer.hears() for peer in everybody] == [set(), set(), {400}]
    await carol.leg.mute(False)
    await bob.leg.hold(False)
    await carol.leg.coach(alice.leg)
    await talk(everybody)
    assert [peer.hears() for peer in everybody] == [{900, 1700}, {400}, {400, 900}]
    await carol.leg.coach(None)
    await bob.leg.leave()
    await talk(everybody)
    assert [peer.hears() for peer in everybody] == [{1700}, set(), {400}]
    with pytest.raises(MediaError, match="in room 1 already"):
        await alice.leg.join(2)
    hang_up(everybody)


async def test_what_is_fed_is_heard_and_its_marks_are_told(workers: MediaWorkers) -> None:
    (alice,) = await peers(workers, 400)
    tone = (6000 * np.sin(2 * np.pi * 1200 * np.arange(4000) / 8000)).astype(np.int16)
    await alice.leg.feed(tone, "played")
    await talk([alice], 30)
    assert alice.marks == ["played"]
    assert 1200 in alice.hears()
    await alice.leg.feed(tone, "cleared")
    await alice.leg.clear_feed()
    await talk([alice], 30)
    assert alice.marks == ["played", "cleared"]
    assert alice.hears() == set()
    hang_up([alice])


async def test_what_is_tapped_is_what_was_said_and_heard(workers: MediaWorkers) -> None:
    (alice,) = await peers(workers, 400)
    await alice.leg.tap(heard=True, said=True)
    await talk([alice], 30)
    await alice.leg.tap(heard=False, said=False)
    ears = np.concatenate([samples for heard, samples in alice.tapped if heard])
    mouth = np.concatenate([samples for heard, samples in alice.tapped if not heard])
    assert np.abs(ears).max() > 5000
    assert not mouth.any()
    count = len(alice.tapped)
    await talk([alice], 10)
    assert len(alice.tapped) <= count + 4
    hang_up([alice])


async def test_legs_that_are_gone_take_commands_in_silence(workers: MediaWorkers) -> None:
    (alice,) = await peers(workers, 400)
    await alice.leg.close()
    await alice.leg.join(1)
    await alice.leg.feed(np.zeros(160, np.int16))
    await alice.leg.tap(heard=True, said=False)
    assert await alice.leg.close() == {}
    hang_up([alice])


async def test_what_is_played_ends_when_it_has_been_heard_or_is_cancelled(
    workers: MediaWorkers, tmp_path: Path
) -> None:
    (alice,) = await peers(workers, 400)
    tone = (6000 * np.sin(2 * np.pi * 1200 * np.arange(3200) / 8000)).astype("<i2")
    path = tmp_path / "tone.s16"
    path.write_bytes(tone.tobytes())
    await alice.leg.play(Clip(path, len(tone)), 1)
    assert 1200 in alice.hears()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await alice.leg.play(Clip(path, len(tone)), 0)
    await talk([alice], 30)
    assert alice.hears() == set()
    with pytest.raises(MediaError, match="cannot be read"):
        await alice.leg.play(Clip(tmp_path / "gone.s16", 8000), 1)
    hang_up([alice])


async def test_keys_are_pressed_as_tones_towards_a_peer_without_telephone_events(workers: MediaWorkers) -> None:
    (alice,) = await peers(workers, 400)
    await alice.leg.press("w1")
    assert {700, 1200} <= alice.hears()
    with pytest.raises(MediaError, match="not a key"):
        await alice.leg.press("?")
    hang_up([alice])


async def test_a_leg_whose_worker_dies_is_lost_and_waits_for_nothing(workers: MediaWorkers, tmp_path: Path) -> None:
    (alice,) = await peers(workers, 400)
    path = tmp_path / "long.s16"
    path.write_bytes(bytes(160_000))
    playing = asyncio.get_running_loop().create_task(alice.leg.play(Clip(path, 80_000), 0))
    await talk([alice], 5)
    os.kill(workers.pids[0], signal.SIGKILL)
    await asyncio.wait_for(playing, 5)
    assert alice.lost == 1
    assert await alice.leg.close() == {}
    hang_up([alice])


def test_an_observer_may_ignore_everything() -> None:
    observer = LegObserver()
    observer.on_talking(True)
    observer.on_mark("here")
    observer.on_audio(True, np.zeros(160, np.int16))
