"""What every carrier keeps to, whatever it is made of (`ringback.messaging.carriers.contract`)."""

from ringback.messaging.carriers.contract import (
    Accepted,
    Carrier,
    CarrierBusyError,
    CarrierDownError,
    CarrierLostError,
    CarrierRefusedError,
    Inbox,
    Outgoing,
)


async def check_carrier(carrier: Carrier, inbox: Inbox, message: Outgoing) -> list[Accepted]:
    """Start a carrier, hand a message over that it can take, and return its answers.

    Raises AssertionError for a promise that it breaks. The carrier is closed at the end.
    """
    assert carrier.name, "a carrier has a name"
    assert carrier.window == 0, "a carrier that is not started takes nothing"
    assert carrier.state != "up"
    units = carrier.units(message)
    assert units >= 1, "a message has one unit at least"
    try:
        await carrier.submit(message, 1)
    except CarrierDownError:
        pass
    else:
        raise AssertionError("a carrier that is not started takes nothing, and says so")
    await carrier.start(inbox)
    assert carrier.window > 0
    assert carrier.takes(message.to)
    answers = [await carrier.submit(message, number) for number in range(1, units + 1)]
    assert carrier.units(message) == units, "the units of a message never change"
    references = [answer.reference for answer in answers if answer.reference]
    assert len(set(references)) == len(references), "each unit has a name of its own"
    await carrier.close()
    assert carrier.window == 0, "a carrier that is closed takes nothing"
    return answers


OUTCOMES = (CarrierBusyError, CarrierDownError, CarrierLostError, CarrierRefusedError)
"""What `submit` may raise."""
