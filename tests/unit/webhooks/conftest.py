"""A real application on loopback, for real requests: one that speaks HTTP, and one that says any bytes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from webhooks_application import AUTH_TOKEN, Application, Notes, Raw, Speaker, make_client, serve

from ringback.webhooks.client import WebhookClient, WebhookSession


@pytest.fixture
async def application() -> AsyncIterator[Application]:
    async with AsyncExitStack() as stack:
        yield await serve(stack, Application())


@pytest.fixture
async def speaker() -> AsyncIterator[Speaker]:
    async with AsyncExitStack() as stack:

        async def start(what: bytes | Raw) -> str:
            async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                try:
                    await reader.readuntil(b"\r\n\r\n")
                    if isinstance(what, bytes):
                        writer.write(what)
                        await writer.drain()
                    else:
                        await what(reader, writer)
                except (ConnectionError, asyncio.IncompleteReadError):
                    pass
                finally:
                    writer.close()

            server = await asyncio.start_server(handle, "127.0.0.1", 0)
            stack.callback(server.close)
            return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"

        yield start


@pytest.fixture
async def client() -> AsyncIterator[WebhookClient]:
    async with make_client() as client:
        yield client


@pytest.fixture
def session(client: WebhookClient) -> WebhookSession:
    return client.session(AUTH_TOKEN)


@pytest.fixture
def notes() -> Notes:
    return Notes()
