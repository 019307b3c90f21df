"""The server's side of the media: real worker processes, what they are asked, and what follows when they die."""

import asyncio
import logging
import os
import shlex
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
from numpy.typing import NDArray

from ringback.media import g711
from ringback.media import worker_process as process_module
from ringback.media.client import LegFormat, LegObserver, MediaError, MediaSettings, MediaWorkers, RecordingOptions
from ringback.model.audio import Clip
from tests.unit.media.media_listener import Listener
from tests.unit.media.worker_rig import EVENTS, Phone, clip_of

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.long]
PORTS = (32768, 60998)
SETTINGS = MediaSettings(ports=PORTS, legs_per_worker=8, clip_memory_mb=4, restart_seconds=(0.0, 0.0))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def media() -> AsyncIterator[MediaWorkers]:
    """Two workers for all tests of this file."""
    async with MediaWorkers(MediaSettings(ports=PORTS, workers=2, legs_per_worker=3, clip_memory_mb=4)) as workers:
        yield workers


@pytest.fixture
def phone() -> Iterator[Phone]:
    made = Phone()
    made.socket.settimeout(5)
    yield made
    made.socket.close()


def format_for(phone: Phone) -> LegFormat:
    return LegFormat(phone.address, 0, {0: "PCMU", 8: "PCMA"}, EVENTS)


def clip(folder: Path, frames: int) -> Clip:
    return Clip(clip_of(folder / str(frames), frames), frames * 160)


async def until_up(media: MediaWorkers) -> None:
    """Wait for workers that are being restarted."""
    async with asyncio.timeout(10):
        for worker in media._workers:
            await worker.up.wait()


# -- legs -------------------------------------------------------------------------------------------------------


async def test_a_call_from_its_beginning_to_its_end(media: MediaWorkers, phone: Phone, tmp_path: Path) -> None:
    listener = Listener()
    leg = await media.open(listener)
    await leg.setup(format_for(phone))
    host, port = leg.address
    phone.press(port, "5")
    await listener.wait()
    phone.drain()
    await leg.play(clip(tmp_path, 2), 2)
    for _ in range(4):
        phone.wait_for(g711.encode(np.full(160, 1000, np.int16)))
    await leg.press("1")
    figures = await leg.close()

    assert (host, listener.keys) == ("127.0.0.1", "5")
    assert (figures["received"], figures["invalid"]) == (1, 0)
    assert await leg.close() == {}
    assert media.status() == [0, 0]


async def test_legs_go_to_the_worker_that_has_fewest_until_all_are_full(media: MediaWorkers) -> None:
    legs = [await media.open(Listener()) for _ in range(4)]
    assert media.status() == [2, 2]
    legs += [await media.open(Listener()) for _ in range(2)]
    with pytest.raises(MediaError, match="^all 3 legs of this worker are taken$"):
        await media.open(Listener())
    for leg in legs:
        await leg.close()

    assert media.status() == [0, 0]


async def test_what_a_worker_refuses_is_an_error(media: MediaWorkers, phone: Phone, tmp_path: Path) -> None:
    leg = await media.open(Listener())
    with pytest.raises(MediaError, match="none cannot be read"):
        await leg.play(Clip(tmp_path / "none", 160), 1)
    with pytest.raises(MediaError, match="not a key: 'x'"):
        await leg.press("x")
    with pytest.raises(MediaError, match="is no IP address"):
        await leg.setup(LegFormat(("example.com", 4000), 0, {0: "PCMU"}, None))

    assert (await leg.close())["received"] == 0


async def test_a_cancelled_play_stops_and_the_next_one_plays(media: MediaWorkers, phone: Phone, tmp_path: Path) -> None:
    leg = await media.open(Listener())
    await leg.setup(format_for(phone))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await leg.play(clip(tmp_path, 50), 0)
    await leg.play(clip(tmp_path, 1), 1)
    phone.drain()
    quiet = phone.receive().payload
    await leg.close()

    assert quiet == b"\xff" * 160


async def test_a_play_that_is_replaced_returns(media: MediaWorkers, tmp_path: Path) -> None:
    leg = await media.open(Listener())
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        first = group.create_task(leg.play(clip(tmp_path, 50), 0))
        await asyncio.sleep(0)
        await leg.play(clip(tmp_path, 1), 1)
        await first
    await leg.close()


