"""Sounds that are made ready before they are needed."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from ringback.model.errors import ApplicationError
from ringback.testing.clock import run
from ringback.testing.fake_application import FakeApplication
from ringback.testing.fake_call import FakeCall
from ringback.twiml.sounds import Audio, AudioBody, Silence, Sounds, Speech

HELLO = Speech("x" * 30, "man", "en")
TUNE = Audio("http://app.example/tune.wav")


def with_sounds(work: Callable[[Sounds, FakeApplication], Awaitable[object]], **options: float) -> object:
    async def main() -> object:
        application = FakeApplication({}, {TUNE.url: 3.0}, **options)
        async with asyncio.TaskGroup() as group:
            sounds = Sounds(FakeCall(), application, group)
            try:
                return await work(sounds, application)
            finally:
                sounds.close()

    return run(main())


@pytest.mark.parametrize(("sound", "seconds"), [(HELLO, 2), (TUNE, 3), (AudioBody(b"x" * 8000, "audio/basic"), 1)])
@pytest.mark.parametrize("prepared", [True, False])
def test_every_sound_becomes_a_clip(sound: Speech | Audio | AudioBody, seconds: float, prepared: bool) -> None:
    async def work(sounds: Sounds, _application: FakeApplication) -> float:
        if prepared:
            sounds.prepare(sound)
        return (await sounds.clip(sound)).seconds

    assert with_sounds(work) == seconds


def test_what_is_prepared_is_made_once_and_meanwhile() -> None:
    async def work(sounds: Sounds, application: FakeApplication) -> tuple[float, int]:
        sounds.prepare(HELLO)
        sounds.prepare(HELLO)
        await asyncio.sleep(5)
        began = asyncio.get_running_loop().time()
        await sounds.clip(HELLO)
        return asyncio.get_running_loop().time() - began, len(application.spoken)

    assert with_sounds(work, speech_seconds=2.0) == (0, 1)


def test_silence_and_nothing_need_no_preparation() -> None:
    async def work(sounds: Sounds, application: FakeApplication) -> int:
        sounds.prepare(None)
        sounds.prepare(Silence(5))
        await asyncio.sleep(1)
        return len(application.spoken) + len(application.fetched_audio)

    assert with_sounds(work) == 0


def test_a_failure_is_kept_for_the_one_who_asks() -> None:
    async def work(sounds: Sounds, application: FakeApplication) -> str:
        application.mute = ApplicationError(12400, "no engine")
        sounds.prepare(HELLO)
        await asyncio.sleep(5)
        with pytest.raises(ApplicationError, match="no engine"):
            await sounds.clip(HELLO)
        sounds.prepare(HELLO)
        await asyncio.sleep(5)
        return "nobody asked for the second"

    assert with_sounds(work) == "nobody asked for the second"


def test_what_is_not_needed_any_more_is_given_up() -> None:
    async def work(sounds: Sounds, _application: FakeApplication) -> asyncio.AbstractEventLoop:
        sounds.prepare(HELLO)
        await asyncio.sleep(1)
        return asyncio.get_running_loop()

    loop = with_sounds(work, speech_seconds=1e6)
    assert isinstance(loop, asyncio.AbstractEventLoop)
    assert loop.time() == 1
