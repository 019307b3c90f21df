"""Rooms, feeds and taps through a real worker process: who hears whom, by tones."""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from ringback.media import g711
from ringback.media.client import LegFormat, MediaError, MediaSettings, MediaWorkers
from ringback.media.leg import LegObserver
from ringback.media.worker_leg import WorkerLeg
from ringback.model.audio import Clip
from ringback.rtp.packet import RtpPacket, parse

pytestmark = pytest.mark.long

FRAMES = 40


class Peer(LegObserver):
    """A phone that says one tone and keeps what it hears; also who is told of its leg."""

    def __init__(self, frequency: int) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)
        when = np.arange(FRAMES * 160) / 8000
        self._tone = (6000 * np.sin(2 * np.pi * frequency * when)).astype(np.int16).reshape(FRAMES, 160)
        self._sent = 0
        self.lost = 0
        self.talked: list[bool] = []
        self.marks: list[str] = []
        self.tapped: list[tuple[bool, NDArray[np.int16]]] = []
        self.leg: WorkerLeg

    def on_key(self, key: str) -> None: ...
    def on_quiet(self, times: int) -> None: ...

    def on_lost(self) -> None:
        self.lost += 1

    def on_talking(self, talking: bool) -> None:
        self.talked.append(talking)

    def on_mark(self, name: str) -> None:
        self.marks.append(name)

    def on_audio(self, heard: bool, samples: NDArray[np.int16]) -> None:
        self.tapped.append((heard, samples))

    def say(self) -> None:
        frame = self._tone[self._sent % FRAMES]
        packet = RtpPacket(0, self._sent, self._sent * 160, 7, g711.encode(frame))
        self.socket.sendto(bytes(packet), self.leg.address)
        self._sent += 1

    def hears(self) -> set[int]:
        """The frequencies in what has come since the last time, to the nearest 100 Hz."""
        frames = []
        while True:
            try:
                frames.append(g711.decode(parse(self.socket.recv(2048)).payload))
            except BlockingIOError:
                break
        samples = np.concatenate(frames)[-3200:].astype(float)
        spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) / len(samples)
        return {round(i * 8000 / len(samples), -2) for i in np.flatnonzero(spectrum > 300).tolist()}


@pytest.fixture
async def workers() -> AsyncIterator[MediaWorkers]:
    async with MediaWorkers(MediaSettings(legs_per_worker=8, ports=(29000, 29998))) as made:
        yield made


async def peers(workers: MediaWorkers, *frequencies: int) -> list[Peer]:
    made = []
    for frequency in frequencies:
        peer = Peer(frequency)
        leg = await workers.open(peer)
        assert isinstance(leg, WorkerLeg)
        peer.leg = leg
        leg.observer = peer
        await leg.setup(LegFormat(peer.socket.getsockname(), 0, {0: "PCMU"}, None))
        made.append(peer)
    return made


async def talk(all_of_them: list[Peer], frames: int = FRAMES) -> None:
    for _ in range(frames):
        for peer in all_of_them:
            peer.say()
        await asyncio.sleep(0.02)


def hang_up(all_of_them: list[Peer]) -> None:
    for peer in all_of_them:
        peer.socket.close()


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
