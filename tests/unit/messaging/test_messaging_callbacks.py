"""Status callbacks: what is told, and what happens when nobody hears it."""

import pytest

from ringback.messaging.callbacks import Callbacks, callback_job, status_parameters
from ringback.messaging.jobs import TryLaterError
from ringback.model.messages import MessageStatus as Status
from ringback.model.status import ApiVersion
from ringback.testing.messages import EPOCH, fake_message
from ringback.webhooks.client import WebhookClient, WebhookSettings
from tests.unit.app.web_in_memory import Page
from tests.unit.messaging.message_world import World

URL = "http://app/status"


def made(world: World) -> Callbacks:
    webhooks = WebhookClient(WebhookSettings(), world.web, lambda: "token")
    return Callbacks(webhooks, world._token, world.database.messages, world.events.append, world.utcnow)


@pytest.mark.conforms("2010-04-01/5.5/sequence")
def test_which_statuses_are_told() -> None:
    new = [callback_job(fake_message(status=status, status_callback=URL), EPOCH) for status in Status]
    assert all(job is not None for job in new)
    old = [
        status
        for status in Status
        if callback_job(fake_message(status=status, status_callback=URL, api_version=ApiVersion.V2008), EPOCH)
    ]
    assert old == [Status.SENT, Status.UNDELIVERED, Status.FAILED]
    assert callback_job(fake_message(), EPOCH) is None
    assert callback_job(fake_message(status_callback="receipt:a/b/c"), EPOCH) is None


@pytest.mark.conforms("2010-04-01/5.5/status", "2008-08-01/1.1/sms-status")
def test_what_is_told() -> None:
    message = fake_message(messaging_service_sid="MG1", api_version=ApiVersion.V2010)
    assert status_parameters(message, "failed", 30005, "no such handset") == {
        "MessageSid": message.sid, "SmsSid": message.sid, "MessageStatus": "failed", "SmsStatus": "failed",
        "From": message.from_, "To": message.to, "AccountSid": message.account_sid, "ApiVersion": "2010-04-01",
        "MessagingServiceSid": "MG1", "ErrorCode": "30005", "ErrorMessage": "no such handset",
    }  # fmt: skip
    assert "ErrorCode" not in status_parameters(message, "sent", None, None)
    old = fake_message(api_version=ApiVersion.V2008)
    assert status_parameters(old, "undelivered", 30008, "x") == {
        "SmsSid": old.sid, "SmsStatus": "failed", "AccountSid": old.account_sid,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("page", "again"),
    [(Page("", status=500), True), (Page("", status=404), False), (Page("", status=429), True), (None, True)],
)
async def test_an_application_that_fails(world: World, page: Page | None, again: bool) -> None:
    if page is not None:
        world.web.pages[URL] = page
    message = fake_message(account_sid=world.account.sid, status=Status.SENT, status_callback=URL)
    job = callback_job(message, EPOCH)
    assert job is not None
    callbacks = made(world)
    if again:
        with pytest.raises(TryLaterError, match="the status sent could not be told"):
            await callbacks.run(job, message)
    else:
        await callbacks.run(job, message)
    (event,) = world.events
    assert event.data["code"] == 15003
    # What became of the message or its account makes it void.
    await callbacks.run(job, None)
    await callbacks.run(job, fake_message(account_sid="AC9", status_callback=URL))
    assert len(world.events) == 1


async def test_a_malformed_address_is_not_tried_again(world: World) -> None:
    message = fake_message(account_sid=world.account.sid, status=Status.SENT, status_callback="http://")
    job = callback_job(message, EPOCH)
    assert job is not None
    callbacks = made(world)
    await callbacks.run(job, message)
    assert "11100" not in str(world.events[0].data["code"])
