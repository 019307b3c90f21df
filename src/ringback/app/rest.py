"""The HTTP server: the REST API in the loop of the calls, on a socket of its own."""

import asyncio
import ipaddress
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from ringback.app.errors import UserError
from ringback.app.settings import HttpSettings
from ringback.rest.application import RestApplication
from ringback.rest.description import Description
from ringback.rest.front import AsgiApplication, Front
from ringback.rest.services import RestSettings, Services
from ringback.tasks import TaskOwner

_GRACE = 3
"""Seconds that requests have to come to their end when the server goes down."""


class HttpError(UserError):
    """The HTTP server cannot start; the text says why and what to do."""


class _Uvicorn(uvicorn.Server):
    """uvicorn without its signal handlers: the server around it has its own."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say so."""
        await super().startup(sockets)
        self.ready.set()


class HttpServer:
    """A server for one application. Its port is taken when it is made; requests wait until `start`."""

    def __init__(self, settings: HttpSettings) -> None:
        """Take the port. Raises HttpError."""
        self._settings = settings
        self._socket = _listen(settings)
        self._server: _Uvicorn | None = None
        self._tasks = TaskOwner()

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        host, port = self._socket.getsockname()[:2]
        return host, port

    @property
    def url(self) -> str:
        """Where it is reached from outside, without a slash at the end."""
        if self._settings.public_url is not None:
            return self._settings.public_url.rstrip("/")
        host, port = self.address
        if ipaddress.ip_address(host).is_unspecified:
            host = "::1" if ":" in host else "127.0.0.1"
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    async def start(self, application: AsgiApplication) -> None:
        """Answer requests from now on."""
        config = uvicorn.Config(
            application,
            access_log=False,
            log_config=None,
            lifespan="off",
            server_header=False,
            proxy_headers=False,
            h11_max_incomplete_event_size=32_768,
            timeout_keep_alive=60,
            timeout_graceful_shutdown=_GRACE,
            limit_concurrency=2000,
            backlog=512,
        )
        self._server = _Uvicorn(config)
        serving = self._tasks.start(self._server.serve(sockets=[self._socket]), "HTTP server")
        ready = self._tasks.start(self._server.ready.wait(), "HTTP server starts")
        await asyncio.wait([serving, ready], return_when=asyncio.FIRST_COMPLETED)

    async def close(self) -> None:
        """Let requests come to their end, for a few seconds, and give the port back."""
        if self._server is not None:
            self._server.should_exit = True
        await self._tasks.drain(2 * _GRACE)
        await self._tasks.close()
        self._socket.close()


def _listen(settings: HttpSettings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listening = socket.socket(family)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((settings.host, settings.port))
    except OSError as error:
        listening.close()
        why = os.strerror(error.errno) if error.errno else str(error)
        raise HttpError(
            f"cannot listen for HTTP on {settings.host} port {settings.port}: {why}; another server may be running:"
            " set http.port (RINGBACK_HTTP__PORT)"
        ) from error
    listening.setblocking(False)
    return listening


def rest_settings(settings: HttpSettings, region: str, sip_realm: str) -> RestSettings:
    """The settings of the REST API among those of the server."""
    return RestSettings(
        max_body=settings.max_body_bytes,
        max_concurrent=settings.max_concurrent,
        requests_per_second=settings.requests_per_second,
        failures_per_minute=settings.failures_per_minute,
        recordings_need_credentials=settings.recordings_need_credentials,
        region=region,
        sip_realm=sip_realm,
    )


def build_front(services: Services) -> Front:
    """Put the REST API and its description behind one door."""
    front = Front(RestApplication(services))
    description = Description(services.settings.api_versions)
    front.mount("/docs", description)
    front.mount("/openapi", description)
    return front
