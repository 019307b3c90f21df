"""What applications are told while a call goes on and after it, and calls that go on with another document."""

import asyncio
from pathlib import Path

import pytest
from control_world import ControlWorld
from voice_world import ACCOUNT, NUMBER, SHOP, STATUS_URL, World, number, virtual

from ringback.app.voice import StatusCallback
from ringback.calls.house import Placing
from ringback.calls.leg import Leg
from ringback.model.status import ApiVersion, CallStatus, Direction
from ringback.testing.exchange import Answers
from ringback.twiml.services import Application, Fetch

A = "+15550100101"
OTHER = "http://shop.example/other"
WAITS = '<Response><Say>Hi.</Say><Pause length="600"/></Response>'


def place(world: World, callback: StatusCallback | None, version: ApiVersion = ApiVersion.V2010) -> Leg:
    """Call A by the application at SHOP."""
    application = Application(SHOP)

    async def conduct(leg: Leg) -> None:
        await world.voice.render(leg, application.first_request(version, leg.info.direction))

    leg = world.exchange.switch.place(
        Placing(A, NUMBER, ACCOUNT.sid, version, Direction.OUTBOUND_API, conduct, timeout=20)
    )
    world.voice.adopt(leg, ACCOUNT, application, callback)
    return leg


@virtual
async def test_each_step_is_told_in_order_to_whom_wants_it(tmp_path: Path) -> None:
    async with ControlWorld(tmp_path) as world:
        world.web.pages |= {SHOP: "<Response/>", STATUS_URL: ""}
        place(world, StatusCallback(STATUS_URL, events=("initiated", "ringing", "answered", "completed")))
        await world.over()
        told = world.told(STATUS_URL)
        assert [each["CallStatus"] for each in told] == ["initiated", "ringing", "in-progress", "completed"]
        assert [each["SequenceNumber"] for each in told] == ["0", "1", "2", "3"]
        assert {each["CallbackSource"] for each in told} == {"call-progress-events"}


@virtual
async def test_steps_that_nobody_wants_are_not_told(tmp_path: Path) -> None:
    async with ControlWorld(tmp_path) as world:
        world.web.pages |= {SHOP: "<Response/>", STATUS_URL: ""}
        place(world, StatusCallback(STATUS_URL, "GET", ("answered",)))
        place(world, None)
        await world.over()
        assert [each["CallStatus"] for each in world.told(STATUS_URL)] == ["in-progress"]


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        (Answers(code=486), "busy"),
        (Answers(code=480), "no-answer"),
        (Answers(rings=60), "no-answer"),
        (Answers(code=404), "failed"),
    ],
)
def test_the_first_url_of_2008_is_told_why_nobody_came(answers: Answers, told: str, tmp_path: Path) -> None:
    @virtual
    async def test() -> None:
        async with ControlWorld(tmp_path) as world:
            world.web.pages[SHOP] = "<Response/>"
            world.exchange.answers[A] = answers
            place(world, None, ApiVersion.V2008)
            await world.over()
            (asked,) = world.told(SHOP)
            assert asked["DialStatus"] == told

    test()


@virtual
async def test_a_callback_that_cannot_be_reached_is_a_warning(tmp_path: Path) -> None:
    async with ControlWorld(tmp_path) as world:
        world.web.pages[SHOP] = "<Response/>"
        leg = place(world, StatusCallback("http://nowhere.example/"))
        await world.over()
        warnings = world.exchange.timeline(leg.info.sid, "warning")
        assert [each["code"] for each in warnings] == [15003]


@virtual
async def test_a_call_goes_on_with_another_document(tmp_path: Path) -> None:
    async with World(tmp_path, number()) as world:
        world.web.pages |= {SHOP: WAITS, OTHER: "<Response><Say>Bye.</Say></Response>"}
        phone = world.dial()
        await asyncio.sleep(5)
        leg = phone.leg
        assert leg is not None
        await world.voice.redirect(leg, Fetch(OTHER, "POST", {}))
        await world.over()
        assert world.spoken(phone) == ["Hi.", "Bye."]
        assert world.record(phone)["status"] is CallStatus.COMPLETED
        with pytest.raises(KeyError):
            await world.voice.redirect(leg, Fetch(OTHER, "POST", {}))
        assert world.voice.find(phone.sid) is None
