"""The checks let an honest carrier pass, and name the promise that another breaks."""

from typing import Any

import pytest

from ringback.messaging.carriers.contract import Accepted, CarrierDownError, Inbox, Outgoing
from ringback.testing.contracts_messages import OUTCOMES, check_carrier
from ringback.testing.messages import FakeCarrier, FakeInbox, fake_outgoing


class Honest(FakeCarrier):
    """The fake, which takes nothing before its start and after its end."""

    def __init__(self) -> None:
        super().__init__("net", window=0, words=True)
        self.state = "not started"

    async def start(self, inbox: Inbox) -> None:
        await super().start(inbox)
        self.window, self.state = 10, "up"

    async def submit(self, message: Outgoing, number: int) -> Accepted:
        if self.window == 0:
            raise CarrierDownError("not started")
        return await super().submit(message, number)

    async def close(self) -> None:
        await super().close()
        self.window, self.state = 0, "closed"


class Careless(Honest):
    """It takes messages whether or not it was started."""

    async def submit(self, message: Outgoing, number: int) -> Accepted:
        return await FakeCarrier.submit(self, message, number)


class Nameless(Honest):
    """It gives all units the same name."""

    async def submit(self, message: Outgoing, number: int) -> Accepted:
        await super().submit(message, number)
        return Accepted("same")


class Endless(Honest):
    """It does not end."""

    async def close(self) -> None:
        self.closed = True


class Fickle(Honest):
    """It takes the same message in more units each time."""

    def units(self, message: Outgoing) -> int:
        return len(self.taken) + 1


async def check(carrier: Any) -> list[Accepted]:
    inbox: Any = FakeInbox()
    return await check_carrier(carrier, inbox, fake_outgoing(body="two words"))


async def test_an_honest_carrier_passes_and_its_answers_are_returned() -> None:
    carrier = Honest()
    assert await check(carrier) == [Accepted("net-1"), Accepted("net-2")]
    assert carrier.bodies == ["two words"] * 2
    assert carrier.closed


@pytest.mark.parametrize(
    ("kind", "promise"),
    [
        (Careless, "not started takes nothing, and says so"),
        (Nameless, "a name of its own"),
        (Endless, "is closed takes nothing"),
        (Fickle, "never change"),
    ],
)
async def test_a_promise_that_is_broken_is_named(kind: type[Honest], promise: str) -> None:
    with pytest.raises(AssertionError, match=promise):
        await check(kind())


def test_what_submit_may_raise_are_errors_of_carriers() -> None:
    assert all(issubclass(error, Exception) and error.__name__.startswith("Carrier") for error in OUTCOMES)
