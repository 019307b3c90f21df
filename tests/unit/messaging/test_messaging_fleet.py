"""The carriers that there are, while they change."""

import pytest

from ringback.messaging.fleet import Fleet
from ringback.model.messages import CarrierRecord, MessageStatus
from ringback.testing.messages import EPOCH, FakeCarrier, FakeInbox, fake_message


@pytest.fixture
async def fleet() -> Fleet:
    made: dict[str, FakeCarrier] = {}

    def make(record: CarrierRecord) -> FakeCarrier:
        if record.kind == "bad":
            raise ValueError("it is bad")
        made[record.name] = FakeCarrier(record.name)
        return made[record.name]

    fleet = Fleet(make, FakeCarrier("local", reaches="+999"), FakeCarrier("phones", reaches="1"))
    await fleet.start(FakeInbox())  # type: ignore[arg-type]
    return fleet


def record(name: str, kind: str = "fake", **different: object) -> CarrierRecord:
    return CarrierRecord(name, kind, {}, EPOCH, **different)  # type: ignore[arg-type]


def options(fleet: Fleet, to: str, *, ours: bool = False) -> list[str]:
    message = fake_message(to=to, status=MessageStatus.QUEUED)
    return [carrier.name for carrier in fleet.options(message, ours=ours)]


async def test_carriers_come_and_go(fleet: Fleet) -> None:
    assert await fleet.apply([record("a"), record("b", enabled=False), record("local")])
    assert [carrier.name for carrier in fleet.carriers()] == ["local", "phones", "a"]
    assert not await fleet.apply([record("a")])
    first = fleet.get("a")
    assert await fleet.apply([record("a", priority=1), record("bad", "bad")])
    assert isinstance(first, FakeCarrier)
    assert first.closed
    assert fleet.get("a") is not first
    assert fleet.problems == {"bad": "it is bad"}
    assert await fleet.apply([])
    assert fleet.problems == {}
    assert fleet.record("a") is None


async def test_who_takes_what(fleet: Fleet) -> None:
    assert options(fleet, "+44") == ["local"]
    await fleet.apply([record("uk", prefixes=("+44",)), record("all", priority=200)])
    assert options(fleet, "+44") == ["uk", "all"]
    assert options(fleet, "+44", ours=True) == ["local"]
    assert options(fleet, "+999") == ["local"]
    assert options(fleet, "100") == ["phones"]


async def test_one_that_does_not_end_properly_does_not_keep_the_others(fleet: Fleet) -> None:
    await fleet.apply([record("a"), record("b")])
    a, b = fleet.get("a"), fleet.get("b")
    assert isinstance(a, FakeCarrier)
    assert isinstance(b, FakeCarrier)

    async def fail() -> None:
        raise RuntimeError("no")

    a.close = fail  # type: ignore[method-assign]
    await fleet.close()
    assert b.closed
    assert fleet.carriers() == []