async def test_closing_ends_what_plays_and_nothing_can_be_asked_after_it(
    media: MediaWorkers, phone: Phone, tmp_path: Path
) -> None:
    leg = await media.open(Listener())
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        playing = group.create_task(leg.play(clip(tmp_path, 50), 0))
        await asyncio.sleep(0)
        figures = await leg.close()
        await playing
    await leg.setup(format_for(phone))
    await leg.play(clip(tmp_path, 50), 0)
    await leg.press("123")

    assert "received" in figures
    assert await leg.close() == {}


async def test_a_close_that_is_cancelled_closes(media: MediaWorkers, tmp_path: Path) -> None:
    """The leg's number may be given to another call at once, which must not hear what is asked of the old one."""
    leg = await media.open(Listener())
    async with asyncio.TaskGroup() as group:
        closing = group.create_task(leg.close())
        await asyncio.sleep(0)
        closing.cancel()
    await leg.play(clip(tmp_path, 50), 0)

    assert media.status() == [0, 0]
    legs = [await media.open(Listener()) for _ in range(6)]
    for each in legs:
        await each.close()


async def test_a_leg_that_nobody_waits_for_any_more_is_given_back(media: MediaWorkers) -> None:
    async with asyncio.TaskGroup() as group:
        opening = [group.create_task(media.open(Listener())) for _ in range(4)]
        await asyncio.sleep(0)
        for task in opening:
            task.cancel()
    legs = [await media.open(Listener()) for _ in range(6)]
    for leg in legs:
        await leg.close()

    assert all(task.cancelled() for task in opening)


# -- rooms and recordings ---------------------------------------------------------------------------------------


async def test_recordings_of_legs_and_rooms_come_to_their_ends(media: MediaWorkers, tmp_path: Path) -> None:
    leg = await media.open(Listener())
    short = RecordingOptions(max_seconds=0.1)
    with pytest.raises(MediaError, match="in no room"):
        await leg.record(tmp_path / "0.wav", RecordingOptions("room"))
    room = media.room()
    await leg.join(room)
    meaningless = RecordingOptions(max_seconds=0.1, silence_seconds=0.02, beep=True)
    taken = [
        await leg.record(tmp_path / "1.wav", short),
        await leg.record(tmp_path / "2.wav", RecordingOptions("room", max_seconds=0.1)),
        await media.record(room, tmp_path / "3.wav", meaningless),
    ]
    async with asyncio.timeout(20):
        ends = [await recording.done() for recording in taken]
    await leg.close()

    assert [(end.reason, end.seconds) for end in ends] == [("length", 0.1)] * 3
    assert media._ties._rooms == {}, "the room is forgotten with all that was in it"


async def test_a_recording_that_is_given_up_while_it_begins_is_stopped(media: MediaWorkers, tmp_path: Path) -> None:
    leg = await media.open(Listener())
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await leg.record(tmp_path / "a.wav", RecordingOptions())
    await leg.close()
    assert not any(worker._recordings for worker in media._workers)


async def test_what_is_announced_ends_everywhere(media: MediaWorkers, tmp_path: Path) -> None:
    room = media.room()
    async with asyncio.timeout(10):
        await media.announce(room, clip(tmp_path, 2), 2)
        await media.beep(room, "join")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await media.announce(room, clip(tmp_path, 2), 0)
    with pytest.raises(MediaError, match="cannot be read"):
        await media.announce(room, Clip(tmp_path / "gone", 160))
    assert not any(worker._announcements for worker in media._workers)


async def test_a_beep_that_cannot_be_made_is_an_error(media: MediaWorkers, monkeypatch: pytest.MonkeyPatch) -> None:
    async def full(kind: str) -> Clip:
        raise OSError("no space left on device")

    monkeypatch.setattr(media._tones, "get", full)
    with pytest.raises(MediaError, match="no space left"):
        await media.beep(1, "leave")


async def test_a_leg_near_another_is_in_its_worker_while_that_has_room(media: MediaWorkers) -> None:
    first = await media.open(Listener())
    legs = [first, *[await media.open(Listener(), near=first) for _ in range(2)]]
    assert sorted(media.status()) == [0, 3]
    legs.append(await media.open(Listener(), near=first))
    assert sorted(media.status()) == [1, 3]
    await legs[0].join(1)
    await legs[3].join(1)
    assert sorted(media.status()) == [1, 3], "hidden legs are nobody's"
    for leg in legs:
        await leg.close()


