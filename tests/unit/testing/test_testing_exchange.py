"""The exchange of the tests is itself an example of a call."""

import doctest

from ringback.testing import exchange
from ringback.testing.clock import run
from ringback.testing.exchange import Exchange


def test_the_example_in_its_documentation_is_true() -> None:
    assert doctest.testmod(exchange).failed == 0


def test_phones_that_nobody_answers_are_told_by_the_timeout() -> None:
    async def ring(leg: object) -> None:
        raise AssertionError("the call should not arrive")

    async def call() -> int | None:
        lost = Exchange(ring)
        lost.deaf = True
        phone = lost.dial("+15550100001")
        await phone.ended.wait()
        assert lost.now() >= 32
        return phone.refused_with

    assert run(call()) == 408
