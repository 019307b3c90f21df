"""Two legs that hear each other: for how long, what passes between them, and what is left behind; in virtual time."""

# Covers: testing/exchange.py

import asyncio

import pytest
from calls_virtual import NUMBER, conduct, pick_up, virtual, wait_an_hour

from ringback.calls.bridge import BridgeEnd, bridge
from ringback.calls.leg import Leg
from ringback.media.leg import MediaError
from ringback.testing.exchange import Exchange, VirtualPhone


class Talk:
    """Two calls that have been answered, and the bridge between them."""

    def __init__(self, *, answered: bool = True) -> None:
        self.exchange = Exchange(conduct(pick_up, wait_an_hour) if answered else conduct(wait_an_hour))
        self.phones: list[VirtualPhone] = []

    async def begin(self) -> tuple[Leg, Leg]:
        self.phones = [self.exchange.dial(NUMBER), self.exchange.dial(NUMBER)]
        await asyncio.sleep(1)
        legs = [phone.leg for phone in self.phones]
        assert legs[0] is not None and legs[1] is not None
        return legs[0], legs[1]

    async def bridge(self, *, seconds: float = 60.0, star: bool = False) -> "asyncio.Task[BridgeEnd]":
        caller, callee = await self.begin()
        work = bridge(caller, callee, hangup_on_star=star, time_limit=seconds)
        task = asyncio.get_running_loop().create_task(work)
        await asyncio.sleep(1)
        return task

    @property
    def rooms(self) -> list[int | None]:
        return [leg.room for leg in self.exchange.media.legs]


@virtual
async def test_they_hear_each_other_until_the_time_is_over_and_go_on_alone() -> None:
    talk = Talk()
    task = await talk.bridge(seconds=10)
    assert talk.rooms == [1, 1]
    await asyncio.sleep(8.5)
    assert not task.done()
    assert await task == "time-limit"
    assert talk.rooms == [None, None]
    assert len(talk.exchange.switch) == 2
    await talk.exchange.switch.close()


@pytest.mark.parametrize(("who", "end"), [(0, "caller"), (1, "callee")])
def test_it_ends_with_either_call(who: int, end: str) -> None:
    @virtual
    async def test() -> None:
        talk = Talk()
        task = await talk.bridge()
        talk.phones[who].hang_up()
        assert await task == end
        assert talk.rooms == [None]
        await talk.exchange.switch.close()

    test()


@virtual
async def test_keys_pass_and_star_ends_it_for_the_caller_alone() -> None:
    talk = Talk()
    task = await talk.bridge(star=True)
    talk.phones[1].audio.key("9*")
    await asyncio.sleep(2)
    assert not task.done(), "the callee's star is a key as any other"
    talk.phones[0].audio.key("1")
    talk.phones[0].audio.key("*", after=1)
    assert await task == "star"
    assert [(pressed.leg, pressed.keys) for pressed in talk.exchange.media.pressed] == [(0, "9"), (0, "*"), (1, "1")]
    await talk.exchange.switch.close()


@virtual
async def test_keys_from_before_are_forgotten() -> None:
    talk = Talk()
    caller, callee = await talk.begin()
    caller.on_key("5")
    assert await bridge(caller, callee, time_limit=3) == "time-limit"
    assert talk.exchange.media.pressed == []
    await talk.exchange.switch.close()


@virtual
async def test_without_audio_there_is_no_bridge() -> None:
    talk = Talk(answered=False)
    caller, callee = await talk.begin()
    assert await bridge(caller, callee, time_limit=3) == "failed"
    await talk.exchange.switch.close()


@virtual
async def test_a_room_that_cannot_be_had_leaves_nobody_in_it() -> None:
    async def refuse(room: int, *, watched: bool = False) -> None:
        raise MediaError("the worker has no room")

    class Stubborn:
        """A media leg that joins nothing."""

        def __init__(self, leg: object) -> None:
            self._leg = leg

        def __getattr__(self, name: str) -> object:
            return refuse if name == "join" else getattr(self._leg, name)

    talk = Talk()
    caller, callee = await talk.begin()
    callee.audio.leg = Stubborn(callee.audio.leg)  # type: ignore[assignment]
    assert await bridge(caller, callee, time_limit=3) == "failed"
    assert talk.rooms == [None, None]
    await talk.exchange.switch.close()


@virtual
async def test_cancelling_it_takes_both_out_of_the_room() -> None:
    talk = Talk()
    task = await talk.bridge()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert talk.rooms == [None, None]
    await talk.exchange.switch.close()


def hears(talk: Talk, number: int) -> str:
    playing = talk.exchange.media.legs[number].playing
    return playing.path.name if playing else "the other" if not talk.exchange.media.legs[number].held else "nothing"


@pytest.mark.parametrize("holder", [0, 1])
def test_whoever_is_put_on_hold_hears_music_until_the_call_is_taken_up_again(holder: int) -> None:
    @virtual
    async def test() -> None:
        talk = Talk()
        task = await talk.bridge()
        held = 1 - holder
        for _ in range(2):
            talk.phones[holder].hold()
            await asyncio.sleep(2)
            assert (hears(talk, held), talk.exchange.media.legs[held].held) == ("hold-music", True)
            assert not talk.exchange.media.legs[holder].held
            talk.phones[holder].hold(False)
            await asyncio.sleep(2)
            assert (hears(talk, held), hears(talk, holder)) == ("the other", "the other")
        talk.phones[holder].hang_up()
        assert await task == ("caller", "callee")[holder]
        await talk.exchange.switch.close()

    test()


@virtual
async def test_a_call_that_is_on_hold_when_it_is_connected_has_music_at_once_and_none_after_it() -> None:
    talk = Talk()
    caller, callee = await talk.begin()
    talk.phones[0].hold()
    await asyncio.sleep(1)
    task = asyncio.get_running_loop().create_task(bridge(caller, callee, time_limit=10))
    await asyncio.sleep(2)
    assert hears(talk, 1) == "hold-music"
    await task
    assert (hears(talk, 1), talk.rooms) == ("the other", [None, None])
    await talk.exchange.switch.close()


@virtual
async def test_music_that_cannot_be_had_does_not_end_the_talk() -> None:
    talk = Talk()
    task = await talk.bridge()

    async def refuse(kind: str, *, country: str = "us", loop: int = 1) -> None:
        raise MediaError("no music today")

    class Silent:
        """A media leg without music."""

        def __init__(self, leg: object) -> None:
            self._leg = leg

        def __getattr__(self, name: str) -> object:
            return refuse if name == "tone" else getattr(self._leg, name)

    callee = talk.phones[1].leg
    assert callee is not None
    callee.audio.leg = Silent(callee.audio.leg)  # type: ignore[assignment]
    talk.phones[0].hold()
    await asyncio.sleep(2)
    assert not task.done()
    talk.phones[0].hold(False)
    await asyncio.sleep(2)
    assert not task.done()
    await talk.exchange.switch.close()
    await task