async def test_what_goes_on_when_a_worker_dies_has_an_end(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    does = "answer(leg=0, port=4000)\nanswer()\nanswer()\nhear()\n"
    worker_that(STARTS + does, monkeypatch, tmp_path)
    async with MediaWorkers(SETTINGS) as media:
        leg = await media.open(Listener())
        recording = await leg.record(tmp_path / "a.wav", RecordingOptions())
        announcing = asyncio.gather(media.announce(1, Clip(tmp_path, 160)))
        await asyncio.sleep(0)
        await leg.setup(LegFormat(("127.0.0.1", 4000), 0, {0: "PCMU"}, None))
        async with asyncio.timeout(10):
            await announcing
            end = await recording.done()
        assert (end.reason, end.seconds) == ("failed", 0.0)
        await until_up(media)
        (worker,) = media._workers
        with monkeypatch.context() as down:
            down.setattr(worker, "_writer", None)
            with pytest.raises(MediaError, match="being restarted"):
                await media.record(1, tmp_path / "b.wav", RecordingOptions())
            await media.announce(1, Clip(tmp_path, 160))


async def test_what_a_worker_tells_of_a_leg_reaches_its_observer(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class Observer(LegObserver):
        def on_talking(self, talking: bool) -> None:
            told.append(("talking", talking))

        def on_voice(self, speaking: bool) -> None:
            told.append(("voice", speaking))

        def on_mark(self, name: str) -> None:
            told.append(("mark", name))

        def on_audio(self, heard: bool, samples: NDArray[np.int16]) -> None:
            told.append((heard, samples.tolist()))
            done.set()

    told: list[tuple[object, object]] = []
    done = asyncio.Event()
    events = [
        {"event": "recorded", "token": 77},
        {"event": "announced", "token": 77},
        {"event": "talking", "leg": 0, "talking": True},
        {"event": "voice", "leg": 0, "speaking": True},
        {"event": "mark", "leg": 0, "name": "here"},
        {"event": "audio", "leg": 0, "heard": True, "audio": "AQACAA=="},
    ]
    worker_that(STARTS + f"answer(leg=0, port=4000)\nhear()\nsay(*{events})\n" + LISTENS, monkeypatch, tmp_path)
    async with MediaWorkers(SETTINGS) as media:
        leg = await media.open(Listener())
        leg.observer = Observer()
        setting_up = asyncio.gather(leg.mute(True))
        async with asyncio.timeout(10):
            await done.wait()
    await setting_up

    assert told == [("talking", True), ("voice", True), ("mark", "here"), (True, [1, 2])]


# -- workers that die -------------------------------------------------------------------------------------------


SCRIPT = """\
import json, os, signal, sys

control = int(sys.argv[sys.argv.index("--control") + 1])
heard = b""


def hear():
    global heard
    while b"\\n" not in heard:
        data = os.read(control, 65536)
        if not data:
            sys.exit()
        heard += data
    line, _, heard = heard.partition(b"\\n")
    return json.loads(line)


def say(*messages):
    os.write(control, b"".join(json.dumps(message).encode() + b"\\n" for message in messages))


def answer(**ok):
    say({{"id": hear()["id"], "ok": ok}})


{does}
"""
STARTS = "answer(legs=0)\n"
LISTENS = "while hear(): pass\n"


def worker_that(does: str, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Let workers be a script that does this."""
    script, python = folder / "worker.py", folder / "python"
    script.write_text(SCRIPT.format(does=does))
    # The line behind #! cannot name a program in a directory with blanks in its name.
    python.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -IS {shlex.quote(str(script))} "$@"\n')
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))


async def test_a_worker_that_cannot_even_be_started_is_tried_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The machine has no room for a process, say. Nothing is left open, and the next try succeeds."""
    real, failures = subprocess.Popen, [OSError(11, "Resource temporarily unavailable")]

    def start(*arguments: Any, **options: Any) -> Any:
        if failures:
            raise failures.pop()
        return real(*arguments, **options)

    monkeypatch.setattr(subprocess, "Popen", start)
    async with MediaWorkers(MediaSettings(ports=PORTS, restart_seconds=(0.0, 0.01))) as media:
        assert len(media.pids) == 1
    assert "a media worker cannot be started: [Errno 11] Resource temporarily unavailable" in caplog.text


@pytest.mark.parametrize("last_words", ["", '{"event":"ke', '{"event":"heard","leg":0}\n'])
async def test_when_a_worker_dies_its_legs_are_lost_and_another_is_started(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture, last_words: str
) -> None:
    """Whatever it was saying; all that is waited for comes to its end."""
    does = f"answer(leg=0, port=4000)\nhear()\nos.write(control, {last_words.encode()!r})\n"
    worker_that(STARTS + does, monkeypatch, tmp_path)
    async with MediaWorkers(SETTINGS) as media:
        (dead,) = media.pids
        listener = Listener()
        leg = await media.open(listener)
        async with asyncio.timeout(10):
            await leg.play(Clip(tmp_path, 160), 0)
        assert listener.lost == 1
        assert media.status() == [0]
        assert await leg.close() == {}
        await leg.setup(LegFormat(("127.0.0.1", 4000), 0, {0: "PCMU"}, None))
        with pytest.raises(MediaError, match="^the media worker is being restarted$"):
            await media.open(Listener())
        await until_up(media)
        assert media.pids != [dead]
        assert (await media.open(Listener())).address == ("127.0.0.1", 4000)

    assert "media worker died; starting another in 0.0 s" in caplog.text
    assert media.pids == []


async def test_a_leg_that_comes_while_its_worker_dies_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The answer is there, but before it is looked at the worker has gone."""
    worker_that(STARTS + LISTENS, monkeypatch, tmp_path)
    async with MediaWorkers(SETTINGS) as media:
        (worker,) = media._workers
        answer: asyncio.Future[dict[str, object]] = asyncio.get_running_loop().create_future()
        with monkeypatch.context() as dying:
            dying.setattr(worker, "send", lambda *_, **__: answer)
            opening = asyncio.gather(media.open(Listener()))
            await asyncio.sleep(0)
            dying.setattr(worker, "_writer", None)
            answer.set_result({"ok": {"leg": 0, "port": 40000}})
            with pytest.raises(MediaError, match="being restarted"):
                await opening

        assert worker.legs == 0


async def test_what_a_worker_reports_is_told_and_what_nobody_waits_for_is_passed_over(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Events of legs that are gone, answers to questions that were not asked, ends of what does not play."""
    stray = [
        {"id": 99, "ok": {}},
        {"event": "key", "leg": 7, "key": "1"},
        {"event": "played", "leg": 0, "token": 77},
        {"event": "heard", "leg": 0},
    ]
    told = [{"event": "key", "leg": 0, "key": "5"}, {"event": "quiet", "leg": 0, "times": 3}]
    does = f"say(*{stray})\nanswer(leg=0, port=4000)\nhear()\nsay(*{[*stray, *told]})\n"
    worker_that(STARTS + does + LISTENS, monkeypatch, tmp_path)
    async with MediaWorkers(SETTINGS) as media:
        listener = Listener()
        leg = await media.open(listener)
        playing = asyncio.gather(leg.play(Clip(tmp_path, 160), 0))
        await listener.wait()
        assert (listener.keys, listener.quiet, listener.lost, playing.done()) == ("5", [3], 0, False)
    await playing

    assert listener.lost == 1


async def test_a_worker_that_does_not_end_by_itself_is_killed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    real = subprocess.Popen.wait
    monkeypatch.setattr(subprocess.Popen, "wait", lambda self, timeout=None: real(self, 0.05 if timeout else None))
    worker_that(STARTS + "while True: signal.pause()\n", monkeypatch, tmp_path)
    async with MediaWorkers(SETTINGS) as media:
        (pid,) = media.pids

    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_workers_that_cannot_start_are_reported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """After a longer pause each time, until patience is at its end: here when the third has died."""
    worker_that("sys.exit(1)", monkeypatch, tmp_path)
    timeouts: list[asyncio.Timeout] = []
    real = asyncio.timeout

    def timeout(seconds: float) -> asyncio.Timeout:
        timeouts.append(real(seconds))
        return timeouts[-1]

    class Impatience(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            pauses.append(record.getMessage()[-5:])
            if len(pauses) == 3:
                timeouts[0].reschedule(0)

    pauses: list[str] = []
    impatience = Impatience()
    monkeypatch.setattr(asyncio, "timeout", timeout)
    process_module.logger.addHandler(impatience)
    try:
        with pytest.raises(MediaError, match="did not start within 20 s; see the log"):
            async with MediaWorkers(MediaSettings(ports=PORTS, restart_seconds=(0.0, 0.01, 5.0))):
                raise AssertionError
    finally:
        process_module.logger.removeHandler(impatience)

    assert pauses == ["0.0 s", "0.0 s", "5.0 s"]


async def test_a_start_that_is_cancelled_leaves_no_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    worker_that("hear()\nhear()\n", monkeypatch, tmp_path)
    media = MediaWorkers(SETTINGS)
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        starting = group.create_task(media.__aenter__())
        while not media.pids:  # noqa: ASYNC110 (the next turn of the loop starts it)
            await asyncio.sleep(0)
        (pid,) = media.pids
        starting.cancel()

    assert media.pids == []
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
