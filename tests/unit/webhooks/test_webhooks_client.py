"""The client: what calls share, and where a cache would sit."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from webhooks_application import Application, FakeReply

from ringback.webhooks.client import WebhookClient, WebhookSettings
from ringback.webhooks.exchange import Reply, Request


class Canned:
    """An exchange that answers everything by itself."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.closed = False

    def __call__(self, request: Request) -> AbstractAsyncContextManager[Reply]:
        return self.answer(request)

    @asynccontextmanager
    async def answer(self, request: Request) -> AsyncIterator[Reply]:
        self.requests.append(request)
        yield FakeReply(b"<Response/>", Content_Type="text/xml")

    async def close(self) -> None:
        self.closed = True


async def test_requests_go_through_the_exchange_that_is_given() -> None:
    canned = Canned()
    async with WebhookClient(WebhookSettings(user_agent="me"), canned, lambda: "token") as client:
        response = await client.session("auth").request("GET", "http://a.example/?x=1", {"y": "2"})
    assert response.text == "<Response/>"
    (request,) = canned.requests
    assert (request.method, request.url, request.body) == ("GET", "http://a.example/?x=1&y=2", None)
    assert request.headers["I-Twilio-Idempotency-Token"] == "token"
    assert request.headers["User-Agent"] == "me"
    assert (request.connect_timeout, request.read_timeout) == (5.0, 15.0)
    assert canned.closed


async def test_tokens_are_made_anew(application: Application) -> None:
    async with WebhookClient() as client:
        for _ in range(2):
            await client.session("auth").request("POST", application.base)
    first, second = (seen.headers["I-Twilio-Idempotency-Token"] for seen in application.seen)
    assert first != second


async def test_a_client_that_asked_nothing_closes() -> None:
    await WebhookClient().close()
