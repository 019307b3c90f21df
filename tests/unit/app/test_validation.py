"""The call that proves a caller id; in virtual time."""

import asyncio
from pathlib import Path

import pytest
from control_world import CALLEE, ControlWorld
from voice_world import ACCOUNT, STATUS_URL, virtual

from ringback.app.validation import Validation
from ringback.model.outgoing import OutgoingCall
from ringback.rest.control import ValidationRequest


async def key_in(world: ControlWorld, *tries: str) -> dict[str, str]:
    """Call CALLEE, who keys in codes; return what the status callback tells."""
    world.web.pages[STATUS_URL] = ""
    request = ValidationRequest(ACCOUNT.sid, CALLEE, "My phone", "123456", extension="22", status_callback=STATUS_URL)
    record = await world.control.validate(request)
    await asyncio.sleep(4)
    leg = world.leg(record.sid)
    for code in tries:
        for key in code:
            leg.on_key(key)
        await asyncio.sleep(15)
    await world.over()
    return world.told(STATUS_URL)[-1]


@pytest.mark.conforms("2010-04-01/5.6/validation")
@virtual
async def test_the_right_code_makes_a_caller_id(tmp_path: Path) -> None:
    async with ControlWorld(tmp_path) as world:
        told = await key_in(world, "123456")
        (kept,) = world.store.known_caller_ids
        assert (kept.phone_number, kept.friendly_name, kept.account_sid) == (CALLEE, "My phone", ACCOUNT.sid)
        assert (told["VerificationStatus"], told["OutgoingCallerIdSid"]) == ("success", kept.sid)
        assert [pressed.keys for pressed in world.exchange.media.pressed] == ["W22"]
        told = await key_in(world, "123456")
        assert told["OutgoingCallerIdSid"] == kept.sid, "who has proven it keeps the same"


@virtual
async def test_there_are_three_tries(tmp_path: Path) -> None:
    async with ControlWorld(tmp_path) as world:
        assert (await key_in(world, "111111", "123456"))["VerificationStatus"] == "success"
        world.store.known_caller_ids.clear()
        assert (await key_in(world, "111111", "222222", "333333"))["VerificationStatus"] == "failed"
        assert world.store.known_caller_ids == []


@virtual
async def test_nobody_who_keys_nothing_is_validated(tmp_path: Path) -> None:
    async with ControlWorld(tmp_path) as world:
        world.engine.failure = OSError("no voice")
        assert (await key_in(world))["VerificationStatus"] == "failed"


@virtual
async def test_a_call_without_an_application_is_conducted_all_the_same(tmp_path: Path) -> None:
    async with ControlWorld(tmp_path) as world:
        store = world.store
        validation = Validation(store, world.voice, world.utcnow, lambda size: b"7" * size)  # type: ignore[arg-type]
        world.web.pages["http://shop.example/"] = '<Response><Pause length="600"/></Response>'
        sid = await world.ask()
        await asyncio.sleep(4)
        leg = world.leg(sid)
        world.voice._conducted.clear()
        for key in "42":
            leg.on_key(key)
        await validation.conduct(leg, OutgoingCall(ACCOUNT.sid, CALLEE, CALLEE, validation="42"))
        assert [each.friendly_name for each in store.known_caller_ids] == [CALLEE]
