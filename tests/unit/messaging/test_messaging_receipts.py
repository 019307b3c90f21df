"""Receipts that we owe to ESMEs."""

from typing import Any

import pytest

from ringback.messaging.jobs import TryLaterError
from ringback.messaging.receipts import ReceiptAddress, ReceiptsOut, receipt_job
from ringback.model.messages import MessageStatus as Status
from ringback.storage.message_changes import Job
from ringback.testing.messages import EPOCH, FakeCarrier, fake_message
from tests.unit.messaging.message_world import World

ADDRESS = ReceiptAddress("es/mes", "of fice", ("1", "2"))


class Giving(FakeCarrier):
    """A carrier whose peers get receipts."""

    given: list[tuple[Any, ...]]
    there = True

    async def give_receipt(
        self, address: ReceiptAddress, record: Any, *, delivered: bool, error_code: int | None
    ) -> bool:
        self.given.append((address, record.sid, delivered, error_code))
        return self.there


def test_an_address_is_read_back() -> None:
    assert ReceiptAddress.read(str(ADDRESS)) == ADDRESS
    with pytest.raises(ValueError, match="unpack"):
        ReceiptAddress.read("receipt:half")


def test_the_end_of_a_message_is_owed() -> None:
    ended = receipt_job(fake_message(status=Status.UNDELIVERED, status_callback=str(ADDRESS), error_code=30003), EPOCH)
    assert ended is not None
    assert ended.data == {"to": str(ADDRESS), "delivered": False, "error_code": 30003}
    assert receipt_job(fake_message(status=Status.SENT, status_callback=str(ADDRESS)), EPOCH) is None


async def test_a_receipt_is_given_or_waits(world: World) -> None:
    message = fake_message(status=Status.DELIVERED, status_callback=str(ADDRESS))
    job = receipt_job(message, EPOCH)
    assert job is not None
    receipts = ReceiptsOut(world.service.fleet, world.database.messages)
    await receipts.run(job, None)  # the message was deleted
    with pytest.raises(TryLaterError, match="is not there"):
        await receipts.run(job, message)
    giving = Giving("es/mes")
    giving.given = []
    world.service.fleet._carriers["es/mes"] = giving
    await receipts.run(job, message)
    assert giving.given == [(ADDRESS, message.sid, True, None)]
    giving.there = False
    with pytest.raises(TryLaterError, match="is not bound"):
        await receipts.run(job, message)
    await receipts.run(Job("x", "receipt", message.sid, EPOCH, {"to": "receipt:bad"}), message)
