"""The carrier without a network does what its script says; the inbox without a store remembers."""

from typing import Any

import pytest

from ringback.messaging.carriers.contract import Accepted, CarrierBusyError
from ringback.messaging.port import Arrival, Draft, MessageRefused
from ringback.messaging.text.concatenation import Place
from ringback.storage.errors import StorageError
from ringback.testing.messages import FakeCarrier, FakeInbox, fake_message, fake_outgoing

OURS, THEIRS = "+15550100001", "+14155550100"


def arrival(to: str = OURS, **more: Any) -> Arrival:
    return Arrival(from_=THEIRS, to=to, body="hello", carrier="net", **more)


async def test_a_script_comes_before_what_a_carrier_does_otherwise() -> None:
    carrier, inbox = FakeCarrier("net", words=True, reaches="+1"), FakeInbox()
    await carrier.start(inbox)  # type: ignore[arg-type]
    assert carrier.inbox is inbox
    assert (carrier.takes(THEIRS), carrier.takes("+49301")) == (True, False)
    assert (carrier.units(fake_outgoing(body="a b c")), carrier.units(fake_outgoing(body=""))) == (3, 1)
    carrier.script.extend([CarrierBusyError("later", 1.0), Accepted("x")])
    with pytest.raises(CarrierBusyError):
        await carrier.submit(fake_outgoing(), 1)
    assert [(await carrier.submit(fake_outgoing(), 1)).reference for _ in range(2)] == ["x", "net-2"]
    assert carrier.bodies == ["hello", "hello"]
    await carrier.close()
    assert carrier.closed


async def test_an_inbox_knows_its_numbers() -> None:
    inbox = FakeInbox()
    assert await inbox.received(arrival(THEIRS)) is None
    taken = await inbox.received(arrival())
    assert taken is not None
    assert (taken.to, taken.body, inbox.arrivals) == (OURS, "hello", [arrival()])
    place = Place(7, 2, 1)
    assert [await inbox.segment(arrival(to), place) for to in (OURS, THEIRS)] == [True, False]
    assert await inbox.segment(arrival(THEIRS, account_sid="AC1"), place)
    await inbox.receipt("net", "x", delivered=True)
    assert inbox.receipts == [("net", "x", True, None)]
    inbox.held.append(fake_message(to=OURS))
    assert [len(await inbox.waiting("net", to)) for to in (OURS, THEIRS)] == [1, 0]
    inbox.ready("net")
    assert inbox.readies == ["net"]


async def test_an_inbox_refuses_and_fails_when_it_is_told_to() -> None:
    inbox, draft = FakeInbox(), Draft(account_sid="AC1", from_=OURS, to=THEIRS, body="hello")
    assert (await inbox.send(draft)).to == THEIRS
    inbox.refusal = MessageRefused(21610, "no")
    with pytest.raises(MessageRefused):
        await inbox.send(draft)
    inbox.error = StorageError("the disk is full", unavailable=True)
    for work in (inbox.send(draft), inbox.received(arrival()), inbox.segment(arrival(), Place(7, 2, 1))):
        with pytest.raises(StorageError):
            await work
    with pytest.raises(StorageError):
        await inbox.receipt("net", "x", delivered=False)
    assert inbox.drafts == [draft]
