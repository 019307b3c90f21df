"""Text messages that calls send."""

import asyncio
from typing import Any, cast

import pytest

from ringback.app.call_sms import CallSms
from ringback.messaging.port import Draft, MessageRefused, Messages
from ringback.model.errors import ApplicationError
from ringback.model.messages import MessageDirection
from ringback.storage.errors import StorageError
from ringback.testing.fake_call import FakeCall
from ringback.twiml.services import OutgoingSms, SentSms

SMS = OutgoingSms("+15550100001", "+15550100002", "Hello", "http://shop.example/sent")


class Service:
    def __init__(self, error: Exception | None = None) -> None:
        self.drafts: list[Draft] = []
        self.error = error

    async def send(self, draft: Draft) -> Any:
        if self.error is not None:
            raise self.error
        self.drafts.append(draft)
        return type("Record", (), {"sid": "SM1"})


def send(service: Service) -> SentSms:
    return asyncio.run(CallSms(lambda: cast(Messages, service)).send(FakeCall(), SMS))


def test_a_call_sends_in_its_own_name() -> None:
    service, call = Service(), FakeCall()
    assert send(service) == SentSms("SM1", "sending")
    (draft,) = service.drafts
    assert (draft.to, draft.from_, draft.body, draft.status_callback) == (
        SMS.to,
        SMS.from_,
        "Hello",
        SMS.status_callback,
    )
    assert (draft.account_sid, draft.direction) == (call.info.account_sid, MessageDirection.OUTBOUND_CALL)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (MessageRefused(21211, "no number"), 14101),
        (MessageRefused(21606, "not yours"), 14108),
        (MessageRefused(21617, "too long"), 14103),
        (MessageRefused(21610, "unsubscribed"), 14108),
        (StorageError("the disk is full"), 14108),
    ],
)
def test_what_is_refused_is_a_warning_of_the_verb(error: Exception, code: int) -> None:
    with pytest.raises(ApplicationError) as raised:
        send(Service(error))
    assert raised.value.code == code
