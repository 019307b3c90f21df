"""Cookies between messages."""

import pytest
from webhooks_application import Application, document, make_client

from ringback.webhooks.client import WebhookClient
from ringback.webhooks.conversations import Conversations

HOUR = 3600.0


async def cookies(application: Application, conversations: Conversations, *pair: str) -> str | None:
    """The cookies that a message of these two takes to the application."""
    session = conversations.session("token", *(pair or ("AC1", "+1555", "+1777")))
    await session.request("POST", application.base + "/", {})
    return application.seen[-1].headers.get("Cookie")


@pytest.mark.conforms("2008-08-01/1.4/cookies-messages", "2010-04-01/7/cookies")
async def test_two_numbers_have_cookies_for_four_hours(application: Application, client: WebhookClient) -> None:
    application.on("/", document("", **{"Set-Cookie": "basket=7"}))
    now = 0.0
    conversations = Conversations(client, lambda: now)
    assert await cookies(application, conversations) is None
    for _ in range(3):
        now += 4 * HOUR
        assert await cookies(application, conversations) == "basket=7"
    now += 4 * HOUR + 1
    assert await cookies(application, conversations) is None


async def test_others_have_others(application: Application, client: WebhookClient) -> None:
    application.on("/", document("", **{"Set-Cookie": "basket=7"}))
    conversations = Conversations(client, lambda: 0.0)
    pairs = [("AC1", "+1", "+2"), ("AC1", "+1", "+3"), ("AC1", "+2", "+1"), ("AC2", "+1", "+2")]
    assert [await cookies(application, conversations, *pair) for pair in pairs] == [None] * 4
    assert [await cookies(application, conversations, *pair) for pair in pairs] == ["basket=7"] * 4


async def test_they_are_bounded(application: Application) -> None:
    application.on("/", document("", **{"Set-Cookie": "basket=7"}))
    now = 0.0
    async with make_client() as client:
        conversations = Conversations(client, lambda: now, most=2)
        for number in ("+1", "+2", "+3"):
            await cookies(application, conversations, "AC1", "+5", number)
        assert [await cookies(application, conversations, "AC1", "+5", number) for number in ("+3", "+1")] == [
            "basket=7",
            None,
        ]
        now = 5 * HOUR
        await cookies(application, conversations)
        assert len(conversations._jars) == 1
