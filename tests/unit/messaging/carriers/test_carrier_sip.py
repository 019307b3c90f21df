"""Texts of SIP phones."""

import pytest

from ringback.messaging.carriers.contract import CarrierDownError, CarrierLostError, CarrierRefusedError
from ringback.messaging.carriers.sip import LONGEST, SipCarrier
from ringback.messaging.port import MessageRefused
from ringback.storage.errors import StorageError
from ringback.testing.contracts_messages import check_carrier
from ringback.testing.messages import FakeInbox, fake_outgoing

ACCOUNT = "AC" + "0" * 32


class Phones:
    """`SipMessages` with one phone, alice, that answers as it is told to."""

    def __init__(self) -> None:
        self.code = 200
        self.sent: list[tuple[str, str, str]] = []

    def reaches(self, to: str) -> bool:
        return to == "alice"

    async def send(self, to: str, from_: str, body: str) -> int:
        self.sent.append((to, from_, body))
        return self.code


async def test_it_keeps_the_contract() -> None:
    phones = Phones()
    message = fake_outgoing(to="alice", media_urls=("http://app/cat.png",))
    (answer,) = await check_carrier(SipCarrier("phones", phones, ACCOUNT), FakeInbox(), message)  # type: ignore[arg-type]
    assert answer.delivered
    assert phones.sent == [("alice", "+15550100001", "hello\nhttp://app/cat.png")]


@pytest.mark.parametrize(
    ("code", "error"),
    [(408, CarrierLostError), (480, CarrierDownError), (404, CarrierDownError), (488, CarrierRefusedError)],
)
async def test_what_phones_answer(code: int, error: type[Exception]) -> None:
    phones = Phones()
    phones.code = code
    carrier = SipCarrier("phones", phones, ACCOUNT)
    await carrier.start(FakeInbox())  # type: ignore[arg-type]
    with pytest.raises(error):
        await carrier.submit(fake_outgoing(to="alice"), 1)
    with pytest.raises(CarrierRefusedError, match="octets"):
        await carrier.submit(fake_outgoing(to="alice", body="x" * (LONGEST + 1)), 1)


async def test_a_text_of_a_phone_goes_to_an_application_or_to_the_world() -> None:
    inbox = FakeInbox()
    carrier = SipCarrier("phones", Phones(), ACCOUNT)
    assert await carrier.arrived("alice", "+15550100001", "hi") == 503
    await carrier.start(inbox)  # type: ignore[arg-type]
    assert carrier.state == "up"
    assert await carrier.arrived("alice", "+15550100001", "hi") == 202
    assert inbox.arrivals[0].body == "hi"
    assert await carrier.arrived("alice", "+447700900120", "hello") == 202
    assert (inbox.drafts[0].account_sid, inbox.drafts[0].trusted) == (ACCOUNT, True)
    for code, status in ((21211, 404), (21610, 403)):
        inbox.refusal = MessageRefused(code, "no")
        assert await carrier.arrived("alice", "x", "hi") == status
    inbox.error = StorageError("full")
    assert await carrier.arrived("alice", "+15550100001", "hi") == 503
