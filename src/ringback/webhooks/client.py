"""The client: what all calls share when they ask their applications."""

import uuid
from collections.abc import Callable
from typing import Self

import aiohttp

from ringback.webhooks.exchange import Exchange, HttpExchange
from ringback.webhooks.session import WebhookResponse, WebhookSession
from ringback.webhooks.settings import WebhookSettings

__all__ = ["WebhookClient", "WebhookResponse", "WebhookSession", "WebhookSettings"]


def _new_token() -> str:
    return str(uuid.uuid4())


class WebhookClient:
    """Sends requests to applications. Make it once and close it at the end; its connections serve all calls."""

    def __init__(
        self,
        settings: WebhookSettings | None = None,
        exchange: Exchange | None = None,
        new_token: Callable[[], str] = _new_token,
    ) -> None:
        """Take the limits, what carries the requests (a cache goes here), and what makes idempotency tokens.

        Raises OSError when the settings' `ca_file` can't be read as certificates.
        """
        self.settings = settings or WebhookSettings()
        self._exchange = exchange or HttpExchange(self.settings)
        self._new_token = new_token

    def session(self, auth_token: str, cookies: aiohttp.CookieJar | None = None) -> WebhookSession:
        """Begin the requests of one call, signed with the account's Auth Token. A session needs no closing.

        `cookies` are those that it begins with, and keeps its own in; a call begins with none.
        """
        return WebhookSession(self.settings, self._exchange, self._new_token, auth_token, cookies)

    async def close(self) -> None:
        """Close the connections. Nothing may be asked afterwards."""
        await self._exchange.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
