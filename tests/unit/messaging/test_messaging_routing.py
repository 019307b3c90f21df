"""Which carriers may take a message, and in which order."""

from typing import Any

from ringback.messaging.routing import routes
from ringback.model.messages import CarrierRecord
from ringback.testing.messages import EPOCH


def names(*carriers: CarrierRecord, **message: str) -> list[str]:
    asked = {"account_sid": "AC1", "from_": "+1", "to": "+4477"} | message
    return [carrier.name for carrier in routes(carriers, **asked)]


def carrier(name: str, **different: Any) -> CarrierRecord:
    return CarrierRecord(name, "fake", {}, EPOCH, **different)


def test_prefix_account_and_sender_decide() -> None:
    assert names(carrier("uk", prefixes=("+44", "+33")), carrier("us", prefixes=("+1",))) == ["uk"]
    assert names(carrier("mine", accounts=("AC1",)), carrier("other", accounts=("AC2",))) == ["mine"]
    assert names(carrier("mine", senders=("+1",)), carrier("other", senders=("+2",))) == ["mine"]
    assert names(carrier("off", enabled=False)) == []


def test_the_lowest_priority_goes_first_then_the_most_specific() -> None:
    assert names(carrier("b", priority=1), carrier("a", priority=2)) == ["b", "a"]
    assert names(carrier("all"), carrier("uk", prefixes=("+44",))) == ["uk", "all"]
    assert names(carrier("all"), carrier("mine", accounts=("AC1",)), carrier("his", senders=("+1",))) == [
        "his", "mine", "all",
    ]  # fmt: skip
    assert names(carrier("b"), carrier("a")) == ["a", "b"]
