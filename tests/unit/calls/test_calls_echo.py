"""Echo: what comes is sent back, in virtual time."""

import asyncio

import numpy as np
from calls_virtual import NUMBER, OneCall, conduct, pick_up, virtual, wait_an_hour

from ringback.calls.leg import Leg
from ringback.media.feeds import LONGEST
from ringback.model import events
from ringback.testing.exchange import Exchange, VirtualPhone


def frame(value: int) -> "np.ndarray[tuple[int], np.dtype[np.int16]]":
    return np.full(160, value, np.int16)


async def echoing(exchange: Exchange) -> tuple[VirtualPhone, Leg, asyncio.Task[None]]:
    phone = exchange.dial(NUMBER)
    await asyncio.sleep(1)
    assert phone.leg is not None
    task = asyncio.get_running_loop().create_task(phone.leg.echo())
    await asyncio.sleep(1)
    return phone, phone.leg, task


@virtual
async def test_what_comes_goes_back_in_its_order_until_it_is_cancelled() -> None:
    exchange = Exchange(conduct(pick_up, wait_an_hour))
    phone, _, task = await echoing(exchange)
    audio = phone.audio
    assert audio.tapped == (True, False)
    for value in (1, 2, 3):
        audio.observer.on_audio(True, frame(value))
    await asyncio.sleep(1)
    assert [int(samples[0]) for samples in audio.fed] == [1, 2, 3]
    task.cancel()
    await asyncio.sleep(1)
    assert (audio.tapped, audio.fed) == ((False, False), [])
    audio.observer.on_audio(True, frame(4))
    await exchange.switch.close()


@virtual
async def test_of_too_much_at_once_the_oldest_is_left_out() -> None:
    exchange = Exchange(conduct(pick_up, wait_an_hour))
    phone, _, task = await echoing(exchange)
    for value in range(80):
        phone.audio.observer.on_audio(True, frame(value))
    await asyncio.sleep(2)
    assert [int(samples[0]) for samples in phone.audio.fed] == list(range(30, 80))
    task.cancel()
    await exchange.switch.close()


@virtual
async def test_audio_that_fails_ends_it_with_a_warning() -> None:
    exchange = Exchange(conduct(pick_up, wait_an_hour))
    phone, leg, task = await echoing(exchange)
    phone.audio.observer.on_audio(True, np.zeros(LONGEST + 1, np.int16))
    await task
    assert len(exchange.timeline(leg.info.sid, events.WARNING)) == 1
    assert not leg.status.final
    await exchange.switch.close()


@virtual
async def test_without_audio_there_is_nothing_to_send() -> None:
    exchange = Exchange(conduct(wait_an_hour))
    call = OneCall(exchange)
    await call.leg.hangup()
    await call.leg.echo()
    assert exchange.media.legs == []
    await exchange.switch.close()
